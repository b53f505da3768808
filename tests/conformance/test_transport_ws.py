"""Probes of graphql-transport-ws (enisdenjo/graphql-ws, PROTOCOL.md), message by message."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import system
from nexus.graph import sockets
from nexus.needs.model import Visibility
from tests.conftest import Api
from tests.deeds import acting
from tests.making import making, now
from tests.serving import PROTOCOL, Served, Socket, socket_to

TYPENAME = "{ __typename }"
FOLLOW = "subscription { needPublished { no } }"


async def answered(one: Socket, name: str = "q") -> None:
    """A query is answered: the socket is as it should be."""
    await one.subscribe(name, TYPENAME)
    told = await one.hear()
    assert (told["id"], told["type"]) == (name, "next")
    assert told["payload"]["data"] == {"__typename": "Query"}
    assert await one.hear() == {"id": name, "type": "complete"}


# The handshake ---------------------------------------------------------------------------------


async def test_the_subprotocol_is_chosen(served: Served) -> None:
    async with socket_to(served, subprotocols=["graphql-ws", PROTOCOL]) as one:
        assert one.connection.subprotocol == PROTOCOL
        await (await one.begin()).say(type="pong")


@pytest.mark.parametrize("offered", [None, ["graphql-ws"], ["graphql-transport-ws2"]])
async def test_another_subprotocol_is_not_acceptable(served: Served, offered: Any) -> None:
    async with socket_to(served, subprotocols=offered) as one:
        code, reason = await one.closed()
    assert (code, reason) == (4406, "Subprotocol not acceptable: use graphql-transport-ws")


# The connection --------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {"anything": 1}}])
async def test_init_is_acknowledged(served: Served, payload: dict[str, Any]) -> None:
    async with socket_to(served) as one:
        await one.say(type="connection_init", **payload)
        assert await one.hear() == {"type": "connection_ack"}
        await answered(one)


async def test_silence_times_out(served: Served) -> None:
    began = asyncio.get_running_loop().time()
    async with socket_to(served) as one:
        assert await one.closed() == (4408, "Connection initialisation timeout")
    waited = asyncio.get_running_loop().time() - began
    assert sockets.INIT_SECONDS <= waited < sockets.INIT_SECONDS + 1.5


async def test_pings_do_not_stand_for_an_init(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.3)
    async with socket_to(served) as one:
        for _ in range(3):
            await one.say(type="ping")
            assert await one.hear() == {"type": "pong"}
        assert (await one.closed())[0] == 4408


async def test_a_second_init_is_too_many(served: Served) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await one.say(type="connection_init")
        assert await one.closed() == (4429, "Too many initialisation requests")


async def test_two_inits_at_once_are_too_many(served: Served) -> None:
    async with socket_to(served) as one:
        await one.say(type="connection_init")
        await one.say(type="connection_init")
        assert (await one.closed())[0] == 4429


async def test_nothing_runs_before_the_acknowledgement(served: Served) -> None:
    async with socket_to(served) as one:
        await one.subscribe("q", TYPENAME)
        assert await one.closed() == (4401, "Unauthorized")


async def test_a_bad_credential_is_forbidden(served: Served) -> None:
    async with socket_to(served) as one:
        await one.say(type="connection_init", payload={"authorization": "Bearer nonsense"})
        code, reason = await one.closed()
        assert (code, reason[:10]) == (4403, "Forbidden:")


@pytest.mark.parametrize("by", ["payload", "Payload", "header"])
async def test_a_credential_comes_in_the_payload_or_the_handshake(
    served: Served, api: Api, charity: Account, by: str
) -> None:
    bearer = f"Bearer {await api.token(charity)}"
    headers = {"authorization": bearer} if by == "header" else {}
    name = {"payload": "authorization", "Payload": "Authorization"}.get(by)
    async with socket_to(served, additional_headers=headers) as one:
        await one.say(type="connection_init", payload={name: bearer} if name else {})
        assert await one.hear() == {"type": "connection_ack"}
        await one.subscribe("me", "{ viewer { name } }")
        assert (await one.hear())["payload"]["data"] == {"viewer": {"name": charity.name}}


# Ping and pong ---------------------------------------------------------------------------------


async def test_a_ping_is_answered_with_its_payload(served: Served) -> None:
    async with socket_to(served) as one:
        await one.say(type="ping", payload={"a": [1]})
        assert await one.hear() == {"type": "pong", "payload": {"a": [1]}}
        await one.begin()
        await one.say(type="ping")
        assert await one.hear() == {"type": "pong"}


async def test_a_pong_needs_no_ping(served: Served) -> None:
    async with socket_to(served) as one:
        await one.say(type="pong", payload={"any": "thing"})
        await one.begin()
        await one.say(type="pong")
        await answered(one)


# Operations ------------------------------------------------------------------------------------


async def test_a_query_has_one_result(served: Served) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await answered(one)
        assert await one.silent(0.1)


async def test_a_subscription_goes_on_until_it_is_completed(
    served: Served, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        need = await m.need(visibility=Visibility.PUBLIC)
    async with socket_to(served) as one:
        await one.begin()
        await one.subscribe("s", FOLLOW)
        for name in ("1", "2"):
            await answered(one, name)
            async with acting(engine, system(now())) as act:
                act.record("need.published", need)
            told = await one.hear()
            assert (told["id"], told["type"]) == ("s", "next")
        await one.say(id="s", type="complete")
        await answered(one)
        async with acting(engine, system(now())) as act:
            act.record("need.published", need)
        assert await one.silent(1)


async def test_an_id_belongs_to_one_operation(served: Served) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await one.subscribe("s", FOLLOW)
        await one.subscribe("s", TYPENAME)
        assert await one.closed() == (4409, "Subscriber for s already exists")


async def test_a_reason_fits_its_frame(served: Served) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await one.subscribe("需" * 100, FOLLOW)
        await one.subscribe("需" * 100, FOLLOW)
        code, reason = await one.closed()
        assert (code, reason[:16]) == (4409, "Subscriber for 需")
        assert len(reason.encode()) <= 123


async def test_an_id_is_free_again_after_its_operation(served: Served) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await answered(one, "same")
        await answered(one, "same")
        await one.subscribe("same", FOLLOW)
        await one.say(id="same", type="complete")
        await answered(one, "same")


async def test_completing_what_is_over_is_ignored(served: Served) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await one.say(id="unknown", type="complete")
        await answered(one)
        await one.say(id="q", type="complete")
        await answered(one)


async def test_what_was_completed_is_not_answered(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = served.state.sockets.desk.ask

    async def slowly(*args: Any, **options: Any) -> Any:
        await asyncio.sleep(0.2)
        return await ask(*args, **options)

    monkeypatch.setattr(served.state.sockets.desk, "ask", slowly)
    async with socket_to(served) as one:
        await one.begin()
        await one.subscribe("q", TYPENAME)
        await one.subscribe("s", FOLLOW)
        for name in ("q", "s"):
            await one.say(id=name, type="complete")
        assert await one.silent(0.5)
        await answered(one)
    assert not served.state.newsroom._followers


async def test_operations_do_not_wait_for_each_other(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = served.state.sockets.desk.ask

    async def by_name(request: Any, actor: Any, given: Any) -> Any:
        await asyncio.sleep(0.3 if "slow" in given["query"] else 0)
        return await ask(request, actor, given)

    monkeypatch.setattr(served.state.sockets.desk, "ask", by_name)
    async with socket_to(served) as one:
        await one.begin()
        await one.subscribe("slow", "query slow { __typename }")
        await answered(one, "quick")
        assert (await one.hear())["id"] == "slow"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($v: Int!) { needs(first: $v) { totalCount } }", "VARIABLES_INVALID"),
    ],
)
async def test_a_wrong_document_is_an_error_and_the_end_of_it(
    served: Served, query: str, code: str
) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await one.subscribe("s", FOLLOW)
        await one.subscribe("q", query)
        told = await one.hear()
        assert (told["id"], told["type"]) == ("q", "error")
        assert told["payload"][0]["message"]
        assert told["payload"][0]["extensions"]["code"] == code
        # No complete follows, and the id is free.
        await answered(one)


# Wrong messages --------------------------------------------------------------------------------

SUBSCRIBE = {"id": "q", "type": "subscribe"}


@pytest.mark.parametrize(
    "message",
    [
        b"\x00binary",
        b'{"type":"ping"}',
        "",
        "nonsense",
        "{",
        "null",
        "7",
        '"ping"',
        "[]",
        '[{"type":"ping"}]',
        "[" * 50_000,
        '{"type":"ping","payload":NaN}',
        "{}",
        '{"type":null}',
        '{"type":7}',
        '{"type":["ping"]}',
        '{"type":"start","id":"q"}',
        '{"type":"next","id":"q","payload":{}}',
        '{"type":"connection_ack"}',
        '{"type":"connection_init","payload":[]}',
        '{"type":"ping","payload":"x"}',
        '{"type":"pong","payload":7}',
        '{"type":"complete"}',
        '{"type":"complete","id":7}',
        '{"type":"subscribe","payload":{"query":"{__typename}"}}',
        '{"type":"subscribe","id":"","payload":{"query":"{__typename}"}}',
        '{"type":"subscribe","id":null,"payload":{"query":"{__typename}"}}',
        json.dumps({**SUBSCRIBE, "id": "x" * 101, "payload": {"query": TYPENAME}}),
        json.dumps(SUBSCRIBE),
        json.dumps({**SUBSCRIBE, "payload": None}),
        json.dumps({**SUBSCRIBE, "payload": []}),
        json.dumps({**SUBSCRIBE, "payload": {}}),
        json.dumps({**SUBSCRIBE, "payload": {"query": None}}),
        json.dumps({**SUBSCRIBE, "payload": {"query": 7}}),
        json.dumps({**SUBSCRIBE, "payload": {"query": TYPENAME, "variables": []}}),
        json.dumps({**SUBSCRIBE, "payload": {"query": TYPENAME, "variables": "{}"}}),
        json.dumps({**SUBSCRIBE, "payload": {"query": TYPENAME, "operationName": 1}}),
        json.dumps({**SUBSCRIBE, "payload": {"query": TYPENAME, "extensions": 1}}),
    ],
)
async def test_a_wrong_message_closes_the_socket(served: Served, message: str | bytes) -> None:
    async with socket_to(served) as one:
        if b"connection_init" not in (message if isinstance(message, bytes) else message.encode()):
            await one.begin()
        await one.connection.send(message)
        code, reason = await one.closed()
        assert code == 4400
        assert reason


async def test_more_than_the_protocol_knows_is_ignored(served: Served) -> None:
    async with socket_to(served) as one:
        await one.say(type="connection_init", id="?", other=1)
        assert await one.hear() == {"type": "connection_ack"}
        payload = {"query": TYPENAME, "operationName": None, "variables": None, "other": [1]}
        await one.say(type="subscribe", id="q", payload=payload, other=1)
        assert (await one.hear())["payload"]["data"] == {"__typename": "Query"}


async def test_a_message_has_a_greatest_size(served: Served) -> None:
    async with socket_to(served) as one:
        await one.begin()
        await one.subscribe("q", "#" + "x" * 128 * 1024)
        assert (await one.closed())[0] == 1009
