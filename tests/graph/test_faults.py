"""What happens when the database is slow, busy or gone, or the program is wrong."""

import asyncio
import logging
import time
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from nexus.core.db import make_engine
from nexus.graph.errors import RequestError
from nexus.graph.execution import Executor, make_pool
from tests.graph.conftest import Library, actor
from tests.graph.library import LIBRARY
from tests.graph.test_mutations import ORDER, count, order

SEARCHED = "query ($t: String) { books(filter: {text: $t}) { totalCount } }"
SECRET = "身份证440103"
COUNTED = "{ books { totalCount } }"
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def test_a_fault_is_masked_and_logged_by_number(
    library: Library, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*args: Any) -> bytes:
        raise RuntimeError("the inside of the machine")

    monkeypatch.setattr(library.executor.reader, "fetch", broken)
    body = {"query": SEARCHED, "variables": {"t": SECRET}}
    with caplog.at_level(logging.DEBUG):
        response = await library.client.post("/graphql", json=body)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (500, "INTERNAL")
    assert "machine" not in response.text
    assert error["extensions"]["requestId"] in caplog.text
    assert SECRET not in caplog.text
    assert "totalCount" not in caplog.text


async def test_a_slow_statement_is_told_so(library: Library, schema: Any) -> None:
    pool = await make_pool(library.url, seconds=0.1)
    executor = Executor(schema, pool, library.engine, registry=LIBRARY)
    async with library.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE lib_book IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(RequestError) as caught:
            await executor.execute(COUNTED, actor())
    await pool.close()
    assert (caught.value.status, caught.value.code) == (503, "TIMEOUT")
    assert caught.value.headers == {"Retry-After": "1"}


async def test_an_exhausted_pool_turns_away(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus.graph.waiting.WAIT_SECONDS", 0.1)
    held = [await library.pool.borrow() for _ in range(library.pool.get_max_size())]
    try:
        response = await library.client.post("/graphql", json={"query": COUNTED})
    finally:
        for connection in held:
            await library.pool.release(connection)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "1"
    assert (await library.client.post("/graphql", json={"query": COUNTED})).status_code == 200


async def test_connections_are_kept_at_hand_but_for_two(library: Library) -> None:
    pool = library.pool
    held = [await pool.borrow() for _ in range(pool.get_max_size())]
    for connection in held:
        await pool.give_back(connection, sound=True)
    assert pool.get_idle_size() == 2
    async with pool.acquire() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    again = [await pool.borrow() for _ in range(pool.get_max_size() - 2)]
    assert {id(c) for c in again} < {id(c) for c in held}
    for connection in again:
        await pool.give_back(connection, sound=False)
    assert pool.get_idle_size() == pool.get_max_size()


async def test_lost_connections_are_not_noticed(library: Library) -> None:
    assert (await library.client.post("/graphql", json={"query": COUNTED})).status_code == 200
    async with library.engine.connect() as connection:
        await connection.execute(text(END_OTHERS))
    response = await library.client.post("/graphql", json={"query": COUNTED})
    assert response.status_code == 200


async def test_a_crowd_is_turned_away_in_time(library: Library) -> None:
    """500 at once while the table is locked: ten wait for it, nobody else longer than 2 s."""
    started = time.monotonic()
    waits: list[float] = []

    async def ask() -> int:
        response = await library.client.post("/graphql", json={"query": COUNTED})
        if response.status_code == 503:
            waits.append(time.monotonic() - started)
        return response.status_code

    async with library.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE lib_book IN ACCESS EXCLUSIVE MODE"))
        asked = asyncio.gather(*(ask() for _ in range(500)))
        await asyncio.sleep(2.6)
    statuses = Counter(await asked)
    assert set(statuses) == {200, 503}
    assert statuses[200] >= library.pool.get_max_size()
    assert max(waits) < 2.6


async def test_a_deed_without_a_connection_is_turned_away(library: Library) -> None:
    held = [await library.engine.connect() for _ in range(10)]
    try:
        with pytest.raises(RequestError) as caught:
            await library.ask(ORDER, order())
    finally:
        for connection in held:
            await connection.close()
    assert (caught.value.status, caught.value.code) == (503, "UNAVAILABLE")


async def test_connections_dropped_under_load(library: Library, torture: bool) -> None:
    """Every backend is ended five times a second: nothing is done twice, lost, or told wrongly."""
    before = await count(library)
    until = time.monotonic() + (60 if torture else 4)
    done: list[str] = []

    async def work() -> None:
        while time.monotonic() < until:
            given = order("Once")
            made = await attempt(library, ORDER, given)
            while made is None:
                await asyncio.sleep(0.02)
                made = await attempt(library, ORDER, given)
            done.append(made["orderBook"]["id"])
            await attempt(library, COUNTED)

    async def drop() -> None:
        engine = make_engine(library.url, pool_size=1)
        while time.monotonic() < until:
            async with engine.connect() as connection:
                await connection.execute(text(END_OTHERS))
            await asyncio.sleep(0.2)
        await engine.dispose()

    await asyncio.gather(drop(), *(work() for _ in range(8)))
    settled = time.monotonic()
    while not await attempt(library, COUNTED):
        assert time.monotonic() - settled < 2
    assert len(set(done)) == len(done) > 8
    assert await count(library) == before + len(done)


async def attempt(library: Library, document: str, given: Any = None) -> Any:
    """The data, or None when the service says to come back; any other answer is wrong."""
    body = {"query": document, "variables": given}
    headers = {"authorization": "PLATFORM_ADMIN"}
    response = await library.client.post("/graphql", json=body, headers=headers)
    answer = response.json()
    if response.status_code == 200:
        return answer["data"]
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes == {"UNAVAILABLE"}, answer
    return None
