"""A contract whose milestones are accepted, and invoices and payments in any state. All made up.

Everything through the deeds themselves: money moves as it does in life.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.purchasing.acceptance import operations as acceptances
from nexus.purchasing.acceptance.rules import Claims
from nexus.purchasing.budgets.model import BudgetLine
from nexus.purchasing.contracts import operations as contracts
from nexus.purchasing.contracts.model import Contract, Milestone, MilestoneKind
from nexus.purchasing.contracts.rules import MilestoneInput
from nexus.purchasing.payments import operations as o
from nexus.purchasing.payments.model import Invoice, InvoiceState, Payment, PaymentState
from tests.deeds import acting
from tests.making import making, today
from tests.purchasing.contracting import PRICE, Market, do, market

V, P = InvoiceState, PaymentState


@dataclass
class Till:
    """A market with a contract in force, whose milestones are worth so much each."""

    market: Market
    cashier: Account
    contract: Contract
    milestones: list[Milestone]

    @property
    def engine(self) -> AsyncEngine:
        return self.market.engine

    async def accept(self, place: int = 0, fen: int | None = None) -> None:
        """The supplier claims so much of the milestone, the buyer's colleague accepts it."""
        milestone = self.milestones[place]
        claims = Claims(
            from_on=today(),
            until_on=today() + timedelta(days=1),
            claimed_fen=milestone.value_fen if fen is None else fen,
        )
        row = await do(
            self.engine, self.market.lead, acceptances.submit_acceptance, milestone.id, claims
        )
        for deed in (acceptances.review_acceptance, acceptances.accept_acceptance):
            row = await do(
                self.engine, self.market.colleague, deed, row.id, expected_version=row.version
            )

    async def submitted(self, place: int = 0, fen: int | None = None, **more: Any) -> Invoice:
        """An invoice of the supplier over what is accepted."""
        milestone = await self.read(Milestone, self.milestones[place].id)
        given = {
            "number": f"F{new_id().hex[-12:]}",
            "amount_fen": milestone.accepted_fen if fen is None else fen,
            "issued_on": today(),
        } | more
        row: Invoice = await do(
            self.engine, self.market.lead, o.submit_invoice, milestone.id, **given
        )
        return row

    async def invoice(self, state: InvoiceState = V.APPROVED, **more: Any) -> Invoice:
        """One in that state."""
        row = await self.submitted(**more)
        if state is V.REJECTED:
            return await self.move(o.reject_invoice, row, self.market.clerk, reason="金额不符")  # type: ignore[no-any-return]
        if state in (V.MATCHED, V.APPROVED):
            row = await self.move(o.match_invoice, row, self.market.clerk)
        if state is V.APPROVED:
            row = await self.move(o.approve_invoice, row, self.market.finance)
        return row

    async def payment(self, state: PaymentState = P.REQUESTED, **more: Any) -> Payment:
        """One in that state, of an invoice of its own."""
        invoice = await self.invoice(**more)
        row: Payment = await self.move(o.request_payment, invoice, self.market.clerk)
        if state is P.REQUESTED:
            return row
        row = await self.move(o.approve_payment, row, self.market.finance)
        if state is P.FAILED:
            return await self.move(o.fail_payment, row, self.cashier, reason="账号有误")  # type: ignore[no-any-return]
        if state is P.APPROVED:
            return row
        row = await self.move(
            o.execute_payment, row, self.cashier, bank_reference=new_id().hex[-12:]
        )
        if state is P.RECONCILED:
            return await self.move(o.reconcile_payment, row, self.market.finance)  # type: ignore[no-any-return]
        if state is P.REVERSED:
            return await self.move(o.reverse_payment, row, self.market.finance, reason="退汇")  # type: ignore[no-any-return]
        return row

    async def move(self, deed: Any, row: Any, who: Any, **more: Any) -> Any:
        """A deed about the row as it was read."""
        return await do(self.engine, who, deed, row.id, expected_version=row.version, **more)

    async def read(self, table: Any, row_id: Any) -> Any:
        """The row as it stands in the database."""
        return await self.market.read(table, row_id)

    async def sums(self) -> tuple[int, int, int]:
        """Reserved, committed and paid fen of the market's line."""
        return await self.market.sums()


async def till(
    engine: AsyncEngine, *, values: tuple[int, ...] = (300_000, 200_000), fen: int = 10**9
) -> Till:
    """A contract worth 10,000 yuan with milestones of these values, signed today."""
    made = await market(engine, fen)
    async with making(engine) as m:
        cashier = await m.account(Role.BUYER_FINANCE, made.buyer, area_code="440103")
    award = await made.awarded(100)
    row = await do(
        engine,
        made.clerk,
        contracts.draw_up_contract,
        award.id,
        expected_version=award.version,
        text=made.text(),
        items=made.items(100),
        milestones=[
            MilestoneInput(
                kind=MilestoneKind.REPORTING, title=f"第{n}期", due_on=today(), value_fen=value
            )
            for n, value in enumerate(values, start=1)
        ],
    )
    row = await do(
        engine,
        made.colleague,
        contracts.sign_contract,
        row.id,
        expected_version=row.version,
        signed_on=today(),
    )
    async with acting(engine, made.clerk) as act:
        found = await act.session.scalars(
            select(Milestone).where(Milestone.contract_id == row.id).order_by(Milestone.position)
        )
        milestones = list(found)
    assert row.value_fen == 100 * PRICE
    return Till(made, cashier, row, milestones)


LEDGER = """
SELECT 'journal' AS what, journal_id::text AS id FROM budget_entry
    GROUP BY journal_id, budget_line_id HAVING sum(fen) <> 0
UNION ALL SELECT 'line', l.id::text FROM budget_line AS l
    LEFT JOIN budget_entry AS e ON e.budget_line_id = l.id GROUP BY l.id
    HAVING l.approved_fen <> coalesce(-sum(e.fen) FILTER (WHERE account = 'appropriation'), 0)
        OR l.adjusted_fen <> coalesce(-sum(e.fen) FILTER (WHERE account = 'adjustment'), 0)
        OR l.reserved_fen <> coalesce(sum(e.fen) FILTER (WHERE account = 'reserved'), 0)
        OR l.committed_fen
            <> coalesce(sum(e.fen) FILTER (WHERE account IN ('committed', 'paid')), 0)
        OR l.paid_fen <> coalesce(sum(e.fen) FILTER (WHERE account = 'paid'), 0)
UNION ALL SELECT 'milestone', m.id::text FROM milestone AS m
    WHERE m.paid_fen <> (SELECT coalesce(sum(amount_fen), 0) FROM payment AS p
        WHERE p.milestone_id = m.id AND p.state IN ('executed', 'reconciled'))
UNION ALL SELECT 'payment', p.id::text FROM payment AS p
    WHERE CASE WHEN p.state IN ('executed', 'reconciled') THEN p.amount_fen ELSE 0 END
        <> (SELECT coalesce(sum(fen), 0) FROM budget_entry AS e
            WHERE e.subject_id = p.id AND account = 'paid')
UNION ALL SELECT 'contract', c.id::text FROM contract AS c
    WHERE c.state IN ('active', 'suspended') AND c.value_fen
        <> (SELECT coalesce(sum(e.fen), 0) FROM budget_entry AS e
            LEFT JOIN payment AS p ON p.id = e.subject_id
            WHERE e.account IN ('committed', 'paid') AND c.id IN (e.subject_id, p.contract_id))
"""


async def wrong_in_ledger(engine: AsyncEngine) -> list[tuple[str, str]]:
    """What does not add up, told apart from the code under test: plain sums over the entries."""
    async with AsyncSession(engine) as session:
        return [(one.what, one.id) for one in await session.execute(text(LEDGER))]


async def line_of(till: Till) -> BudgetLine:
    """The market's line as it stands."""
    row: BudgetLine = await till.read(BudgetLine, till.market.line.id)
    return row
