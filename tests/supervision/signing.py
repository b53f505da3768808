"""Faults of volunteers, tasks and sign-ups, planted in a world that has none of them."""

from collections.abc import Sequence

_CONTACT = (
    "INSERT INTO vault.contact (id, fields, wrapped_key, key_version, recorded_at, recorded_by) "
    "VALUES ('{id}', '{{name}}', '', 1, now(), gen_random_uuid())"
)
_PERSON = (
    "INSERT INTO volunteer (id, no, contact_id, birth_year, area_code, skills, languages, trained, "
    "verified_at, verified_by, state, version, created_at, created_by) SELECT '{id}', 'V-{id}', "
    "'{id}', {born}, area_code, '{{}}', '{{}}', '{{}}', now(), gen_random_uuid(), 'active', 1, "
    "now(), gen_random_uuid() FROM need WHERE id = :need"
)
_TASK = (
    "INSERT INTO volunteer_task (id, no, organization_id, name, category, area_code, place, "
    "place_public, starts_at, ends_at, signup_deadline_at, expected, insured, by_approval, "
    "check_in_mode, submitted_by, published_at, published_by, state, version, created_at, "
    "created_by) SELECT '{id}', 'T-{id}', publisher_id, 'n', 'other', area_code, 'p', true, "
    "now() + interval '1 day', now() + interval '2 days', now() + interval '1 day', 1, false, "
    "false, 'code', gen_random_uuid(), now(), gen_random_uuid(), '{state}', 1, now(), "
    "gen_random_uuid() FROM need WHERE id = :need"
)
_POSITION = (
    "INSERT INTO task_position (id, task_id, position, role, slots, last_place, skills, trainings, "
    "starts_at, ends_at) SELECT id, id, 1, 'r', 1, 9, '{{}}', '{{}}', starts_at, ends_at "
    "FROM volunteer_task WHERE id = '{id}'"
)
_SIGNUP = (
    "INSERT INTO signup (id, task_id, position_id, volunteer_id, period, place, state, version, "
    "created_at, created_by) SELECT gen_random_uuid(), id, id, '{person}', "
    "tstzrange(starts_at, ends_at), {place}, '{state}', 1, now(), gen_random_uuid() "
    "FROM volunteer_task WHERE id = '{task}'"
)
_ANN, _BO = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
_WALK, _TALK = "00000000-0000-0000-0000-0000000000c1", "00000000-0000-0000-0000-0000000000c2"
_PLANTED = (
    *(_CONTACT.format(id=person) for person in (_ANN, _BO)),
    *(_PERSON.format(id=person, born=1980) for person in (_ANN, _BO)),
    *(_TASK.format(id=task, state="recruiting") for task in (_WALK, _TALK)),
    *(_POSITION.format(id=task) for task in (_WALK, _TALK)),
)


def _signup(person: str, task: str, place: int = 1, state: str = "confirmed") -> str:
    return _SIGNUP.format(person=person, task=task, place=place, state=state)


SIGNING: dict[str, Sequence[str]] = {
    "INV-14 minors' guardians agreed": (
        *_PLANTED,
        f"UPDATE volunteer SET birth_year = extract(year FROM now()) - 15 WHERE id = '{_ANN}'",
    ),
    "INV-18 task has a second person": (
        *_PLANTED,
        "ALTER TABLE volunteer_task DROP CONSTRAINT ck_volunteer_task_publisher_not_creator",
        "UPDATE volunteer_task SET published_by = submitted_by",
    ),
    "INV-18 volunteer has a second person": (
        *_PLANTED,
        "ALTER TABLE volunteer DROP CONSTRAINT ck_volunteer_verifier_not_creator",
        "UPDATE volunteer SET verified_by = created_by",
    ),
    "INV-19 sign-up within its task": (
        *_PLANTED,
        _signup(_ANN, _WALK),
        "UPDATE volunteer_task SET state = 'cancelled'",
    ),
    "INV-30 slots are counted": (
        *_PLANTED,
        _signup(_ANN, _WALK),
        "UPDATE task_position SET taken = 0",
    ),
    "INV-30 waitlist order": (
        *_PLANTED,
        _signup(_ANN, _WALK, place=1, state="waitlisted"),
        _signup(_BO, _WALK, place=2),
    ),
    "INV-31 no two sign-ups at once": (
        *_PLANTED,
        "ALTER TABLE signup DROP CONSTRAINT ex_signup_inv_31_overlap",
        _signup(_ANN, _WALK),
        _signup(_ANN, _TALK),
    ),
    "INV-31 sign-up has its position's time": (
        *_PLANTED,
        _signup(_ANN, _WALK),
        "UPDATE signup SET period = tstzrange(now(), now() + interval '1 hour')",
    ),
}
