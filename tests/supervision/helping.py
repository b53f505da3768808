"""Faults of limits of help, of names and of merges, planted beside the need of a bridge."""

from collections.abc import Sequence

_PERSON = "(SELECT recipient_id FROM need WHERE id = :need)"
_HOME = "(SELECT household_id FROM need WHERE id = :need)"


def _copy(table: str, row: str, no: str) -> str:
    """Another record like this one."""
    return (
        f"INSERT INTO {table} SELECT (r).* FROM (SELECT jsonb_populate_record(r, "
        f"jsonb_build_object('id', gen_random_uuid(), 'no', '{no}')) AS r "
        f"FROM {table} r WHERE id = {row}) AS copy"
    )


def _chain(table: str, row: str) -> Sequence[str]:
    point = f"UPDATE {table} SET merged_at = now(), merged_into_id = "
    return (
        f"ALTER TABLE {table} DISABLE TRIGGER {table}_merges_in_one_step",
        _copy(table, row, "one"),
        _copy(table, row, "two"),
        f"{point} (SELECT id FROM {table} WHERE no = 'two') WHERE no = 'one'",
        f"{point} {row} WHERE no = 'two'",
    )


def _override(used: str) -> str:
    return (
        "INSERT INTO help_override (id, line_id, household_id, quantity, reason, rule, snapshot, "
        "used_at, version, created_at, created_by) SELECT gen_random_uuid(), l.id, "
        f"{_HOME}, 1, 'r', 'x', '{{}}', {used}, 1, now(), gen_random_uuid() FROM need_line l "
        "WHERE l.need_id = :need LIMIT 1"
    )


def _named(alias: str, organization: str) -> str:
    return (
        "INSERT INTO recipient_alias (id, recipient_id, organization_id, alias) VALUES "
        f"(gen_random_uuid(), {_PERSON}, {organization}, '{alias}')"
    )


_PUBLISHER = "(SELECT publisher_id FROM need WHERE id = :need)"
_PLEDGER = "(SELECT organization_id FROM pledge WHERE need_id = :need LIMIT 1)"

HELPING: dict[str, Sequence[str]] = {
    "INV-10 help within its limit": (
        "UPDATE need_line SET item_code = 'AID.BED', unit = 'C62' WHERE need_id = :need",
    ),
    "INV-22 approver gives leave": (_override("NULL"),),
    "INV-22 leave is used once": (_override("now()"),),
    "INV-15 names are apart": (
        "ALTER TABLE recipient_alias DROP CONSTRAINT uq_recipient_alias_alias",
        _named("same", _PUBLISHER),
        _named("same", _PLEDGER),
    ),
    "INV-15 attested by own name": (
        _named("same", _PUBLISHER),
        "INSERT INTO signing_key VALUES (gen_random_uuid(), 'k', "
        "decode(repeat('00', 32), 'hex'), now())",
        "INSERT INTO attestation (id, no, recognition_id, recipient_id, organization_id, alias, "
        "purpose, legal_basis, category, area_code, valid_until, validity_rule, token, digest, "
        "key_id, status_index, state, version, created_at, created_by) SELECT gen_random_uuid(), "
        f"'A', r.id, r.recipient_id, {_PLEDGER}, 'same', 'DELIV', 'DUTY', 'DB', '44', "
        "current_date + 9, 'x', 't', 'd', k.id, 7, 'issued', 1, now(), r.created_by "
        f"FROM recognition r, signing_key k WHERE r.recipient_id = {_PERSON}",
    ),
    "INV-17 merged as decided": (
        _copy("recipient", _PERSON, "one"),
        "UPDATE recipient SET merged_at = now(), merged_into_id = "
        f"(SELECT id FROM recipient WHERE no = 'one') WHERE id = {_PERSON}",
    ),
    "INV-18 merge has a second person": (
        _copy("recipient", _PERSON, "one"),
        "ALTER TABLE duplicate_suspicion DROP CONSTRAINT "
        "ck_duplicate_suspicion_inv_18_second_person",
        "INSERT INTO duplicate_suspicion (id, no, recipient_id, other_id, area_code, ground, "
        "survivor_id, proposed_by, proposed_at, decided_by, decided_at, state, version, "
        "created_at, created_by) SELECT gen_random_uuid(), 'DS', r.id, "
        f"{_PERSON}, '44', 'reported', r.id, r.id, now(), r.id, now(), 'merged', 1, now(), r.id "
        "FROM recipient r WHERE no = 'one'",
    ),
    "INV-21 person merged in one step": _chain("recipient", _PERSON),
    "INV-21 household merged in one step": _chain("household", _HOME),
}
