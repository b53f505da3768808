"""Money follows what was accepted: who does what, once, and back to the fen."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, VersionConflict
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.contracts.model import Milestone
from nexus.purchasing.payments import operations as o
from nexus.purchasing.payments.model import (
    INVOICE_TRANSITIONS,
    PAYMENT_TRANSITIONS,
    Invoice,
    InvoiceState,
    Payment,
    PaymentState,
)
from nexus.purchasing.payments.rules import AcceptedExhausted, InvoiceKnown, PaymentKnown, shares
from tests.deeds import actor_of, events_of
from tests.making import making, today
from tests.pairs import ROLES, every_pair, somebody
from tests.purchasing.contracting import do
from tests.purchasing.paying import line_of, till, wrong_in_ledger

V, P = InvoiceState, PaymentState


async def test_a_payment_takes_from_what_its_contract_holds(engine: AsyncEngine) -> None:
    one = await till(engine)
    await one.accept()
    assert await one.sums() == (0, 1_000_000, 0)
    row = await one.payment(P.EXECUTED)
    assert await one.sums() == (0, 1_000_000, 300_000)
    assert (await one.read(Milestone, row.milestone_id)).paid_fen == 300_000
    row = await one.move(o.reconcile_payment, row, one.market.finance)
    assert await events_of(engine, row) == [
        *("payment.requested", "payment.approved", "payment.executed", "payment.reconciled"),
    ]
    assert await wrong_in_ledger(engine) == []


async def test_a_reversal_gives_back_to_the_fen_and_the_invoice_is_paid_anew(
    engine: AsyncEngine,
) -> None:
    one = await till(engine)
    await one.accept()
    row = await one.payment(P.REVERSED)
    assert await one.sums() == (0, 1_000_000, 0)
    assert (await one.read(Milestone, row.milestone_id)).paid_fen == 0
    invoice = await one.read(Invoice, row.invoice_id)
    again = await one.move(o.request_payment, invoice, one.market.clerk)
    assert again.instalment == 2
    assert await wrong_in_ledger(engine) == []


async def test_no_more_is_claimed_than_is_accepted(engine: AsyncEngine) -> None:
    one = await till(engine)
    with pytest.raises(AcceptedExhausted) as nothing:
        await one.submitted(fen=1)
    assert nothing.value.details["available"] == 0
    await one.accept(fen=200_000)
    await one.invoice(fen=150_000)
    with pytest.raises(AcceptedExhausted) as more:
        await one.submitted(fen=50_001)
    assert more.value.details["available"] == 50_000
    assert (await one.submitted(fen=50_000)).state is V.SUBMITTED


async def test_two_invoices_of_one_accepted_amount_are_not_both_matched(
    engine: AsyncEngine,
) -> None:
    one = await till(engine)
    await one.accept()
    first, second = await one.submitted(), await one.submitted()
    done = await asyncio.gather(
        *(one.move(o.match_invoice, row, one.market.clerk) for row in (first, second)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in done) == ["AcceptedExhausted", "Invoice"]


async def test_a_number_counts_once_for_its_supplier(engine: AsyncEngine) -> None:
    one = await till(engine)
    await one.accept()
    first = await one.submitted(fen=100, number="04400001")
    with pytest.raises(InvoiceKnown) as known:
        await one.submitted(fen=100, number=" 04400001 ")
    assert known.value.details["no"] == first.no
    await one.move(o.reject_invoice, first, one.market.clerk, reason="金额不符")
    assert (await one.submitted(fen=100, number="04400001")).state is V.SUBMITTED


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount_fen": 0}, "amountFen"),
        ({"number": "  "}, "number"),
        ({"number": "x" * 61}, "number"),
    ],
)
async def test_an_invoice_makes_sense(
    engine: AsyncEngine, given: dict[str, Any], field: str
) -> None:
    one = await till(engine)
    await one.accept()
    with pytest.raises(Invalid) as refused:
        await one.submitted(**given)
    assert refused.value.field == field
    with pytest.raises(Invalid):
        await one.submitted(issued_on=today() + timedelta(days=1))


async def test_an_invoice_is_paid_once_whoever_asks(engine: AsyncEngine) -> None:
    one = await till(engine)
    await one.accept()
    invoice = await one.invoice()
    asked = await asyncio.gather(
        *(one.move(o.request_payment, invoice, one.market.clerk) for _ in range(4)),
        return_exceptions=True,
    )
    made = [each for each in asked if isinstance(each, Payment)]
    assert len(made) == 1
    assert {type(each) for each in asked if not isinstance(each, Payment)} == {PaymentKnown}
    failed = await one.move(o.fail_payment, made[0], one.cashier, reason="账号有误")
    second = await one.move(o.request_payment, invoice, one.market.clerk)
    with pytest.raises(PaymentKnown):
        await one.move(o.retry_payment, failed, one.market.clerk)
    await one.move(o.fail_payment, second, one.cashier, reason="账号有误")
    again = await one.move(o.retry_payment, failed, one.market.clerk)
    assert (again.attempt, again.state) == (2, P.REQUESTED)


async def test_a_transfer_pays_once(engine: AsyncEngine) -> None:
    one = await till(engine)
    await one.accept()
    first = await one.payment(P.EXECUTED, fen=100_000)
    second = await one.payment(P.APPROVED, fen=100_000)
    with pytest.raises(GuardFailed) as refused:
        await one.move(
            o.execute_payment, second, one.cashier, bank_reference=first.bank_reference or ""
        )
    assert refused.value.details["rule"] == "INV-25"
    assert await one.sums() == (0, 1_000_000, 100_000)


async def test_nothing_is_paid_from_a_frozen_line(engine: AsyncEngine) -> None:
    one = await till(engine)
    await one.accept()
    row = await one.payment(P.APPROVED)
    line = await line_of(one)
    await one.move(budgets.freeze_budget_line, line, one.market.finance, reason="审计")
    with pytest.raises(GuardFailed) as refused:
        await one.move(o.execute_payment, row, one.cashier, bank_reference="R1")
    assert refused.value.details["rule"] == "line_open"
    assert (await one.read(Payment, row.id)).state is P.APPROVED
    assert await one.sums() == (0, 1_000_000, 0)


async def test_the_clock_of_paying_starts_with_the_approval(engine: AsyncEngine) -> None:
    one = await till(engine)
    await one.accept()
    row = await one.invoice()
    assert row.approved_at
    assert row.pay_due_at
    assert row.pay_late_at
    assert timedelta(days=10) < row.pay_due_at - row.approved_at
    assert row.pay_late_at - row.approved_at >= timedelta(days=29)
    assert row.pay_rule
    assert "payment_working_days" in row.pay_rule


async def test_no_one_person_moves_money_alone(engine: AsyncEngine) -> None:
    one = await till(engine)
    await one.accept()
    sent = await one.payment(P.EXECUTED)
    with pytest.raises(Forbidden):
        await one.move(o.reconcile_payment, sent, one.cashier)
    async with making(engine) as m:
        other = await m.account(Role.BUYER_FINANCE)
    with pytest.raises(NotFound):
        await one.move(o.reconcile_payment, sent, other)
    with pytest.raises(VersionConflict):
        await do(engine, one.market.finance, o.reconcile_payment, sent.id, expected_version=1)
    assert (await one.read(Payment, sent.id)).state is P.EXECUTED


PLANTED = {
    "more than the milestone's accepted": "UPDATE milestone SET paid_fen = accepted_fen + 1 "
    "WHERE id = :milestone",
    "paid without a journal": "UPDATE payment SET state = 'executed', executed_at = now(), "
    "executed_by = approved_by, bank_reference = 'X' WHERE id = :approved",
    "reversed without a journal": "UPDATE payment SET state = 'reversed', closed_at = now(), "
    "closed_by = approved_by, state_reason = 'x' WHERE id = :executed",
    "to another": "INSERT INTO payment SELECT (json_populate_record(p, json_build_object("
    "'id', gen_random_uuid(), 'no', 'P-X', 'payee_id', p.payer_id, 'payer_id', p.payee_id, "
    "'instalment', 9, 'state', 'requested'))).* FROM payment AS p WHERE id = :requested",
    "by who asked": "UPDATE payment SET state = 'approved', approved_at = now(), "
    "approved_by = requested_by WHERE id = :requested",
    "twice for one invoice": "INSERT INTO payment SELECT (json_populate_record(p, "
    "json_build_object('id', gen_random_uuid(), 'no', 'P-Y', 'instalment', 9))).* "
    "FROM payment AS p WHERE id = :requested",
    "one instalment twice": "UPDATE payment SET instalment = (SELECT instalment FROM payment "
    "WHERE id = :executed) WHERE id = :requested",
}


@pytest.mark.parametrize("fault", PLANTED)
async def test_the_database_itself_refuses(
    engine: AsyncEngine, owner_engine: AsyncEngine, fault: str
) -> None:
    one = await till(engine)
    await one.accept()
    ids = {
        "milestone": one.milestones[0].id,
        "requested": (await one.payment(P.REQUESTED, fen=1_000)).id,
        "approved": (await one.payment(P.APPROVED, fen=1_000)).id,
        "executed": (await one.payment(P.EXECUTED, fen=1_000)).id,
    }
    named = {name: value for name, value in ids.items() if f":{name}" in PLANTED[fault]}
    with pytest.raises(IntegrityError):
        async with owner_engine.begin() as connection:
            await connection.execute(text(PLANTED[fault]), named)
    assert await wrong_in_ledger(engine) == []


INVOICE_DEEDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "match": (o.match_invoice, {}),
    "approve": (o.approve_invoice, {}),
    "reject": (o.reject_invoice, {"reason": "金额不符"}),
}
PAYMENT_DEEDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "approve": (o.approve_payment, {}),
    "execute": (o.execute_payment, {"bank_reference": "REF"}),
    "reconcile": (o.reconcile_payment, {}),
    "fail": (o.fail_payment, {"reason": "账号有误"}),
    "retry": (o.retry_payment, {}),
    "reverse": (o.reverse_payment, {"reason": "退汇"}),
}
_F, _B = Role.BUYER_FINANCE, Role.BUYER
MAY = {
    "invoice": {"match": {_B}, "approve": {_F}, "reject": {_B, _F}},
    "payment": {verb: {_F} for verb in PAYMENT_DEEDS} | {"retry": {_B}},
}
SEES = {
    "buyer": {_B, _F},
    "supplier": {
        *(Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE, Role.VOL_ORG),
        *(Role.CHARITY_USER, Role.CHARITY_CLIENT),
    },
    "other": set[Role](),
}
OVERSEES = {Role.SUPERVISOR, Role.AUDITOR, Role.PLATFORM_ADMIN, Role.SYSTEM}


def _expected(kind: str, transitions: Any) -> Any:
    def expected(row: Any, verb: str, name: tuple[str, Role]) -> str:
        side, role = name
        if role not in SEES[side] | OVERSEES:
            return "NOT_FOUND"
        if side != "buyer" or role not in MAY[kind][verb]:
            return "FORBIDDEN"
        target = transitions.moves[verb].get(row.state)
        return "WRONG_STATE" if target is None else str(target.value)

    return expected


@pytest.mark.parametrize("kind", ["invoice", "payment"])
async def test_every_state_verb_and_role(engine: AsyncEngine, kind: str) -> None:
    one = await till(engine, values=(900_000,))
    await one.accept()
    if kind == "invoice":
        rows: list[Any] = [await one.invoice(state, fen=1_000) for state in V]
        deeds, transitions = INVOICE_DEEDS, INVOICE_TRANSITIONS
    else:
        rows = [await one.payment(state, fen=1_000) for state in P]
        deeds, transitions = PAYMENT_DEEDS, PAYMENT_TRANSITIONS  # type: ignore[assignment]
    sides = {"buyer": one.market.buyer.id, "supplier": one.market.supplier.id, "other": new_id()}
    actors = {
        (side, role): somebody(role, organization_id)
        for side, organization_id in sides.items()
        for role in ROLES
    }
    async with making(engine) as m:
        for role in (Role.BUYER, Role.BUYER_FINANCE):
            account = await m.account(role, one.market.buyer)
            actors["buyer", role] = actor_of(account)
    wrong = await every_pair(engine, rows, deeds, actors, _expected(kind, transitions))
    assert wrong == []


def test_a_payment_empties_one_line_after_another() -> None:
    a, b, c = sorted(new_id() for _ in range(3))
    held = {a: 5, b: 7, c: 9}
    assert shares(12, held, [c, a]) == [(c, 9), (a, 3)]
    assert shares(21, held, [c, a]) == [(c, 9), (a, 5), (b, 7)]
    with pytest.raises(GuardFailed) as refused:
        shares(22, held, [a])
    assert refused.value.details["held"] == 21


async def test_another_suppliers_people_see_nothing(engine: AsyncEngine) -> None:
    one, other = await till(engine), await till(engine)
    await one.accept()
    row = await one.submitted()
    for deed in (o.match_invoice, o.approve_invoice, o.reject_invoice):
        with pytest.raises(Refusal) as refused:
            await other.move(deed, row, other.market.lead, reason="说明")
        assert isinstance(refused.value, NotFound)
    with pytest.raises(Refusal):
        await do(
            engine,
            other.market.lead,
            o.submit_invoice,
            one.milestones[0].id,
            number="1",
            amount_fen=1,
            issued_on=today(),
        )
