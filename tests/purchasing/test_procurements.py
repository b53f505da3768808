"""Procurements: items and lists, sealed bids, awards by two people, gaps, and suppliers barred."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role, system
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, WrongState
from nexus.purchasing.procurements import operations, rules
from nexus.purchasing.procurements.awarding import operations as awarding
from nexus.purchasing.procurements.model import (
    AwardState,
    Bid,
    BidState,
    Procurement,
    ProcurementMethod,
    ProcurementState,
)
from nexus.purchasing.procurements.suppliers import operations as suppliers
from nexus.purchasing.procurements.suppliers.model import (
    AdmissionState,
    StandingEffect,
    SupplierListKind,
)
from nexus.purchasing.procurements.suppliers.queries import is_barred
from nexus.purchasing.procurements.suppliers.rules import SupplierBarred
from tests.deeds import acting, actor_of, reread
from tests.making import making, now, today
from tests.purchasing.contracting import COUNTY, PRICE, Market, do, market


def tomorrow() -> Any:
    return now() + timedelta(days=1)


async def bid(made: Market, row: Procurement, fen: int, at: Any = None) -> Bid:
    who = actor_of(made.lead, at)
    found: Bid = await do(
        made.engine, who, awarding.submit_bid, row.id, value_fen=fen, statement="每月探访"
    )
    return found


async def test_bids_are_sealed_until_the_tender_ends(made: Market) -> None:
    row = await made.tendered(10, days=2, method=ProcurementMethod.OPEN)
    one = await bid(made, row, 9 * PRICE)
    judge = {"expected_version": one.version}
    with pytest.raises(NotFound):
        await do(made.engine, made.clerk, awarding.accept_bid, one.id, **judge)
    with pytest.raises(GuardFailed, match="bid already"):
        await bid(made, row, 8 * PRICE)
    early = {"supplier_id": made.supplier.id, "value_fen": PRICE, "rationale": "x"}
    with pytest.raises(GuardFailed, match="award it then"):
        await do(
            made.engine,
            made.clerk,
            awarding.make_award,
            row.id,
            expected_version=row.version,
            **early,
        )
    later = actor_of(made.clerk, tomorrow())
    one = await do(made.engine, later, awarding.accept_bid, one.id, **judge)
    assert one.state is BidState.VALID
    with pytest.raises(WrongState):
        await do(
            made.engine,
            actor_of(made.lead, tomorrow()),
            awarding.withdraw_bid,
            one.id,
            expected_version=one.version,
        )
    with pytest.raises(GuardFailed, match="Bids are taken"):
        await bid(made, row, PRICE, tomorrow())


async def test_an_award_rests_on_a_valid_bid_and_keeps_within_it(made: Market) -> None:
    row = await made.tendered(10, days=2, method=ProcurementMethod.OPEN)
    one = await bid(made, row, 9 * PRICE)
    later = actor_of(made.clerk, tomorrow())

    async def award(**more: Any) -> Any:
        given = {
            "supplier_id": made.supplier.id,
            "bid_id": one.id,
            "value_fen": 9 * PRICE,
            "rationale": "报价最低",
            "expected_version": row.version,
        }
        return await do(made.engine, later, awarding.make_award, row.id, **given | more)

    with pytest.raises(GuardFailed, match="accept it first"):
        await award()
    await do(made.engine, later, awarding.accept_bid, one.id, expected_version=one.version)
    with pytest.raises(Invalid, match="name it"):
        await award(bid_id=None)
    with pytest.raises(GuardFailed) as refused:
        await award(value_fen=10 * PRICE)
    assert refused.value.details["bid_fen"] == 9 * PRICE
    made_ = await award()
    assert made_.state is AwardState.PENDING
    with pytest.raises(Forbidden):
        await do(
            made.engine,
            later,
            awarding.confirm_award,
            made_.id,
            expected_version=made_.version,
        )
    with pytest.raises(GuardFailed, match="stands: cancel it first"):
        await made.move(operations.cancel_procurement, await reread(made.engine, row))


async def test_no_more_is_awarded_than_was_put_out(made: Market) -> None:
    row = await made.tendered(10)
    with pytest.raises(GuardFailed) as refused:
        await do(
            made.engine,
            made.clerk,
            awarding.make_award,
            row.id,
            expected_version=row.version,
            supplier_id=made.supplier.id,
            value_fen=10 * PRICE + 1,
            rationale="x",
        )
    assert refused.value.details["left_fen"] == 10 * PRICE


async def test_what_ends_without_a_contract_gives_its_money_back(engine: AsyncEngine) -> None:
    fresh = await market(engine)
    row = await fresh.tendered(10)
    assert await fresh.sums() == (10 * PRICE, 0, 0)
    row = await fresh.move(operations.fail_procurement, row)
    assert await fresh.sums() == (0, 0, 0)
    assert (row.state, row.ended_at is not None) == (ProcurementState.UNSUCCESSFUL, True)


async def test_items_come_from_lines_that_may_buy_them(engine: AsyncEngine) -> None:
    """T21d: neither another buyer's line nor one that does not list the item."""
    fresh, other = await market(engine), await market(engine)
    with pytest.raises(NotFound):
        await fresh.planned(1, line_id=other.line.id)
    near = await market(engine, near=fresh)
    with pytest.raises(GuardFailed) as refused:
        await fresh.planned(1, line_id=near.line.id)
    assert refused.value.details["rule"] == "T21d"


async def test_a_plan_is_revised_until_its_tender_is_out(made: Market) -> None:
    row = await made.planned(10)
    item = rules.ItemInput(
        catalogue_item_id=made.item.id,
        budget_line_id=made.line.id,
        quantity=Decimal("2.5"),
        unit_price_fen=3,
    )
    given: dict[str, Any] = {"items": [item], "changes": {"title": "新名称"}}
    row = await do(
        made.engine,
        made.clerk,
        operations.revise_procurement,
        row.id,
        expected_version=row.version,
        **given,
    )
    assert (row.title, row.value_fen) == ("新名称", 8)
    out = await made.tendered(10)
    with pytest.raises(WrongState):
        await do(
            made.engine,
            made.clerk,
            operations.revise_procurement,
            out.id,
            expected_version=out.version,
            **given,
        )


async def opened(made: Market) -> Any:
    """A framework list that is open."""
    row = await do(
        made.engine,
        made.clerk,
        suppliers.create_supplier_list,
        title="社会救助服务框架名录",
        kind=SupplierListKind.FRAMEWORK,
        terms="有社工三名以上",
        valid_from=today() - timedelta(days=5),
        valid_to=today() + timedelta(days=300),
        catalogue_item_ids=[made.item.id],
    )
    return await made.move(suppliers.open_supplier_list, row)


async def test_only_admitted_suppliers_bid_where_a_list_is_drawn_on(made: Market) -> None:
    """T21c."""
    listed = await opened(made)
    row = await made.tendered(10, days=2, method=ProcurementMethod.SELECTIVE, list_id=listed.id)
    with pytest.raises(GuardFailed) as refused:
        await bid(made, row, PRICE)
    assert refused.value.details["rule"] == "T21c"
    asked = await do(
        made.engine, made.lead, suppliers.apply_to_list, listed.id, statement="有社工五名"
    )
    with pytest.raises(GuardFailed, match="has an application"):
        await do(made.engine, made.lead, suppliers.apply_to_list, listed.id, statement="再次")
    asked = await made.move(suppliers.admit_supplier, asked)
    await bid(made, row, PRICE)
    asked = await made.move(suppliers.suspend_supplier, asked)
    other = await made.tendered(10, days=2, method=ProcurementMethod.SELECTIVE, list_id=listed.id)
    with pytest.raises(GuardFailed):
        await bid(made, other, PRICE)
    asked = await made.move(suppliers.remove_supplier, asked)
    assert asked.state is AdmissionState.REMOVED
    with pytest.raises(Invalid, match="does not ask everybody"):
        await made.planned(1, method=ProcurementMethod.OPEN, list_id=listed.id)


async def test_a_closed_list_takes_no_application(made: Market) -> None:
    listed = await made.move(suppliers.close_supplier_list, await opened(made))
    with pytest.raises(GuardFailed, match="one that is open"):
        await do(made.engine, made.lead, suppliers.apply_to_list, listed.id, statement="有社工")


async def test_a_barred_supplier_is_awarded_nothing_that_year(engine: AsyncEngine) -> None:
    """8.12: the latest row of a source holds, and any source bars."""
    fresh = await market(engine)
    row = await fresh.tendered(10)
    year = today().year

    async def record(effect: StandingEffect, source: Any) -> None:
        await do(
            engine,
            system(now()),
            suppliers.record_standing,
            supplier_id=fresh.supplier.id,
            buyer_id=fresh.buyer.id,
            year=year,
            effect=effect,
            grade="unqualified",
            source=source,
        )

    async def award() -> Any:
        return await do(
            engine,
            fresh.clerk,
            awarding.make_award,
            row.id,
            expected_version=row.version,
            supplier_id=fresh.supplier.id,
            value_fen=PRICE,
            rationale="x",
        )

    await record(StandingEffect.BARRED, row)
    await record(StandingEffect.PRIORITY, fresh.item)
    with pytest.raises(SupplierBarred):
        await award()
    async with acting(engine, fresh.clerk) as act:
        key = {"supplier_id": fresh.supplier.id, "buyer_id": fresh.buyer.id}
        assert await is_barred(act.session, **key, year=year)
        assert not await is_barred(act.session, **key, year=year + 1)
    await record(StandingEffect.RECTIFICATION, row)
    assert (await award()).state is AwardState.PENDING


async def test_a_coordinator_links_gaps_of_the_territory(made: Market) -> None:
    row = await made.planned(10)
    async with making(made.engine) as m:
        outside = await m.account(Role.GOV_COORDINATOR, area_code="440105")
    given = {"expected_version": row.version, "gap_id": row.id, "gap_version": 1}
    for who, refusal in (
        (made.clerk, Forbidden),
        (outside, NotFound),
        (made.coordinator, NotFound),
    ):
        with pytest.raises(refusal):
            await do(made.engine, who, operations.link_procurement_gap, row.id, **given)
    assert (await reread(made.engine, row)).version == row.version
    assert made.coordinator.area_code == COUNTY
