"""A household that moves takes its plan, its open visits and its helpers along."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

import nexus.casework.pairing.reactions
import nexus.casework.visits.moving.reactions  # noqa: F401 - registers the listeners
from nexus.casework.pairing.model import HelperKind, Pairing
from nexus.casework.visits import model, policy
from nexus.core.ids import new_id
from nexus.core.refusals import NotFound
from nexus.recipients.model import Household
from tests.casework.visiting import TOWN, S, a_place, put_plan, put_visit
from tests.deeds import acting, events_of, hear_all, reread
from tests.making import COUNTER, making, now, today

AWAY = "440605003"
"""A town where no other test has a station."""


async def sees(engine: AsyncEngine, account: object, visit: model.Visit) -> bool:
    try:
        async with acting(engine, account) as act:  # type: ignore[arg-type]
            await act.find(model.Visit, visit.id, visible=policy.visible)
    except NotFound:
        return False
    return True


async def test_the_station_of_the_new_place_visits(engine: AsyncEngine) -> None:
    """It sees what was before, too; who was to go stays behind; told twice, it moves once."""
    old, new = await a_place(engine), await a_place(engine, AWAY)
    async with making(engine) as m:
        helper = await m.organization()
    plan = await put_plan(engine, old, awaits_window=False)
    home_id = plan.household_id
    made = await put_visit(engine, old, S.DONE, household_id=home_id)
    joint = await put_visit(
        engine,
        old,
        household_id=home_id,
        plan_id=plan.id,
        kind=model.VisitKind.JOINT,
        with_worker_id=old.other_post.id,
    )
    pairing = Pairing(
        no=f"PA-{next(COUNTER)}-{new_id().hex[-6:]}",
        household_id=home_id,
        station_id=old.station.id,
        helper_kind=HelperKind.PARTY_ORGANIZATION,
        organization_id=helper.id,
        valid_from=today() - timedelta(days=1),
        created_at=now(),
        created_by=old.lead.id,
    )
    async with making(engine) as m:
        await m.put(pairing)
    for _ in range(2):
        async with acting(engine, old.lead) as act:
            home = await act.session.get_one(Household, home_id)
            home.area_code = AWAY
            act.record("household.updated", home, area_before=TOWN)
        await hear_all(engine)
    after = [await reread(engine, row) for row in (plan, joint, pairing)]
    assert {row.station_id for row in after} == {new.station.id}
    assert {row.version for row in after} == {2}
    moved = after[1]
    assert (moved.worker_id, moved.with_worker_id, moved.kind) == (None, None, "home")
    assert (await reread(engine, made)).station_id == old.station.id
    assert (await events_of(engine, joint)).count("visit.replanned") == 1
    for visit in (made, joint):
        assert await sees(engine, new.lead, visit)
        assert not await sees(engine, old.lead, visit)


async def test_where_no_station_is_near_nothing_changes(engine: AsyncEngine) -> None:
    old = await a_place(engine)
    plan = await put_plan(engine, old, awaits_window=False)
    async with making(engine) as m:
        await m.area("440703004")
    async with acting(engine, old.lead) as act:
        home = await act.session.get_one(Household, plan.household_id)
        home.area_code = "440703004"
        act.record("household.updated", home, area_before=TOWN)
    await hear_all(engine)
    fresh = await reread(engine, plan)
    assert (fresh.station_id, fresh.version) == (old.station.id, 1)
