"""What a pledge asks of the database: how many statements, and none after its row is locked."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core import outbox
from nexus.graph.identifiers import encode
from tests.conftest import Api
from tests.matching.bridge import Bridge, build_bridge

PLEDGE = """
mutation ($input: OfferPledgeInput!) {
  offerPledge(input: $input) {
    __typename
    ... on Pledge { id no state organization { name } }
    ... on Refusal { code message }
  }
}
"""
STATEMENTS = ("BEGIN", "INSERT INTO idempotency_key", "SELECT", "WITH pledged", "COMMIT", "SELECT")
"""The key, the ground, the pledge with its history and its move; after the commit its answer."""


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that goes to the database, as it begins."""
    found: list[str] = []
    driver: Any = asyncpg.Connection
    prepared, plain = driver._execute, driver.execute

    async def run_prepared(connection: Any, query: str, *given: Any, **more: Any) -> Any:
        found.append(query)
        return await prepared(connection, query, *given, **more)

    async def run_plain(connection: Any, query: str, *given: Any, **more: Any) -> Any:
        if not given:
            found.append(query)
        return await plain(connection, query, *given, **more)

    monkeypatch.setattr(driver, "_execute", run_prepared)
    monkeypatch.setattr(driver, "execute", run_plain)
    return found


async def pledge(api: Api, bridge: Bridge, key: str) -> Any:
    given = {"lineId": encode("NeedLine", bridge.line_id), "quantity": "1", "idempotencyKey": key}
    answer = await api(bridge.people["pledger"])(PLEDGE, input=given)
    return answer["data"]["offerPledge"]


async def test_six_statements_a_pledge(engine: AsyncEngine, api: Api, heard: list[str]) -> None:
    warm, bridge = await build_bridge(engine), await build_bridge(engine)
    assert (await pledge(api, warm, "warm"))["__typename"] == "Pledge"
    await pledge(api, warm, "known by now")
    await api(bridge.people["pledger"])("{ __typename }")
    heard.clear()
    assert (await pledge(api, bridge, "first"))["__typename"] == "Pledge"
    assert len(heard) == len(STATEMENTS), heard
    assert all(map(str.startswith, heard, STATEMENTS)), heard
    heard.clear()
    assert (await pledge(api, bridge, "second"))["code"] == "ALREADY_PLEDGED"
    assert not any("INSERT INTO pledge" in statement for statement in heard)


async def test_the_key_bears_the_row_from_the_start(engine: AsyncEngine, api: Api) -> None:
    bridge = await build_bridge(engine)
    made = await pledge(api, bridge, "once")
    async with AsyncSession(engine) as session:
        found = await session.execute(
            text(
                "SELECT k.row_id = p.id, e.kind, e.sequence FROM pledge p "
                "JOIN idempotency_key k ON k.key = 'once' "
                "JOIN event e ON e.object_id = p.id WHERE p.line_id = :line"
            ),
            {"line": bridge.line_id},
        )
        assert [tuple(row) for row in found] == [(True, "pledge.offered", 1)]
    assert (await pledge(api, bridge, "once")) == made


async def test_an_approved_pledge_tells_both_in_order(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(
            text("UPDATE offer SET pre_approved = true WHERE id = :id"), {"id": bridge.offer.id}
        )
    made = await bridge.pledge("1")
    async with AsyncSession(engine) as session:
        found = await session.execute(
            text("SELECT kind FROM event WHERE object_id = :id ORDER BY sequence"), {"id": made.id}
        )
        assert list(found.scalars()) == ["pledge.offered", "pledge.accepted"]


async def test_who_listens_gets_a_job(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def handle(*given: Any) -> None:
        return None

    bridge = await build_bridge(engine)
    for kind in ("pledge.offered", "pledge.accepted"):
        listener = outbox.Listener(f"listening.{kind}", kind, handle)
        monkeypatch.setitem(outbox.LISTENERS, listener.name, listener)
    made = await bridge.pledge("1")
    async with AsyncSession(engine) as session:
        jobs = await session.execute(
            text(
                "SELECT j.listener, j.state, j.attempts, e.kind FROM job j "
                "JOIN event e ON e.id = j.event_id "
                "WHERE e.object_id = :id AND j.listener LIKE 'listening.%'"
            ),
            {"id": made.id},
        )
        found = [tuple(row) for row in jobs]
    assert found == [("listening.pledge.offered", "pending", 0, "pledge.offered")]
