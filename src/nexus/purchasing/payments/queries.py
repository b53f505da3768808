"""The rows a payment stands on, and what is left to claim and to pay."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act
from nexus.purchasing.budgets.model import BudgetEntry, BudgetJournal, JournalKind
from nexus.purchasing.contracts.model import Contract, ContractItem, Milestone
from nexus.purchasing.contracts.policy import visible as contract_visible
from nexus.purchasing.payments import model, policy
from nexus.purchasing.payments.model import CLAIMING, LIVE, PAID, Invoice, Payment


async def take_invoice(act: Act, row_id: UUID, expected_version: int | None = None) -> Invoice:
    """The invoice, visible and locked."""
    return await act.take(
        Invoice, row_id, visible=policy.visible, expected_version=expected_version
    )


async def take_payment(act: Act, row_id: UUID, expected_version: int) -> Payment:
    """The payment, visible and locked."""
    return await act.take(
        Payment, row_id, visible=policy.payment_visible, expected_version=expected_version
    )


async def find_contract(act: Act, milestone_id: UUID) -> tuple[Contract, Milestone]:
    """The milestone and its contract where the actor sees it; NotFound otherwise."""

    def of_seen(actor: Any, row: Any) -> Any:
        contract = aliased(Contract)
        return exists().where(contract.id == row.contract_id, contract_visible(actor, contract))

    milestone = await act.find(Milestone, milestone_id, visible=of_seen)
    return await act.session.get_one(Contract, milestone.contract_id), milestone


async def lock_milestone(session: AsyncSession, milestone_id: UUID) -> Milestone:
    """The milestone of a row that the actor sees, locked: claims on it go one at a time."""
    found = await session.execute(
        select(Milestone)
        .where(Milestone.id == milestone_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


async def claimed_fen(session: AsyncSession, milestone_id: UUID) -> int:
    """What matched and approved invoices claim of the milestone."""
    row = Invoice
    total = await session.scalar(
        select(func.coalesce(func.sum(row.amount_fen), 0)).where(
            row.milestone_id == milestone_id, row.state.in_(CLAIMING)
        )
    )
    return int(total or 0)


async def paying_fen(session: AsyncSession, milestone_id: UUID) -> int:
    """What is paid of the milestone, or about to be."""
    row = Payment
    total = await session.scalar(
        select(func.coalesce(func.sum(row.amount_fen), 0)).where(
            row.milestone_id == milestone_id, row.state.in_(LIVE)
        )
    )
    return int(total or 0)


async def known_no(session: AsyncSession, supplier_id: UUID, number: str) -> str | None:
    """The invoice that the supplier gave this number already."""
    row = Invoice
    found = await session.scalars(
        select(row.no).where(
            row.supplier_id == supplier_id,
            row.number == number,
            row.state != model.InvoiceState.REJECTED,
        )
    )
    return found.first()


async def live_no(session: AsyncSession, invoice_id: UUID) -> str | None:
    """The payment that pays the invoice, or is about to."""
    row = Payment
    found = await session.scalars(
        select(row.no).where(row.invoice_id == invoice_id, row.state.in_(LIVE))
    )
    return found.first()


async def next_instalment(session: AsyncSession, milestone_id: UUID) -> int:
    """The number of the milestone's next payment; the milestone is locked."""
    last = await session.scalar(
        select(func.max(Payment.instalment)).where(Payment.milestone_id == milestone_id)
    )
    return (last or 0) + 1


async def lines_in_order(session: AsyncSession, contract_id: UUID) -> Sequence[UUID]:
    """The budget lines of a contract's items, by position."""
    row = ContractItem
    found = await session.scalars(
        select(row.budget_line_id).where(row.contract_id == contract_id).order_by(row.position)
    )
    return found.all()


async def posted(session: AsyncSession, payment_id: UUID) -> Sequence[BudgetEntry]:
    """The entries by which it was paid."""
    found = await session.scalars(
        select(BudgetEntry)
        .join(BudgetJournal, BudgetJournal.id == BudgetEntry.journal_id)
        .where(BudgetJournal.subject_id == payment_id, BudgetJournal.kind == JournalKind.PAY)
        .order_by(BudgetEntry.id)
    )
    return found.all()


async def reference_no(session: AsyncSession, payer_id: UUID, reference: str) -> str | None:
    """The payment that has this reference of the bank already."""
    row = Payment
    found = await session.scalars(
        select(row.no).where(row.payer_id == payer_id, row.bank_reference == reference)
    )
    return found.first()


def paid_of(contract_id: Any) -> Select[Any]:
    """Scalar select: what is paid under a contract, in fen (for reports)."""
    row = aliased(Payment)
    return select(func.coalesce(func.sum(row.amount_fen), 0)).where(
        row.contract_id == contract_id, row.state.in_(PAID)
    )


def is_paid(invoice: Any) -> Any:
    """SQL: a payment of the invoice is executed."""
    row = aliased(Payment)
    return exists().where(row.invoice_id == invoice.id, row.state.in_(PAID))
