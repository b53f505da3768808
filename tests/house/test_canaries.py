"""A walk over the whole schema: what somebody wrote is found only where the table lets it be read.

Every text of the world tells where it stood. Generated queries of every role are searched for
them, in data, errors, extensions and logs; `--torture` asks ten times as many.
"""

import logging
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from nexus.acting import Role
from nexus.graph import specs
from nexus.graph.declare import TYPES
from nexus.graph.errors import RequestError
from nexus.graph.execution import Executor
from nexus.graph.specs import camel
from tests.graph.comparing import pool_of
from tests.graph.generated import Generator, Query
from tests.house.conftest import House
from tests.house.matrix_cells import READ
from tests.house.matrix_table import Reviewed
from tests.house.matrix_world import CANARY, World, kind_of
from tests.house.walking import Walker

QUERIES, QUERIES_TORTURE = 2_000, 20_000
ASKING = [role for role in Role if role is not Role.SYSTEM]
SEED = 20260601
REPEATED, RANDOM = 13, 2
"""Of fifteen queries, so many repeat a walk from other rows; the others are any queries at all."""
FEWEST_ANSWERED = 0.7
"""Of the queries, how many have to be good ones for the walk to mean something."""


class Ear:
    """Searches an answer for what its reader must not be told."""

    def __init__(self, world: World, reviewed: Reviewed) -> None:
        self.world, self.reviewed = world, reviewed
        self.secret = re.compile("|".join(map(re.escape, sorted(world.secrets))))
        self.heard = 0
        """Canaries that were rightly there: the walk reached something."""

    def wrong(self, role: Role, told: str) -> set[str]:
        """The texts that this role must not read."""
        found = set(self.secret.findall(told))
        for match in CANARY.finditer(told):
            self.heard += 1
            if not self._may_hear(role, *match.groups()):
                found.add(match.group())
        return found

    def _may_hear(self, role: Role, coordinate: str, side: str, relation: str) -> bool:
        key, _, field = coordinate.partition(".")
        plain = f"{kind_of(key)}.{field}"
        wanted = [plain] if key == kind_of(key) else [plain, key]
        if any(one not in self.reviewed.table for one in wanted):
            return False
        return any(
            all(self.reviewed.cell(one, role, here) == READ for one in wanted)
            for here in self.world.relations(role, side, relation)
        )


async def _told(executor: Executor, world: World, role: Role, query: Query) -> tuple[str, bool]:
    """All that the caller gets, and whether it is an answer."""
    try:
        answer = await executor.execute(query.text, world.actor(role), variables=query.variables)
    except RequestError as error:
        return f"{error.code} {[one.formatted for one in error.errors]} {error.headers}", False
    return answer.body().decode(), True


async def _queries(house: House, executor: Executor, count: int) -> AsyncIterator[list[Query]]:
    """Queries for one reader after the other: walks, each over other rows, and random queries."""
    async with house.engine.connect() as connection:
        pool = await pool_of(connection, executor.registry)
    generator = Generator(executor.schema, executor.registry, pool, SEED)
    walker = Walker(executor.schema, executor.registry, house.world, SEED)
    for _ in range(count // (REPEATED + RANDOM)):
        walk = walker.walk()
        walks = [Query(walk.text, walker.variables(walk)) for _ in range(REPEATED)]
        yield walks + [generator.query() for _ in range(RANDOM)]


async def _walk(
    house: House, executor: Executor, ear: Ear, roles: Sequence[Role], count: int
) -> AsyncIterator[tuple[list[str], bool]]:
    """For each query what was wrongly told, by whom it was read; and whether it was answered."""
    readers = cycle(roles)
    async for queries in _queries(house, executor, count):
        role = next(readers)
        for query in queries:
            told, good = await _told(executor, house.world, role, query)
            wrong = sorted(ear.wrong(role, told))
            yield [f"{role}: {one}\n{query.text}" for one in wrong], good


async def test_no_canary_sings_outside_its_cell(
    house: House, reviewed: Reviewed, torture: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ear = Ear(house.world, reviewed)
    queries = QUERIES_TORTURE if torture else QUERIES
    answered = 0
    async for wrong, good in _walk(house, house.executor, ear, ASKING, queries):
        assert wrong == []
        answered += good
    assert answered > queries * FEWEST_ANSWERED
    assert ear.heard > queries
    assert not CANARY.search(caplog.text)
    assert not ear.secret.search(caplog.text)


LONG_ENOUGH = 5_000
LEAKS = ("Need.internalDescription", "Organization.stateReason", "Household")


@pytest.mark.parametrize("leak", LEAKS)
async def test_a_planted_leak_is_heard(
    house: House, reviewed: Reviewed, monkeypatch: pytest.MonkeyPatch, leak: str
) -> None:
    name, _, field = leak.partition(".")
    if field:
        declared: Any = TYPES[name].fields[field]
        open_to_all = replace(declared, allowed=lambda actor, row: True)
        monkeypatch.setitem(TYPES[name].fields, field, open_to_all)
    else:
        monkeypatch.setattr(TYPES[name], "visible", lambda actor, row: True)
    executor = house.fresh_executor()
    ear = Ear(house.world, reviewed)
    async for wrong, _ in _walk(house, executor, ear, [Role.CHARITY_USER], LONG_ENOUGH):
        if any(f"canary:{leak}" in one for one in wrong):
            return
    raise AssertionError(f"{LONG_ENOUGH} queries did not come to {leak}")


def _collections() -> Iterable[tuple[str, str, specs.Pages]]:
    for name, spec in TYPES.items():
        for field, declared in spec.fields.items():
            if isinstance(declared, specs.Pages):
                yield f"{name}.{field}", spec.targets[field], declared


def test_nothing_is_sorted_by_what_is_withheld() -> None:
    """An order tells of the values it goes by."""
    for coordinate, target, declared in _collections():
        for order in declared.orders.values():
            for column in order.columns:
                field = TYPES[target].fields.get(camel(column))
                assert getattr(field, "allowed", None) is None, (coordinate, column)


@pytest.mark.parametrize("role", [Role.ANONYMOUS, Role.CHARITY_USER, Role.GOV_CLERK])
async def test_nothing_is_found_by_a_text_that_is_withheld(house: House, role: Role) -> None:
    """A filter that finds a row by a text tells that the text is there."""
    for coordinate, target, declared in _collections():
        if "text" not in declared.filters:
            continue
        root = coordinate.partition(".")[2]
        for field, one in TYPES[target].fields.items():
            if getattr(one, "allowed", None) is not None:
                text = f'{{ {root}(filter: {{text: "canary:{target}.{field}"}}) {{ totalCount }} }}'
                told, _ = await _told(house.executor, house.world, role, Query(text, {}))
                assert '"totalCount" : 0' in told or '"totalCount":0' in told, (coordinate, field)
