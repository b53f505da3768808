"""What happened counts once: by hand, for a period, by itself; and leaves where it is undone."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, Role, system
from nexus.casework.visits.model import VisitState
from nexus.core.outbox import Event
from nexus.core.refusals import Forbidden, GuardFailed, NotFound, Refusal, VersionConflict
from nexus.purchasing.contracts.model import ContractState, FactKind
from nexus.purchasing.facts import operations as o
from nexus.purchasing.facts import rules
from nexus.purchasing.facts.model import ClaimWay, FactState, ServiceFact
from tests.making import making, now, today
from tests.purchasing import bought
from tests.purchasing.bought import Bought, do

DAY = timedelta(days=1)


async def facts_of(engine: AsyncEngine, made: Bought) -> list[ServiceFact]:
    return await bought.rows_of(engine, ServiceFact, ServiceFact.contract_id == made.contract.id)


async def claim(engine: AsyncEngine, made: Bought, fact_id: Any, **more: Any) -> Any:
    who = more.pop("who", made.lead)
    given = {"kind": FactKind.VISIT, "fact_id": fact_id} | more
    return await do(engine, who, o.claim_fact, made.items[0].id, **given)


async def test_a_visit_counts_once(engine: AsyncEngine) -> None:
    """Scenario 10: the second contract is refused, and told where it counts."""
    async with making(engine) as m:
        first = await bought.bought(m)
        second = await bought.bought(m, near=first)
        (visit,) = await bought.visits(m, first, 1)
    fact = await claim(engine, first, visit.id)
    assert (fact.state, fact.quantity, fact.claim) == (FactState.COUNTED, 1, ClaimWay.HAND)
    assert (fact.visit_id, fact.entered_by) == (visit.id, first.worker.id)
    with pytest.raises(rules.AlreadyCounted) as refused:
        await claim(engine, second, visit.id)
    assert refused.value.details["contract"] == first.contract.no
    assert await facts_of(engine, second) == []


async def test_many_at_once_count_it_once(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        made = [await bought.bought(m)]
        for _ in range(3):
            made.append(await bought.bought(m, near=made[0]))
        (visit,) = await bought.visits(m, made[0], 1)
    tries = [claim(engine, one, visit.id) for one in made for _ in range(2)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, ServiceFact) for one in found) == 1
    assert {type(one) for one in found} == {ServiceFact, rules.AlreadyCounted}
    counted = [fact for one in made for fact in await facts_of(engine, one)]
    assert len(counted) == 1


async def test_the_database_counts_it_once(engine: AsyncEngine) -> None:
    """INV-27 and the fit to the item stand without any rule in code."""
    async with making(engine) as m:
        made = await bought.bought(m)
        (visit,) = await bought.visits(m, made, 1)
    fact = await claim(engine, made, visit.id)
    again = {
        column.name: getattr(fact, column.name)
        for column in ServiceFact.__table__.columns
        if column.name != "id"
    }
    for broken, constraint in (
        ({}, "uq_service_fact_inv_27"),
        ({"state": FactState.WITHDRAWN}, "withdrawn_whole"),
        ({"happened_on": made.contract.ends_on}, "does not fit its contract item"),
        ({"quantity": Decimal(0)}, "quantity_positive"),
        ({"fact_id": made.home.id}, "fact_of_its_kind"),
    ):
        async with AsyncSession(engine) as session:
            session.add(ServiceFact(**again | broken))
            with pytest.raises(IntegrityError, match=constraint):
                await session.flush()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"state": VisitState.SCHEDULED, "performed_at": None, "performed_by": None,
          "recorded_at": None}, GuardFailed),
        ({"ago": 200}, GuardFailed),
        ({"elsewhere": True}, GuardFailed),
        ({"stranger": True}, NotFound),
    ],
    ids=["not made", "before the term", "outside the area", "of another supplier"],
)  # fmt: skip
async def test_what_does_not_count(
    engine: AsyncEngine, change: dict[str, Any], kind: type[Refusal]
) -> None:
    async with making(engine) as m:
        made = await bought.bought(m)
        given = dict(change)
        if given.pop("elsewhere", None):
            given["household_id"] = (await m.household(area_code="440105001")).id
        if given.pop("stranger", None):
            given["station_id"] = (await m.station(area_code=bought.TOWN)).id
        (visit,) = await bought.visits(m, made, 1, **given)
    with pytest.raises(kind):
        await claim(engine, made, visit.id)
    assert await facts_of(engine, made) == []


async def test_missing_and_foreign_answer_alike(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        made, other = await bought.bought(m), await bought.bought(m)
        (visit,) = await bought.visits(m, made, 1)
    said = []
    for item, fact_id in (
        (made.items[0].id, made.home.id),
        (other.items[0].id, visit.id),
        (made.home.id, visit.id),
    ):
        with pytest.raises(NotFound) as refused:
            await do(engine, made.lead, o.claim_fact, item, kind=FactKind.VISIT, fact_id=fact_id)
        said.append(refused.value.message)
    assert said[1] == said[2]
    assert await facts_of(engine, made) == await facts_of(engine, other) == []


@pytest.mark.parametrize("state", [ContractState.SUSPENDED, ContractState.TERMINATED_EARLY])
async def test_nothing_counts_for_a_contract_that_is_not_active(
    engine: AsyncEngine, state: ContractState
) -> None:
    ended: dict[str, Any] = {"ended_at": now()} if state is ContractState.TERMINATED_EARLY else {}
    async with making(engine) as m:
        made = await bought.bought(m, state=state, **ended)
        (visit,) = await bought.visits(m, made, 1)
    with pytest.raises(GuardFailed):
        await claim(engine, made, visit.id)
    async with AsyncSession(engine) as session, session.begin():
        assert await o.count_news(Act(session, system(now())), FactKind.VISIT, visit.id) is None
    assert await facts_of(engine, made) == []


async def test_it_counts_by_itself_where_one_item_can_take_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        made = await bought.bought(m)
        (visit,) = await bought.visits(m, made, 1)
    async with AsyncSession(engine) as session, session.begin():
        act = Act(session, system(now()))
        assert await o.count_news(act, FactKind.VISIT, visit.id) is not None
        assert await o.count_news(act, FactKind.VISIT, visit.id) is None
    (fact,) = await facts_of(engine, made)
    assert fact.claim is ClaimWay.AUTO


async def test_where_two_items_can_take_it_nothing_is_guessed(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        made = await bought.bought(m, items=[{}, {"unit": "HUR"}])
        (visit,) = await bought.visits(m, made, 1)
    async with AsyncSession(engine) as session, session.begin():
        assert await o.count_news(Act(session, system(now())), FactKind.VISIT, visit.id) is None
    assert await facts_of(engine, made) == []


async def test_a_period_is_counted_at_once_and_once(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        made = await bought.bought(m, items=[{"unit": "HUR"}])
        rows = await bought.visits(m, made, 8)
        await bought.visits(m, made, 1, minutes=None)
    given = {"from_on": today() - 5 * DAY, "until_on": today() + DAY}
    for _ in range(2):
        await do(engine, made.manager, o.claim_period, made.items[0].id, **given)
    facts = await facts_of(engine, made)
    assert {fact.visit_id for fact in facts} == {row.id for row in rows[:5]}
    assert {fact.quantity for fact in facts} == {Decimal("0.666")}
    assert {fact.claimed_by for fact in facts} == {made.manager.id}
    async with AsyncSession(engine) as session:
        told = select(func.count()).where(
            Event.kind == "service_fact.counted", Event.object_id.in_([f.id for f in facts])
        )
        assert await session.scalar(told) == 5


async def test_a_withdrawn_fact_may_be_claimed_anew(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        made = await bought.bought(m)
        (visit,) = await bought.visits(m, made, 1)
    fact = await claim(engine, made, visit.id)
    why = {"expected_version": 1, "reason": "记错了项目"}
    with pytest.raises(Forbidden):
        await do(engine, made.worker, o.withdraw_fact, fact.id, **why)
    with pytest.raises(Forbidden):
        await do(engine, made.colleague, o.withdraw_fact, fact.id, **why)
    with pytest.raises(VersionConflict):
        await do(engine, made.lead, o.withdraw_fact, fact.id, **why | {"expected_version": 7})
    gone = await do(engine, made.lead, o.withdraw_fact, fact.id, **why)
    assert (gone.state, gone.version) == (FactState.WITHDRAWN, 2)
    anew = await claim(engine, made, visit.id)
    assert [one.state for one in await facts_of(engine, made)] == [
        FactState.WITHDRAWN,
        FactState.COUNTED,
    ]
    assert anew.id != fact.id


async def test_who_sees_and_who_claims(engine: AsyncEngine) -> None:
    """The parties and those of the area; a stranger who runs a station there sees nothing."""
    async with making(engine) as m:
        made, other = await bought.bought(m), await bought.bought(m)
        (visit,) = await bought.visits(m, made, 1)
        near = {
            role: await m.account(role, area_code=bought.COUNTY)
            for role in (Role.AUDITOR, Role.SUPERVISOR, Role.GOV_CLERK, Role.EVALUATOR)
        }
    for who in (made.worker, made.colleague, *near.values()):
        with pytest.raises(Forbidden):
            await claim(engine, made, visit.id, who=who)
    for who in (other.lead, other.manager):
        with pytest.raises(NotFound):
            await claim(engine, made, visit.id, who=who)
    assert await facts_of(engine, made) == []


async def test_the_application_changes_no_fact_but_its_end(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        for column, value in (("quantity", "9"), ("contract_item_id", "id"), ("claimed_by", "id")):
            with pytest.raises(Exception, match="permission denied"):
                await session.execute(text(f"UPDATE service_fact SET {column} = {value}"))
            await session.rollback()
