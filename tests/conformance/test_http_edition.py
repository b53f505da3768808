"""Probes of GraphQL over HTTP, September 2026 edition: 80 requests over a socket, one a sentence.

tests/graph/test_http.py has the odd bodies and values; here is what the edition says, in its order.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from tests.serving import Served

NEW, OLD, UTF8 = "application/graphql-response+json", "application/json", "; charset=utf-8"
BOTH = f"{NEW}, {OLD};q=0.9"
TYPENAME = {"query": "{ __typename }"}
TWO = "query A { a: __typename } query B { b: __typename }"
NAMED_NULL = "query null { __typename }"
COERCED = "query ($n: Int!) { needs(first: $n) { totalCount } }"
MUTATION = "mutation M { __typename }"


@dataclass(frozen=True)
class Probe:
    """A request and what must come back. `accept=None` sends no such header."""

    says: str
    status: int = 200
    method: str = "POST"
    body: Any = None
    query: str = ""
    accept: str | None = NEW
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": OLD})
    media_type: str = NEW
    data: Any = None
    told: dict[str, str] = field(default_factory=dict)
    """Headers of the answer."""

    def __str__(self) -> str:
        return self.says

    @property
    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False).encode()


def post(says: str, body: Any, status: int = 200, **more: Any) -> Probe:
    """A POST; a success asks `__typename` unless it says otherwise."""
    if status == 200:
        more.setdefault("data", {"__typename": "Query"})
    return Probe(says, status, body=body, **more)


def get(says: str, status: int = 200, *, raw: str | None = None, **parameters: str) -> Probe:
    """A GET with these parameters; `expected` is its data."""
    expected = parameters.pop("expected", '{"__typename": "Query"}')
    query = raw if raw is not None else urlencode(parameters, quote_via=quote)
    data = json.loads(expected) if status == 200 else None
    return Probe(says, status, "GET", query=query, headers={}, data=data)


def accepting(accept: str | None, media_type: str) -> Probe:
    """A query whose answer is of the media type; 406 when it is empty."""
    says = f"Accept {accept} is answered with {media_type or '406'}"
    if not media_type:
        return post(says, TYPENAME, 406, accept=accept)
    return post(says, TYPENAME, accept=accept, media_type=media_type)


def typed(content_type: str | None, status: int) -> Probe:
    """A query in a body of this type."""
    headers = {} if content_type is None else {"content-type": content_type}
    return post(f"a body of {content_type} is {status}", TYPENAME, status, headers=headers)


def envelope(says: str, **given: Any) -> Probe:
    """A request with a parameter of the wrong type."""
    return post(f"{says} is a malformed request", {**TYPENAME, **given}, 422)


def same_for_old(says: str, body: Any, status: int) -> Probe:
    """What Accept: application/json changes: nothing but the type of a success."""
    return post(f"{says} for application/json too", body, status, accept=OLD)


ALLOW = {"allow": "GET, HEAD, POST"}
PROBES = [
    # Media types and Accept
    accepting(NEW, NEW),
    accepting(f"{NEW}{UTF8}", NEW),
    accepting(BOTH, NEW),
    accepting(OLD, OLD),
    accepting(f"{OLD}{UTF8}", OLD),
    accepting(f"{NEW};q=0.1, {OLD};q=0.2", OLD),
    accepting(f"{OLD}, {NEW}", NEW),
    accepting("*/*", OLD),
    accepting(f"{NEW}, */*;q=0.1", NEW),
    accepting(f"text/html, {NEW};q=0.5", NEW),
    accepting(f"{NEW};q=0, {OLD}", OLD),
    accepting(None, NEW),
    accepting("text/html", ""),
    accepting("image/png, text/*;q=0.5", ""),
    accepting(f"{NEW};q=0", ""),
    accepting(f"{NEW}; charset=gb18030", ""),
    # POST: the body's type
    typed("application/json", 200),
    typed("application/json; charset=utf-8", 200),
    typed('APPLICATION/JSON; Charset="UTF-8"', 200),
    typed(None, 415),
    typed("text/plain", 415),
    typed("application/graphql", 415),
    typed("application/x-www-form-urlencoded", 415),
    typed("multipart/form-data; boundary=b", 415),
    typed("application/json; charset=utf-16", 415),
    typed(NEW, 415),
    # POST: the envelope
    post("query alone is enough", TYPENAME),
    post("text is UTF-8", {"query": "{ __typename } # 需要"}),
    post("operationName chooses", {"query": TWO, "operationName": "B"}, data={"b": "Query"}),
    post("null for an optional parameter is none", TYPENAME | dict.fromkeys(
        ["operationName", "variables", "extensions"])),
    post("variables are a map", TYPENAME | {"variables": {"unused": 1}}),
    post("extensions are a map", TYPENAME | {"extensions": {"any": [1]}}),
    post("unknown properties are ignored", TYPENAME | {"id": 7, "queryId": None, "x": {}}),
    post("a misspelt query is a malformed request", {"qeury": "{ __typename }"}, 422),
    envelope("query null", query=None),
    envelope("query 7", query=7),
    envelope("query true", query=True),
    envelope("query []", query=[]),
    envelope("query {}", query={}),
    envelope("operationName 7", operationName=7),
    envelope("operationName {}", operationName={}),
    envelope("variables []", variables=[7]),
    envelope("variables '{}'", variables="{}"),
    envelope("variables 7", variables=7),
    envelope("extensions []", extensions=[]),
    envelope("extensions 'x'", extensions="x"),
    post("an array is a malformed request", [TYPENAME], 422),
    post("null is a malformed request", b"null", 422),
    post("text is a malformed request", b'"{ __typename }"', 422),
    # Status codes of what cannot be executed
    post("nonsense is no JSON", b"NONSENSE", 400),
    post("half an object is no JSON", b'{"query":', 400),
    post("an empty body is no JSON", b"", 400),
    post("a body that is not UTF-8 is no JSON", b'{"query": "{ __typename } # \xff"}', 400),
    post("a document that cannot be parsed is 400", {"query": "{"}, 400),
    post("an empty document cannot be parsed", {"query": ""}, 400),
    post("a document that fails validation is 422", {"query": "{ nothing }"}, 422),
    post("an operation that cannot be told is 422", {"query": TWO}, 422),
    post("an unknown operation is 422", {"query": TWO, "operationName": "C"}, 422),
    post("a missing variable is 422", {"query": COERCED}, 422),
    post("a variable of the wrong type is 422", {"query": COERCED, "variables": {"n": "x"}}, 422),
    same_for_old("no JSON is 400", b"{", 400),
    same_for_old("a parse failure is 400", {"query": "{"}, 400),
    same_for_old("a validation failure is 422", {"query": "{ nothing }"}, 422),
    same_for_old("a coercion failure is 422", {"query": COERCED}, 422),
    post("a body that is too large is 413", {"query": "{ __typename }", "x": "y" * 200_000}, 413),
    # GET
    get("parameters come in the URL", query="{ __typename }"),
    get("operationName chooses in the URL", query=TWO, operationName="B",
        expected='{"b": "Query"}'),
    get("an empty operationName is none", query="{ __typename }", operationName=""),
    get("the name null is a name", query=NAMED_NULL, operationName="null"),
    get("variables are JSON", query=COERCED.replace("{ totalCount }", "{ __typename }"),
        variables='{"n": 1}', expected='{"needs": {"__typename": "NeedConnection"}}'),
    get("empty variables and extensions are none",
        raw="query=%7B__typename%7D&variables=&extensions="),
    get("a plus is a space", raw="query=%7B+__typename+%7D"),
    get("unknown parameters are ignored", query="{ __typename }", other="1"),
    get("variables that are no JSON are 400", 400, query="{ __typename }", variables="{"),
    get("variables that are no map are 422", 422, query="{ __typename }", variables="[]"),
    get("no query is 422", 422, raw=""),
    get("a mutation is 405", 405, query=MUTATION),
    get("a mutation that is chosen is 405", 405, query=f"{{ __typename }} {MUTATION}".replace(
        "{ __typename }", "query Q { __typename }", 1), operationName="M"),
    # Other methods
    Probe("PUT is 405 and Allow says what is not", 405, "PUT", body=TYPENAME, told=ALLOW),
    Probe("DELETE is 405 and Allow says what is not", 405, "DELETE", told=ALLOW),
]  # fmt: skip


def test_there_are_eighty() -> None:
    assert len(PROBES) == 80
    assert len({probe.says for probe in PROBES}) == 80


@pytest.mark.parametrize("probe", PROBES, ids=str)
async def test_probe(http: httpx.AsyncClient, probe: Probe) -> None:
    url = f"/graphql?{probe.query}" if probe.query else "/graphql"
    headers = probe.headers | ({"accept": probe.accept} if probe.accept else {})
    request = httpx.Request(
        probe.method, f"{http.base_url}{url}", headers=headers, content=probe.content
    )
    response = await http.send(request)
    assert response.status_code == probe.status, response.text
    assert response.headers["content-type"] == f"{probe.media_type}{UTF8}"
    assert {name: response.headers.get(name) for name in probe.told} == probe.told
    answer = response.json()
    if probe.status == 200:
        assert answer["data"] == probe.data
        assert "errors" not in answer
    else:
        assert set(answer) == {"errors"}, "no data entry"
        assert all(error["message"] and error["extensions"]["code"] for error in answer["errors"])


async def test_data_beside_errors_is_294(
    served: Served, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One deed of two fails on our side: what the other did is told."""
    deeds = served.state.executor.deeds
    answer, asked = deeds._answer, []

    async def fails_once(planned: Any, *rest: Any) -> bytes:
        asked.append(planned)
        if len(asked) == 2:
            raise RuntimeError("a fault")
        return bytes(await answer(planned, *rest))

    monkeypatch.setattr(deeds, "_answer", fails_once)
    document = "mutation { a: __typename b: __typename }"
    response = await http.post("/graphql", json={"query": document}, headers={"accept": NEW})
    assert response.status_code == 294
    assert response.headers["content-type"] == f"{NEW}{UTF8}"
    assert response.json()["data"] == {"a": "Mutation", "b": None}
    assert response.json()["errors"][0]["path"] == ["b"]
