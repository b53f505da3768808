"""Stations: public knowledge, run by the approver; workers posted one period at a time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import STATION, Role, anonymous
from nexus.casework import model, operations, policy
from nexus.casework.model import StationLevel, StationState, WorkerGrade
from nexus.core.refusals import (
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    Refusal,
    VersionConflict,
    WrongState,
)
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import TOWN, making, now, today

STATES = list(StationState)
TABLE = model.TRANSITIONS
DEEDS: dict[str, Any] = {
    "open": operations.open_station,
    "pause": operations.pause_station,
    "resume": operations.resume_station,
    "close": operations.close_station,
}
PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]


def test_every_verb_is_tried() -> None:
    assert set(DEEDS) == set(TABLE.moves)


@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("state", STATES)
async def test_states(engine: AsyncEngine, state: StationState, verb: str) -> None:
    async with making(engine) as m:
        station = await m.station(state=state)
        approver = await m.account(role=Role.GOV_APPROVER)
    expected = TABLE.moves[verb].get(state)
    if expected is None:
        with pytest.raises(WrongState):
            async with acting(engine, approver) as act:
                await DEEDS[verb](act, station.id, expected_version=1, reason="so")
        fresh = await reread(engine, station)
        assert (fresh.state, fresh.version) == (state, 1)
        assert await events_of(engine, station) == []
        return
    async with acting(engine, approver) as act:
        await DEEDS[verb](act, station.id, expected_version=1, reason="so")
    fresh = await reread(engine, station)
    assert (fresh.state, fresh.version, fresh.state_reason) == (expected, 2, "so")
    assert len(await events_of(engine, station)) == 1


@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("role", PEOPLE)
async def test_only_the_approver_of_the_territory(
    engine: AsyncEngine, role: Role, verb: str
) -> None:
    state = TABLE.sources(verb)[0]
    async with making(engine) as m:
        station = await m.station(state=state)
        account = await m.account(
            role=role, area_code="440103", organization_id=station.organization_id
        )
        elsewhere = await m.account(role=role, area_code="440104")
    with pytest.raises(Forbidden):
        async with acting(engine, elsewhere) as act:
            await DEEDS[verb](act, station.id, expected_version=1, reason="so")
    if role is Role.GOV_APPROVER:
        async with acting(engine, account) as act:
            await DEEDS[verb](act, station.id, expected_version=1, reason="so")
        return
    with pytest.raises(Forbidden):
        async with acting(engine, account) as act:
            await DEEDS[verb](act, station.id, expected_version=1, reason="so")
    fresh = await reread(engine, station)
    assert (fresh.state, fresh.version) == (state, 1)


@pytest.mark.parametrize("verb", ["pause", "close"])
async def test_reasons_and_versions(engine: AsyncEngine, verb: str) -> None:
    async with making(engine) as m:
        station = await m.station()
        approver = await m.account(role=Role.GOV_APPROVER)
    for given, refusal in (
        ({"expected_version": 1, "reason": ""}, Invalid),
        ({"expected_version": 3, "reason": "so"}, VersionConflict),
    ):
        with pytest.raises(refusal):
            async with acting(engine, approver) as act:
                await DEEDS[verb](act, station.id, **given)
    assert (await reread(engine, station)).state is StationState.ACTIVE


async def create(engine: AsyncEngine, account: Any, **given: Any) -> model.Station:
    fields: dict[str, Any] = {
        "name": " 流花街社工站 ",
        "level": StationLevel.TOWN_STATION,
        "area_code": TOWN,
        "posts": 4,
    } | given
    async with acting(engine, account) as act:
        return await operations.create_station(act, **fields)


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_plans(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        await m.area(TOWN)
        agency = await m.organization()
        account = await m.account(role=role, area_code="440103")
        elsewhere = await m.account(role=role, area_code="440104")
    before = await count_of(engine, model.Station)
    with pytest.raises(Forbidden):
        await create(engine, elsewhere, organization_id=agency.id)
    if role is Role.GOV_APPROVER:
        station = await create(engine, account, organization_id=agency.id)
        assert (station.state, station.name) == (StationState.PLANNED, "流花街社工站")
        assert station.no.startswith(f"S-{TOWN}-")
        assert await events_of(engine, station) == ["station.created"]
        return
    with pytest.raises(Forbidden):
        await create(engine, account, organization_id=agency.id)
    assert await count_of(engine, model.Station) == before


async def test_plans_that_make_no_sense(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.area(TOWN)
        agency, approver = await m.organization(), await m.account(role=Role.GOV_APPROVER)
    before = await count_of(engine, model.Station)
    for given in (
        {"name": "  "},
        {"posts": -1},
        {"area_code": "999999"},
        {"organization_id": approver.id},
        {"parent_id": approver.id},
    ):
        with pytest.raises(Refusal):
            await create(engine, approver, **({"organization_id": agency.id} | given))
    assert await count_of(engine, model.Station) == before


async def test_stations_are_public(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        station = await m.station(state="planned")
    async with AsyncSession(engine) as session:
        seen = policy.visible(anonymous(now()), model.Station)
        assert await session.scalar(
            select(model.Station.id).where(model.Station.id == station.id, seen)
        )


# --- Posts. ---


async def post(engine: AsyncEngine, account: Any, station: Any, holder: Any, **given: Any) -> Any:
    fields: dict[str, Any] = {"grade": WorkerGrade.SOCIAL_WORKER, "valid_from": today()} | given
    async with acting(engine, account) as act:
        return await operations.post_worker(
            act, station_id=station.id, account_id=holder.id, **fields
        )


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_posts_and_ends(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        station = await m.station()
        own = await m.account(
            role=role, area_code="440103", organization_id=station.organization_id
        )
        other = await m.account(role=role, area_code="440103")
        elsewhere = await m.account(role=role, area_code="440104")
        holders = [
            await m.account(
                role="social_worker", area_code=TOWN, organization_id=station.organization_id
            )
            for _ in range(3)
        ]
        held = await m.worker(None, station)
    allowed = {
        Role.GOV_APPROVER: {own, other},
        Role.STATION_LEAD: {own},
    }.get(role, set())
    for account, holder in zip((own, other, elsewhere), holders, strict=True):
        if account in allowed:
            worker = await post(engine, account, station, holder)
            assert await events_of(engine, worker) == ["worker.posted"]
            async with acting(engine, account) as act:
                await operations.end_posting(
                    act, worker.id, expected_version=1, ends_on=today() + timedelta(days=1)
                )
            fresh = await reread(engine, worker)
            assert (fresh.version, fresh.valid_to) == (2, today() + timedelta(days=1))
            continue
        before = await count_of(engine, model.Worker)
        with pytest.raises((Forbidden, NotFound)):
            await post(engine, account, station, holder)
        assert await count_of(engine, model.Worker) == before
        with pytest.raises((Forbidden, NotFound)):
            async with acting(engine, account) as act:
                await operations.end_posting(act, held.id, expected_version=1, ends_on=today())
        assert (await reread(engine, held)).version == 1


async def test_one_post_at_a_station_at_a_time(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        station, second = await m.station(), await m.station()
        approver = await m.account(role=Role.GOV_APPROVER)
        holder = await m.account(role=Role.AIDE)
    start = today()
    await post(engine, approver, station, holder, valid_to=start + timedelta(days=10))
    before = await count_of(engine, model.Worker)
    for given in (
        {"valid_from": start + timedelta(days=9)},
        {"valid_from": start - timedelta(days=5)},
        {"valid_from": start + timedelta(days=2), "valid_to": start + timedelta(days=3)},
    ):
        with pytest.raises(operations.AlreadyPosted) as refused:
            await post(engine, approver, station, holder, **given)
        assert refused.value.details["conflictingFrom"] == start.isoformat()
    assert await count_of(engine, model.Worker) == before
    await post(engine, approver, second, holder)
    await post(engine, approver, station, holder, valid_from=start + timedelta(days=10))


async def test_side_by_side_one_post(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        station = await m.station()
        approver = await m.account(role=Role.GOV_APPROVER)
        holder = await m.account(role=Role.AIDE)
    answers = await asyncio.gather(
        *(post(engine, approver, station, holder) for _ in range(4)), return_exceptions=True
    )
    refused = [a for a in answers if isinstance(a, operations.AlreadyPosted)]
    assert len(refused) == 3
    with pytest.raises(IntegrityError, match="ex_worker_period"):
        async with making(engine) as m:
            await m.worker(holder, station)


async def test_posts_that_make_no_sense(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        station, closed = await m.station(), await m.station(state="closed")
        approver = await m.account(role=Role.GOV_APPROVER)
        holder, clerk = await m.account(role=Role.AIDE), await m.account(role=Role.GOV_CLERK)
        suspended = await m.account(role=Role.AIDE, state="suspended")
        foreign = await m.account(role=Role.AIDE, area_code="45")
    before = await count_of(engine, model.Worker)
    for where, who, given, refusal in (
        (closed, holder, {}, GuardFailed),
        (station, clerk, {}, Invalid),
        (station, suspended, {}, Invalid),
        (station, foreign, {}, NotFound),
        (station, holder, {"valid_to": today()}, Invalid),
    ):
        with pytest.raises(refusal):
            await post(engine, approver, where, who, **given)
    assert await count_of(engine, model.Worker) == before
    worker = await post(engine, approver, station, holder, valid_to=today() + timedelta(days=9))
    for ends_on, version, kind in (
        (today(), 1, Invalid),
        (today() + timedelta(days=10), 1, Invalid),
        (today() + timedelta(days=5), 2, VersionConflict),
    ):
        with pytest.raises(kind):
            async with acting(engine, approver) as act:
                await operations.end_posting(
                    act, worker.id, expected_version=version, ends_on=ends_on
                )
    assert (await reread(engine, worker)).version == 1


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_sees_workers(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        station = await m.station()
        holder = await m.account(role=Role.AIDE, area_code=TOWN)
        worker = await m.worker(holder, station)
        near = await m.account(role=role, area_code="440103")
        own = await m.account(role=role, area_code=None, organization_id=station.organization_id)
        far = await m.account(role=role, area_code="440104")
    territorial = STATION | {
        Role.GOV_CLERK,
        Role.GOV_APPROVER,
        Role.GOV_COORDINATOR,
        Role.SUPERVISOR,
        Role.AUDITOR,
        Role.PLATFORM_ADMIN,
    }
    expected = {
        near: role in territorial,
        own: True,
        far: role is Role.PLATFORM_ADMIN,
        holder: True,
    }
    async with AsyncSession(engine) as session:
        for account, seen in expected.items():
            visible = policy.worker_visible(actor_of(account), model.Worker)
            found = await session.scalar(
                select(model.Worker.id).where(model.Worker.id == worker.id, visible)
            )
            assert (found is not None) is seen, account.role
