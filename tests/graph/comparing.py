"""Runs generated queries through both executors, as many actors, and tells where they differ."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlalchemy import Text, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from nexus.acting import Actor
from nexus.core.outbox import Event
from nexus.graph import specs
from nexus.graph.errors import RequestError
from nexus.graph.execution import Executor
from tests.graph.generated import Generator, Pool, Query
from tests.graph.reference import Reference, RefusedError, World, cursor, global_id

ARGUMENT_CODES = {"PAGE_TOO_LARGE", "BAD_ARGUMENT", "BAD_CURSOR"}
NOT_COMPARED = {"COST_EXCEEDED", "DOCUMENT_TOO_LARGE"}
"""Limits that only the compiled executor has."""


@dataclass
class Outcome:
    """What came of a comparison."""

    same: int = 0
    statements: Counter[int] = field(default_factory=Counter)
    """How many queries took how many statements."""
    stricter: int = 0
    """RefusedError for an argument of a field that the reference, walking rows, never came to."""
    refused: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)


async def pool_of(connection: AsyncConnection, registry: specs.Registry) -> Pool:
    """Ids, texts and cursors that occur in the database."""
    ids, texts = [], {}
    cursors: dict[tuple[str, str], list[str]] = {}
    for spec in registry.types.values():
        if spec.table is not None:
            key = getattr(spec.table, spec.key)
            found = (await connection.execute(select(key).limit(8))).scalars()
            ids += [global_id(spec, one) for one in found]
            texts[spec.name] = await _texts(connection, spec)
        for name, declared in spec.fields.items():
            if isinstance(declared, specs.Pages):
                target = registry.types[spec.targets[name]]
                cursors[spec.name, name] = await _cursors(connection, target, declared)
    ids += ["TmVlZDpub3BlCg==", "Og==", global_id(spec, "00000000-0000-0000-0000-000000000000")]
    if (name := "changes") in registry.types["Query"].fields:
        cursors["Query", name] = await _feed_cursors(connection)
    return Pool(ids, texts, cursors)


async def _feed_cursors(connection: AsyncConnection) -> list[str]:
    parts = (cast(Event.xact, Text), cast(Event.position, Text))
    rows = await connection.execute(select(*parts).order_by(Event.position).limit(20))
    return [cursor("changes", list(row)) for row in rows]


async def _texts(connection: AsyncConnection, spec: specs.TypeSpec) -> list[str]:
    found: set[str] = set()
    for column in spec.table.__mapper__.columns:
        if isinstance(column.type, Text):
            rows = (await connection.execute(select(column).limit(5))).scalars()
            found |= {text[:6] for text in rows if text} | set()
    return sorted(found)


async def _cursors(
    connection: AsyncConnection, target: specs.TypeSpec, declared: specs.Pages
) -> list[str]:
    made = []
    for name, order in declared.orders.items():
        parts = [getattr(target.table, c) for c in (*order.columns, target.key)]
        rows = await connection.execute(select(*(cast(p, Text) for p in parts)).limit(6))
        made += [cursor(name, list(row)) for row in rows]
    return made


class Comparison:
    """Both executors over one database."""

    def __init__(
        self,
        executor: Executor,
        reference: Reference,
        engine: AsyncEngine,
        actors: list[Actor],
        statements: Sequence[str] = (),
    ) -> None:
        self.executor, self.reference, self.engine = executor, reference, engine
        self.actors = actors
        self.statements = statements

    async def run(self, count: int, *, seed: int) -> Outcome:
        """Compare `count` queries made from the seed."""
        outcome = Outcome()
        async with self.engine.connect() as connection:
            pool = await pool_of(connection, self.reference.registry)
            generator = Generator(self.executor.schema, self.reference.registry, pool, seed)
            turn, registry = asyncio.Lock(), self.reference.registry
            worlds = [World(connection, registry, one, turn) for one in self.actors]
            for number in range(count):
                world = worlds[generator.random.randrange(len(worlds))]
                await self._one(generator.query(), world, number, outcome)
                if len(outcome.different) >= 5:
                    break
            await asyncio.sleep(0)
            async with turn:
                pass  # loads whose siblings failed go on until here
        return outcome

    async def _one(self, query: Query, world: World, number: int, outcome: Outcome) -> None:
        before = len(self.statements)
        compiled, code = await self._compiled(query, world.actor)
        await asyncio.sleep(0)
        outcome.statements[len(self.statements) - before] += 1
        if code in NOT_COMPARED:
            outcome.refused[code] += 1
            return
        try:
            expected, refusal = await self.reference.answer(world, query.text, query.variables), ""
        except RefusedError as refused:
            expected, refusal = None, str(refused)
        if code in ARGUMENT_CODES and not refusal:
            outcome.stricter += 1
            return
        if code or refusal:
            outcome.refused[code or refusal] += 1
        # Of several wrong arguments either may be the one that is told.
        if bool(code) == bool(refusal) and compiled == _as_json(expected):
            outcome.same += 1
        else:
            outcome.different.append(
                f"query {number} as {world.actor.role.name}\n{query.text}\n"
                f"{json.dumps(query.variables)}\n"
                f"compiled  {code or _first_difference(compiled, _as_json(expected))}\n"
                f"reference {refusal or _first_difference(_as_json(expected), compiled)}"
            )

    async def _compiled(self, query: Query, actor: Actor) -> tuple[Any, str]:
        try:
            answer = await self.executor.execute(query.text, actor, variables=query.variables)
        except RequestError as error:
            return None, f"{error.code}" + (
                f" {error.errors[0].message}" if error.code.startswith("GRAPHQL") else ""
            )
        except asyncpg.PostgresError as error:
            return None, f"{type(error).__name__} {error}"
        return json.loads(answer.data), ""


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _first_difference(one: Any, other: Any, path: str = "") -> str:
    if type(one) is type(other) and one != other:
        if isinstance(one, dict) and list(one) == list(other):
            for key in one:
                if one[key] != other[key]:
                    return _first_difference(one[key], other[key], f"{path}.{key}")
        if isinstance(one, list) and len(one) == len(other):
            for at, (left, right) in enumerate(zip(one, other, strict=True)):
                if left != right:
                    return _first_difference(left, right, f"{path}[{at}]")
    return f"{path} = {json.dumps(one, ensure_ascii=False)[:600]}"
