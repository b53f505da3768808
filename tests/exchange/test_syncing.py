"""A worker's device fetches its working set, then what changed of it; and nothing of others."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.casework.cases import operations as cases
from nexus.casework.cases.model import Case, CaseState
from nexus.casework.cases.records.model import CaseNote, NoteLevel, NoteState
from nexus.casework.editing.operations import apply_edits
from nexus.casework.visits.model import Visit, VisitState
from nexus.graph.identifiers import encode
from tests.casework.desk import Station1, case_in, open_station
from tests.conftest import Api
from tests.deeds import acting
from tests.exchange.worksets import gone, kept, sync, visit_for
from tests.making import making, now


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Station1:
    return await open_station(engine)


async def note_in(engine: AsyncEngine, desk: Station1, file: Case, level: NoteLevel) -> CaseNote:
    async with making(engine) as m:
        row = CaseNote(
            case_id=file.id,
            level=level,
            text="邻居每天送饭",
            happened_at=now(),
            author_id=desk.lead.id,
            state=NoteState.SIGNED,
            signed_at=now(),
            created_at=now(),
        )
        await m.put(row)
        return row


async def open_case(engine: AsyncEngine, desk: Station1, **fields: Any) -> Case:
    async with making(engine) as m:
        return await case_in(m, desk, CaseState.INTERVENTION, **fields)


async def test_all_that_belongs_to_ones_cases(
    engine: AsyncEngine, api: Api, desk: Station1
) -> None:
    file = await open_case(engine, desk)
    visit = await visit_for(engine, desk, file)
    note = await note_in(engine, desk, file, NoteLevel.TEAM)
    async with making(engine) as m:
        strange = await case_in(
            m, desk, CaseState.INTAKE, worker_id=desk.aide_post.id, supervisor_id=None
        )
        closed = await case_in(m, desk, CaseState.CLOSED)
    answer = await sync(api, desk.worker)
    have = kept(answer)
    assert (answer["complete"], answer["hasMore"]) == (True, False)
    assert have[encode("Case", file.id)] == "Case"
    assert have[encode("Visit", visit.id)] == "Visit"
    assert have[encode("CaseNote", note.id)] == "CaseNote"
    assert encode("Household", file.household_id) in have
    assert {"Assessment", "CasePlan", "Goal"} <= set(have.values())
    assert encode("Case", strange.id) not in have
    assert encode("Case", closed.id) not in have
    assert [e["objectType"] for e in answer["entries"] if not e["node"]] == []
    assert all(count == 1 for count in Counter(e["objectId"] for e in answer["entries"]).values())


async def test_words_kept_from_a_worker_stay_away(
    engine: AsyncEngine, api: Api, desk: Station1
) -> None:
    file = await open_case(engine, desk)
    note = await note_in(engine, desk, file, NoteLevel.SUPERVISION)
    answer = await sync(api, desk.worker)
    assert encode("CaseNote", note.id) not in kept(answer)


async def test_only_what_changed(engine: AsyncEngine, api: Api, desk: Station1) -> None:
    first, second = await open_case(engine, desk), await open_case(engine, desk)
    start = (await sync(api, desk.worker))["nextCursor"]
    assert (await sync(api, desk.worker, start))["entries"] == []
    async with acting(engine, desk.worker) as act:
        await cases.update_case(act, first.id, expected_version=1, changes={"opening": "子女来信"})
    answer = await sync(api, desk.worker, start)
    assert encode("Case", first.id) in kept(answer)
    assert encode("Case", second.id) not in kept(answer)
    assert (await sync(api, desk.worker, answer["nextCursor"]))["entries"] == []


async def test_a_case_that_comes_brings_its_household(
    engine: AsyncEngine, api: Api, desk: Station1
) -> None:
    async with making(engine) as m:
        file = await case_in(m, desk, CaseState.INTERVENTION, worker_id=desk.aide_post.id)
    start = (await sync(api, desk.worker))["nextCursor"]
    async with acting(engine, desk.lead) as act:
        await cases.assign_case(
            act, file.id, expected_version=1, worker_id=desk.post.id, reason="接手"
        )
    have = kept(await sync(api, desk.worker, start))
    assert encode("Household", file.household_id) in have
    assert {"Case", "Assessment", "CasePlan", "Goal"} <= set(have.values())


@pytest.mark.parametrize("to", ["aide_post", "far_post"])
async def test_a_case_that_leaves_is_told_once(
    engine: AsyncEngine, api: Api, desk: Station1, to: str
) -> None:
    file = await open_case(engine, desk)
    start = (await sync(api, desk.worker))["nextCursor"]
    async with AsyncSession(engine) as session, session.begin():
        row = await session.get_one(Case, file.id)
        post = getattr(desk, to)
        from nexus.acting import Act, system

        before, row.worker_id, row.station_id = row.worker_id, post.id, post.station_id
        Act(session, system(now())).record(
            "case.assigned", row, worker_id=post.id, from_worker_id=before
        )
    answer = await sync(api, desk.worker, start)
    assert gone(answer) == {encode("Case", file.id)}
    assert all(e["node"] is None for e in answer["entries"] if e["removed"])
    assert (await sync(api, desk.worker, answer["nextCursor"]))["entries"] == []


async def test_strangers_hear_of_nothing(engine: AsyncEngine, api: Api, desk: Station1) -> None:
    start = (await sync(api, desk.stranger))["nextCursor"]
    file = await open_case(engine, desk)
    async with acting(engine, desk.worker) as act:
        await cases.update_case(act, file.id, expected_version=1, changes={"opening": "新"})
    assert (await sync(api, desk.stranger, start))["entries"] == []
    async with making(engine) as m:
        others = [await m.account(role) for role in (Role.CHARITY_USER, Role.GOV_CLERK)]
    for account in others:
        assert (await sync(api, account))["entries"] == []


async def test_a_late_value_comes_to_the_device(
    engine: AsyncEngine, api: Api, desk: Station1
) -> None:
    file = await open_case(engine, desk)
    visit = await visit_for(
        engine,
        desk,
        file,
        state=VisitState.DONE,
        performed_at=now(),
        recorded_at=now(),
        performed_by=desk.worker.id,
    )
    start = (await sync(api, desk.worker))["nextCursor"]
    for minutes in (30, 45):
        async with acting(engine, desk.worker) as act:
            row = await act.session.get_one(Visit, visit.id)
            await apply_edits(act, row, expected_version=1, changes={"minutes": minutes})
    answer = await sync(api, desk.worker, start)
    (edit,) = [e["node"] for e in answer["entries"] if e["objectType"] == "FieldEdit"]
    assert (edit["field"], edit["before"], edit["after"], edit["state"]) == (
        "minutes",
        30,
        45,
        "CONFLICTING",
    )
