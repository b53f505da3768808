"""Two devices edit one visit without signal: whatever the interleaving, no value vanishes."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, Actor, Role
from nexus.casework.editing.model import EditState, FieldEdit
from nexus.casework.editing.operations import apply_edits, value_of
from nexus.casework.visits.model import Visit, VisitKind
from nexus.core.refusals import Invalid
from tests.making import making, now, number, today

FIELDS = ("minutes", "summary", "findings.smoke", "findings.stairs")
VALUES = {
    "minutes": st.sampled_from([10, 20, 30]),
    **dict.fromkeys(FIELDS[1:], st.sampled_from(["甲", "乙", "丙"])),
}
ENTRIES = st.sampled_from(FIELDS).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
STEPS = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.one_of(ENTRIES, st.just("sync"))), max_size=24
)


@dataclass
class Device:
    """A phone: what it last read, and what was entered into it since."""

    actor: Actor
    version: int = 1
    entered: dict[str, Any] = field(default_factory=dict)


async def new_visit(engine: AsyncEngine) -> UUID:
    async with making(engine) as m:
        household, station = await m.household(), await m.station()
        visit = Visit(
            no=number("V"),
            household_id=household.id,
            station_id=station.id,
            kind=VisitKind.HOME,
            window_from=today(),
            window_to=today().replace(year=today().year + 1),
            due_on=today().replace(year=today().year + 1) - today().resolution,
            created_at=now(),
            created_by=UUID(int=0),
        )
        await m.put(visit)
        return visit.id


async def send(
    engine: AsyncEngine, visit_id: UUID, actor: Actor, version: int, changes: dict[str, Any]
) -> tuple[int, list[FieldEdit]]:
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        act = Act(session, actor)
        row = (
            await session.execute(select(Visit).where(Visit.id == visit_id).with_for_update())
        ).scalar_one()
        conflicts = await apply_edits(act, row, expected_version=version, changes=changes)
        return row.version, conflicts


async def standing(engine: AsyncEngine, visit_id: UUID) -> tuple[dict[str, Any], list[FieldEdit]]:
    async with AsyncSession(engine) as session:
        row = await session.get_one(Visit, visit_id)
        edits = await session.scalars(
            select(FieldEdit)
            .where(FieldEdit.subject_id == visit_id)
            .order_by(FieldEdit.row_version, FieldEdit.id)
        )
        return {name: value_of(row, name) for name in FIELDS}, list(edits)


def actor(account: Account) -> Actor:
    return Actor(Role.SOCIAL_WORKER, account.id, account.organization_id or UUID(int=0), "", now())


@pytest.fixture
async def devices(engine: AsyncEngine) -> list[Actor]:
    async with making(engine) as m:
        return [actor(await m.account(role=Role.SOCIAL_WORKER)) for _ in range(2)]


class History:
    """What must come of it, kept in plain Python: values by field and the version they came at."""

    def __init__(self) -> None:
        self.version = 1
        self.values: dict[str, Any] = dict.fromkeys(FIELDS)
        self.changed_at: dict[str, int] = dict.fromkeys(FIELDS, 1)
        self.arrived: list[tuple[str, Any, bool]] = []

    def send(self, base: int, changes: dict[str, Any]) -> set[str]:
        new = {name: one for name, one in changes.items() if self.values[name] != one}
        conflicting = {name for name in new if self.changed_at[name] > base}
        self.version += bool(new)
        for name, value in new.items():
            self.arrived.append((name, value, name in conflicting))
            if name not in conflicting:
                self.values[name], self.changed_at[name] = value, self.version
        return conflicting


async def test_no_value_vanishes(engine: AsyncEngine, devices: list[Actor]) -> None:
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(STEPS)
    def interleave(steps: list[tuple[int, Any]]) -> None:
        asyncio.run_coroutine_threadsafe(walk(engine, devices, steps), loop).result(60)

    await asyncio.to_thread(interleave)


async def walk(engine: AsyncEngine, actors: list[Actor], steps: list[tuple[int, Any]]) -> None:
    visit_id, model = await new_visit(engine), History()
    phones = [Device(one) for one in actors]
    entered: list[tuple[str, Any]] = []
    for which, step in [*steps, (0, "sync"), (1, "sync")]:
        phone = phones[which]
        if step != "sync":
            name, value = step
            phone.entered[name] = value
            continue
        if phone.entered:
            entered += phone.entered.items()
            expected = model.send(phone.version, phone.entered)
            version, conflicts = await send(
                engine, visit_id, phone.actor, phone.version, phone.entered
            )
            assert {edit.field for edit in conflicts} == expected
            assert version == model.version
        phone.version, phone.entered = model.version, {}
    values, edits = await standing(engine, visit_id)
    assert values == model.values
    arrived = [(e.field, e.after, e.state is EditState.CONFLICTING) for e in edits]
    assert sorted(arrived, key=repr) == sorted(model.arrived, key=repr)
    known = {(e.field, e.after) for e in edits}
    assert set(entered) <= known


async def test_fields_that_nobody_else_changed_are_merged(
    engine: AsyncEngine, devices: list[Actor]
) -> None:
    visit_id = await new_visit(engine)
    await send(engine, visit_id, devices[0], 1, {"minutes": 30})
    version, conflicts = await send(engine, visit_id, devices[1], 1, {"summary": "门前有台阶。"})
    assert (version, conflicts) == (3, [])
    values, _ = await standing(engine, visit_id)
    assert (values["minutes"], values["summary"]) == (30, "门前有台阶。")


async def test_one_field_twice_keeps_both(engine: AsyncEngine, devices: list[Actor]) -> None:
    visit_id = await new_visit(engine)
    await send(engine, visit_id, devices[0], 1, {"minutes": 30})
    _, (late,) = await send(engine, visit_id, devices[1], 1, {"minutes": 45, "summary": "好。"})
    assert (late.field, late.before, late.after, late.state) == (
        "minutes",
        30,
        45,
        EditState.CONFLICTING,
    )
    values, _ = await standing(engine, visit_id)
    assert (values["minutes"], values["summary"]) == (30, "好。")


async def test_the_same_value_is_no_conflict(engine: AsyncEngine, devices: list[Actor]) -> None:
    visit_id = await new_visit(engine)
    await send(engine, visit_id, devices[0], 1, {"minutes": 30})
    assert await send(engine, visit_id, devices[1], 1, {"minutes": 30}) == (2, [])


async def test_a_version_that_never_was(engine: AsyncEngine, devices: list[Actor]) -> None:
    visit_id = await new_visit(engine)
    with pytest.raises(Invalid, match="read it again"):
        await send(engine, visit_id, devices[0], 7, {"minutes": 30})
    assert (await standing(engine, visit_id))[1] == []


async def test_two_phones_at_once(engine: AsyncEngine, devices: list[Actor]) -> None:
    visit_id = await new_visit(engine)
    answers = await asyncio.gather(
        *(
            send(engine, visit_id, devices[n % 2], 1, {"minutes": 10 + n, f"findings.{n}": "是"})
            for n in range(8)
        )
    )
    assert sum(len(conflicts) for _, conflicts in answers) == 7
    values, edits = await standing(engine, visit_id)
    assert {e.after for e in edits if e.field == "minutes"} == set(range(10, 18))
    async with AsyncSession(engine) as session:
        assert len((await session.get_one(Visit, visit_id)).findings) == 8
    assert values["minutes"] in range(10, 18)
