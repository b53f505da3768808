"""Many at once: the last money of a line, retry storms, reversals, and faults of code."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed, Refusal, VersionConflict
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets.model import BudgetAccount as A
from nexus.purchasing.budgets.model import JournalKind as K
from nexus.purchasing.budgets.model import SubjectType
from nexus.purchasing.budgets.rules import BudgetExhausted, Posting, Subject
from nexus.purchasing.payments import operations as o
from nexus.purchasing.payments.model import Invoice, Payment, PaymentState
from tests.deeds import acting
from tests.purchasing.contracting import market
from tests.purchasing.paying import Till, line_of, till, wrong_in_ledger

P = PaymentState


async def test_two_contracts_compete_for_the_last_money(engine: AsyncEngine) -> None:
    """Scenario 9: one is refused with what is left; upward is refused, downward frees."""
    one = await market(engine, 1_500_000)

    async def reserve(fen: int) -> None:
        async with acting(engine, one.clerk) as act:
            subject = Subject(SubjectType.CONTRACT, new_id())
            await budgets.reserve(act, line_id=one.line.id, subject=subject, fen=fen)

    done = await asyncio.gather(*(reserve(1_000_000) for _ in range(2)), return_exceptions=True)
    (refused,) = [each for each in done if each is not None]
    assert isinstance(refused, BudgetExhausted)
    assert refused.details["available"] == 500_000
    assert await one.sums() == (1_000_000, 0, 0)
    await reserve(500_000)
    with pytest.raises(BudgetExhausted) as nothing:
        await reserve(1)
    assert nothing.value.details["available"] == 0
    assert await wrong_in_ledger(engine) == []


async def test_64_clients_pay_and_reverse(engine: AsyncEngine) -> None:
    one = await till(engine, values=(640_000,))
    await one.accept()
    rows: list[Payment] = [await one.payment(P.APPROVED, fen=10_000) for _ in range(16)]

    async def client(place: int) -> str:
        row = rows[place % len(rows)]
        try:
            sent = await one.move(o.execute_payment, row, one.cashier, bank_reference=new_id().hex)
            if place % 2:
                await one.move(o.reverse_payment, sent, one.market.finance, reason="退汇")
                return "reversed"
            return "executed"
        except VersionConflict:
            return "late"

    done = await asyncio.gather(*(client(place) for place in range(64)))
    assert done.count("late") == 48
    assert (await one.sums())[2] == 10_000 * done.count("executed")
    assert await wrong_in_ledger(engine) == []


async def test_a_retry_storm_pays_each_invoice_once(engine: AsyncEngine) -> None:
    """Scenario 3 in small, below the door: five times each, then a part of them reversed."""
    one = await till(engine, values=(500_000,))
    await one.accept()
    invoices = [await one.invoice(fen=1_000) for _ in range(20)]

    async def ask(invoice: Invoice) -> Payment | None:
        try:
            return await one.move(o.request_payment, invoice, one.market.clerk)  # type: ignore[no-any-return]
        except Refusal:
            return None

    asked = await asyncio.gather(*(ask(each) for each in invoices * 5))
    made = [each for each in asked if each is not None]
    assert len({row.invoice_id for row in made}) == len(made) == 20
    for row in made:
        approved = await one.move(o.approve_payment, row, one.market.finance)
        sent = await one.move(o.execute_payment, approved, one.cashier, bank_reference=new_id().hex)
        if row.instalment % 4 == 0:
            await one.move(o.reverse_payment, sent, one.market.finance, reason="退汇")
    assert (await one.sums())[2] == 15_000
    assert await wrong_in_ledger(engine) == []


def entry(till: Till, account: A, fen: int, holder: Any = None) -> Posting:
    """Into an account of the line, held by the contract unless told."""
    contract = Subject(SubjectType.CONTRACT, till.contract.id)
    return Posting(till.market.line.id, account, holder or contract, fen)


def line(till: Till) -> Subject:
    return Subject(SubjectType.BUDGET_LINE, till.market.line.id)


def other() -> Subject:
    return Subject(SubjectType.CONTRACT, new_id())


def payment(row: Payment) -> Subject:
    return Subject(SubjectType.PAYMENT, row.id)


FAULTS: dict[str, Any] = {
    "one side is forgotten": lambda t, p: (K.RESERVE, [entry(t, A.RESERVED, 5)]),
    "the sides differ": lambda t, p: (
        K.RESERVE,
        [entry(t, A.AVAILABLE, -5, line(t)), entry(t, A.RESERVED, 6)],
    ),
    "nothing is written": lambda t, p: (K.RESERVE, []),
    "the signs are turned": lambda t, p: (
        K.RESERVE,
        [entry(t, A.AVAILABLE, 5, line(t)), entry(t, A.RESERVED, -5)],
    ),
    "reserved straight into paid": lambda t, p: (
        K.PAY,
        [entry(t, A.RESERVED, -5), entry(t, A.PAID, 5, payment(p))],
    ),
    "committed from nothing reserved": lambda t, p: (
        K.COMMIT,
        [entry(t, A.RESERVED, -5, other()), entry(t, A.COMMITTED, 5)],
    ),
    "committed from what is available": lambda t, p: (
        K.COMMIT,
        [entry(t, A.AVAILABLE, -5, line(t)), entry(t, A.COMMITTED, 5)],
    ),
    "what another holds is given back": lambda t, p: (
        K.DECOMMIT,
        [entry(t, A.COMMITTED, -5, other()), entry(t, A.AVAILABLE, 5, line(t))],
    ),
    "more is given back than is held": lambda t, p: (
        K.DECOMMIT,
        [entry(t, A.COMMITTED, -1_000_001), entry(t, A.AVAILABLE, 1_000_001, line(t))],
    ),
    "released what was committed": lambda t, p: (
        K.RELEASE,
        [entry(t, A.RESERVED, -5), entry(t, A.AVAILABLE, 5, line(t))],
    ),
    "paid out of another contract": lambda t, p: (
        K.PAY,
        [entry(t, A.COMMITTED, -5, other()), entry(t, A.PAID, 5, payment(p))],
    ),
    "paid twice": lambda t, p: (
        K.PAY,
        [entry(t, A.COMMITTED, -1_000), entry(t, A.PAID, 1_000, payment(p))],
    ),
    "reversed though it stands": lambda t, p: (
        K.UNPAY,
        [entry(t, A.PAID, -1_000, payment(p)), entry(t, A.COMMITTED, 1_000)],
    ),
    "reversed in part": lambda t, p: (
        K.UNPAY,
        [entry(t, A.PAID, -999, payment(p)), entry(t, A.COMMITTED, 999)],
    ),
    "reversed by more than was paid": lambda t, p: (
        K.UNPAY,
        [entry(t, A.PAID, -1_001, payment(p)), entry(t, A.COMMITTED, 1_001)],
    ),
    "approved twice": lambda t, p: (
        K.APPROVE,
        [entry(t, A.APPROPRIATION, -5, line(t)), entry(t, A.AVAILABLE, 5, line(t))],
    ),
    "money out of nowhere": lambda t, p: (
        K.ADJUST,
        [entry(t, A.AVAILABLE, 5, line(t))],
    ),
    "lowered below what is bound": lambda t, p: (
        K.ADJUST,
        [entry(t, A.ADJUSTMENT, 10**9, line(t)), entry(t, A.AVAILABLE, -(10**9), line(t))],
    ),
    "more than the line has": lambda t, p: (
        K.RESERVE,
        [entry(t, A.AVAILABLE, -(10**10), line(t)), entry(t, A.RESERVED, 10**10)],
    ),
    "an entry of nothing": lambda t, p: (
        K.RESERVE,
        [
            *(entry(t, A.AVAILABLE, -5, line(t)), entry(t, A.RESERVED, 5)),
            entry(t, A.RESERVED, 0),
        ],
    ),
}
"""What faulty code might write: the kind of journal and its entries, over a till and a payment."""


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_the_ledgers_code_never_commits(engine: AsyncEngine, fault: str) -> None:
    one = await till(engine)
    await one.accept()
    row = await one.payment(P.EXECUTED, fen=1_000)
    before = await line_of(one)
    kind, postings = FAULTS[fault](one, row)
    subject = {
        K.PAY: payment(row),
        K.UNPAY: payment(row),
        K.APPROVE: line(one),
        K.ADJUST: line(one),
    }.get(kind, Subject(SubjectType.CONTRACT, one.contract.id))
    with pytest.raises((IntegrityError, GuardFailed, BudgetExhausted, ValueError)):
        async with acting(engine, one.market.clerk) as act:
            await budgets.post(act, kind, subject, postings)
    after = await line_of(one)
    assert (after.reserved_fen, after.committed_fen, after.paid_fen) == (
        before.reserved_fen,
        before.committed_fen,
        before.paid_fen,
    )
    assert await wrong_in_ledger(engine) == []


def test_there_are_twenty() -> None:
    assert len(FAULTS) == 20
