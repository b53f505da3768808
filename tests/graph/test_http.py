"""The door by the September 2026 edition of GraphQL over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from nexus.graph import http as door_module
from nexus.graph.errors import RequestCode
from nexus.graph.http import GraphQLDoor
from tests.graph.conftest import Library, authenticate

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


async def post(library: Library, body: Any, **headers: str) -> httpx.Response:
    """A POST of the value as JSON, or of bytes as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": JSON, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return await library.client.post("/graphql", content=content, headers=given)


async def get(library: Library, headers: Any = None, **parameters: str) -> Any:
    """A GET with the parameters in the URL."""
    return await library.client.get(f"/graphql?{urlencode(parameters)}", headers=headers)


def code(response: httpx.Response) -> str:
    """The code of the first error; every error has one, and there is no data."""
    answer = response.json()
    assert set(answer) == {"errors"}
    codes = [error["extensions"]["code"] for error in answer["errors"]]
    return str(codes[0])


GOOD = {"query": "{ __typename books { totalCount } }"}


async def test_a_query_is_answered(library: Library) -> None:
    response = await post(library, GOOD, accept=GRAPHQL)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "data": {"__typename": "Query", "books": {"totalCount": 0}},
        "extensions": {"cost": {"requested": 1570, "actual": 1551, "limit": 20000}},
    }


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", GRAPHQL),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{GRAPHQL}, */*", GRAPHQL),
        (JSON, JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON};q=0.9", JSON),
        (f"{GRAPHQL};q=0, */*", JSON),
        (f"{JSON}; charset=utf-8", JSON),
        ("text/html, application/json;q=0.1", JSON),
        (f"  {GRAPHQL.upper()} ; q=1.0", GRAPHQL),
        (f"{JSON}, */*;q=0.1", JSON),
        (f"{JSON};q=0.2, application/*;q=0.8", GRAPHQL),
    ],
)
async def test_accept_chooses(library: Library, accept: str, media_type: str) -> None:
    response = await post(library, GOOD, accept=accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/*", f"{JSON};q=0", "*/*;q=0", f"{JSON};q=nonsense", f"{JSON};charset=gbk"],
)
async def test_nothing_acceptable(library: Library, accept: str) -> None:
    response = await post(library, GOOD, accept=accept)
    assert (response.status_code, code(response)) == (406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("accept", [GRAPHQL, JSON, "*/*"])
async def test_a_request_error_is_never_200(library: Library, accept: str) -> None:
    """A client of the old kind gets the same status; what is not 2xx says what it is."""
    response = await post(library, {"query": "{ nothing }"}, accept=accept)
    assert (response.status_code, code(response)) == (422, "GRAPHQL_VALIDATION_FAILED")
    assert response.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b"", 400, "BAD_JSON"),
        (b"NONSENSE", 400, "BAD_JSON"),
        (b'{"query":', 400, "BAD_JSON"),
        (b'{"query": "{ __typename }", "variables": {"a": NaN}}', 400, "BAD_JSON"),
        (b'{"query": "{ __typename }", "variables": {"a": -Infinity}}', 400, "BAD_JSON"),
        (b'{"query": "{ __typename }", "variables": {"a": 1e999}}', 400, "BAD_JSON"),
        (b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5000 + b"}}", 400, "BAD_JSON"),
        (b'\xef\xbb\xbf{"query": "{ __typename }"}', 400, "BAD_JSON"),
        (b'{"query": "{ __typename } # \xff"}', 400, "BAD_JSON"),
        ('{"query": "{ __typename }"}'.encode("utf-16"), 400, "BAD_JSON"),
        (b"[" * 20_000, 400, "BAD_JSON"),
        (b"null", 422, "MALFORMED_REQUEST"),
        (b'"{ __typename }"', 422, "MALFORMED_REQUEST"),
        (b"1", 422, "MALFORMED_REQUEST"),
        (b"[]", 422, "MALFORMED_REQUEST"),
        (b'[{"query": "{ __typename }"}]', 422, "MALFORMED_REQUEST"),
        (b"{}", 422, "MALFORMED_REQUEST"),
        (b'{"qeury": "{ __typename }"}', 422, "MALFORMED_REQUEST"),
        (b'{"query": null}', 422, "MALFORMED_REQUEST"),
        (b'{"query": ["{ __typename }"]}', 422, "MALFORMED_REQUEST"),
        (b'{"query": "{ __typename }", "variables": [7]}', 422, "MALFORMED_REQUEST"),
        (b'{"query": "{ __typename }", "variables": "{}"}', 422, "MALFORMED_REQUEST"),
        (b'{"query": "{ __typename }", "operationName": 7}', 422, "MALFORMED_REQUEST"),
        (b'{"query": "{ __typename }", "extensions": []}', 422, "MALFORMED_REQUEST"),
        (b'{"query": ""}', 400, "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{"}', 400, "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ a } }"}', 400, "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ books { } }"}', 400, "GRAPHQL_PARSE_FAILED"),
        (b'{"query": "{ nothing }"}', 422, "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "fragment F on Book { id }"}', 422, "GRAPHQL_VALIDATION_FAILED"),
        (
            b'{"query": "query A { __typename } query B { __typename }"}',
            422,
            "OPERATION_NAME_MISSING",
        ),
        (b'{"query": "query A { __typename }", "operationName": "B"}', 422, "OPERATION_UNKNOWN"),
        (b'{"query": "{ books(first: -1) { totalCount } }"}', 422, "PAGE_TOO_LARGE"),
        (b'{"query": "{ books(first: 1, last: 1) { totalCount } }"}', 422, "BAD_ARGUMENT"),
        (b'{"query": "{ books(after: \\"x\\") { totalCount } }"}', 422, "BAD_CURSOR"),
    ],
)
async def test_bad_bodies(library: Library, body: bytes, status: int, expected: str) -> None:
    response = await post(library, body)
    assert (response.status_code, code(response)) == (status, expected)


PAGED = "query ($n: Int!) { books(first: $n) { totalCount } }"
SEARCHED = "query ($t: String) { books(filter: {text: $t}) { totalCount } }"


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        (PAGED, {}, "VARIABLES_INVALID"),
        (PAGED, {"n": None}, "VARIABLES_INVALID"),
        (PAGED, {"n": "1"}, "VARIABLES_INVALID"),
        (PAGED, {"n": 1.5}, "VARIABLES_INVALID"),
        (PAGED, {"n": 99999999999}, "VARIABLES_INVALID"),
        (PAGED, {"n": 1001}, "PAGE_TOO_LARGE"),
        (SEARCHED, {"t": ["a", "b"]}, "VARIABLES_INVALID"),
        (SEARCHED, {"t": "\0"}, "BAD_VALUE"),
        (SEARCHED, {"t": "\ud800"}, "BAD_VALUE"),
    ],
)
async def test_bad_variables(
    library: Library, document: str, variables: dict[str, Any], expected: str
) -> None:
    response = await post(library, {"query": document, "variables": variables})
    assert (response.status_code, code(response)) == (422, expected)


@pytest.mark.parametrize(
    "extra",
    [
        {"id": "1", "other": [1]},
        {"operationName": None, "variables": None, "extensions": None},
        {"operationName": ""},
        {"extensions": {"anything": 1}},
        {"variables": {"unknown": 1}},
    ],
)
async def test_what_is_ignored(library: Library, extra: dict[str, Any]) -> None:
    response = await post(library, {**GOOD, **extra})
    assert response.status_code == 200


async def test_the_named_operation_runs(library: Library) -> None:
    document = "query A { a: __typename } query B { b: __typename }"
    response = await post(library, {"query": document, "operationName": "B"})
    assert response.json()["data"] == {"b": "Query"}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=gb18030",
        "application/json; charset=utf-16",
    ],
)
async def test_only_json_in_utf8(library: Library, content_type: str) -> None:
    response = await post(library, GOOD, content_type=content_type)
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_json_in_utf8_by_other_names(library: Library) -> None:
    for content_type in ('application/json; charset="UTF-8"', "APPLICATION/JSON;charset=utf8"):
        assert (await post(library, GOOD, content_type=content_type)).status_code == 200


async def test_a_compressed_body_is_not_taken(library: Library) -> None:
    response = await post(library, GOOD, content_encoding="gzip")
    assert response.status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods(library: Library, method: str) -> None:
    response = await library.client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, POST"


async def test_a_body_past_the_cap(library: Library) -> None:
    body = json.dumps({"query": "{ __typename }", "padding": "x" * 128 * 1024}).encode()
    response = await post(library, body)
    assert (response.status_code, code(response)) == (413, "BODY_TOO_LARGE")

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    headers = {"content-type": JSON}
    response = await library.client.post("/graphql", content=chunks(), headers=headers)
    assert (response.status_code, code(response)) == (413, "BODY_TOO_LARGE")


async def test_a_body_in_pieces(library: Library) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in json.dumps(GOOD).encode():
            yield bytes([byte])

    headers = {"content-type": JSON}
    response = await library.client.post("/graphql", content=pieces(), headers=headers)
    assert response.status_code == 200


async def test_get_reads(library: Library) -> None:
    response = await get(
        library,
        query="query Q($n: Int) { books(first: $n) { nodes { id } } }",
        variables='{"n": 1}',
        operationName="Q",
        extensions="{}",
        other="1",
    )
    assert response.status_code == 200
    assert response.json()["data"] == {"books": {"nodes": []}}


async def test_get_takes_empty_parameters_for_none(library: Library) -> None:
    response = await get(
        library, query="{ __typename }", variables="", operationName="", extensions=""
    )
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("parameters", "status", "expected"),
    [
        ({}, 422, "MALFORMED_REQUEST"),
        ({"query": ""}, 400, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ __typename }", "variables": "{"}, 400, "BAD_JSON"),
        ({"query": "{ __typename }", "variables": "[]"}, 422, "MALFORMED_REQUEST"),
        ({"query": "{ __typename }", "operationName": "null"}, 422, "OPERATION_UNKNOWN"),
        ({"query": "x" * 20_000}, 414, "URI_TOO_LONG"),
    ],
)
async def test_bad_gets(
    library: Library, parameters: dict[str, str], status: int, expected: str
) -> None:
    response = await get(library, **parameters)
    assert (response.status_code, code(response)) == (status, expected)


async def test_get_refuses_a_parameter_given_twice(library: Library) -> None:
    response = await library.client.get("/graphql?query=%7B__typename%7D&query=%7Ba%7D")
    assert (response.status_code, code(response)) == (422, "MALFORMED_REQUEST")


async def test_get_does_not_change_anything(library: Library) -> None:
    document = 'mutation { greet(input: {name: "x"}) { __typename } }'
    response = await get(library, query=document)
    assert (response.status_code, code(response)) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    both = f"query Q {{ __typename }} {document.replace('mutation', 'mutation M')}"
    assert (await get(library, query=both, operationName="Q")).status_code == 200
    assert (await get(library, query=both, operationName="M")).status_code == 405


async def test_head_is_a_get_without_its_body(library: Library) -> None:
    url = f"/graphql?{urlencode({'query': '{ __typename }'})}"
    response = await library.client.head(url)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) == len((await library.client.get(url)).content)


async def test_a_bad_credential(library: Library) -> None:
    response = await post(library, GOOD, authorization="NOBODY")
    assert (response.status_code, code(response)) == (401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_subscription_has_no_place_here(library: Library) -> None:
    response = await post(library, {"query": "subscription { a }"})
    assert response.status_code == 422


async def test_browsers_get_the_page(library: Library) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    response = await library.client.get("/graphql", headers=browser)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    with_query = await get(library, browser, query="{ __typename }")
    assert with_query.json()["data"] == {"__typename": "Query"}
    door = GraphQLDoor(library.executor, authenticate, ide=None)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=door), base_url="http://x.test"
    ) as client:
        response = await client.get("/graphql", headers={"accept": "text/html"})
        assert response.status_code == 406


async def test_a_client_that_never_sends_its_body(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "BODY_SECONDS", 0.05)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(10)

    async def send(message: Any) -> None:
        sent.append(message)

    door = GraphQLDoor(library.executor, authenticate, ide=None)
    await door(scope(), receive, send)
    assert sent[0]["status"] == 408


async def test_a_client_that_hangs_up_gets_no_answer(library: Library) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    door = GraphQLDoor(library.executor, authenticate, ide=None)
    await door(scope(), receive, send)
    assert sent == []


def scope() -> dict[str, Any]:
    """A POST whose body is still to come."""
    return {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }


async def test_error_codes_are_published(library: Library) -> None:
    answer = await library.ask('{ __type(name: "ErrorCode") { enumValues { name } } }')
    published = {value["name"] for value in answer["data"]["__type"]["enumValues"]}
    assert {"NOT_FOUND", "PAGE_TOO_LARGE", "UNAUTHORIZED", "INTERNAL", "BAD_JSON"} <= published
    assert {member.value for member in RequestCode} <= published
