"""Probes of GraphQL over server-sent events, distinct connections (graphql-sse, PROTOCOL.md)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import AccessToken, Account
from nexus.graph import eventstreams
from tests.conformance.conftest import publish
from tests.conftest import Api
from tests.making import now
from tests.serving import Served

FOLLOW = "subscription { needPublished { no } }"
STREAM = {"accept": "text/event-stream"}
GRAPHQL = "application/graphql-response+json"


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """The events as they come, read as the HTML standard says; comments as `:`."""
    kind, lines = "", []
    async for line in response.aiter_lines():
        if line.startswith(":"):
            yield ":", None
        elif line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data:"):
            lines.append(line.removeprefix("data:").lstrip(" "))
        elif not line and kind:
            text = "\n".join(lines)
            yield kind, json.loads(text) if text else None
            kind, lines = "", []


async def whole(response: httpx.Response) -> list[tuple[str, Any]]:
    """Every event but comments, until the stream ends."""
    return [event async for event in events(response) if event[0] != ":"]


async def post(http: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    """A POST that accepts an event stream, read to its end."""
    return await http.post("/graphql", json={"query": query}, headers=STREAM | headers)


async def get(http: httpx.AsyncClient, query: str) -> httpx.Response:
    """A GET of the same kind."""
    return await http.get(f"/graphql?{urlencode({'query': query})}", headers=STREAM)


@pytest.mark.parametrize("ask", [post, get])
async def test_a_query_is_one_next_and_complete(http: httpx.AsyncClient, ask: Any) -> None:
    response = await ask(http, "{ __typename }")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    told = await whole(response)
    assert [kind for kind, _ in told] == ["next", "complete"]
    assert told[0][1]["data"] == {"__typename": "Query"}
    assert "event: complete\ndata:\n\n" in response.text


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "OPERATION_NAME_MISSING"),
        ("query ($v: Int!) { needs(first: $v) { totalCount } }", "VARIABLES_INVALID"),
    ],
)
@pytest.mark.parametrize("ask", [post, get])
async def test_a_wrong_document_is_told_in_the_stream(
    http: httpx.AsyncClient, ask: Any, query: str, code: str
) -> None:
    response = await ask(http, query)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    told = await whole(response)
    assert [kind for kind, _ in told] == ["next", "complete"]
    assert set(told[0][1]) == {"errors"}
    assert told[0][1]["errors"][0]["extensions"]["code"] == code


async def test_a_get_does_not_change_anything(http: httpx.AsyncClient) -> None:
    told = await whole(await get(http, "mutation { __typename }"))
    assert told[0][1]["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"json": {}}, 422),
        ({"json": []}, 422),
        ({"json": {"query": 7}}, 422),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ({"json": {"query": "{ __typename }"}, "headers": {"authorization": "Bearer x"}}, 401),
        ({"json": {"query": "#" + "x" * 128 * 1024}}, 413),
    ],
)
async def test_a_wrong_request_is_no_stream(
    http: httpx.AsyncClient, request_: dict[str, Any], status: int
) -> None:
    headers = STREAM | request_.pop("headers", {})
    response = await http.post("/graphql", headers=headers, **request_)
    assert response.status_code == status
    assert response.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"
    assert response.json()["errors"]


async def test_other_methods_are_no_stream(http: httpx.AsyncClient) -> None:
    response = await http.put("/graphql", json={"query": FOLLOW}, headers=STREAM)
    assert response.status_code == 405
    assert (await http.get(f"/graphql?query={'x' * 20_000}", headers=STREAM)).status_code == 414


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_subscription_streams_until_the_peer_goes(
    served: Served, http: httpx.AsyncClient, engine: AsyncEngine, method: str
) -> None:
    sent: dict[str, Any] = (
        {"json": {"query": FOLLOW}} if method == "POST" else {"params": {"query": FOLLOW}}
    )
    async with http.stream(method, "/graphql", headers=STREAM, **sent) as response:
        told = events(response)
        assert await anext(told) == (":", None), "the headers do not wait for the first event"
        for _ in range(2):
            need = await publish(engine)
            kind, body = await anext(told)
            assert (kind, body["data"]) == ("next", {"needPublished": {"no": need.no}})
    async with asyncio.timeout(5):
        while served.state.newsroom._seats:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.02)


async def test_an_idle_stream_is_kept_alive(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert eventstreams.KEEP_ALIVE_SECONDS == 15
    monkeypatch.setattr(eventstreams, "KEEP_ALIVE_SECONDS", 0.1)
    async with http.stream("POST", "/graphql", headers=STREAM, json={"query": FOLLOW}) as response:
        told = events(response)
        for _ in range(4):
            assert await anext(told) == (":", None)


async def test_a_revoked_token_ends_the_stream(
    http: httpx.AsyncClient, api: Api, engine: AsyncEngine, charity: Account
) -> None:
    headers = STREAM | {"authorization": f"Bearer {await api.token(charity)}"}
    async with http.stream("POST", "/graphql", headers=headers, json={"query": FOLLOW}) as response:
        told = events(response)
        await anext(told)
        async with AsyncSession(engine) as session, session.begin():
            revoke = update(AccessToken).where(AccessToken.account_id == charity.id)
            await session.execute(revoke.values(revoked_at=now()))
        async with asyncio.timeout(5):
            kind, body = await anext(told)
            assert (kind, body["errors"][0]["extensions"]["code"]) == ("next", "UNAUTHORIZED")
            assert await anext(told) == ("complete", None)
            assert [event async for event in told] == []


@pytest.mark.parametrize(
    ("accept", "query", "media_type"),
    [
        (f"{GRAPHQL}, application/json, text/event-stream", "{ __typename }", GRAPHQL),
        (f"{GRAPHQL}, application/json, text/event-stream", FOLLOW, "text/event-stream"),
        ("application/json, text/event-stream;q=0.9", "{ __typename }", "application/json"),
        ("text/event-stream, application/json;q=0.9", "{ __typename }", "text/event-stream"),
        ("*/*", FOLLOW, GRAPHQL),
        ("text/event-stream;q=0, */*", FOLLOW, GRAPHQL),
    ],
)
async def test_accept_chooses_between_answer_and_stream(
    http: httpx.AsyncClient, accept: str, query: str, media_type: str
) -> None:
    headers = {"accept": accept}
    async with http.stream("POST", "/graphql", headers=headers, json={"query": query}) as response:
        assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
        status = 422 if (query, media_type) == (FOLLOW, GRAPHQL) else 200
        assert response.status_code == status
