"""More requests than connections: some are turned away, none waits long, health answers."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.core.embedded import Database
from nexus.graph.identifiers import encode
from nexus.graph.waiting import WAIT_SECONDS
from nexus.needs.model import Need, NeedState
from tests.conftest import Api
from tests.making import making
from tests.serving import Served, process_of, stolen, stolen_since

POOL = 10
REQUESTS = 500
HEALTH_SECONDS = 0.2
SLACK = 0.5
"""Seconds that five hundred requests take of both processes' time."""
READ = "{ needs(first: 1) { nodes { no } } }"
DEED = """mutation ($i: VerifyNeedInput!) { verifyNeed(input: $i) {
    __typename ... on Refusal { code } } }"""

Body = dict[str, object]


@pytest.fixture(scope="module")
async def served(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    """A server process with ten connections a pool, and no quotas."""
    folder = tmp_path_factory.mktemp("served")
    async with process_of(database, folder, NEXUS_COST_PER_MINUTE="0") as (found, pid):
        found.state = pid
        yield found


@dataclass(frozen=True)
class Answered:
    """A response and how long it took."""

    status: int
    seconds: float
    retry_after: str | None


class Line:
    """One connection, kept open: a client that costs next to nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, served: Served) -> "Line":
        """Connect."""
        host, port = served.address.split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def ask(self, path: str, token: str = "", body: Body | None = None) -> Answered:
        """POST the body, or GET without one."""
        content = json.dumps(body).encode() if body is not None else b""
        head = [
            f"{'GET' if body is None else 'POST'} {path} HTTP/1.1",
            "host: nexus.test",
            f"authorization: Bearer {token}" if token else "x-no: token",
            "content-type: application/json",
            f"content-length: {len(content)}",
        ]
        began = time.monotonic()
        self.writer.write("\r\n".join([*head, "", ""]).encode() + content)
        told = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        took = time.monotonic() - began
        headers = dict(line.split(": ", 1) for line in told.split("\r\n")[1:] if line)
        await self.reader.readexactly(int(headers["content-length"]))
        return Answered(int(told.split()[1]), took, headers.get("retry-after"))


async def storm(served: Served, token: str, bodies: list[Body]) -> tuple[list[Answered], float]:
    """Send all at once; the answers, and the longest that health took meanwhile."""
    lines = [await Line.to(served) for _ in bodies]
    watcher = await Line.to(served)
    await watcher.ask("/health")
    done = asyncio.gather(
        *(line.ask("/graphql", token, body) for line, body in zip(lines, bodies, strict=True))
    )
    longest = 0.0
    while not done.done():
        before = stolen(served.state)
        answer = await watcher.ask("/health")
        assert answer.status == 200
        longest = max(longest, answer.seconds - stolen_since(served.state, before))
        await asyncio.sleep(0.05)
    for line in (*lines, watcher):
        line.writer.close()
    return await done, longest


async def deadlocks(engine: AsyncEngine) -> int:
    """How many the database has seen."""
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    async with engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


def read(needs: list[Need], number: int) -> Body:
    """A query."""
    return {"query": READ}


def deed(needs: list[Need], number: int) -> Body:
    """A mutation, with a key of its own."""
    given = {
        "id": encode("Need", needs[number % len(needs)].id),
        "expectedVersion": 1,
        "evidence": "visit",
        "idempotencyKey": f"storm-{number}",
    }
    return {"query": DEED, "variables": {"i": given}}


@pytest.mark.parametrize("body", [read, deed])
async def test_nobody_waits_long_for_a_connection(
    served: Served,
    api: Api,
    engine: AsyncEngine,
    owner_engine: AsyncEngine,
    body: Callable[[list[Need], int], Body],
) -> None:
    """Every connection is held by a lock while five hundred requests come."""
    async with making(engine) as m:
        approver: Account = await m.account("gov_approver")
        needs = [await m.need(NeedState.SUBMITTED) for _ in range(5)]
    token = await api.token(approver)
    before = await deadlocks(engine)
    async with owner_engine.connect() as connection:
        await connection.execute(text("LOCK TABLE need IN ACCESS EXCLUSIVE MODE"))
        before_storm = stolen(served.state)
        bodies = [body(needs, number) for number in range(REQUESTS)]
        storming = asyncio.create_task(storm(served, token, bodies))
        await asyncio.sleep(WAIT_SECONDS + 1.5)
        await connection.rollback()
        answers, health = await storming
        busy = stolen_since(served.state, before_storm)
    counts = Counter(answer.status for answer in answers)
    assert set(counts) == {200, 503}, counts
    assert counts[200] >= POOL
    turned_away = [answer for answer in answers if answer.status == 503]
    assert len(turned_away) >= REQUESTS - 2 * POOL
    assert {answer.retry_after for answer in turned_away} == {"1"}
    assert max(answer.seconds for answer in turned_away) <= WAIT_SECONDS + SLACK + busy
    assert health <= HEALTH_SECONDS
    assert await deadlocks(engine) == before
    after, _ = await storm(served, token, [read(needs, 0)])
    assert after[0].status == 200, "the connections have come back"
