"""Faults of referrals, planted beside the need of a bridge."""

from collections.abc import Sequence

_REFERRAL = (
    "INSERT INTO referral (id, no, direction, from_organization_id, to_organization_id, need_id, "
    "recipient_id, about_group, parent_id, area_code, to_area_code, shown_area_code, category, "
    "urgency, title, summary, data_classes, consent_id, referred_by_civil_affairs, "
    "capacity_warning, owner_id, planned_on, sent_at, sent_by, ack_due_at, expires_at, "
    "accepted_at, accepted_by, outcome_due_at, state, state_reason, version, created_at, "
    "created_by) SELECT gen_random_uuid(), '{no}', 'gov_to_charity', n.publisher_id, "
    "o.organization_id, n.id, n.recipient_id, false, {parent}, n.area_code, n.area_code, "
    "n.shown_area_code, n.category, n.urgency, 't', 's', {classes}, n.consent_id, true, false, "
    "n.owner_id, current_date, now(), gen_random_uuid(), now(), now(), now(), "
    "gen_random_uuid(), now(), '{state}', 'r', 1, now(), n.created_by "
    "FROM need n, offer o WHERE n.id = :need AND o.id = :offer"
)
_LINES = (
    "INSERT INTO referral_line (id, referral_id, line_id, to_organization_id, kind, item, unit) "
    "SELECT gen_random_uuid(), r.id, l.id, r.to_organization_id, l.kind, l.item, l.unit "
    "FROM referral r JOIN need_line l ON l.need_id = r.need_id WHERE r.need_id = :need"
)


def referral(no: str, state: str, *, child: bool = False, classes: str = "D1") -> str:
    parent = "(SELECT id FROM referral WHERE no = 'RF-1')" if child else "NULL"
    listed = "ARRAY['" + "', '".join(classes.split()) + "']"
    return _REFERRAL.format(no=no, state=state, parent=parent, classes=listed)


REFERRING: dict[str, Sequence[str]] = {
    "INV-01 ended referral holds nothing": (
        referral("RF-1", "cancelled"),
        _LINES,
        "UPDATE referral_line SET pledge_id = (SELECT id FROM pledge WHERE need_id = :need) "
        "WHERE referral_id = (SELECT id FROM referral WHERE no = 'RF-1')",
    ),
    "INV-08 one live referral": (
        referral("RF-1", "requested"),
        referral("RF-2", "accepted"),
        _LINES,
    ),
    "INV-08 lines follow their referral": (referral("RF-1", "requested"), _LINES),
    "INV-11 referral has its ground": (referral("RF-1", "requested"),),
    "INV-17 closed loop is whole": (
        referral("RF-1", "accepted"),
        "ALTER TABLE referral DROP CONSTRAINT ck_referral_confirmed_whole",
        "UPDATE referral SET confirmed_at = now() WHERE no = 'RF-1'",
    ),
    "INV-19 referral within its parent": (
        referral("RF-1", "cancelled"),
        referral("RF-2", "requested", child=True),
    ),
    "INV-19 referral passes on no more": (
        referral("RF-1", "accepted"),
        referral("RF-2", "draft", child=True, classes="D1 D3"),
    ),
    "INV-20 referral has its owner": (referral("RF-1", "accepted"),),
}
