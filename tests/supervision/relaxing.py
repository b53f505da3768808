"""Faults of relaxed rules and of tranches, planted beside the need of a bridge."""

from collections.abc import Sequence

_TRANCHE = (
    "INSERT INTO tranche (id, need_id, no, amount_fen, ground, released_at, released_by) "
    "SELECT gen_random_uuid(), :need, {no}, {amount}, '{ground}', now(), gen_random_uuid()"
)
_UNGUARDED = "ALTER TABLE tranche DISABLE TRIGGER tranche_is_within"
_DEBT = (
    "INSERT INTO obligation (id, no, kind, subject_type, subject_id, organization_id, area_code, "
    "due_at, state, version, created_at, created_by) SELECT gen_random_uuid(), 'OB-9', "
    "'supplement', 'need', n.id, n.publisher_id, n.area_code, now(), 'open', 1, "
    "now() - interval '1 hour', n.created_by FROM need n WHERE n.id = :need"
)
_RELAXED = (
    "INSERT INTO relaxation (id, rule, rule_version, subject_type, subject_id, area_code, reason, "
    "relaxed_at, relaxed_by, obligation_id, settled_at, settled_as, settled_by) "
    "SELECT gen_random_uuid(), 'provisional_publication', 'T15c', 'need', n.id, n.area_code, 'r', "
    "now(), n.owner_id, {debt}, {settled} FROM need n WHERE n.id = :need"
)
_OPEN = "NULL, NULL, NULL"

RELAXING: dict[str, Sequence[str]] = {
    "INV-05 closed need owes nothing": (
        _DEBT,
        "UPDATE need SET state = 'closed', close_reason = 'no_longer_needed', closed_at = now() "
        "WHERE id = :need",
    ),
    "INV-09 tranches are in order": (
        "UPDATE need SET approval_cap_fen = 100 WHERE id = :need",
        _UNGUARDED,
        _TRANCHE.format(no=2, amount=1, ground="arrived"),
    ),
    "INV-09 tranches are within the approval": (
        _UNGUARDED,
        _TRANCHE.format(no=1, amount=1, ground="first"),
    ),
    "INV-09 lines wait for their tranche": (
        "UPDATE need SET approval_cap_fen = 100 WHERE id = :need",
        _TRANCHE.format(no=1, amount=1, ground="first"),
        "UPDATE need_line SET tranche_no = 2 WHERE need_id = :need",
    ),
    "INV-22 relaxation is settled with its need": (_RELAXED.format(debt="NULL", settled=_OPEN),),
    "INV-22 relaxation is made good": (
        _DEBT,
        _RELAXED.format(
            debt="(SELECT id FROM obligation WHERE no = 'OB-9')",
            settled="now(), 'supplemented', n.owner_id",
        ),
    ),
}
