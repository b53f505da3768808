"""Faults of service facts and acceptances, planted where nothing was bought."""

from collections.abc import Sequence

_TABLES = "visit, contract, contract_item, milestone, service_fact, acceptance, acceptance_line, " \
    "accepted_fact, acceptance_deduction"  # fmt: skip
_LOOSE = (
    "DO $$ DECLARE one record; BEGIN FOR one IN SELECT conrelid::regclass AS held, conname "
    "FROM pg_constraint WHERE contype IN ('f', 'c') AND conrelid::regclass::text = ANY "
    f"(string_to_array('{_TABLES}', ', ')) LOOP "
    "EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.held, one.conname); "
    "END LOOP; END $$",
    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in _TABLES.split(", ")),
    "DROP INDEX uq_service_fact_inv_27",
)
_ID = "00000000-0000-0000-0000-0000000000{}"
_CONTRACT, _ITEM, _STEP = _ID.format("c1"), _ID.format("c2"), _ID.format("c3")
_VISIT, _FACT, _OTHER = _ID.format("f0"), _ID.format("f1"), _ID.format("f2")
_PAPER, _LINE, _BEHIND = _ID.format("a1"), _ID.format("a2"), _ID.format("a3")
_BUYER, _LEAD, _MANAGER, _WORKER = (_ID.format(f"b{place}") for place in range(1, 5))
_SEED = "0" * 32
_BOUGHT = (
    *_LOOSE,
    "INSERT INTO contract (id, no, procurement_id, award_id, buyer_id, supplier_id, area_code, "
    "manager_id, title, starts_on, ends_on, value_fen, data_protection_clause, term_reasons, "
    "term_months, reasoned_term_months, term_rule, state, edition, version, created_at, "
    f"created_by) VALUES ('{_CONTRACT}', 'CT-1', '{_ID.format('d1')}', '{_ID.format('d2')}', "
    f"'{_ID.format('d3')}', '{_ID.format('d4')}', '440103', '{_MANAGER}', 't', '2026-01-01', "
    "'2027-01-01', 100, 'c', '{}', 12, 36, 'r', 'active', 1, 1, now(), "
    f"'{_MANAGER}')",
    "INSERT INTO contract_item (id, contract_id, position, catalogue_item_id, budget_line_id, "
    f"unit, quantity, unit_price_fen, value_fen, fact_kind) VALUES ('{_ITEM}', '{_CONTRACT}', 1, "
    f"'{_ID.format('d5')}', '{_ID.format('d6')}', 'E48', 1, 100, 100, 'visit')",
    "INSERT INTO milestone (id, contract_id, buyer_id, position, kind, title, due_on, value_fen, "
    f"accepted_fen, paid_fen, state, met_on, version) VALUES ('{_STEP}', '{_CONTRACT}', "
    f"'{_ID.format('d3')}', 1, 'delivery', 't', '2026-06-01', 100, 100, 0, 'met', '2026-06-01', 1)",
    "INSERT INTO visit (id, no, household_id, station_id, kind, window_from, window_to, due_on, "
    "follow_up, performed_at, recorded_at, performed_by, findings, change_reported, danger, "
    f"to_verify, state, version, created_at, created_by) VALUES ('{_VISIT}', 'V-1', "
    f"'{_ID.format('e1')}', '{_ID.format('e2')}', 'home', '2026-03-01', '2026-03-02', "
    f"'2026-03-01', false, '2026-03-01', '2026-03-01', '{_WORKER}', '{{}}', false, false, false, "
    f"'done', 1, now(), '{_WORKER}')",
)
_COUNTED = (
    "INSERT INTO service_fact (id, contract_id, contract_item_id, fact_kind, fact_id, visit_id, "
    "happened_on, quantity, entered_by, claim, claimed_at, claimed_by, state, version) VALUES "
    "('{id}', '" + _CONTRACT + "', '" + _ITEM + "', '{kind}', '" + _VISIT + "', '" + _VISIT
    + "', '{day}', 1, '" + _WORKER + "', 'hand', now(), '" + _LEAD + "', 'counted', 1)"
)  # fmt: skip
_ACCEPTED = (
    "INSERT INTO acceptance (id, no, milestone_id, contract_id, area_code, round, from_on, "
    "until_on, claimed_fen, deduction_fen, accepted_fen, documents, manager_id, sample_seed, "
    "sample_size, frame_hash, sample_rule, submitted_at, submitted_by, reviewed_at, reviewed_by, "
    f"decided_at, decided_by, state, version) VALUES ('{_PAPER}', 'AC-1', '{_STEP}', "
    f"'{_CONTRACT}', '440103', 1, '2026-01-01', '2026-06-01', 100, 0, 100, '[]', '{_MANAGER}', "
    f"'{_SEED}', 1, '{'0' * 64}', 'r', now(), '{_LEAD}', now(), '{_BUYER}', now(), '{_BUYER}', "
    "'accepted', 1)",
    "INSERT INTO acceptance_line (id, acceptance_id, contract_item_id, position, claimed, counted, "
    f"accepted, unit_price_fen) VALUES ('{_LINE}', '{_PAPER}', '{_ITEM}', 1, 1, 1, 1, 100)",
    "INSERT INTO accepted_fact (id, line_id, acceptance_id, fact_id, quantity, live, sampled, "
    f"version) VALUES ('{_BEHIND}', '{_LINE}', '{_PAPER}', '{_FACT}', 1, true, true, 1)",
)


def _fact(id_: str = _FACT, *, kind: str = "visit", day: str = "2026-03-01") -> str:
    return _COUNTED.format(id=id_, kind=kind, day=day)


_WHOLE = (*_BOUGHT, _fact(), *_ACCEPTED)
SOUND = _WHOLE
"""The same without a fault: nothing is found."""
ACCEPTING: dict[str, Sequence[str]] = {
    "INV-27 what happened counts once": (*_WHOLE, _fact(_OTHER)),
    "INV-27 facts fit their items": (*_BOUGHT, _fact(day="2025-12-31")),
    "INV-27 what counts took place": (
        *_WHOLE,
        f"UPDATE visit SET state = 'missed' WHERE id = '{_VISIT}'",
    ),
    "INV-28 acceptance within facts": (*_WHOLE, "UPDATE accepted_fact SET live = false"),
    "INV-28 acceptance adds up": (*_WHOLE, "UPDATE acceptance_line SET unit_price_fen = 99"),
    "INV-24 milestones equal acceptances": (*_WHOLE, "UPDATE milestone SET accepted_fen = 99"),
    "INV-18 acceptance by another": (*_WHOLE, f"UPDATE acceptance SET decided_by = '{_WORKER}'"),
    "INV-28 samples draw again": (*_WHOLE, "UPDATE accepted_fact SET sampled = false"),
}
