"""Faults of hours, certificates and hours on pledges, planted beside the need of a bridge."""

from collections.abc import Sequence

from tests.supervision.signing import SIGNING

_ANN = "00000000-0000-0000-0000-00000000000a"
_WALK, _TALK = "00000000-0000-0000-0000-0000000000c1", "00000000-0000-0000-0000-0000000000c2"
_PAPER = "00000000-0000-0000-0000-0000000000e1"
_PLANTED = (
    *SIGNING["INV-14 minors' guardians agreed"][:-1],
    "UPDATE volunteer_task SET state = 'ended', published_at = '2026-01-01', "
    "starts_at = '2026-03-01 00:00+08', ends_at = '2026-03-31 00:00+08', "
    "signup_deadline_at = '2026-03-01 00:00+08'",
)
_RECORD = (
    "INSERT INTO service_record (id, no, volunteer_id, task_id, organization_id, area_code, "
    "source, day_on, started_at, ended_at, minutes, tier, day_minutes, parent_over, "
    "province_over, rule, recorded_by, decided_at, decided_by, state, state_reason, version, "
    "created_at) SELECT '{id}', 'SR-{id}', '" + _ANN + "', t.id, t.organization_id, t.area_code, "
    "'manual_makeup', '2026-03-02', '2026-03-02 {start}:00+08', "
    "'2026-03-02 {end}:00+08', {minutes}, 'none', {day}, 480, 720, 'r', gen_random_uuid(), "
    "now(), gen_random_uuid(), '{state}', 'r', 1, '2026-03-03' FROM volunteer_task t "
    "WHERE t.id = '{task}'"
)
_A, _B = "00000000-0000-0000-0000-0000000000d1", "00000000-0000-0000-0000-0000000000d2"


def _record(
    id_: str = _A,
    *,
    start: str = "08",
    end: str = "10",
    minutes: int = 120,
    day: int = 120,
    state: str = "effective",
    task: str = _WALK,
) -> str:
    return _RECORD.format(
        id=id_, start=start, end=end, minutes=minutes, day=day, state=state, task=task
    )


def _update(what: str, *dropped: str) -> tuple[str, ...]:
    return (
        *(f"ALTER TABLE service_record DROP CONSTRAINT {name}" for name in dropped),
        f"UPDATE service_record SET {what} WHERE id = '{_A}'",
    )


_CERTIFICATE = (
    "INSERT INTO certificate (id, no, volunteer_id, organization_id, area_code, from_on, until_on, "
    f"total_minutes, line_count, prepared_by, state, version, created_at) SELECT '{_PAPER}', "
    "'VC-1', r.volunteer_id, r.organization_id, r.area_code, r.day_on, r.day_on + 1, r.minutes, "
    "1, (SELECT id FROM account ORDER BY id LIMIT 1), 'prepared', 1, now() "
    f"FROM service_record r WHERE r.id = '{_A}'",
    "INSERT INTO certificate_line (certificate_id, record_id, task_id, day_on, minutes) SELECT "
    f"'{_PAPER}', id, task_id, day_on, minutes FROM service_record WHERE id = '{_A}'",
)
_CERTIFIED = (*_PLANTED, _record(), *_CERTIFICATE)
_PAIR = (
    "INSERT INTO signup (id, task_id, position_id, volunteer_id, period, place, state, version, "
    f"created_at, created_by) SELECT id, id, id, '{_ANN}', tstzrange(starts_at, ends_at), 1, "
    f"'attended', 1, now(), gen_random_uuid() FROM volunteer_task WHERE id = '{_WALK}'",
    "ALTER TABLE check_in DROP CONSTRAINT ck_check_in_inv_32_pairs",
    "INSERT INTO check_in (id, task_id, volunteer_id, signup_id, organization_id, area_code, "
    "day_on, pair, checked_in_at, in_source, checked_in_by, checked_out_at, out_source, "
    f"checked_out_by, state, version) SELECT gen_random_uuid(), t.id, '{_ANN}', t.id, "
    "t.organization_id, t.area_code, '2026-03-02', n, '2026-03-02 08:00+08', 'scan', "
    "gen_random_uuid(), '2026-03-02 09:00+08', 'scan', gen_random_uuid(), 'closed', 1 "
    f"FROM volunteer_task t, generate_series(1, {{pairs}}) n WHERE t.id = '{_WALK}'",
)
_LINKED = (
    *_PLANTED,
    _record(),
    "INSERT INTO task_link (id, task_id, pledge_id, line_id, need_id, organization_id, "
    "minutes_a_unit, state, version, created_at, created_by) SELECT "
    f"'{_PAPER}', '{_WALK}', p.id, p.line_id, p.need_id, p.organization_id, 60, 'linked', 1, "
    "'2026-03-01', gen_random_uuid() FROM pledge p WHERE p.need_id = :need ORDER BY p.no LIMIT 1",
)
_BOOKING = (
    "INSERT INTO hours_booking (id, record_id, place, link_id, delivery_id, minutes, quantity, "
    f"created_at) SELECT gen_random_uuid(), '{_A}', 1, '{_PAPER}', d.id, {{minutes}}, "
    "{quantity}, now() FROM delivery d JOIN pledge p ON p.id = d.pledge_id "
    "WHERE p.need_id = :need ORDER BY d.no LIMIT 1"
)

KEEPING: dict[str, Sequence[str]] = {
    "INV-01 booked hours are delivered": (*_LINKED, _BOOKING.format(minutes=1, quantity="0.017")),
    "INV-18 certificate has a second person": (
        *_CERTIFIED,
        "ALTER TABLE certificate DROP CONSTRAINT ck_certificate_handler_not_in_charge",
        "ALTER TABLE certificate DROP CONSTRAINT ck_certificate_issued_whole",
        "UPDATE certificate SET issued_by = prepared_by",
    ),
    "INV-19 hours of a confirmed task are settled": (
        *_PLANTED,
        _record(state="recorded"),
        "ALTER TABLE volunteer_task DISABLE TRIGGER volunteer_task_hours_settled",
        "UPDATE volunteer_task SET state = 'hours_confirmed'",
    ),
    "INV-21 ended hours are taken back": (
        *_LINKED,
        _BOOKING.format(minutes=120, quantity="d.quantity"),
        *_update("state = 'revoked', closed_at = '2026-04-01'"),
        "UPDATE delivery SET state = 'recorded', acknowledged_by = NULL",
    ),
    "INV-27 hours are booked once": (
        *_LINKED,
        _BOOKING.format(minutes=121, quantity="d.quantity"),
    ),
    "INV-27 hours reach their need": (
        *_LINKED,
        "UPDATE pledge SET state = 'accepted' WHERE need_id = :need",
    ),
    "INV-31 no two service records at once": (
        *_PLANTED,
        "ALTER TABLE service_record DROP CONSTRAINT ex_service_record_inv_31_overlap",
        _record(),
        _record(_B, start="09", end="11", day=240, task=_TALK),
    ),
    "INV-32 minutes were served": (
        *_PLANTED,
        _record(),
        *_update("minutes = 121, day_minutes = 121", "ck_service_record_inv_32_minutes"),
    ),
    "INV-32 three pairs a day": (*_PLANTED, _PAIR[0], _PAIR[1], _PAIR[2].format(pairs=4)),
    "INV-32 time by hand within its task": (
        *_PLANTED,
        _record(),
        "UPDATE volunteer_task SET starts_at = '2026-03-03 00:00+08', "
        "signup_deadline_at = '2026-03-03 00:00+08'",
    ),
    "INV-32 time by hand has a second person": (
        *_PLANTED,
        _record(),
        *_update("decided_by = recorded_by", "ck_service_record_inv_32_second_person"),
    ),
    "INV-32 tier of the day": (
        *_PLANTED,
        _record(),
        *_update("day_minutes = 500", "ck_service_record_inv_32_tier"),
    ),
    "INV-32 day was judged whole": (
        *_PLANTED,
        _record(),
        _record(_B, start="10", end="12", day=120, task=_TALK),
    ),
    "INV-33 certificate equals its lines": (
        *_CERTIFIED,
        "UPDATE certificate SET total_minutes = total_minutes + 1",
    ),
    "INV-33 certificate shows its issuer's records": (
        *_CERTIFIED,
        "UPDATE certificate SET from_on = from_on - 5, until_on = until_on - 5",
    ),
    "INV-33 ended record marks the certificate": (
        *_CERTIFIED,
        "ALTER TABLE service_record DISABLE TRIGGER certificates_follow_records",
        *_update("state = 'revoked', closed_at = now()"),
    ),
}
