"""Contracts: what they may say, what money they hold, how they are amended and how they end."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.refusals import (
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    VersionConflict,
    WrongState,
)
from nexus.purchasing.budgets.rules import BudgetExhausted
from nexus.purchasing.contracts import operations
from nexus.purchasing.contracts.amending.operations import amend_contract
from nexus.purchasing.contracts.ending import operations as ending
from nexus.purchasing.contracts.milestones import operations as milestones
from nexus.purchasing.contracts.model import (
    Contract,
    ContractAmendment,
    ContractItem,
    ContractState,
    Milestone,
    MilestoneKind,
    MilestoneState,
    TermReason,
)
from nexus.purchasing.contracts.queries import items_of, milestones_of
from nexus.purchasing.contracts.rules import ItemChange, MilestoneInput
from nexus.purchasing.procurements.model import Procurement, ProcurementState
from tests.deeds import acting, actor_of, events_of
from tests.making import making, now, today
from tests.purchasing.contracting import PRICE, Market, do, market


async def test_money_follows_the_contract(engine: AsyncEngine) -> None:
    fresh = await market(engine)
    await fresh.planned(100)
    assert await fresh.sums() == (0, 0, 0)
    award = await fresh.awarded(100)
    assert await fresh.sums() == (100 * PRICE, 0, 0)
    row = await fresh.drawn_up(60, award)
    assert await fresh.sums() == (100 * PRICE, 0, 0)
    row = await do(
        engine,
        fresh.colleague,
        operations.sign_contract,
        row.id,
        expected_version=row.version,
        signed_on=today(),
    )
    assert await fresh.sums() == (0, 60 * PRICE, 0)
    procurement = await fresh.read(Procurement, row.procurement_id)
    assert procurement.state is ProcurementState.CONTRACTED
    assert await events_of(engine, row) == ["contract.drawn_up", "contract.signed"]
    await fresh.move(ending.terminate_contract, row)
    assert await fresh.sums() == (0, 0, 0)


async def test_the_last_money_goes_to_one_of_two_contracts(engine: AsyncEngine) -> None:
    """Scenario 9."""
    fresh = await market(engine, fen=100 * PRICE)
    first = await fresh.signed(80)
    with pytest.raises(BudgetExhausted) as refused:
        await fresh.tendered(30)
    assert refused.value.details["available"] == 20 * PRICE
    second = await fresh.signed(20)
    with pytest.raises(BudgetExhausted) as refused:
        await amend(fresh, second, 21)
    assert refused.value.details["available"] == 0
    assert await fresh.sums() == (0, 100 * PRICE, 0)
    kept = await fresh.read(Contract, second.id)
    assert (kept.value_fen, kept.edition, kept.version) == (20 * PRICE, 1, second.version)
    await amend(fresh, first, 75)
    assert await fresh.sums() == (0, 95 * PRICE, 0)
    row = await amend(fresh, second, 22)
    assert (row.value_fen, row.edition) == (22 * PRICE, 2)
    assert await fresh.sums() == (0, 97 * PRICE, 0)


async def amend(where: Market, row: Contract, quantity: int, **more: Any) -> Contract:
    change = ItemChange(position=1, quantity=Decimal(quantity), unit_price_fen=PRICE)
    made: Contract = await do(
        where.engine,
        where.clerk,
        amend_contract,
        row.id,
        expected_version=row.version,
        rationale="数量调整",
        changes={},
        item_changes=[change],
        **more,
    )
    return made


async def test_an_amendment_keeps_the_whole_earlier_text(made: Market) -> None:
    row = await made.signed(50)
    row = await amend(made, row, 55)
    async with acting(made.engine, made.clerk) as act:
        (kept,) = await act.session.scalars(
            select(ContractAmendment).where(ContractAmendment.contract_id == row.id)
        )
        (item,) = await items_of(act.session, row.id)
    assert (kept.edition, row.edition) == (2, 2)
    assert (kept.value_before_fen, kept.value_after_fen) == (50 * PRICE, 55 * PRICE)
    assert kept.before["contract"]["value_fen"] == 50 * PRICE
    assert kept.before["items"][0]["quantity"] == "50.000"
    assert [one["title"] for one in kept.before["milestones"]] == ["第一期", "中期报告"]
    assert (item.quantity, item.value_fen) == (Decimal(55), 55 * PRICE)
    for statement in (
        "UPDATE contract_amendment SET rationale = ''",
        "DELETE FROM contract_amendment",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with acting(made.engine, made.clerk) as act:
                await act.session.execute(text(statement))


async def test_amendments_add_a_tenth_at_most(made: Market) -> None:
    row = await made.signed(50)
    row = await amend(made, row, 53)
    with pytest.raises(GuardFailed, match="procurement of its own") as refused:
        await amend(made, row, 56)
    assert refused.value.details["most_fen"] == 55 * PRICE
    assert (await made.read(Contract, row.id)).version == row.version


async def test_milestones_are_worth_the_contract_at_most(made: Market) -> None:
    row = await made.signed(10)
    more = MilestoneInput(
        kind=MilestoneKind.DELIVERY, title="第二期", due_on=today(), value_fen=6 * PRICE
    )
    with pytest.raises(GuardFailed) as refused:
        await amend(made, row, 10, milestones=[more])
    assert refused.value.details["rule"] == "INV-24"
    with pytest.raises(GuardFailed):
        await amend(made, row, 4)
    async with acting(made.engine, made.clerk) as act:
        assert len(await milestones_of(act.session, row.id)) == 2


async def test_a_term_needs_its_reasons(made: Market) -> None:
    award = await made.awarded(10)

    async def draw(days: int, reasons: Any = ()) -> Contract:
        ends = today() + timedelta(days=days)
        made_: Contract = await do(
            made.engine,
            made.clerk,
            operations.draw_up_contract,
            award.id,
            expected_version=award.version,
            text=made.text(ends_on=ends, term_reasons=reasons),
            items=made.items(10),
        )
        return made_

    with pytest.raises(GuardFailed) as refused:
        await draw(367, list(TermReason)[:3])
    assert refused.value.details["rule"] == "INV-26"
    assert refused.value.details["missing"] == ["STABLE_PRICE"]
    with pytest.raises(GuardFailed, match="36 months"):
        await draw(1098, list(TermReason))
    row = await draw(1000, list(TermReason))
    assert row.term_rule.startswith("contract_term_months@CN/2020")
    with pytest.raises(IntegrityError, match="inv_26_term"):
        async with acting(made.engine, made.clerk) as act:
            await act.session.execute(
                text("UPDATE contract SET term_reasons = '{}' WHERE id = :id"), {"id": row.id}
            )


def broken(error: IntegrityError) -> str:
    """The name of the constraint."""
    return str(getattr(error.orig.__cause__, "constraint_name", ""))  # type: ignore[union-attr]


async def test_the_database_holds_the_sums(made: Market) -> None:
    """INV-24, whoever writes."""
    row = await made.signed(10)
    for statement in (
        "UPDATE contract SET value_fen = value_fen + 1 WHERE id = :id",
        "UPDATE contract_item SET quantity = 9, value_fen = 90000 WHERE contract_id = :id",
        "UPDATE milestone SET value_fen = 100001 WHERE contract_id = :id AND position = 1",
        "UPDATE milestone SET accepted_fen = value_fen + 1, state = 'met', met_on = now() "
        "WHERE contract_id = :id AND position = 1",
    ):
        with pytest.raises(IntegrityError) as refused:
            async with acting(made.engine, made.clerk) as act:
                await act.session.execute(text(statement), {"id": row.id})
        assert "inv_24" in broken(refused.value)


async def test_only_what_was_in_the_catalogue_on_the_day(engine: AsyncEngine) -> None:
    """INV-26: the operation says so, and the database where the operation was passed by."""
    fresh = await market(engine)
    award = await fresh.awarded(10)
    row = await fresh.drawn_up(10, award)
    async with making(engine) as m:
        await m.session.execute(
            text(
                "UPDATE catalogue_item SET effective_to = :day, state = 'retired', "
                "state_reason = 'x' WHERE id = :id"
            ),
            {"id": fresh.item.id, "day": today()},
        )
        await m.session.commit()
    with pytest.raises(IntegrityError) as broke:
        await do(
            engine,
            fresh.colleague,
            operations.sign_contract,
            row.id,
            expected_version=row.version,
            signed_on=today(),
        )
    assert broken(broke.value) == "inv_26_catalogue"
    await fresh.move(ending.cancel_contract, row)
    with pytest.raises(GuardFailed) as refused:
        await fresh.drawn_up(10, award)
    assert refused.value.details["rule"] == "INV-26"


async def test_an_award_bears_one_contract(made: Market) -> None:
    award = await made.awarded(10)
    row = await made.drawn_up(10, award)
    with pytest.raises(GuardFailed, match="stands under award"):
        await made.drawn_up(5, award)
    with pytest.raises(GuardFailed, match="stands under it"):
        await made.move(ending.cancel_award, award)
    await made.move(ending.fail_contract, row)
    await made.move(ending.cancel_award, award)


async def test_who_drew_it_up_does_not_sign_it(made: Market) -> None:
    row = await made.drawn_up(10)
    given = {"expected_version": row.version, "signed_on": today()}
    for who, refusal in (
        (made.clerk, Forbidden),
        (made.lead, Forbidden),
        (made.finance, Forbidden),
    ):
        with pytest.raises(refusal):
            await do(made.engine, who, operations.sign_contract, row.id, **given)
    async with making(made.engine) as m:
        stranger = await m.account(Role.BUYER)
    with pytest.raises(NotFound):
        await do(made.engine, stranger, operations.sign_contract, row.id, **given)
    assert (await made.read(Contract, row.id)).version == row.version
    with pytest.raises(Invalid, match="between"):
        await do(
            made.engine,
            made.colleague,
            operations.sign_contract,
            row.id,
            expected_version=row.version,
            signed_on=today() + timedelta(days=1),
        )


async def test_two_sign_at_once(made: Market) -> None:
    row = await made.drawn_up(10)
    async with making(made.engine) as m:
        third = await m.account(Role.BUYER, made.buyer, area_code="440103")
    before = await made.sums()

    async def sign(who: Any) -> Any:
        return await do(
            made.engine,
            who,
            operations.sign_contract,
            row.id,
            expected_version=row.version,
            signed_on=today(),
        )

    found = await asyncio.gather(sign(made.colleague), sign(third), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["Contract", "VersionConflict"]
    after = await made.sums()
    assert after[1] - before[1] == 10 * PRICE
    assert isinstance(next(one for one in found if isinstance(one, Exception)), VersionConflict)


async def test_publishing_is_due_two_working_days_after_signing(made: Market) -> None:
    row = await made.signed(10)
    assert row.publish_due_at is not None
    assert row.publish_rule is not None
    assert row.publish_rule.startswith("contract_publication_working_days@CN/2020")
    assert now() + timedelta(days=1) < row.publish_due_at < now() + timedelta(days=12)
    row = await made.move(operations.publish_contract, row)
    assert row.published_on == today()
    with pytest.raises(GuardFailed, match="was published"):
        await made.move(operations.publish_contract, row)


async def test_a_contract_is_complete_when_its_milestones_are_settled(made: Market) -> None:
    row = await made.signed(10)
    with pytest.raises(GuardFailed, match="2 milestones"):
        await made.move(ending.complete_contract, row)
    async with acting(made.engine, made.clerk) as act:
        first, second = await milestones_of(act.session, row.id)
    with pytest.raises(GuardFailed, match="acceptance"):
        await made.move(milestones.meet_milestone, first)
    met = await made.move(milestones.meet_milestone, second)
    assert (met.state, met.met_on) == (MilestoneState.MET, today())
    await made.move(milestones.miss_milestone, first)
    before = await made.sums()
    row = await made.move(ending.complete_contract, row)
    assert row.state is ContractState.TERMINATED_SUCCESSFULLY
    assert before[1] - (await made.sums())[1] == 10 * PRICE


async def test_what_is_accepted_stays_owed_when_a_contract_ends(made: Market) -> None:
    row = await made.signed(10)
    async with acting(made.engine, made.clerk) as act:
        (first, _) = await milestones_of(act.session, row.id)
        first.accepted_fen, first.state, first.met_on = 3 * PRICE, MilestoneState.MET, today()
    before = await made.sums()
    await made.move(ending.terminate_contract, row)
    assert before[1] - (await made.sums())[1] == 7 * PRICE


async def test_milestones_rest_with_their_contract(made: Market) -> None:
    row = await made.contract(ContractState.SUSPENDED)
    async with acting(made.engine, made.clerk) as act:
        one = (await milestones_of(act.session, row.id))[1]
    with pytest.raises(GuardFailed, match="is suspended"):
        await made.move(milestones.meet_milestone, one)
    with pytest.raises(WrongState):
        await made.move(operations.suspend_contract, row)
    assert (await made.read(Milestone, one.id)).state is MilestoneState.SCHEDULED


async def test_a_dropped_item_stays_with_nothing(made: Market) -> None:
    row = await made.signed(10)
    second = made.items(2)
    row = await do(
        made.engine,
        made.clerk,
        amend_contract,
        row.id,
        expected_version=row.version,
        rationale="换项",
        changes={"title": "新名称"},
        item_changes=[ItemChange(position=1, quantity=Decimal(8), unit_price_fen=PRICE)],
        items=second,
    )
    async with acting(made.engine, made.clerk) as act:
        kept = [(one.position, one.quantity) for one in await items_of(act.session, row.id)]
    assert kept == [(1, Decimal(8)), (2, Decimal(2))]
    assert (row.value_fen, row.title) == (10 * PRICE, "新名称")
    row = await do(
        made.engine,
        made.clerk,
        amend_contract,
        row.id,
        expected_version=row.version,
        rationale="取消第二项",
        changes={},
        item_changes=[ItemChange(position=2, quantity=Decimal(0), unit_price_fen=PRICE)],
    )
    dropped = (await made.read(ContractItem, await _second(made, row))).value_fen
    assert (row.value_fen, dropped) == (8 * PRICE, 0)


async def _second(made: Market, row: Contract) -> Any:
    async with acting(made.engine, made.clerk) as act:
        return (await items_of(act.session, row.id))[1].id


async def test_the_manager_is_of_the_buyer(made: Market) -> None:
    row = await made.signed(10)
    for stranger in (made.lead.id, made.supplier.id):
        with pytest.raises(Invalid, match="own organization"):
            await do(
                made.engine,
                made.clerk,
                operations.reassign_contract,
                row.id,
                expected_version=row.version,
                manager_id=stranger,
            )
    moved = await do(
        made.engine,
        made.clerk,
        operations.reassign_contract,
        row.id,
        expected_version=row.version,
        manager_id=made.finance.id,
    )
    assert moved.manager_id == made.finance.id
    assert actor_of(made.finance).organization_id == made.buyer.id
