"""Plans of visits: tiers make windows, clocks plan and tell, changes bring a visit soon."""

import asyncio
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import GOVERNMENT, SHANGHAI, STATION, Actor, Role
from nexus.casework.model import RiskTier
from nexus.casework.visits import model, operations, rules
from nexus.casework.visits.changes import operations as changes
from nexus.casework.visits.planning import operations as planning
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid, NotFound
from nexus.recipients.model import Household
from tests.casework.visiting import (
    FAR,
    TOWN,
    Deed,
    Place,
    S,
    a_place,
    put_plan,
    put_visit,
    told,
    tried,
)
from tests.deeds import acting, events_of, hear_all, reread
from tests.making import making, now, today

PLANNERS = frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.SYSTEM})
ALLOWED: dict[str, frozenset[Role]] = {
    "change": PLANNERS,
    "end": frozenset({Role.STATION_LEAD, Role.SYSTEM}),
}
SEES = STATION | GOVERNMENT | {Role.DPO, Role.SYSTEM}


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    return await a_place(engine)


async def visits_of(engine: AsyncEngine, plan: model.VisitPlan) -> list[model.Visit]:
    """Those of the plan, oldest first."""
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(model.Visit)
            .where(model.Visit.plan_id == plan.id)
            .order_by(model.Visit.created_at, model.Visit.id)
        )
        return list(found)


async def strike(engine: AsyncEngine, moment: datetime | None = None) -> None:
    """Let the clock plan whatever is due."""
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await planning.plan_due_visits(session, moment or now())


def deeds() -> dict[str, Deed]:
    """One deed for each verb."""

    async def change(act: Any, row: Any) -> Any:
        return await planning.change_plan(
            act, row.id, expected_version=row.version, changes={"tier": RiskTier.LOW}
        )

    async def end(act: Any, row: Any) -> Any:
        return await planning.end_plan(act, row.id, expected_version=row.version, reason="已脱困")

    return {"change": change, "end": end}


@pytest.mark.parametrize("verb", ALLOWED)
async def test_every_state_verb_and_role(engine: AsyncEngine, place: Place, verb: str) -> None:
    assert set(deeds()) == set(ALLOWED) == set(model.PLAN_TRANSITIONS.moves)
    for state in model.VisitPlanState:
        row = await put_plan(engine, place, state=state)
        async with acting(engine, place.worker) as act:
            for role in Role:
                for area in (TOWN, FAR):
                    actor = Actor(role, place.worker.id, new_id(), area, now())
                    expected: str = model.PLAN_TRANSITIONS.moves[verb].get(state, "WRONG_STATE")
                    if role not in ALLOWED[verb]:
                        expected = "FORBIDDEN"
                    if role not in SEES or (area == FAR and role is not Role.SYSTEM):
                        expected = "NOT_FOUND"
                    found = await tried(act.session, actor, row, deeds()[verb])
                    assert found == expected, (verb, state, role, area)
        fresh = await reread(engine, row)
        assert (fresh.state, fresh.version) == (state, 1)


DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))


@given(
    last=DAYS,
    late=st.integers(-200, 400),
    figure=st.sampled_from([(7, "days"), (1, "months"), (3, "months"), (2, "days"), (1, "days")]),
    share=st.decimals(0, 1, places=2),
    first=st.booleans(),
)
def test_a_window_is_never_a_single_day_nor_over(
    last: date, late: int, figure: tuple[int, str], share: Decimal, first: bool
) -> None:
    value, unit = figure
    planned = last + timedelta(days=late)
    window = rules.window_after(
        last, value=value, unit=unit, share=share, today=planned, first=first
    )
    assert window.to - window.opens >= timedelta(days=2)
    assert window.to > planned + timedelta(days=1) or window.to > planned
    due = window.to - timedelta(days=1)
    assert due >= rules.interval_end(last, value, unit)
    if planned < rules.interval_end(last, value, unit):
        assert due == rules.interval_end(last, value, unit)
    assert window.opens >= last or late > 0


@pytest.mark.parametrize(
    ("tier", "opens", "due"),
    [
        (RiskTier.HIGH, date(2026, 3, 6), date(2026, 3, 9)),
        (RiskTier.MEDIUM, date(2026, 3, 18), date(2026, 4, 2)),
        (RiskTier.LOW, date(2026, 4, 17), date(2026, 6, 2)),
    ],
)
async def test_a_tier_makes_a_window(
    engine: AsyncEngine, place: Place, tier: RiskTier, opens: date, due: date
) -> None:
    """Weekly, monthly, quarterly: the latter half of the interval from the last visit."""
    plan = await put_plan(engine, place, tier=tier, starts_on=date(2026, 2, 1))
    last = datetime(2026, 3, 2, 15, tzinfo=SHANGHAI)
    await put_visit(
        engine,
        place,
        S.DONE,
        plan_id=plan.id,
        household_id=plan.household_id,
        performed_at=last,
        recorded_at=last,
    )
    await strike(engine, last + timedelta(hours=1))
    (made,) = [one for one in await visits_of(engine, plan) if one.state is S.SCHEDULED]
    assert (made.window_from, made.due_on) == (opens, due)
    assert made.rule == f"visit_interval_{tier.value}@CN/2020-01-01"
    assert (made.tier, made.worker_id, made.kind) == (tier, place.post.id, model.VisitKind.HOME)


async def test_once_planned_the_clock_does_nothing(engine: AsyncEngine, place: Place) -> None:
    """Also when two workers strike at once; done, it plans the next, and so on."""
    plan = await put_plan(engine, place, starts_on=today())
    await asyncio.gather(*(strike(engine) for _ in range(3)))
    (first,) = await visits_of(engine, plan)
    assert (first.window_from, first.due_on) == (today(), today() + timedelta(days=7))
    assert not (await reread(engine, plan)).awaits_window
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(act, first.id, told(performed_at=now()), expected_version=1)
    await strike(engine)
    _, second = await visits_of(engine, plan)
    assert second.due_on == today() + timedelta(days=7)
    assert second.window_from == today() + timedelta(days=4)
    assert await events_of(engine, second) == ["visit.scheduled"]


async def test_excused_counts_from_the_end_of_its_window(engine: AsyncEngine, place: Place) -> None:
    plan = await put_plan(engine, place)
    due = today() - timedelta(days=1)
    row = await put_visit(
        engine,
        place,
        S.MISSED,
        plan_id=plan.id,
        household_id=plan.household_id,
        window_from=due - timedelta(days=3),
        window_to=due + timedelta(days=1),
    )
    async with acting(engine, place.lead) as act:
        await operations.excuse_visit(act, row.id, expected_version=1, reason="住院治疗")
    await strike(engine)
    made = [one for one in await visits_of(engine, plan) if one.state is S.SCHEDULED]
    assert [one.due_on for one in made] == [due + timedelta(days=7)]


async def test_a_tier_that_changes_moves_the_scheduled_visit(
    engine: AsyncEngine, place: Place
) -> None:
    plan = await put_plan(engine, place, tier=RiskTier.LOW, starts_on=today())
    await strike(engine)
    (row,) = await visits_of(engine, plan)
    assert row.due_on > today() + timedelta(days=80)
    async with acting(engine, place.worker) as act:
        await planning.change_plan(
            act,
            plan.id,
            expected_version=1,
            changes={"tier": RiskTier.HIGH, "worker_id": place.other_post.id},
        )
    fresh = await reread(engine, row)
    assert (fresh.due_on, fresh.tier) == (today() + timedelta(days=7), RiskTier.HIGH)
    assert (fresh.worker_id, fresh.version) == (place.other_post.id, 2)
    assert "visit.replanned" in await events_of(engine, row)
    assert len(await visits_of(engine, plan)) == 1


async def test_one_plan_a_household(engine: AsyncEngine, place: Place) -> None:
    """Also where two plan at once."""
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)

    async def plan() -> str:
        try:
            async with acting(engine, place.worker) as act:
                await planning.plan_visits(
                    act, household_id=home.id, station_id=place.station.id, tier=RiskTier.HIGH
                )
        except rules.AlreadyPlanned as refused:
            return refused.code
        return "planned"

    assert sorted(await asyncio.gather(plan(), plan())) == ["VISITS_PLANNED", "planned"]


async def test_what_a_plan_needs(engine: AsyncEngine, place: Place) -> None:
    other = await a_place(engine)
    async with making(engine) as m:
        home, far = await m.household(area_code=TOWN), await m.household(area_code=FAR)
    base: dict[str, Any] = {
        "household_id": home.id,
        "station_id": place.station.id,
        "tier": RiskTier.HIGH,
    }
    for more, refusal in (
        ({"starts_on": today() - timedelta(days=1)}, Invalid),
        ({"worker_id": other.post.id}, (Invalid, NotFound)),
        ({"station_id": other.station.id}, NotFound),
        ({"household_id": far.id}, NotFound),
        ({"case_id": new_id()}, NotFound),
    ):
        with pytest.raises(refusal):
            async with acting(engine, place.worker) as act:
                await planning.plan_visits(act, **base | more)
    for account in (place.aide, place.clerk, place.approver):
        with pytest.raises(Forbidden):
            async with acting(engine, account) as act:
                await planning.plan_visits(act, **base)


async def test_a_plan_that_ends_cancels_what_is_scheduled(
    engine: AsyncEngine, place: Place
) -> None:
    plan = await put_plan(engine, place, starts_on=today())
    await strike(engine)
    async with acting(engine, place.lead) as act:
        await planning.end_plan(act, plan.id, expected_version=1, reason="已脱困")
    (row,) = await visits_of(engine, plan)
    assert row.state is S.CANCELLED
    await strike(engine)
    assert len(await visits_of(engine, plan)) == 1


async def test_overdue_is_told_once(engine: AsyncEngine, place: Place) -> None:
    day = today()
    late = await put_visit(
        engine, place, window_from=day - timedelta(days=5), window_to=day - timedelta(days=1)
    )
    last_day = await put_visit(
        engine, place, window_from=day - timedelta(days=5), window_to=day + timedelta(days=1)
    )
    for _ in range(2):
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            await planning.tell_overdue_visits(session, now())
    assert (await events_of(engine, late)).count("visit.overdue") == 1
    assert await events_of(engine, last_day) == []
    assert (await reread(engine, late)).version == 1, "an offline device still knows its version"


async def test_a_major_change_brings_a_visit_within_a_day(
    engine: AsyncEngine, place: Place
) -> None:
    """Beside what the plan asks for, and once."""
    plan = await put_plan(engine, place, starts_on=today())
    await strike(engine)
    (row,) = await visits_of(engine, plan)
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(
            act,
            row.id,
            told(performed_at=now(), change=rules.Change(["DEATH"], note="户主去世")),
            expected_version=1,
        )
    for _ in range(2):
        await strike(engine)
    made = [one for one in await visits_of(engine, plan) if one.follow_up]
    assert len(made) == 1
    assert made[0].window_from == today()
    assert made[0].due_on <= today() + timedelta(days=1)
    assert made[0].rule == "visit_after_change_hours@CN/2020-01-01"
    others = [one for one in await visits_of(engine, plan) if not one.follow_up]
    assert [one.state for one in others] == [S.DONE, S.SCHEDULED]


async def test_a_small_change_brings_none(engine: AsyncEngine, place: Place) -> None:
    async with acting(engine, place.worker) as act:
        row = await changes.report_change(
            act,
            rules.Change(["INCOME_UP"]),
            household_id=place.home.id,
            station_id=place.station.id,
        )
    await strike(engine)
    assert (await reread(engine, row)).follow_up_id is None


async def test_a_merged_household_is_visited_where_it_stays(
    engine: AsyncEngine, place: Place
) -> None:
    """Its plan waits; unmerged, it goes on."""
    stays = await put_plan(engine, place, starts_on=today())
    goes = await put_plan(engine, place, starts_on=today())
    async with AsyncSession(engine) as session, session.begin():
        home = await session.get_one(Household, goes.household_id)
        home.merged_into_id, home.merged_at = stays.household_id, now()
    await strike(engine)
    assert len(await visits_of(engine, stays)) == 1
    assert await visits_of(engine, goes) == []
    async with AsyncSession(engine) as session, session.begin():
        home = await session.get_one(Household, goes.household_id)
        home.merged_into_id = home.merged_at = None
    await strike(engine)
    assert len(await visits_of(engine, goes)) == 1


async def test_a_household_that_moves_keeps_its_plan(engine: AsyncEngine, place: Place) -> None:
    """The new territory sees it; the old one no more."""
    plan = await put_plan(engine, place, starts_on=today())
    async with AsyncSession(engine) as session, session.begin():
        home = await session.get_one(Household, plan.household_id)
        home.area_code = FAR
    with pytest.raises(NotFound):
        async with acting(engine, place.worker) as act:
            await planning.change_plan(
                act, plan.id, expected_version=1, changes={"tier": RiskTier.LOW}
            )
    async with making(engine) as m:
        there = await m.account(Role.GOV_COORDINATOR, area_code=FAR)
    with pytest.raises(Forbidden):
        async with acting(engine, there) as act:
            await planning.end_plan(act, plan.id, expected_version=1, reason="迁入")


async def test_change_reports_are_handled_by_the_authority(
    engine: AsyncEngine, place: Place
) -> None:
    """Every state and role; who reported it never does (INV-18)."""
    async with acting(engine, place.worker) as act:
        row = await changes.report_change(
            act,
            rules.Change(["ILLNESS", "ILLNESS"], note="确诊重病"),
            household_id=place.home.id,
            station_id=place.station.id,
        )
    assert (row.changes, row.major) == (["ILLNESS"], True)

    async def handle(act: Any, given: Any) -> Any:
        return await changes.handle_change(
            act, given.id, expected_version=given.version, reason="已转临时救助"
        )

    async with acting(engine, place.worker) as act:
        for role in Role:
            for area in (TOWN, FAR):
                actor = Actor(role, place.clerk.id, new_id(), area, now())
                expected = "handled" if role in GOVERNMENT else "FORBIDDEN"
                if role not in SEES - STATION or (area == FAR and role is not Role.SYSTEM):
                    expected = "NOT_FOUND"
                assert await tried(act.session, actor, row, handle) == expected, (role, area)
    async with acting(engine, place.clerk) as act:
        await handle(act, row)
    assert (await reread(engine, row)).handled_by == place.clerk.id
    async with acting(engine, place.approver) as act:
        fresh = await reread(engine, row)
        actor = Actor(Role.GOV_APPROVER, place.approver.id, new_id(), TOWN, now())
        assert await tried(act.session, actor, fresh, handle) == "WRONG_STATE"
    assert await events_of(engine, row) == ["change.reported", "change.handled"]


async def test_news_is_heard(engine: AsyncEngine, place: Place) -> None:
    """Nothing of what visits tell breaks a listener."""
    await hear_all(engine)
