"""Faults of budgets, their ledger and payments, planted where nothing was bought."""

from collections.abc import Sequence

_TABLES = (
    *("catalogue_item", "budget_line", "budget_line_item", "budget_journal", "budget_entry"),
    *("budget_holding", "contract", "milestone", "invoice", "payment"),
)
_LOOSE = (
    "DO $$ DECLARE one record; BEGIN FOR one IN SELECT conrelid::regclass AS held, conname "
    "FROM pg_constraint WHERE contype IN ('f', 'c', 'x') AND conrelid::regclass::text = ANY "
    f"('{{{', '.join(_TABLES)}}}') LOOP "
    "EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.held, one.conname); "
    "END LOOP; END $$",
    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in _TABLES),
    "DROP INDEX uq_payment_inv_25_live",
    "DROP INDEX uq_budget_journal_once",
)
_ID = "00000000-0000-0000-0000-0000000000{}"
_LINE, _ITEM, _CONTRACT, _STEP = (_ID.format(f"a{n}") for n in range(1, 5))
_INVOICE, _PAYMENT, _BUYER, _SUPPLIER = (_ID.format(f"b{n}") for n in range(1, 5))
_CLERK, _FINANCE, _CASHIER = (_ID.format(f"c{n}") for n in range(1, 4))
_OTHER = _ID.format("ff")


def _journal(no: int, kind: str, subject: str, of: str, *entries: tuple[str, str, str, int]) -> str:
    """One statement: a journal with its entries (account, subject type, subject, fen)."""
    rows = ", ".join(
        f"(gen_random_uuid(), j.id, '{_LINE}', '{account}', '{kind_}', '{who}', {fen})"
        for account, kind_, who, fen in entries
    ).replace("j.id", f"'{_ID.format(f'd{no}')}'")
    return (
        "WITH j AS (INSERT INTO budget_journal (id, kind, subject_type, subject_id, posted_at, "
        f"posted_by) VALUES ('{_ID.format(f'd{no}')}', '{kind}', '{of}', '{subject}', now(), "
        f"'{_FINANCE}')) INSERT INTO budget_entry (id, journal_id, budget_line_id, account, "
        f"subject_type, subject_id, fen) VALUES {rows}"
    )


_L, _C, _P = "budget_line", "contract", "payment"
_APPROVED = _journal(
    1, "approve", _LINE, _L, ("appropriation", _L, _LINE, -900), ("available", _L, _LINE, 900)
)
_RESERVED = _journal(
    2, "reserve", _CONTRACT, _C, ("available", _L, _LINE, -500), ("reserved", _C, _CONTRACT, 500)
)
_COMMITTED = _journal(
    3, "commit", _CONTRACT, _C, ("reserved", _C, _CONTRACT, -500), ("committed", _C, _CONTRACT, 500)
)
_PAID = _journal(
    4, "pay", _PAYMENT, _P, ("committed", _C, _CONTRACT, -300), ("paid", _P, _PAYMENT, 300)
)
_ROWS = (
    "INSERT INTO catalogue_item (id, code, title, kind, unit, funding_sources, edition, "
    "effective_from, state, version, created_at, created_by, published_by) VALUES "
    f"('{_ITEM}', 'Z.01.01', 't', 'service', 'E48', '{{F1}}', 1, '2026-01-01', 'effective', 1, "
    f"now(), '{_CLERK}', '{_FINANCE}')",
    "INSERT INTO budget_line (id, no, title, fiscal_year, buyer_id, area_code, funding_source, "
    "planned_fen, approved_fen, reserved_fen, committed_fen, paid_fen, state, version, created_at, "
    f"created_by, approved_by) VALUES ('{_LINE}', 'BL-X', 't', 2026, '{_BUYER}', '44', 'F1', 900, "
    f"900, 0, 500, 300, 'approved', 1, now(), '{_CLERK}', '{_FINANCE}')",
    f"INSERT INTO budget_line_item VALUES ('{_LINE}', '{_ITEM}')",
    "INSERT INTO budget_holding (line_id, account, subject_id, subject_type, fen) VALUES "
    f"('{_LINE}', 'committed', '{_CONTRACT}', 'contract', 200), "
    f"('{_LINE}', 'paid', '{_PAYMENT}', 'payment', 300)",
    "INSERT INTO contract (id, no, procurement_id, award_id, buyer_id, supplier_id, area_code, "
    "manager_id, title, starts_on, ends_on, value_fen, data_protection_clause, term_reasons, "
    "term_months, reasoned_term_months, term_rule, state, edition, version, created_at, "
    f"created_by) VALUES ('{_CONTRACT}', 'CT-X', '{_OTHER}', '{_OTHER}', '{_BUYER}', "
    f"'{_SUPPLIER}', '44', '{_CLERK}', 't', '2026-01-01', '2027-01-01', 500, 'c', '{{}}', 12, "
    f"36, 'r', 'active', 1, 1, now(), '{_CLERK}')",
    "INSERT INTO milestone (id, contract_id, buyer_id, position, kind, title, due_on, value_fen, "
    f"accepted_fen, paid_fen, state, met_on, version) VALUES ('{_STEP}', '{_CONTRACT}', "
    f"'{_BUYER}', 1, 'reporting', 't', '2026-06-01', 500, 300, 300, 'met', '2026-06-01', 1)",
    "INSERT INTO invoice (id, no, number, contract_id, milestone_id, supplier_id, buyer_id, "
    "area_code, amount_fen, issued_on, submitted_at, submitted_by, state, version) VALUES "
    f"('{_INVOICE}', 'IV-X', '1', '{_CONTRACT}', '{_STEP}', '{_SUPPLIER}', '{_BUYER}', '44', 300, "
    f"'2026-06-01', now(), '{_OTHER}', 'approved', 1)",
    "INSERT INTO payment (id, no, invoice_id, contract_id, milestone_id, instalment, payer_id, "
    "payee_id, area_code, amount_fen, attempt, requested_at, requested_by, approved_by, "
    f"executed_by, state, version) VALUES ('{_PAYMENT}', 'PM-X', '{_INVOICE}', '{_CONTRACT}', "
    f"'{_STEP}', 1, '{_BUYER}', '{_SUPPLIER}', '44', 300, 1, now(), '{_CLERK}', '{_FINANCE}', "
    f"'{_CASHIER}', 'executed', 1)",
)
_UNPAID = (*_LOOSE, *_ROWS, _APPROVED, _RESERVED, _COMMITTED)
_WHOLE = (*_UNPAID, _PAID)
SPENT = _WHOLE
"""The same without a fault: nothing is found."""
SPENDING: dict[str, Sequence[str]] = {
    "INV-18 budget line has a second person": (
        *_WHOLE,
        f"UPDATE budget_line SET approved_by = created_by WHERE id = '{_LINE}'",
    ),
    "INV-18 payment has a second person": (
        *_WHOLE,
        f"UPDATE payment SET executed_by = requested_by WHERE id = '{_PAYMENT}'",
    ),
    "INV-23 journal balances": (
        *_WHOLE,
        _journal(5, "reserve", _OTHER, "contract", ("available", _L, _LINE, -1)),
    ),
    "INV-23 journal has entries": (
        *_WHOLE,
        "INSERT INTO budget_journal (id, kind, subject_type, subject_id, posted_at, posted_by) "
        f"VALUES ('{_OTHER}', 'reserve', 'contract', '{_CONTRACT}', now(), '{_FINANCE}')",
    ),
    "INV-23 line equals entries": (
        *_WHOLE,
        f"UPDATE budget_line SET reserved_fen = 1 WHERE id = '{_LINE}'",
    ),
    "INV-23 line within budget": (
        *_WHOLE,
        f"UPDATE budget_line SET approved_fen = 499 WHERE id = '{_LINE}'",
    ),
    "INV-23 holding equals entries": (
        *_WHOLE,
        f"UPDATE budget_holding SET fen = 201 WHERE subject_id = '{_CONTRACT}'",
    ),
    "INV-23 contract is covered": (
        *_WHOLE,
        f"UPDATE contract SET value_fen = 501 WHERE id = '{_CONTRACT}'",
    ),
    "INV-24 milestone equals payments": (
        *_WHOLE,
        f"UPDATE milestone SET paid_fen = 299 WHERE id = '{_STEP}'",
    ),
    "INV-24 payments within what is accepted": (
        *_WHOLE,
        f"UPDATE milestone SET accepted_fen = 299 WHERE id = '{_STEP}'",
    ),
    "INV-24 payment fits its contract": (
        *_WHOLE,
        f"UPDATE payment SET payee_id = '{_OTHER}' WHERE id = '{_PAYMENT}'",
    ),
    "INV-25 payment is posted once": _UNPAID,
    "INV-25 one live payment an invoice": (
        *_WHOLE,
        "INSERT INTO payment SELECT (json_populate_record(p, json_build_object("
        f"'id', '{_OTHER}', 'no', 'PM-Y', 'instalment', 2))).* FROM payment AS p "
        f"WHERE id = '{_PAYMENT}'",
    ),
    "INV-25 reversal mirrors payment": (
        *_WHOLE,
        _journal(
            *(6, "unpay", _PAYMENT, _P),
            *(("paid", _P, _PAYMENT, -299), ("committed", _C, _CONTRACT, 299)),
        ),
    ),
    "INV-26 one edition a day": (
        *_WHOLE,
        "INSERT INTO catalogue_item SELECT (json_populate_record(c, json_build_object("
        f"'id', '{_OTHER}', 'edition', 2, 'effective_from', '2026-02-01'))).* "
        f"FROM catalogue_item AS c WHERE id = '{_ITEM}'",
    ),
    "T21d line buys what it may": (
        *_WHOLE,
        f"UPDATE budget_line SET funding_source = 'F3' WHERE id = '{_LINE}'",
    ),
}
