"""Budget, ledger and payments, recomputed from the entries (INV-18, INV-23 to INV-25, T21d)."""

from typing import Any

from sqlalchemy import Select, Text, any_, case, cast, exists, func, or_, select
from sqlalchemy.orm import aliased

from nexus.purchasing.budgets.model import (
    BudgetAccount,
    BudgetEntry,
    BudgetHolding,
    BudgetJournal,
    BudgetLine,
    BudgetLineItem,
    JournalKind,
)
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.contracts.model import Contract, ContractState, Milestone
from nexus.purchasing.payments.model import LIVE, PAID, Invoice, InvoiceState, Payment
from nexus.supervision.ledger.queries import finding

_A = BudgetAccount


def _of(*accounts: BudgetAccount) -> Any:
    total = func.sum(BudgetEntry.fen).filter(BudgetEntry.account.in_(accounts))
    return func.coalesce(total, 0)


def _journal_balances() -> Select[Any]:
    row = BudgetEntry
    return (
        finding(row.journal_id, "its entries do not sum to nothing", sum=func.sum(row.fen))
        .group_by(row.journal_id, row.budget_line_id)
        .having(func.sum(row.fen) != 0)
    )


def _journal_has_entries() -> Select[Any]:
    row = BudgetJournal
    return finding(row.id, "it has no entries").where(
        ~exists().where(BudgetEntry.journal_id == row.id)
    )


def _line_equals_entries() -> Select[Any]:
    row, entry = BudgetLine, BudgetEntry
    pairs = (
        (row.approved_fen, -_of(_A.APPROPRIATION)),
        (row.adjusted_fen, -_of(_A.ADJUSTMENT)),
        (row.reserved_fen, _of(_A.RESERVED)),
        (row.committed_fen, _of(_A.COMMITTED, _A.PAID)),
        (row.paid_fen, _of(_A.PAID)),
    )
    return (
        finding(row.id, "its sums are not those of its entries", entries=func.count(entry.id))
        .select_from(row)
        .outerjoin(entry, entry.budget_line_id == row.id)
        .group_by(row.id)
        .having(or_(*(kept != summed for kept, summed in pairs)))
    )


def _line_within_budget() -> Select[Any]:
    row = BudgetLine
    bound = row.reserved_fen + row.committed_fen
    given = row.approved_fen + row.adjusted_fen
    return finding(row.id, "more is bound than given", bound=bound, given=given).where(
        or_(bound > given, row.paid_fen > row.committed_fen)
    )


def _holding_equals_entries() -> Select[Any]:
    row, entry = BudgetHolding, BudgetEntry
    summed = (
        select(func.coalesce(func.sum(entry.fen), 0))
        .where(
            entry.budget_line_id == row.line_id,
            entry.account == row.account,
            entry.subject_id == row.subject_id,
        )
        .scalar_subquery()
    )
    return finding(
        row.subject_id, "it holds another sum than its entries", held=row.fen, summed=summed
    ).where(or_(row.fen != summed, row.fen < 0))


def _line_buys_what_it_may() -> Select[Any]:
    line, listed, item = BudgetLine, BudgetLineItem, CatalogueItem
    return (
        finding(line.id, "its source of money may not pay for what it lists", code=item.code)
        .join(listed, listed.line_id == line.id)
        .join(item, item.id == listed.catalogue_item_id)
        .where(~(cast(line.funding_source, Text) == any_(item.funding_sources)))
    )


def _contract_is_covered() -> Select[Any]:
    """What a running contract holds, and what is paid of it, come to its value."""
    row, held, paid = Contract, aliased(BudgetHolding), aliased(Payment)
    promised = (
        select(func.coalesce(func.sum(held.fen), 0))
        .where(held.subject_id == row.id, held.account == _A.COMMITTED)
        .scalar_subquery()
    )
    given = (
        select(func.coalesce(func.sum(paid.amount_fen), 0))
        .where(paid.contract_id == row.id, paid.state.in_(PAID))
        .scalar_subquery()
    )
    known = exists().where(BudgetEntry.subject_id == row.id)
    return finding(
        row.id,
        "its value is neither committed nor paid",
        value=row.value_fen,
        committed=promised,
        paid=given,
    ).where(
        row.state.in_((ContractState.ACTIVE, ContractState.SUSPENDED)),
        known,
        promised + given != row.value_fen,
    )


def _milestone_equals_payments() -> Select[Any]:
    row, paid = Milestone, aliased(Payment)
    summed = (
        select(func.coalesce(func.sum(paid.amount_fen), 0))
        .where(paid.milestone_id == row.id, paid.state.in_(PAID))
        .scalar_subquery()
    )
    return finding(
        row.id, "what is paid of it is not the sum of its payments", paid=row.paid_fen, sum=summed
    ).where(row.paid_fen != summed)


def _milestone_within_accepted() -> Select[Any]:
    row, live = Milestone, aliased(Payment)
    asked = (
        select(func.coalesce(func.sum(live.amount_fen), 0))
        .where(live.milestone_id == row.id, live.state.in_(LIVE))
        .scalar_subquery()
    )
    return finding(
        row.id,
        "more is paid or about to be than is accepted",
        asked=asked,
        accepted=row.accepted_fen,
    ).where(or_(asked > row.accepted_fen, row.accepted_fen > row.value_fen))


def _payment_is_posted() -> Select[Any]:
    row, entry = Payment, aliased(BudgetEntry)
    summed = (
        select(func.coalesce(func.sum(entry.fen), 0))
        .where(entry.subject_id == row.id, entry.account == _A.PAID)
        .scalar_subquery()
    )
    due = case((row.state.in_(PAID), row.amount_fen), else_=0)
    return finding(row.id, "the ledger and it differ", due=due, posted=summed).where(due != summed)


def _payment_fits() -> Select[Any]:
    row, invoice, contract = Payment, aliased(Invoice), aliased(Contract)
    fits = exists().where(
        invoice.id == row.invoice_id,
        contract.id == row.contract_id,
        invoice.contract_id == row.contract_id,
        invoice.milestone_id == row.milestone_id,
        invoice.amount_fen == row.amount_fen,
        invoice.state == InvoiceState.APPROVED,
        contract.supplier_id == row.payee_id,
        contract.buyer_id == row.payer_id,
    )
    return finding(row.id, "it does not fit its invoice and contract", fen=row.amount_fen).where(
        ~fits
    )


def _one_live_payment() -> Select[Any]:
    row = Payment
    return (
        finding(row.invoice_id, "it is paid more than once", times=func.count())
        .where(row.state.in_(LIVE))
        .group_by(row.invoice_id)
        .having(func.count() > 1)
    )


def _reversal_mirrors() -> Select[Any]:
    """What was paid and given back of a payment sums to nothing in every account of every line."""
    row, journal = BudgetEntry, BudgetJournal
    turned = aliased(BudgetJournal)
    back = exists().where(turned.subject_id == journal.subject_id, turned.kind == JournalKind.UNPAY)
    return (
        finding(journal.subject_id, "its reversal is not its mirror", sum=func.sum(row.fen))
        .join(journal, journal.id == row.journal_id)
        .where(journal.kind.in_((JournalKind.PAY, JournalKind.UNPAY)), back)
        .group_by(journal.subject_id, row.budget_line_id, row.account)
        .having(func.sum(row.fen) != 0)
    )


def _second_person() -> Select[Any]:
    row = Payment
    return finding(row.id, "who asked for it moved it on", attempt=row.attempt).where(
        or_(
            row.approved_by == row.requested_by,
            row.executed_by == row.requested_by,
            row.closed_by == row.requested_by,
        )
    )


def _line_second_person() -> Select[Any]:
    row = BudgetLine
    return finding(row.id, "who drafted it approved it", year=row.fiscal_year).where(
        row.approved_by == row.created_by
    )


def _edition_follows() -> Select[Any]:
    row, other = CatalogueItem, aliased(CatalogueItem)
    days = func.daterange(row.effective_from, row.effective_to)
    return finding(row.id, "two editions of it are in force on one day", edition=row.edition).where(
        exists().where(
            other.code == row.code,
            other.id != row.id,
            other.effective_from.is_not(None),
            row.effective_from.is_not(None),
            days.op("&&", is_comparison=True)(
                func.daterange(other.effective_from, other.effective_to)
            ),
        )
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-18 budget line has a second person": _line_second_person(),
    "INV-18 payment has a second person": _second_person(),
    "INV-23 journal balances": _journal_balances(),
    "INV-23 journal has entries": _journal_has_entries(),
    "INV-23 line equals entries": _line_equals_entries(),
    "INV-23 line within budget": _line_within_budget(),
    "INV-23 holding equals entries": _holding_equals_entries(),
    "INV-23 contract is covered": _contract_is_covered(),
    "INV-24 milestone equals payments": _milestone_equals_payments(),
    "INV-24 payments within what is accepted": _milestone_within_accepted(),
    "INV-24 payment fits its contract": _payment_fits(),
    "INV-25 payment is posted once": _payment_is_posted(),
    "INV-25 one live payment an invoice": _one_live_payment(),
    "INV-25 reversal mirrors payment": _reversal_mirrors(),
    "INV-26 one edition a day": _edition_follows(),
    "T21d line buys what it may": _line_buys_what_it_may(),
}
