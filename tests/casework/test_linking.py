"""What meets at a case: the report it was opened from, needs that are part of it, many of them."""

import json
from datetime import timedelta
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.casework.cases.model import Case, CaseState
from nexus.casework.cases.rules import CaseOpen
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, WrongState
from nexus.discovery.filing.operations import open_case_from_report
from nexus.discovery.model import DiscoveryReport, ReportState
from nexus.graph.identifiers import encode
from nexus.needs.casefiles.operations import link_need_to_case
from nexus.needs.model import Need, NeedState, SubjectKind
from nexus.recipients.model import Household
from tests.casework.desk import TOWN, Station1, case_in, open_station
from tests.deeds import acting, events_of, reread
from tests.making import making, now, number

S = CaseState


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Station1:
    return await open_station(engine)


# --- Reports ---


async def _report(
    engine: AsyncEngine, desk: Station1, state: ReportState, **fields: Any
) -> DiscoveryReport:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
        given = {"household_id": home.id} | fields
        if state is not ReportState.RECEIVED:
            given = {"owner_id": desk.worker.id} | given
        return await m.report(state, **given)


@pytest.mark.parametrize("state", ReportState)
async def test_only_a_proven_report_opens_a_case(
    engine: AsyncEngine, desk: Station1, state: ReportState
) -> None:
    row = await _report(engine, desk, state)
    proven = state in (ReportState.VERIFIED, ReportState.TRANSFERRED, ReportState.CONVERTED)
    if not proven:
        with pytest.raises(WrongState):
            async with acting(engine, desk.worker) as act:
                await open_case_from_report(act, row.id, expected_version=1)
        assert (await reread(engine, row)).case_id is None
        return
    async with acting(engine, desk.worker) as act:
        case = await open_case_from_report(act, row.id, expected_version=1)
    fresh = await reread(engine, row)
    assert (fresh.state, fresh.case_id) == (ReportState.CONVERTED, case.id)
    assert (case.household_id, case.opening) == (row.household_id, row.findings)
    assert await events_of(engine, case) == ["case.created"]
    with pytest.raises(GuardFailed):
        async with acting(engine, desk.worker) as act:
            await open_case_from_report(act, row.id, expected_version=2)


async def test_a_report_without_a_household_needs_one_named(
    engine: AsyncEngine, desk: Station1
) -> None:
    row = await _report(engine, desk, ReportState.VERIFIED, household_id=None)
    with pytest.raises(Invalid):
        async with acting(engine, desk.worker) as act:
            await open_case_from_report(act, row.id, expected_version=1)
    assert (await reread(engine, row)).state is ReportState.VERIFIED


async def test_what_the_case_refuses_leaves_the_report_as_it_was(
    engine: AsyncEngine, desk: Station1
) -> None:
    async with making(engine) as m:
        open_ = await case_in(m, desk, S.INTERVENTION)
    row = await _report(engine, desk, ReportState.VERIFIED, household_id=open_.household_id)
    with pytest.raises(CaseOpen):
        async with acting(engine, desk.worker) as act:
            await open_case_from_report(act, row.id, expected_version=1)
    for who, refusal in ((desk.aide, Forbidden), (desk.clerk, Forbidden)):
        with pytest.raises(refusal):
            async with acting(engine, who) as act:
                await open_case_from_report(act, row.id, expected_version=1)
    fresh = await reread(engine, row)
    assert (fresh.state, fresh.version, fresh.case_id) == (ReportState.VERIFIED, 1, None)


# --- Needs ---


async def _need(engine: AsyncEngine, household_id: Any, state: NeedState, **fields: Any) -> Need:
    async with making(engine) as m:
        home = await m.session.get_one(Household, household_id)
        person = await m.recipient(home)
        consent = await m.consent(person)
        given: dict[str, Any] = {
            "subject_kind": SubjectKind.RECIPIENT,
            "recipient_id": person.id,
            "household_id": home.id,
            "consent_id": consent.id,
            "area_code": TOWN,
        }
        return await m.need(state, **given | fields)


@pytest.mark.parametrize("state", NeedState)
async def test_a_need_becomes_part_of_a_case(
    engine: AsyncEngine, desk: Station1, state: NeedState
) -> None:
    async with making(engine) as m:
        case = await case_in(m, desk, S.INTERVENTION)
    need = await _need(engine, case.household_id, state)
    if state in (NeedState.REJECTED, NeedState.CANCELLED):
        with pytest.raises(GuardFailed):
            async with acting(engine, desk.worker) as act:
                await link_need_to_case(act, need.id, expected_version=1, case_id=case.id)
        assert (await reread(engine, need)).case_id is None
        return
    async with acting(engine, desk.worker) as act:
        done = await link_need_to_case(act, need.id, expected_version=1, case_id=case.id)
    assert (done.case_id, done.state, done.version) == (case.id, state, 2)
    assert await events_of(engine, need) == ["need.linked_to_case"]


async def test_a_need_is_of_its_own_households_open_case(
    engine: AsyncEngine, desk: Station1
) -> None:
    async with making(engine) as m:
        case = await case_in(m, desk, S.INTERVENTION)
        other = await case_in(m, desk, S.INTERVENTION)
        closed = await case_in(m, desk, S.CLOSED)
    need = await _need(engine, case.household_id, NeedState.DRAFT)
    of_closed = await _need(engine, closed.household_id, NeedState.DRAFT)
    tries = (
        (desk.worker, need, other.id, Invalid),
        (desk.worker, of_closed, closed.id, GuardFailed),
        (desk.worker, need, new_id(), NotFound),
        (desk.stranger, need, case.id, Forbidden),
        (desk.aide, need, case.id, Forbidden),
        (desk.clerk, need, case.id, Forbidden),
    )
    for who, row, case_id, refusal in tries:
        with pytest.raises(refusal):
            async with acting(engine, who) as act:
                await link_need_to_case(act, row.id, expected_version=1, case_id=case_id)
        assert (await reread(engine, row)).case_id is None


# --- Many ---

MINE, OTHERS = 500, 4_000
LIST = """query($worker: ID!, $first: Int!, $after: String) {
  cases(first: $first, after: $after, filter: {worker: $worker, open: true}) {
    nodes { id no state riskTier reviewDueAt reviewOverdue }
    pageInfo { endCursor hasNextPage } } }"""


async def _fill(engine: AsyncEngine, desk: Station1, home: Household) -> None:
    """The worker's 500 cases among thousands of a colleague's at the same station."""
    async with making(engine) as m:
        other = await m.worker(await m.account(Role.SOCIAL_WORKER, area_code=TOWN), desk.station)
        people = [new_id() for _ in range(MINE + OTHERS)]
        await m.session.execute(
            text(
                "INSERT INTO recipient (id, no, household_id, household_role, gender, disability, "
                "labour_ability, version, created_at, created_by) SELECT id, 'R-' || id, "
                "CAST(:home AS uuid), 'head', 'unknown', 'none', 'none', 1, now(), id "
                "FROM unnest(CAST(:ids AS uuid[])) AS id"
            ),
            {"home": home.id, "ids": people},
        )
        rows = [
            {
                "no": number("C"),
                "household_id": home.id,
                "recipient_id": person,
                "area_code": TOWN,
                "station_id": desk.station.id,
                "worker_id": desk.post.id if at < MINE else other.id,
                "case_type": "individual",
                "opening": "独居",
                "state": "intake",
                "stage_at": now(),
                "created_at": now() - timedelta(seconds=at),
                "created_by": desk.worker.id,
            }
            for at, person in enumerate(people)
        ]
        await m.session.execute(insert(Case), rows)
        await m.session.commit()


async def test_a_workers_500_cases_come_by_the_index(
    api: Any, engine: AsyncEngine, owner_engine: AsyncEngine, desk: Station1
) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
    await _fill(engine, desk, home)
    async with owner_engine.begin() as connection:
        await connection.execute(text("ANALYZE case_file"))
    ask, seen, after = api(desk.worker), set(), None
    started = perf_counter()
    while True:
        answer = await ask(LIST, worker=encode("Worker", desk.post.id), first=100, after=after)
        page = answer["data"]["cases"]
        seen |= {node["id"] for node in page["nodes"]}
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) >= MINE
    assert perf_counter() - started < 5
    async with AsyncSession(owner_engine) as session:
        plan = await session.scalar(
            text(
                "EXPLAIN (FORMAT JSON) SELECT id FROM case_file WHERE worker_id = :worker "
                "ORDER BY created_at DESC, id DESC LIMIT 101"
            ),
            {"worker": desk.post.id},
        )
    assert "ix_case_file_of_worker" in json.dumps(plan)
