"""Thirty-two clients sign up, cancel and add slots at random: INV-30 and INV-31 hold throughout.

The short form tries some hundred times, the long one ten thousand: `pytest --torture`.
"""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.graph.identifiers import encode
from nexus.supervision.signing.queries import CHECKS
from nexus.volunteering.tasks.model import BUSY, TAKING, Signup, TaskPosition, VolunteerTask
from tests.making import making, now
from tests.volunteering import made

CLIENTS = 32
TRIES, TRIES_TORTURE = 600, 10_000
PEOPLE, TASKS = 40, 12
SIGN_UP = (
    "mutation($p: ID!, $k: String!) { signUp(input: {positionId: $p, idempotencyKey: $k}) "
    "{ ... on Signup { id version state } ... on Refusal { code } } }"
)
CANCEL = (
    "mutation($input: TransitionInput!) { cancelSignup(input: $input) "
    "{ ... on Signup { id version state } ... on Refusal { code } } }"
)
SLOTS = (
    "mutation($input: ChangeSlotsInput!) { changeSlots(input: $input) "
    "{ ... on VolunteerTask { id version } ... on Refusal { code } } }"
)
BUSY_NOW = "UNAVAILABLE"
MINE = "{ signups(first: 50) { nodes { id version state } } }"
TASK = "query($id: ID!) { node(id: $id) { ... on VolunteerTask { version } } }"


@dataclass
class Fair:
    """Volunteers with their accounts; tasks of two organizers whose times overlap at random."""

    accounts: list[Any]
    organizers: dict[UUID, Any]
    positions: list[TaskPosition]
    tasks: dict[UUID, VolunteerTask]


@pytest.fixture
async def fair(engine: AsyncEngine) -> Fair:
    chance = random.Random(20261124)
    start = now().replace(microsecond=0) + timedelta(days=2)
    accounts, organizers = [], {}
    tasks: dict[UUID, VolunteerTask] = {}
    async with making(engine) as m:
        for _ in range(PEOPLE):
            accounts.append(await made.volunteer_account(m))
            await made.volunteer(m, accounts[-1])
        owners = [await m.organization(), await m.organization()]
        for each in owners:
            organizers[each.id] = await m.account(Role.VOL_ORG, organization=each, area_code=None)
        for at in range(TASKS):
            begin = start + timedelta(minutes=30 * chance.randrange(16))
            row = await made.task(
                m,
                owners[at % 2],
                starts_at=begin,
                ends_at=begin + timedelta(minutes=30 * chance.randint(1, 6)),
                positions=[{"slots": chance.randint(1, 4)} for _ in range(2)],
            )
            tasks[row.id] = row
        found = await m.session.scalars(
            select(TaskPosition).where(TaskPosition.task_id.in_(tasks)).order_by(TaskPosition.id)
        )
        return Fair(accounts, organizers, list(found), tasks)


def _client_of(api: Any, account: Any) -> Any:
    """As a client should: when the service says it is busy, it asks again, with the same key."""

    async def ask(document: str, **variables: Any) -> dict[str, Any]:
        while True:
            answer: dict[str, Any] = await api(account)(document, **variables)
            if "errors" not in answer or answer["errors"][0]["extensions"]["code"] != BUSY_NOW:
                return answer
            await asyncio.sleep(0.05)

    return ask


async def _signed(ask: Any, chance: random.Random, fair: Fair) -> str:
    position = chance.choice(fair.positions)
    answer = await ask(SIGN_UP, p=encode("TaskPosition", position.id), k=str(new_id()))
    return _outcome(answer, "signUp")


async def _cancelled(ask: Any, chance: random.Random) -> str:
    seen = (await ask(MINE))["data"]["signups"]["nodes"]
    live = [one for one in seen if one["state"] in ("CONFIRMED", "WAITLISTED")]
    if not live:
        return "nothing to cancel"
    one = chance.choice(live)
    given = {"id": one["id"], "expectedVersion": one["version"], "idempotencyKey": str(new_id())}
    return _outcome(await ask(CANCEL, input=given), "cancelSignup")


async def _widened(api: Any, chance: random.Random, fair: Fair) -> str:
    position = chance.choice(fair.positions)
    task = fair.tasks[position.task_id]
    ask = _client_of(api, fair.organizers[task.organization_id])
    seen = await ask(TASK, id=encode("VolunteerTask", task.id))
    given = {
        "positionId": encode("TaskPosition", position.id),
        "expectedVersion": seen["data"]["node"]["version"],
        "slots": chance.randint(1, 6),
        "idempotencyKey": str(new_id()),
    }
    return _outcome(await ask(SLOTS, input=given), "changeSlots")


def _outcome(answer: dict[str, Any], name: str) -> str:
    assert "errors" not in answer, answer
    row = answer["data"][name]
    return str(row.get("code") or f"{name} {row.get('state', 'done')}")


async def _client(api: Any, fair: Fair, seed: int, tries: int, told: Counter[str]) -> None:
    chance = random.Random(seed)
    for _ in range(tries):
        ask = _client_of(api, chance.choice(fair.accounts))
        draw = chance.random()
        if draw < 0.7:
            told[await _signed(ask, chance, fair)] += 1
        elif draw < 0.95:
            told[await _cancelled(ask, chance)] += 1
        else:
            told[await _widened(api, chance, fair)] += 1


async def test_no_slot_twice_nobody_in_two_places_and_the_order_kept(
    api: Any, engine: AsyncEngine, fair: Fair, torture: bool
) -> None:
    tries = TRIES_TORTURE if torture else TRIES
    told: Counter[str] = Counter()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as clients:
        for seed in range(CLIENTS):
            share = tries // CLIENTS + (seed < tries % CLIENTS)
            clients.create_task(_client(api, fair, seed, share, told))
    took = time.perf_counter() - began
    print(f"{tries} tries in {took:.1f} s: {dict(told.most_common())}")  # noqa: T201
    met = ("signUp CONFIRMED", "signUp WAITLISTED", "VOLUNTEER_BUSY")
    assert all(told[each] for each in met), told
    assert set(told) <= EXPECTED, told
    async with AsyncSession(engine) as session:
        for rule, check in CHECKS.items():
            assert (await session.execute(check)).all() == [], rule
        rows = list(await session.scalars(select(Signup)))
        positions = {row.id: row for row in await session.scalars(select(TaskPosition))}
        kinds = Event.kind.like("signup.%")
        events = list(await session.scalars(select(Event).where(kinds).order_by(Event.position)))
    _nobody_is_in_two_places(rows)
    _no_slot_is_given_twice(rows, positions)
    assert _promoted_in_order(events) > 0


EXPECTED = {
    *("signUp CONFIRMED", "signUp WAITLISTED", "cancelSignup CANCELLED", "changeSlots done"),
    *("VOLUNTEER_BUSY", "GUARD_FAILED", "VERSION_CONFLICT", "WRONG_STATE", "CAPACITY_EXHAUSTED"),
    "nothing to cancel",
}


def _nobody_is_in_two_places(rows: list[Signup]) -> None:
    by_person: dict[UUID, list[Any]] = {}
    for row in rows:
        if row.state in BUSY:
            by_person.setdefault(row.volunteer_id, []).append(row.period)
    for periods in by_person.values():
        periods.sort(key=lambda period: period.lower)
        assert all(first.upper <= second.lower for first, second in pairwise(periods))


def _no_slot_is_given_twice(rows: list[Signup], positions: dict[UUID, TaskPosition]) -> None:
    taken = Counter(row.position_id for row in rows if row.state in TAKING)
    for position_id, position in positions.items():
        assert taken[position_id] == position.taken <= position.slots


def _promoted_in_order(events: list[Event]) -> int:
    """Replays each waitlist: the first who waits and was not passed over moves up; how many did."""
    waiting: dict[str, dict[str, int]] = {}
    passed: set[str] = set()
    promoted = 0
    for event in events:
        queue, row = waiting.setdefault(event.facts["position_id"], {}), str(event.object_id)
        match event.kind:
            case "signup.waitlisted":
                queue[row] = event.facts["place"]
            case "signup.passed_over":
                passed.add(row)
            case "signup.confirmed":
                assert not [one for one in queue if one not in passed], "somebody was overtaken"
            case "signup.promoted":
                before = [one for one, place in queue.items() if place < queue[row]]
                assert set(before) <= passed, "somebody was overtaken"
                promoted += 1
                del queue[row]
            case "signup.cancelled" | "signup.declined":
                queue.pop(row, None)
    return promoted
