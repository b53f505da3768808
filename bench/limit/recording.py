"""What nexus sends to PostgreSQL for a request: its SQL, and where each parameter comes from.

The statements are recorded from nexus itself, so the limit always runs the very same text. A
request is made twice with different values: what stays the same is a constant, what changes must be
a value of the request, of the clock, of the row that an earlier statement found, or a fresh id.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.actors import Caller
from bench.parties import NEED, uid
from bench.questions import Question, Values, line_of
from nexus.core.db import make_engine
from nexus.graph.execution import Executor, make_pool, utcnow
from nexus.schema import make_schema


@dataclass(frozen=True)
class Source:
    """A parameter that differs from request to request."""

    name: str


Parameter = Any
"""A constant, or a Source."""


@dataclass(frozen=True)
class Statement:
    """One statement with `$n` parameters."""

    sql: str
    parameters: tuple[Parameter, ...]


Call = tuple[str, list[Any]]


class Recorder:
    """Runs requests in an executor of its own and writes down what reaches the database."""

    def __init__(self, executor: Executor, engine: AsyncEngine, callers: Mapping[str, Caller]):
        self.executor, self.engine, self.callers = executor, engine, callers
        self.calls: list[Call] = []

    @classmethod
    async def make(cls, url: str, callers: Mapping[str, Caller]) -> "Recorder":
        """Over the database of the address, listening to SQLAlchemy and to the driver."""
        engine = make_engine(url, pool_size=1)
        heard: list[Recorder] = []

        @event.listens_for(engine.sync_engine, "before_cursor_execute")
        def executed(
            conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: Any
        ) -> None:
            # SQLAlchemy's own statements, which the driver's logger does not tell of.
            for row in (parameters if many else [parameters]) if heard else ():
                heard[0].calls.append((statement, list(row)))

        pool = await make_pool(url, size=1)
        executor = Executor(make_schema(), pool, engine, secret=b"bench")
        # What the first connection asks about the server is none of a request's statements.
        async with engine.connect():
            heard.append(cls(executor, engine, callers))
        heard[0].listen()
        return heard[0]

    def listen(self) -> None:
        """Hear what is given to the driver without SQLAlchemy."""
        driver: Any = asyncpg.Connection
        self._execute = execute = driver._execute

        async def executed(connection: Any, query: str, args: Any, *rest: Any, **more: Any) -> Any:
            if not query.startswith(("SELECT t.oid", "WITH RECURSIVE typeinfo")):
                self.calls.append((query, list(args)))
            return await execute(connection, query, args, *rest, **more)

        driver._execute = executed

    async def close(self) -> None:
        """Hear no more, and close the connections."""
        driver: Any = asyncpg.Connection
        driver._execute = self._execute
        await self.executor.reader.pool.close()
        await self.engine.dispose()

    async def statements(
        self, question: Question, first: Values, second: Values
    ) -> list[Statement]:
        """The statements of a request, by two examples of it."""
        one = await self._run(question, first)
        other = await self._run(question, second)
        assert [sql for sql, _ in one[0]] == [sql for sql, _ in other[0]], (one[0], other[0])
        return [
            Statement(sql, _traced(before, one[1], after, other[1]))
            for (sql, before), (_, after) in zip(one[0], other[0], strict=True)
        ]

    async def _run(self, question: Question, values: Values) -> tuple[list[Call], "Known"]:
        body = json.loads(question.body(values))
        actor = self.callers[question.caller].actor(utcnow())
        self.calls = []
        answer = await self.executor.execute(body["query"], actor, variables=body["variables"])
        assert not answer.errors, answer.errors
        return self.calls, Known(values, actor.now)


class Known:
    """The values of one request by the name of their source."""

    def __init__(self, values: Values, now: datetime) -> None:
        self.named: dict[str, Any] = dict(values) | {"now": now}
        if "need" in values:
            self.named["need"] = uid(NEED, values["need"])
        if "line" in values:
            line = UUID(line_of(values))
            self.named["line"] = line
            self.named["need"] = uid(NEED, (line.int & 0xFFFFFFFFFFFF) // 2)
            self.named["key"] = f"bench-{line}"
        self.fresh: dict[UUID, int] = {}

    def source(self, value: Any) -> Source | None:
        """Where the value comes from, if the request says; `[a,b]` is a list of two such."""
        if isinstance(value, list) and value and all(isinstance(one, UUID) for one in value):
            found = [self.source(one) for one in value]
            return Source(f"[{','.join(one.name for one in found if one)}]")
        if isinstance(value, UUID):
            value = UUID(int=value.int)  # asyncpg's own class is another
        for name, known in self.named.items():
            if type(known) is type(value) and known == value:
                return Source(name)
            if isinstance(known, UUID) and value == str(known):
                return Source(name)
        if isinstance(value, bytes):
            return Source("digest")
        if isinstance(value, UUID):
            place = self.fresh.setdefault(value, len(self.fresh))
            return Source(f"fresh{place}")
        if isinstance(value, datetime):
            # What is due so many seconds after now.
            return Source(f"now+{(value - self.named['now']).total_seconds():.0f}")
        if isinstance(value, str) and value.startswith("{"):
            return Source("facts")
        if isinstance(value, str) and re.fullmatch(r"P-\d+-\d+-", value):
            return Source("number")
        return None


def _traced(before: list[Any], one: Known, after: list[Any], other: Known) -> tuple[Parameter, ...]:
    traced: list[Parameter] = []
    for left, right in zip(before, after, strict=True):
        found = one.source(left), other.source(right)
        constant = left == right and (found[0] is None or found[0].name.startswith("fresh"))
        if constant:
            if isinstance(left, UUID):
                one.fresh.pop(left, None), other.fresh.pop(right, None)
            traced.append(left)
        elif found[0] is not None and found[0] == found[1]:
            traced.append(found[0])
        else:
            raise RuntimeError(f"cannot tell where {left!r} and {right!r} come from")
    return tuple(traced)


def examples(question: Question, lines: tuple[int, int]) -> tuple[Values, Values]:
    """Two requests that differ in every value; pledges take the lines given."""
    if question.name == "M1":
        return {"line": lines[0]}, {"line": lines[1]}
    if question.name in ("Q1", "Q4"):
        return {"need": 12}, {"need": 35}
    one: Values = {"area": "4401"}
    other: Values = {"area": "4412"}
    if question.name == "Q2":
        one |= {"category": ["LIV.FOOD", "EDU.FEE"], "urgency": ["u1", "u2"]}
        other |= {"category": ["MED.AID", "CAR.MEAL"], "urgency": ["u3", "u2"]}
    return one, other
