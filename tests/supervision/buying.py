"""Faults of procurements, awards and contracts, planted where nothing was bought."""

from collections.abc import Sequence

_TABLES = (
    *("catalogue_item", "procurement", "procurement_item", "procurement_gap", "award"),
    *("contract", "contract_item", "contract_amendment", "milestone", "gap"),
)
_LOOSE = (
    "DO $$ DECLARE one record; BEGIN FOR one IN SELECT conrelid::regclass AS held, conname "
    "FROM pg_constraint WHERE contype IN ('f', 'c') AND conrelid::regclass::text = ANY "
    f"('{{{', '.join(_TABLES)}}}') LOOP "
    "EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.held, one.conname); "
    "END LOOP; END $$",
    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in _TABLES),
)
_ID = "00000000-0000-0000-0000-0000000001{}"
_ITEM, _PROCUREMENT, _AWARD, _CONTRACT = (_ID.format(f"a{n}") for n in range(1, 5))
_BUYER, _SUPPLIER, _CLERK, _SECOND, _GAP = (_ID.format(f"b{n}") for n in range(1, 6))
_OTHER = _ID.format("ff")
_ROWS = (
    "INSERT INTO catalogue_item (id, code, title, kind, unit, funding_sources, edition, "
    "effective_from, state, version, created_at, created_by, published_by) VALUES "
    f"('{_ITEM}', 'Z.01.02', 't', 'service', 'E48', '{{F1}}', 1, '2026-01-01', 'effective', 1, "
    f"now(), '{_CLERK}', '{_SECOND}')",
    "INSERT INTO procurement (id, no, ocid, title, rationale, method, buyer_id, area_code, "
    "value_fen, state, version, created_at, created_by) VALUES "
    f"('{_PROCUREMENT}', 'PR-X', 'ocds-nexus0-x', 't', 'r', 'open', '{_BUYER}', '44', 900, "
    f"'contracted', 1, now(), '{_CLERK}')",
    "INSERT INTO procurement_item (id, procurement_id, position, catalogue_item_id, "
    "budget_line_id, quantity, unit, unit_price_fen, value_fen) VALUES "
    f"('{_OTHER}', '{_PROCUREMENT}', 1, '{_ITEM}', '{_OTHER}', 9, 'E48', 100, 900)",
    "INSERT INTO award (id, no, procurement_id, buyer_id, supplier_id, value_fen, rationale, "
    "awarded_on, state, created_at, created_by, decided_by, version) VALUES "
    f"('{_AWARD}', 'AW-X', '{_PROCUREMENT}', '{_BUYER}', '{_SUPPLIER}', 900, 'r', '2026-02-01', "
    f"'active', now(), '{_CLERK}', '{_SECOND}', 1)",
    "INSERT INTO contract (id, no, procurement_id, award_id, buyer_id, supplier_id, area_code, "
    "manager_id, title, starts_on, ends_on, value_fen, data_protection_clause, term_reasons, "
    "term_months, reasoned_term_months, term_rule, signed_on, signed_by, state, edition, version, "
    f"created_at, created_by) VALUES ('{_CONTRACT}', 'CT-X', '{_PROCUREMENT}', '{_AWARD}', "
    f"'{_BUYER}', '{_SUPPLIER}', '44', '{_CLERK}', 't', '2026-02-01', '2026-08-01', 900, 'c', "
    f"'{{}}', 12, 36, 'x', '2026-02-01', '{_SECOND}', 'active', 1, 1, now(), '{_CLERK}')",
    "INSERT INTO contract_item (id, contract_id, position, catalogue_item_id, budget_line_id, "
    "unit, quantity, unit_price_fen, value_fen, fact_kind) VALUES "
    f"('{_OTHER}', '{_CONTRACT}', 1, '{_ITEM}', '{_OTHER}', 'E48', 9, 100, 900, 'visit')",
    "INSERT INTO milestone (id, contract_id, buyer_id, position, kind, title, due_on, value_fen, "
    f"accepted_fen, paid_fen, state, version) VALUES ('{_OTHER}', '{_CONTRACT}', '{_BUYER}', 1, "
    "'delivery', 't', '2026-03-01', 900, 0, 0, 'scheduled', 1)",
    "INSERT INTO gap (id, line_id, need_id, category, kind, area_code, state, purchase_ref, "
    f"version, opened_at) VALUES ('{_GAP}', '{_OTHER}', '{_OTHER}', 'PSY', 'service', '44', "
    "'acknowledged', 'PR-X', 1, now())",
    "INSERT INTO procurement_gap (procurement_id, gap_id, linked_at, linked_by) VALUES "
    f"('{_PROCUREMENT}', '{_GAP}', now(), '{_CLERK}')",
)
BOUGHT = (*_LOOSE, *_ROWS)
"""The same without a fault: nothing is found."""


def _contract(change: str) -> tuple[str, ...]:
    return (*BOUGHT, f"UPDATE contract SET {change} WHERE id = '{_CONTRACT}'")


def _award(change: str) -> tuple[str, ...]:
    return (*BOUGHT, f"UPDATE award SET {change} WHERE id = '{_AWARD}'")


BUYING: dict[str, Sequence[str]] = {
    "INV-18 award has a second person": _award("decided_by = created_by"),
    "INV-18 contract has a second person": _contract("signed_by = created_by"),
    "INV-19 contract has its award": _award("state = 'cancelled'"),
    "INV-19 procurement is contracted": _contract("signed_on = NULL"),
    "INV-21 each edition has its amendment": _contract("edition = 2"),
    "INV-24 procurement equals items": (
        *BOUGHT,
        "UPDATE procurement_item SET value_fen = 899 WHERE unit = 'E48'",
    ),
    "INV-24 awards within procurement": _award("value_fen = 901"),
    "INV-24 contract equals items": _contract("value_fen = 901"),
    "INV-24 milestones within contract": (*BOUGHT, "UPDATE milestone SET value_fen = 901"),
    "INV-26 items in force at award": _award("awarded_on = '2025-12-31'"),
    "INV-26 term has its reasons": _contract("ends_on = '2027-02-02'"),
    "T18c linked gap is planned": (
        *BOUGHT,
        f"UPDATE gap SET purchase_ref = NULL WHERE id = '{_GAP}'",
    ),
}
