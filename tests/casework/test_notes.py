"""Notes: levels as sight, drafts as their author's alone, signed ones as stone."""

from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import STATION, Act, Actor, Role
from nexus.casework.cases.model import Case, CaseState
from nexus.casework.cases.records import model, operations, policy
from nexus.casework.cases.records.model import CaseNote, NoteLevel, NoteState
from nexus.casework.cases.records.rules import NoteSigned
from nexus.core.ids import new_id
from nexus.core.refusals import NotFound, Refusal, WrongState
from tests.casework.desk import TOWN, Station1, case_in, open_station
from tests.deeds import acting, actor_of, reread
from tests.making import making, now

L = NoteLevel


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Station1:
    return await open_station(engine)


@pytest.fixture
async def file(engine: AsyncEngine, desk: Station1) -> Case:
    async with making(engine) as m:
        return await case_in(m, desk, CaseState.INTERVENTION)


async def _note(
    engine: AsyncEngine, who: Account, file: Case, level: NoteLevel, *, sign: bool = True
) -> CaseNote:
    async with acting(engine, who) as act:
        row = await operations.create_note(act, case_id=file.id, level=level, text="谈话记录")
    if not sign:
        return row
    async with acting(engine, who) as act:
        return await operations.sign_note(act, row.id, expected_version=1)


async def _sees(engine: AsyncEngine, actor: Actor, row: CaseNote) -> bool:
    async with AsyncSession(engine) as session:
        seen = policy.note_visible(actor, CaseNote)
        return (
            await session.scalar(select(CaseNote.id).where(CaseNote.id == row.id, seen)) is not None
        )


@pytest.mark.parametrize("level", L)
@pytest.mark.parametrize("signed", [True, False])
async def test_a_level_is_who_sees_it(
    engine: AsyncEngine, desk: Station1, file: Case, level: NoteLevel, signed: bool
) -> None:
    """Written by the aide about a case of the worker's."""
    row = await _note(engine, desk.aide, file, level, sign=signed)
    expected = {
        desk.aide: True,
        desk.worker: signed and level is not L.SUPERVISION,
        desk.lead: signed,
        desk.other_lead: signed,
        desk.stranger: False,
        desk.clerk: False,
        desk.approver: False,
        desk.coordinator: False,
    }
    found = {who.id: await _sees(engine, actor_of(who), row) for who in expected}
    assert found == {who.id: sees for who, sees in expected.items()}
    for role in Role:
        if role not in STATION | {Role.SYSTEM}:
            actor = Actor(role, desk.worker.id, desk.organization.id, "", now())
            assert not await _sees(engine, actor, row)


async def test_a_colleague_without_the_case_sees_no_restricted_note(
    engine: AsyncEngine, desk: Station1, file: Case
) -> None:
    async with making(engine) as m:
        colleague = await m.account(Role.SOCIAL_WORKER, desk.organization, area_code=TOWN)
        await m.worker(colleague, desk.station)
    team, restricted = [
        await _note(engine, desk.worker, file, level) for level in (L.TEAM, L.RESTRICTED)
    ]
    assert await _sees(engine, actor_of(colleague), team)
    assert not await _sees(engine, actor_of(colleague), restricted)
    with pytest.raises(NotFound):
        async with acting(engine, colleague) as act:
            await operations.amend_note(act, restricted.id, expected_version=2, text="补充")


async def test_signed_is_signed(engine: AsyncEngine, desk: Station1, file: Case) -> None:
    row = await _note(engine, desk.worker, file, L.TEAM)
    with pytest.raises(NoteSigned):
        async with acting(engine, desk.worker) as act:
            await operations.update_note(act, row.id, expected_version=2, changes={"text": "改写"})
    with pytest.raises(WrongState):
        async with acting(engine, desk.worker) as act:
            await operations.sign_note(act, row.id, expected_version=2)
    of_row = CaseNote.id == row.id
    statements: list[Any] = [
        update(CaseNote).where(of_row).values(text="改写"),
        update(CaseNote).where(of_row).values(level="supervision"),
        update(CaseNote).where(of_row).values(state="draft", signed_at=None),
        update(CaseNote).where(of_row).values(version=9),
    ]
    for statement in statements:
        with pytest.raises(DBAPIError, match="signed note"):
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(statement)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(delete(CaseNote).where(of_row))
    assert (await reread(engine, row)).text == "谈话记录"


async def test_an_owner_of_the_tables_cannot_rewrite_it_either(
    engine: AsyncEngine, owner_engine: AsyncEngine, desk: Station1, file: Case
) -> None:
    row = await _note(engine, desk.worker, file, L.TEAM)
    for statement in (
        delete(CaseNote).where(CaseNote.id == row.id),
        update(CaseNote).where(CaseNote.id == row.id).values(text="改写"),
    ):
        with pytest.raises(DBAPIError, match="signed note"):
            async with owner_engine.begin() as connection:
                await connection.execute(statement)


async def test_an_amendment_points_at_a_signed_note_of_its_case_and_level(
    engine: AsyncEngine, desk: Station1, file: Case
) -> None:
    first = await _note(engine, desk.worker, file, L.RESTRICTED)
    async with acting(engine, desk.lead) as act:
        added = await operations.amend_note(act, first.id, expected_version=2, text="更正日期")
    assert (added.amends_id, added.level, added.state) == (first.id, L.RESTRICTED, NoteState.DRAFT)
    draft = await _note(engine, desk.worker, file, L.TEAM, sign=False)
    with pytest.raises(WrongState):
        async with acting(engine, desk.worker) as act:
            await operations.amend_note(act, draft.id, expected_version=1, text="补充")
    async with making(engine) as m:
        other = await case_in(m, desk, CaseState.INTERVENTION)
    for of_case, level, target in (
        (other.id, L.RESTRICTED, first.id),
        (file.id, L.TEAM, first.id),
        (file.id, L.TEAM, draft.id),
    ):
        with pytest.raises(DBAPIError, match="An amendment is of a signed note"):
            async with AsyncSession(engine) as session, session.begin():
                session.add(
                    CaseNote(
                        case_id=of_case,
                        level=level,
                        text="补充",
                        happened_at=now(),
                        amends_id=target,
                        author_id=desk.worker.id,
                        created_at=now(),
                    )
                )


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(session: AsyncSession, actor: Actor, row: CaseNote, verb: str) -> str:
    deed = getattr(operations, f"{verb}_note")
    known: dict[str, dict[str, Any]] = {
        "update": {"changes": {"text": "改"}},
        "amend": {"text": "补"},
    }
    more = known.get(verb, {})
    try:
        async with session.begin_nested():
            await deed(Act(session, actor), row.id, expected_version=row.version, **more)
            await session.flush()
            raise UndoneError("done")
    except UndoneError as undone:
        return str(undone)
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("state", NoteState)
async def test_every_state_verb_and_role(
    engine: AsyncEngine, desk: Station1, file: Case, state: NoteState
) -> None:
    """Tried by the author in every role."""
    row = await _note(engine, desk.worker, file, L.TEAM, sign=state is NoteState.SIGNED)
    right = {
        NoteState.DRAFT: {"update": "done", "sign": "done", "amend": "WRONG_STATE"},
        NoteState.SIGNED: {"update": "NOTE_SIGNED", "sign": "WRONG_STATE", "amend": "done"},
    }[state]
    assert set(right) == set(model.NOTE_TRANSITIONS.moves)
    async with acting(engine, desk.worker) as act:
        for verb, answer in right.items():
            for role in Role:
                actor = Actor(role, desk.worker.id, desk.organization.id, TOWN, now())
                expected = "NOT_FOUND"
                if role is Role.SYSTEM:
                    expected = "FORBIDDEN"
                if role in STATION:
                    expected = answer
                assert await tried(act.session, actor, row, verb) == expected, (verb, role)
                if role in STATION:
                    other = Actor(role, new_id(), new_id(), TOWN, now())
                    assert await tried(act.session, other, row, verb) == "NOT_FOUND"


async def test_nothing_is_written_into_a_closed_case(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        closed = await case_in(m, desk, CaseState.CLOSED)
    with pytest.raises(WrongState):
        await _note(engine, desk.worker, closed, L.TEAM)
