"""Faults of visits, pairing and openings, planted beside the need of a bridge."""

from collections.abc import Sequence

_STATION = (
    "INSERT INTO station (id, no, name, level, area_code, organization_id, posts, state, version, "
    "created_at, created_by) SELECT id, 'S-' || id, 's', 'town_station', area_code, publisher_id, "
    "0, 'active', 1, now(), created_by FROM need WHERE id = :need"
)
_PLAN = (
    "INSERT INTO visit_plan (id, no, household_id, station_id, tier, kind, starts_on, "
    "awaits_window, state, version, created_at, created_by) SELECT id, 'VP-' || id, household_id, "
    "id, 'high', 'home', current_date, {awaits}, 'active', 1, now(), created_by "
    "FROM need WHERE id = :need"
)
_VISIT = (
    "INSERT INTO visit (id, no, household_id, station_id, kind, window_from, window_to, due_on, "
    "follow_up, findings, change_reported, danger, to_verify, state, version, created_at, "
    "created_by, plan_id, performed_at, recorded_at, performed_by, verified_at, verified_by, "
    "verified_how, previous_id) SELECT {id}, 'V-' || {id}, {household}, n.id, 'home', "
    "current_date, current_date + 3, current_date + 2, false, '{{}}', {change}, {danger}, false, "
    "'{state}', 1, now(), n.created_by, {plan}, {performed}, {verified}, {previous} "
    "FROM need n WHERE n.id = :need"
)
_MADE = "now(), now(), n.owner_id"
_UNMADE = "NULL::timestamptz, NULL::timestamptz, NULL::uuid"
_UNVERIFIED = "NULL::timestamptz, NULL::uuid, NULL"


def _visit(**other: str) -> str:
    plain = {
        "id": "n.id",
        "household": "n.household_id",
        "change": "false",
        "danger": "false",
        "state": "scheduled",
        "plan": "NULL::uuid",
        "performed": _UNMADE,
        "verified": _UNVERIFIED,
        "previous": "NULL::uuid",
    }
    return _VISIT.format(**plain | other)


_DONE = {"state": "done", "performed": _MADE}
_PAIRING = (
    "INSERT INTO pairing (id, no, household_id, station_id, helper_kind, organization_id, "
    "valid_from, state, version, created_at, created_by) SELECT id, 'PA', household_id, id, "
    "'party_organization', publisher_id, current_date, 'active', 1, now(), created_by "
    "FROM need WHERE id = :need"
)
_GIFT = (
    "INSERT INTO contribution (id, no, station_id, helper_kind, organization_id, kind, minutes, "
    "given_on, corrects_id, reason, void, recorded_at, recorded_by) SELECT {id}, 'CN-{no}', n.id, "
    "'party_organization', n.publisher_id, 'hours', 60, current_date, {corrects}, {reason}, "
    "false, now(), n.owner_id FROM need n WHERE n.id = :need"
)
_POST = (
    "INSERT INTO worker (id, account_id, station_id, grade, valid_from, version) SELECT "
    "gen_random_uuid(), a.id, n.id, 'senior', current_date, 1 FROM need n, "
    "(SELECT id FROM account ORDER BY id LIMIT 2) a WHERE n.id = :need"
)
_COURSE = (
    "INSERT INTO training_record (id, worker_id, title, provider, held_on, minutes, corrects_id, "
    "void, reason, recorded_at, recorded_by) SELECT {id}, (SELECT id FROM worker WHERE "
    "station_id = n.id ORDER BY id {way} LIMIT 1), 't', 'p', current_date, 60, {corrects}, false, "
    "{reason}, now(), n.owner_id FROM need n WHERE n.id = :need"
)
_FIRST = {"corrects": "NULL::uuid", "reason": "NULL", "id": "n.id"}
_LATER = {"corrects": "n.id", "reason": "'r'", "id": "gen_random_uuid()"}
_PICTURE = (
    "INSERT INTO visit_picture (id, visit_id, kind, content_type, bytes, sha256, kept_bytes, "
    "kept_sha256, width, height, taken_at, link, expires_at, kept_at, state, version, created_at, "
    "created_by) SELECT n.id, n.id, 'photo', 'image/png', 1, repeat('0', 64), 1, "
    "repeat('0', 64), 1, 1, now(), '/', now(), now(), 'kept', 1, now(), n.owner_id "
    "FROM need n WHERE n.id = :need"
)

VISITING: dict[str, Sequence[str]] = {
    "INV-17 a plan of visits goes on": (_STATION, _PLAN.format(awaits="false")),
    "INV-17 visits are of their plan's household": (
        _STATION,
        _PLAN.format(awaits="false"),
        _visit(
            plan="n.id",
            household="(SELECT id FROM household WHERE id <> n.household_id LIMIT 1)",
        ),
    ),
    "INV-18 visits have a second person": (
        _STATION,
        "ALTER TABLE visit DROP CONSTRAINT ck_visit_inv_18_second_person",
        _visit(state="verified", performed=_MADE, verified="now(), n.owner_id, 'phone'"),
    ),
    "INV-21 a visit put off goes on": (_STATION, _visit(state="rescheduled")),
    "INV-21 contributions are corrected as themselves": (
        _STATION,
        _GIFT.format(no=1, **_FIRST),
        _GIFT.format(no=2, **_LATER),
    ),
    "INV-21 training is corrected as itself": (
        _STATION,
        _POST,
        _COURSE.format(way="", **_FIRST),
        _COURSE.format(way="DESC", **_LATER),
    ),
    "INV-37 a change is told": (_STATION, _visit(change="true", **_DONE)),
    "INV-37 danger is news": (_STATION, _visit(danger="true", **_DONE)),
    "INV-39 visits leave history": (_STATION, _visit(**_DONE)),
    "INV-39 pictures leave history": (_STATION, _visit(**_DONE), _PICTURE),
    "D8 a picture is whole": (_STATION, _visit(**_DONE), _PICTURE),
    "contacts lie in their pairing": (
        _STATION,
        _PAIRING,
        "INSERT INTO pairing_contact (id, pairing_id, means, performed_at, recorded_at, "
        "recorded_by) SELECT gen_random_uuid(), id, 'visit', now() - interval '3 days', now(), id "
        "FROM pairing",
    ),
    "openings follow their schedule": (
        _STATION,
        "INSERT INTO opening_schedule (id, station_id, rrule, opens, closes, working_days, "
        "valid_from, version, created_at, created_by) SELECT id, id, 'FREQ=DAILY', '09:00', "
        "'17:00', false, current_date, 1, now(), created_by FROM need WHERE id = :need",
        "INSERT INTO station_opening (schedule_id, station_id, opens_at, closes_at) SELECT id, "
        "station_id, now() - interval '9 days', now() - interval '8 days' FROM opening_schedule",
    ),
}

CHANGE_UNTOLD = (
    _STATION,
    "INSERT INTO exchange_partner (id, organization_id, mode, state, version, created_at, "
    "created_by, since_xact, failures, lease) SELECT gen_random_uuid(), publisher_id, 'pull', "
    "'active', 1, now(), created_by, '0', 0, 0 FROM need WHERE id = :need",
    "INSERT INTO change_report (id, no, household_id, station_id, authority_id, changes, major, "
    "reported_at, recorded_at, reported_by, state, version) SELECT id, 'CH', household_id, id, "
    "publisher_id, '{OTHER}', false, now(), now(), created_by, 'reported', 1 "
    "FROM need WHERE id = :need",
    "INSERT INTO event (id, kind, object_type, object_id, actor_id, actor_role, organization_id, "
    "occurred_at, facts) SELECT gen_random_uuid(), 'change.reported', 'change_report', id, id, "
    "'system', id, now(), '{}' FROM change_report",
    "UPDATE feed_cursor SET xact = pg_current_xact_id(), position = 9000000000000000 "
    "WHERE name = 'messages'",
)
"""Of `INV-37 each change is told`."""
