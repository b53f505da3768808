"""Connections that cost too much: too many, too slow, too dear; and what a crowd costs."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import system
from nexus.graph import outgoing
from nexus.graph.errors import RequestCode
from nexus.graph.newsroom import CONNECTIONS_EACH, SUBSCRIPTIONS_EACH
from nexus.graph.outgoing import Outgoing
from tests.conftest import Api
from tests.deeds import acting
from tests.making import making, now
from tests.serving import Served, Socket, socket_to

FOLLOW = "subscription { needPublished { no } }"


@pytest.fixture
async def charity(engine: AsyncEngine) -> Account:
    """Somebody of a verified charity."""
    async with making(engine) as m:
        return await m.account("charity_user")


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)


async def refused(served: Served, token: str | None) -> tuple[int, str]:
    """How a socket that is one too many is closed."""
    async with socket_to(served) as one:
        payload = {"authorization": f"Bearer {token}"} if token else {}
        await one.say(type="connection_init", payload=payload)
        return await one.closed()


@pytest.mark.parametrize("anonymous", [False, True])
async def test_an_account_has_so_many_connections(
    served: Served, api: Api, charity: Account, anonymous: bool
) -> None:
    """Sockets and event streams are counted together; a seat given back can be taken again."""
    token = None if anonymous else await api.token(charity)
    url = f"http://{served.address}/graphql"
    headers = {"accept": "text/event-stream"}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    async with AsyncExitStack() as stack, httpx.AsyncClient() as client:
        for _ in range(CONNECTIONS_EACH - 1):
            await (await stack.enter_async_context(socket_to(served))).begin(token)
        async with client.stream("POST", url, json={"query": FOLLOW}, headers=headers) as one:
            assert one.status_code == 200
            code, reason = await refused(served, token)
            assert (code, reason[:35]) == (1013, "At most 20 connections are open at ")
            another = await client.post(url, json={"query": FOLLOW}, headers=headers)
            assert another.status_code == 429
            code = another.json()["errors"][0]["extensions"]["code"]
            assert code == RequestCode.TOO_MANY_CONNECTIONS
        await until(lambda: len(served.state.newsroom._seats) < CONNECTIONS_EACH)
        await (await stack.enter_async_context(socket_to(served))).begin(token)
    await until(lambda: not served.state.newsroom._seats)


async def test_a_connection_has_so_many_operations(
    served: Served, api: Api, charity: Account
) -> None:
    async with socket_to(served) as one:
        await one.begin(await api.token(charity))
        for number in range(SUBSCRIPTIONS_EACH):
            await one.subscribe(str(number), FOLLOW)
        await until(lambda: len(served.state.newsroom._open) == SUBSCRIPTIONS_EACH)
        await one.subscribe("more", FOLLOW)
        told = await one.hear()
        assert (told["id"], told["type"]) == ("more", "error")
        assert told["payload"][0]["extensions"]["code"] == RequestCode.TOO_MANY_SUBSCRIPTIONS
        await one.say(id="7", type="complete")
        await one.subscribe("more", "{ __typename }")
        assert (await one.hear())["type"] == "next"
    await until(lambda: not served.state.newsroom._open)


async def test_a_completed_operation_still_counts_while_it_runs(
    served: Served, api: Api, charity: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a client could start what it likes and complete it at once."""
    asked = []

    async def never(*args: Any, **options: Any) -> Any:
        asked.append(args)
        await asyncio.sleep(60)

    async with socket_to(served) as one:
        await one.begin(await api.token(charity))
        with monkeypatch.context() as patched:
            patched.setattr(served.state.sockets.desk, "ask", never)
            for number in range(SUBSCRIPTIONS_EACH * 2):
                await one.subscribe(str(number), "{ __typename }")
                await one.say(id=str(number), type="complete")
            told = await one.hear()
            assert told["payload"][0]["extensions"]["code"] == RequestCode.TOO_MANY_SUBSCRIPTIONS
            assert len(asked) <= SUBSCRIPTIONS_EACH


async def test_who_does_not_read_is_dropped(
    served: Served, api: Api, charity: Account, caplog: pytest.LogCaptureFixture
) -> None:
    async with socket_to(served, max_queue=1) as one:
        await one.begin(await api.token(charity))
        await one.subscribe("s", FOLLOW)
        await until(lambda: served.state.newsroom._followers)
        query = get_introspection_query(descriptions=True)
        for number in range(300):
            try:
                await one.subscribe(str(number), query)
            except Exception:
                break
            if number % 30 == 29:
                await asyncio.sleep(0.1)
        await until(lambda: not served.state.newsroom._followers)
        await until(lambda: not served.state.newsroom._seats)
        one.connection.transport.abort()


async def test_a_stream_that_is_not_read_is_dropped(
    served: Served, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peer's window is shut: nothing it is told arrives."""
    reader, writer = await asyncio.open_connection(*served.address.split(":"), limit=1024)
    body = json.dumps({"query": FOLLOW}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: {served.address}\r\naccept: text/event-stream\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await until(lambda: served.state.newsroom._open)
    subscription = next(iter(served.state.newsroom._open))
    await reader.readuntil(b":\n\n")
    for _ in range(3000):
        subscription.tell(b'{"data":"%s"}' % (b"x" * 10_000))
        if not served.state.newsroom._open:
            break
        await asyncio.sleep(0)
    await until(lambda: not served.state.newsroom._open)
    writer.transport.abort()


def test_a_line_is_bounded_by_messages_and_bytes() -> None:
    line = Outgoing()
    assert all(line.put(b"x") for _ in range(outgoing.MESSAGES))
    assert not line.put(b"x")
    line = Outgoing()
    assert line.put(b"x" * (outgoing.BYTES + 1)), "one message always has room"
    assert not line.put(b"x")
    line.finish()
    assert not Outgoing.put(line, b"x")


async def test_a_line_is_sent_in_order_and_to_its_end() -> None:
    line, sent = Outgoing(), []

    async def send(message: bytes) -> None:
        sent.append(message)

    sending = asyncio.create_task(line.send_all(send, idle=0.05, idly=b"idle"))
    line.put(b"a", b"b")
    await asyncio.sleep(0.12)
    line.put(b"c")
    line.finish()
    await sending
    assert sent[0] == b"ab"
    assert sent[-1] == b"c"
    assert set(sent[1:-1]) == {b"idle"}


@pytest.fixture
async def crowd(engine: AsyncEngine) -> tuple[list[Account], Any]:
    """Accounts of ten charities, and a need that each of them may see."""
    async with making(engine) as m:
        charities = [await m.organization() for _ in range(10)]
        accounts = [await m.account("charity_user", c) for c in charities for _ in range(2)]
        return accounts, await m.need()


async def test_a_crowd_is_told_at_once(
    served: Served, api: Api, engine: AsyncEngine, crowd: tuple[list[Account], Any]
) -> None:
    """The small form of tests/torture/test_subscribers.py."""
    accounts, need = crowd
    tokens = [await api.token(account) for account in accounts]
    async with AsyncExitStack() as stack:
        sockets: list[Socket] = []
        for number in range(200):
            one = await stack.enter_async_context(socket_to(served))
            await one.begin(tokens[number % len(tokens)])
            await one.subscribe("s", FOLLOW)
            sockets.append(one)
        await until(lambda: len(served.state.newsroom._open) == len(sockets))
        async with acting(engine, system(now())) as act:
            act.record("need.published", need)
        began = asyncio.get_running_loop().time()
        told = await asyncio.gather(*(one.hear() for one in sockets))
        assert asyncio.get_running_loop().time() - began < 2
        assert {one["payload"]["data"]["needPublished"]["no"] for one in told} == {need.no}
