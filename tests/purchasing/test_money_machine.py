"""Public money under thousands of random deeds, held against plain sums in Python after each.

Hypothesis drives real PostgreSQL through the whole chain: budget, contract, milestone, acceptance,
invoice, payment and its reversal. The model knows nothing of tables: it keeps what each deed must
do, or why it must be refused.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.core.db import make_engine
from nexus.core.embedded import Database
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets.model import BudgetLine, SubjectType
from nexus.purchasing.budgets.rules import Subject
from nexus.purchasing.payments import operations as o
from nexus.supervision.spending.queries import CHECKS
from tests.deeds import acting, every_check
from tests.making import today
from tests.purchasing.paying import Till, till

PICK = st.integers(0, 10_000)
FEN = st.sampled_from([1, 100, 4_000, 25_000, 60_000, 90_000])
BUDGET, VALUE = 2_000_000, 1_000_000
STANDS = text(
    """
    SELECT approved_fen + adjusted_fen, reserved_fen, committed_fen, paid_fen, state
    FROM budget_line WHERE id = :line
    """
)
STATES = text(
    """
    SELECT id, state, version FROM invoice WHERE contract_id = :contract
    UNION ALL SELECT id, state, version FROM payment WHERE contract_id = :contract
    """
)
MILESTONES = text("SELECT id, accepted_fen, paid_fen FROM milestone WHERE contract_id = :contract")
CHAIN = text(
    """
    SELECT m.id FROM milestone AS m JOIN contract AS c ON c.id = m.contract_id
    WHERE NOT (m.paid_fen <= m.accepted_fen AND m.accepted_fen <= m.value_fen
        AND (SELECT sum(value_fen) FROM milestone AS o WHERE o.contract_id = c.id) <= c.value_fen)
    """
)


EVERY_CHECK = every_check(CHECKS)


@dataclass
class Row:
    """An invoice or a payment as the model sees it."""

    id: UUID
    state: str
    fen: int
    milestone: UUID
    version: int = 1
    invoice: "Row | None" = None


class Money(RuleBasedStateMachine):
    """A line, a contract with two milestones out of it, and a rival for what is left."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    engine: ClassVar[Any]
    steps: ClassVar[Counter[str]] = Counter()

    @initialize()
    def begin(self) -> None:
        self.till: Till = self.run(till(self.engine, values=(300_000, 200_000), fen=BUDGET))
        self.accepted = {one.id: 0 for one in self.till.milestones}
        self.given, self.rival_reserved, self.rival_committed = BUDGET, 0, 0
        self.frozen = False
        self.rival = Subject(SubjectType.CONTRACT, new_id())
        self.invoices: list[Row] = []
        self.payments: list[Row] = []

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def deed(self, work: Any) -> Any:
        """The row, or the code of the refusal."""
        try:
            return self.run(work)
        except Refusal as refusal:
            self.steps[refusal.code] += 1
            return refusal.code

    # What the model knows -------------------------------------------------------------------

    def paid(self, milestone: UUID | None = None) -> int:
        return self._sum(self.payments, ("executed", "reconciled"), milestone)

    def asked(self, milestone: UUID) -> int:
        live = ("requested", "approved", "executed", "reconciled")
        return self._sum(self.payments, live, milestone)

    def claimed(self, milestone: UUID) -> int:
        return self._sum(self.invoices, ("matched", "approved"), milestone)

    @staticmethod
    def _sum(rows: list[Row], states: tuple[str, ...], milestone: UUID | None) -> int:
        fitting = (r for r in rows if milestone is None or r.milestone == milestone)
        return sum(row.fen for row in fitting if row.state in states)

    def left(self) -> int:
        return self.given - VALUE - self.rival_reserved - self.rival_committed

    # The budget -----------------------------------------------------------------------------

    async def _door(self, door: Any, **given: Any) -> None:
        async with acting(self.engine, self.till.market.clerk) as act:
            await door(act, line_id=self.till.market.line.id, subject=self.rival, **given)

    @rule(fen=st.integers(1, 1_200_000))
    def reserve(self, fen: int) -> None:
        found = self.deed(self._door(budgets.reserve, fen=fen))
        if self.frozen:
            assert found == "GUARD_FAILED"
        elif fen > self.left():
            assert found == "BUDGET_EXHAUSTED"
        else:
            assert found is None
            self.rival_reserved += fen

    @rule(fen=st.integers(1, 400_000))
    def commit(self, fen: int) -> None:
        found = self.deed(self._door(budgets.commit, fen=fen))
        if self.frozen or fen > self.rival_reserved:
            assert found == "GUARD_FAILED"
        else:
            self.rival_reserved -= fen
            self.rival_committed += fen

    @rule(fen=st.integers(1, 400_000), committed=st.booleans())
    def give_back(self, fen: int, committed: bool) -> None:
        found = self.deed(self._door(budgets.decommit if committed else budgets.release, fen=fen))
        if fen > (self.rival_committed if committed else self.rival_reserved):
            assert found == "GUARD_FAILED"
        elif committed:
            self.rival_committed -= fen
        else:
            self.rival_reserved -= fen

    def line(self) -> BudgetLine:
        return self.run(self.till.read(BudgetLine, self.till.market.line.id))  # type: ignore[no-any-return]

    @rule(fen=st.integers(-800_000, 300_000).filter(bool))
    def adjust(self, fen: int) -> None:
        deed = budgets.adjust_budget_line
        given = {"fen": fen, "document_no": "粤财〔2026〕1号", "reason": "年中调整"}
        found = self.deed(self.till.move(deed, self.line(), self.till.market.finance, **given))
        if self.left() + fen < 0:
            assert found == "BUDGET_EXHAUSTED"
        else:
            self.given += fen

    @rule(thaw=st.booleans())
    def freeze_or_thaw(self, thaw: bool) -> None:
        if thaw != self.frozen:
            return
        deed = budgets.unfreeze_budget_line if thaw else budgets.freeze_budget_line
        self.run(self.till.move(deed, self.line(), self.till.market.finance, reason="审计"))
        self.frozen = not thaw

    # What is accepted -------------------------------------------------------------------------

    @rule(place=st.integers(0, 1), whole=st.booleans())
    def accept(self, place: int, whole: bool) -> None:
        milestone = self.till.milestones[place]
        if self.accepted[milestone.id]:
            return
        fen = milestone.value_fen if whole else milestone.value_fen // 2
        self.run(self.till.accept(place, fen))
        self.accepted[milestone.id] = fen

    # Invoices and payments --------------------------------------------------------------------

    @rule(place=st.integers(0, 1), fen=FEN)
    def submit(self, place: int, fen: int) -> None:
        milestone = self.till.milestones[place].id
        given = {"number": new_id().hex, "amount_fen": fen, "issued_on": today()}

        async def work() -> Any:
            async with acting(self.engine, self.till.market.lead) as act:
                return await o.submit_invoice(act, milestone, **given)  # type: ignore[arg-type]

        found = self.deed(work())
        if fen > self.accepted[milestone] - self.claimed(milestone):
            assert found == "ACCEPTED_EXHAUSTED"
        else:
            self.invoices.append(Row(found.id, "submitted", fen, milestone))

    def settle(self, pick: int, verb: str, who: Any, moves: dict[str, str]) -> Row | None:
        row = self.invoices[pick % len(self.invoices)]
        deed = getattr(o, f"{verb}_invoice")
        found = self.deed(self.till.move(deed, row, who, reason="说明"))
        if row.state not in moves:
            assert found == "WRONG_STATE", (verb, row.state, found)
            return None
        if verb == "match" and row.fen > self.accepted[row.milestone] - self.claimed(row.milestone):
            assert found == "ACCEPTED_EXHAUSTED"
            return None
        assert not isinstance(found, str), found
        row.state, row.version = moves[row.state], row.version + 1
        return row

    @precondition(lambda self: self.invoices)
    @rule(pick=PICK)
    def match(self, pick: int) -> None:
        self.settle(pick, "match", self.till.market.clerk, {"submitted": "matched"})

    @precondition(lambda self: self.invoices)
    @rule(pick=PICK)
    def approve_invoice(self, pick: int) -> None:
        self.settle(pick, "approve", self.till.market.finance, {"matched": "approved"})

    @precondition(lambda self: self.invoices)
    @rule(pick=PICK)
    def reject_invoice(self, pick: int) -> None:
        moves = dict.fromkeys(("submitted", "matched"), "rejected")
        if self.invoices[pick % len(self.invoices)].fen < 50_000:
            self.settle(pick, "reject", self.till.market.clerk, moves)

    @precondition(lambda self: self.invoices)
    @rule(pick=PICK)
    def request(self, pick: int) -> None:
        invoice = self.invoices[pick % len(self.invoices)]
        found = self.deed(self.till.move(o.request_payment, invoice, self.till.market.clerk))
        live = ("requested", "approved", "executed", "reconciled")
        paying = [p for p in self.payments if p.invoice is invoice and p.state in live]
        if invoice.state != "approved":
            assert found == "GUARD_FAILED"
        elif paying:
            assert found == "PAYMENT_KNOWN"
        else:
            row = Row(found.id, "requested", invoice.fen, invoice.milestone, invoice=invoice)
            self.payments.append(row)

    def decide(self, pick: int, verb: str, moves: dict[str, str], **more: Any) -> None:
        row = self.payments[pick % len(self.payments)]
        who = {"retry": self.till.market.clerk, "execute": self.till.cashier}
        if row.state == "executed" and verb == "reconcile":
            who["reconcile"] = self.till.market.finance
        deed = getattr(o, f"{verb}_payment")
        work = self.till.move(deed, row, who.get(verb, self.till.market.finance), **more)
        found = self.deed(work)
        live = ("requested", "approved", "executed", "reconciled")
        others = [
            p
            for p in self.payments
            if p.invoice is row.invoice and p is not row and p.state in live
        ]
        if row.state not in moves:
            assert found == "WRONG_STATE", (verb, row.state, found)
        elif verb == "execute" and self.frozen:
            assert found == "GUARD_FAILED"
        elif verb == "retry" and others:
            assert found == "PAYMENT_KNOWN"
        else:
            assert not isinstance(found, str), (verb, found)
            row.state, row.version = moves[row.state], row.version + 1

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def approve(self, pick: int) -> None:
        self.decide(pick, "approve", {"requested": "approved"})

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def execute(self, pick: int) -> None:
        self.decide(pick, "execute", {"approved": "executed"}, bank_reference=new_id().hex)

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def reconcile(self, pick: int) -> None:
        self.decide(pick, "reconcile", {"executed": "reconciled"})

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def fail(self, pick: int) -> None:
        moves = dict.fromkeys(("requested", "approved"), "failed")
        self.decide(pick, "fail", moves, reason="账号有误")

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        self.decide(pick, "retry", {"failed": "requested"})

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def reverse(self, pick: int) -> None:
        self.decide(pick, "reverse", {"executed": "reversed"}, reason="退汇")

    @precondition(lambda self: self.payments)
    @rule(pick=PICK)
    def send(self, pick: int) -> None:
        """The whole way out, which by chance alone is rare."""
        self.approve(pick)
        self.execute(pick)

    def walk(self) -> None:
        """Every kind of deed once, so that no run depends on luck."""
        self.begin()
        self.reserve(500_000)
        self.commit(200_000)
        self.give_back(100, True)
        self.give_back(100, False)
        self.adjust(-1_000)
        self.accept(0, True)
        self.submit(0, 4_000)
        self.match(0)
        self.approve_invoice(0)
        self.request(0)
        self.fail(0)
        self.retry(0)
        self.send(0)
        self.request(0)
        self.reverse(0)
        self.request(0)
        self.send(1)
        self.reconcile(1)
        self.freeze_or_thaw(False)
        self.freeze_or_thaw(True)
        self.the_database_agrees()

    # After every step -------------------------------------------------------------------------

    @invariant()
    def the_database_agrees(self) -> None:
        if hasattr(self, "till"):
            self.steps["steps"] += 1
            self.run(self._compare())

    async def _compare(self) -> None:
        given = {"line": self.till.market.line.id, "contract": self.till.contract.id}
        async with AsyncSession(self.engine) as session:
            line = (await session.execute(STANDS, {"line": given["line"]})).one()
            of = {"contract": given["contract"]}
            states = {row[0]: (row[1], row[2]) for row in await session.execute(STATES, of)}
            parts = {row[0]: (row[1], row[2]) for row in await session.execute(MILESTONES, of)}
            broken = (await session.execute(CHAIN)).all()
            deep = self.steps["steps"] % 25 == 0
            faults = (await session.execute(EVERY_CHECK)).all() if deep else []
        assert faults == []
        assert broken == []
        paid = self.paid()
        assert tuple(line) == (
            *(self.given, self.rival_reserved, VALUE + self.rival_committed, paid),
            "frozen" if self.frozen else "approved",
        )
        assert parts == {one: (fen, self.paid(one)) for one, fen in self.accepted.items()}
        assert states == {r.id: (r.state, r.version) for r in (*self.invoices, *self.payments)}


def test_public_money_adds_up_under_any_deeds(database: Database, torture: bool) -> None:
    loop = asyncio.new_event_loop()
    engine = make_engine(database.app_url, pool_size=2)
    examples, length = (1_600, 400) if torture else (20, 400)
    try:
        Money.loop, Money.engine, Money.steps = loop, engine, Counter()
        Money().walk()
        run_state_machine_as_test(
            Money,
            settings=settings(
                max_examples=examples,
                stateful_step_count=length,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(engine.dispose())
        loop.close()
    assert Money.steps["steps"] >= (500_000 if torture else 6_000)
    wanted = {"WRONG_STATE", "GUARD_FAILED", "BUDGET_EXHAUSTED", "ACCEPTED_EXHAUSTED"}
    assert wanted | {"PAYMENT_KNOWN"} <= Money.steps.keys()
