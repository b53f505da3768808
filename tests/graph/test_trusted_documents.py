"""Documents by their hash: those of the manifest, and those that a client registered."""

import hashlib
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.clients import model
from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.graph.trusted import TrustedDocuments, document_id, read_manifest
from tests.accounts.test_clients import client_of
from tests.making import making

AREAS = "query Areas($n: Int) { areas(first: $n) { nodes { code name } } }"
CHANGING = "mutation ($i: RevokeAccessTokenInput!) { revokeAccessToken(input: $i) { __typename } }"
VIEWER = "{ viewer { role } }"


@pytest.fixture
def manifest(api: Any) -> dict[str, str]:
    """The manifest of the running service, with two documents."""
    documents: TrustedDocuments = api.app.state.door.inner.documents
    kept = {document_id(text): text for text in (AREAS, CHANGING)}
    documents.manifest = kept
    return kept


async def client_account(engine: AsyncEngine, **fields: Any) -> Any:
    """A client, and its account for `api`."""
    async with making(engine) as m:
        charity = await m.organization()
        keeper = await m.account(Role.CHARITY_USER, charity)
    client = await client_of(engine, charity, **fields)

    class Account:
        id = client.account_id

    return client, Account, keeper


async def register(api: Any, keeper: Any, client: model.ApiClient, *texts: str) -> Any:
    document = (
        "mutation ($i: RegisterDocumentsInput!) { registerDocuments(input: $i) { "
        "... on ApiClient { documents { nodes { documentId text } } } "
        "... on Refusal { code field } } }"
    )
    given = {
        "id": encode("ApiClient", client.id),
        "expectedVersion": client.version,
        "documents": list(texts),
        "idempotencyKey": hashlib.sha256("".join(texts).encode()).hexdigest(),
    }
    answer = await api(keeper)(document, i=given)
    assert "errors" not in answer, answer
    return answer["data"]["registerDocuments"]


def code(answer: httpx.Response) -> str:
    assert "data" not in answer.json()
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


def test_identifiers_are_those_of_the_specification() -> None:
    """The example of the appendix on persisted documents."""
    text = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"
    expected = "sha256:7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e"
    assert document_id(text) == expected
    assert read_manifest(json.dumps({expected: text})) == {expected: text}
    with pytest.raises(ValueError, match="not those of their documents"):
        read_manifest(json.dumps({expected: text + " "}))


async def test_the_manifest_is_for_everybody(
    api: Any, engine: AsyncEngine, manifest: dict[str, str]
) -> None:
    async with making(engine) as m:
        await m.area("440103")
        person = await m.account(Role.SOCIAL_WORKER)
    for account in (None, person):
        body = {"documentId": document_id(AREAS), "variables": {"n": 1}, "operationName": "Areas"}
        answer = await api.post(account, body)
        assert answer.status_code == 200
        assert len(answer.json()["data"]["areas"]["nodes"]) == 1


async def test_a_client_runs_what_it_registered_and_others_do_not(
    api: Any, engine: AsyncEngine
) -> None:
    client, account, keeper = await client_account(engine)
    _, other, _ = await client_account(engine)
    answer = await register(api, keeper, client, VIEWER, VIEWER)
    assert answer["documents"]["nodes"] == [{"documentId": document_id(VIEWER), "text": VIEWER}]
    body = {"documentId": document_id(VIEWER)}
    assert (await api.post(account, body)).json()["data"]["viewer"] == {"role": "CHARITY_CLIENT"}
    for stranger in (other, keeper, None):
        refused = await api.post(stranger, body)
        assert (refused.status_code, code(refused)) == (422, "DOCUMENT_UNKNOWN")


async def test_documents_that_do_not_parse_are_not_registered(
    api: Any, engine: AsyncEngine
) -> None:
    client, account, keeper = await client_account(engine)
    refused = await register(api, keeper, client, VIEWER, "{ viewer {")
    assert refused == {"code": "INVALID", "field": "documents.1"}
    unknown = await api.post(account, {"documentId": document_id(VIEWER)})
    assert code(unknown) == "DOCUMENT_UNKNOWN"


async def test_an_unknown_document_can_be_registered_later(api: Any, engine: AsyncEngine) -> None:
    client, account, keeper = await client_account(engine)
    body = {"documentId": document_id(VIEWER)}
    assert code(await api.post(account, body)) == "DOCUMENT_UNKNOWN"
    await register(api, keeper, client, VIEWER)
    assert (await api.post(account, body)).status_code == 200


async def test_a_client_may_be_held_to_its_documents(
    api: Any, engine: AsyncEngine, manifest: dict[str, str]
) -> None:
    client, account, keeper = await client_account(engine, documents_only=True)
    await register(api, keeper, client, VIEWER)
    for text in (VIEWER, "{ __typename }", "not a document"):
        refused = await api.post(account, {"query": text})
        assert (refused.status_code, code(refused)) == (403, "DOCUMENT_ID_REQUIRED")
    assert (await api.post(account, {"documentId": document_id(VIEWER)})).status_code == 200
    allowed = await api.post(account, {"documentId": document_id(AREAS), "variables": {"n": 1}})
    assert allowed.status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"documentId": 7}, 422, "MALFORMED_REQUEST"),
        ({"documentId": ["sha256:x"]}, 422, "MALFORMED_REQUEST"),
        ({"documentId": document_id(AREAS), "query": AREAS}, 422, "MALFORMED_REQUEST"),
        ({"documentId": None}, 422, "MALFORMED_REQUEST"),
        ({"documentId": ""}, 422, "DOCUMENT_UNKNOWN"),
        ({"documentId": "sha256:abc"}, 422, "DOCUMENT_UNKNOWN"),
        ({"documentId": document_id(AREAS).upper()}, 422, "DOCUMENT_UNKNOWN"),
        ({"documentId": "md5:" + "0" * 32}, 422, "DOCUMENT_UNKNOWN"),
        ({"documentId": "sha256:" + "0" * 64}, 422, "DOCUMENT_UNKNOWN"),
        ({"documentId": None, "query": "{ __typename }"}, 200, None),
        ({"documentId": document_id(AREAS), "query": None, "variables": {"n": 1}}, 200, None),
    ],
)
async def test_what_is_no_document(
    api: Any,
    engine: AsyncEngine,
    manifest: dict[str, str],
    body: dict[str, Any],
    status: int,
    expected: str | None,
) -> None:
    answer = await api.post(None, body)
    assert answer.status_code == status, answer.text
    if expected:
        assert code(answer) == expected


def address(text: str, **variables: Any) -> str:
    told = quote(json.dumps(variables, separators=(",", ":")))
    return f"/graphql?documentId={document_id(text)}&variables={told}"


async def test_anonymous_reads_by_url_can_be_cached(
    api: Any, engine: AsyncEngine, manifest: dict[str, str]
) -> None:
    async with making(engine) as m:
        await m.area("440103")
    first = await api.client.get(address(AREAS, n=2))
    assert first.status_code == 200
    assert first.headers["cache-control"] == "public, no-cache"
    etag = first.headers["etag"]
    known = {"if-none-match": etag}
    again = await api.client.get(address(AREAS, n=2), headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert "content-length" not in again.headers
    other = await api.client.get(address(AREAS, n=1), headers=known)
    assert other.status_code == 200
    assert other.headers["etag"] != etag
    head = await api.client.head(address(AREAS, n=2))
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)


async def test_nothing_else_is_cached(
    api: Any, engine: AsyncEngine, manifest: dict[str, str]
) -> None:
    async with making(engine) as m:
        account = await m.account(Role.SOCIAL_WORKER)
    signed = {"authorization": f"Bearer {await api.token(account)}"}
    body = {"documentId": document_id(AREAS), "variables": {"n": 1}}
    for answer in (
        await api.client.get(address(AREAS, n=1), headers=signed),
        await api.post(None, body),
        await api.client.get("/graphql", params={"query": "{ areas(first: 1) { totalCount } }"}),
        await api.client.get(address(VIEWER)),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


async def test_a_url_only_reads(api: Any, manifest: dict[str, str]) -> None:
    answer = await api.client.get(address(CHANGING, i={"id": "x", "idempotencyKey": "k"}))
    assert (answer.status_code, code(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"


async def test_scopes_hold_for_registered_documents(api: Any, engine: AsyncEngine) -> None:
    client, account, keeper = await client_account(engine, scopes=["needs:read"])
    document = "{ offers(first: 1) { nodes { id } } }"
    await register(api, keeper, client, document)
    refused = await api.post(account, {"documentId": document_id(document)})
    assert (refused.status_code, code(refused)) == (403, "INSUFFICIENT_SCOPE")
