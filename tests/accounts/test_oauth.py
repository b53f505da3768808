"""OAuth 2.0 for machines: client credentials, revocation, metadata, scopes at the door."""

import asyncio
import base64
import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus import scopes as table
from nexus.accounts import model as accounts
from nexus.accounts.clients import model, rules
from nexus.accounts.rules import SCOPES, digest, hash_password
from nexus.acting import Role
from nexus.graph.declare import MUTATIONS, TYPES
from nexus.graph.identifiers import encode
from nexus.organizations.model import Organization
from nexus.schema import make_schema
from tests.accounts.test_clients import client_of, key_of, keys_of
from tests.deeds import acting, count_of, events_of, reread
from tests.making import making, now

PASSWORD = "correct horse battery"
FORM = {"grant_type": "client_credentials"}


@pytest.fixture
async def charity(engine: AsyncEngine) -> Organization:
    async with making(engine) as m:
        return await m.organization(area_code="440103")


@pytest.fixture
async def client(engine: AsyncEngine, charity: Organization) -> model.ApiClient:
    return await client_of(engine, charity)


@pytest.fixture
async def secret(engine: AsyncEngine, client: model.ApiClient) -> str:
    return await give_key(engine, client)


async def give_key(
    engine: AsyncEngine, client: model.ApiClient, place: int = 1, **fields: Any
) -> str:
    """A live key of the client, in clear."""
    secret = rules.new_secret()
    async with making(engine) as m:
        await m.put(key_of(client, place, digest=digest(secret), **fields))
    return secret


def basic(client: model.ApiClient, secret: str) -> dict[str, str]:
    pair = f"{rules.identifier(client.id)}:{secret}".encode()
    return {"authorization": "Basic " + base64.b64encode(pair).decode()}


def posted(client: model.ApiClient, secret: str, **more: str) -> dict[str, str]:
    named = {"client_id": rules.identifier(client.id), "client_secret": secret}
    return {**FORM, **named, **more}


async def token_of(api: Any, client: model.ApiClient, secret: str, **more: str) -> str:
    answer = await api.client.post("/oauth/token", data=posted(client, secret, **more))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def ask(api: Any, token: str, document: str, **variables: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}
    body = {"query": document, "variables": variables}
    answer: httpx.Response = await api.client.post("/graphql", json=body, headers=headers)
    return answer


async def test_both_ways_to_prove_oneself(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str
) -> None:
    by_header = await api.client.post("/oauth/token", data=FORM, headers=basic(client, secret))
    by_form = await api.client.post("/oauth/token", data=posted(client, secret))
    for answer in (by_header, by_form):
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
        assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
        assert body["scope"] == "needs:read pledges:write"
        viewer = (await ask(api, body["access_token"], "{ viewer { name role } }")).json()
        assert viewer["data"]["viewer"]["role"] == "CHARITY_CLIENT"
    assert await events_of(engine, client) == ["api_client.signed_in"] * 2
    fresh = await reread(engine, client)
    (key,) = await keys_of(engine, client)
    assert fresh.last_used_at == key.last_used_at is not None


@pytest.mark.filterwarnings("ignore:The httpx module is deprecated")
async def test_a_standard_client_library_signs_in(
    api: Any, client: model.ApiClient, secret: str
) -> None:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

    transport = api.client._transport
    async with AsyncOAuth2Client(
        rules.identifier(client.id), secret, transport=transport, scope="needs:read"
    ) as standard:
        token = await standard.fetch_token("https://nexus.test/oauth/token", **FORM)
        assert token["scope"] == "needs:read"
        revoked = await standard.revoke_token("https://nexus.test/oauth/revoke")
        assert revoked.status_code == 200
    assert (await ask(api, token["access_token"], "{ viewer { id } }")).status_code == 401


async def test_scopes_asked_for(api: Any, client: model.ApiClient, secret: str) -> None:
    async def asked(scope: str) -> httpx.Response:
        form = posted(client, secret, scope=scope)
        answer: httpx.Response = await api.client.post("/oauth/token", data=form)
        return answer

    assert (await asked("needs:read")).json()["scope"] == "needs:read"
    assert (await asked("pledges:write needs:read")).json()["scope"] == "needs:read pledges:write"
    assert (await asked("  ")).json()["scope"] == "needs:read pledges:write"
    for wrong in ("offers:write", "needs:read offers:write", "everything", "needs:read,x"):
        refused = await asked(wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope"), wrong


async def test_wrong_secrets_and_unknown_clients_answer_alike(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str
) -> None:
    other = await client_of(engine, await _organization(engine))
    answers = []
    for name, given in (
        (rules.identifier(client.id), secret[:-1] + "!"),
        (rules.identifier(other.id), secret),
        ("nxc_" + "0" * 32, secret),
        ("nxc_nonsense", secret),
    ):
        pair = base64.b64encode(f"{name}:{given}".encode()).decode()
        headers = {"authorization": f"Basic {pair}"}
        named = {"client_id": name, "client_secret": given}
        answers += [
            await api.client.post("/oauth/token", data=FORM, headers=headers),
            await api.client.post("/oauth/token", data={**FORM, **named}),
            await api.client.post("/oauth/revoke", data={"token": "x", **named}),
        ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["error"] == "invalid_client"
    assert answers[0].headers["www-authenticate"].startswith("Basic")
    assert await events_of(engine, client) == []


async def _organization(engine: AsyncEngine) -> Organization:
    async with making(engine) as m:
        return await m.organization()


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
    ],
)
async def test_other_grants_are_unsupported(
    api: Any, client: model.ApiClient, secret: str, form: dict[str, str], error: str
) -> None:
    answer = await api.client.post(
        "/oauth/token", data=form or {"x": "y"}, headers=basic(client, secret)
    )
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_two_ways_at_once_are_one_too_many(
    api: Any, client: model.ApiClient, secret: str
) -> None:
    answer = await api.client.post(
        "/oauth/token", data=posted(client, secret), headers=basic(client, secret)
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    for broken in ("Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe:x").decode()):
        answer = await api.client.post("/oauth/token", data=FORM, headers={"authorization": broken})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("state", ["pending", "suspended", "revoked"])
async def test_only_active_clients_get_tokens(
    api: Any, engine: AsyncEngine, charity: Organization, state: str
) -> None:
    client = await client_of(engine, charity, state=state)
    secret = await give_key(engine, client)
    before = await count_of(engine, accounts.AccessToken)
    right = await api.client.post("/oauth/token", data=posted(client, secret))
    wrong = await api.client.post("/oauth/token", data=posted(client, secret + "x"))
    assert (right.status_code, wrong.status_code) == (401, 401)
    assert state in right.json()["error_description"]
    assert state not in wrong.text
    assert await count_of(engine, accounts.AccessToken) == before


async def test_a_suspended_service_account_gets_none(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str
) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            update(accounts.Account)
            .where(accounts.Account.id == client.account_id)
            .values(state="suspended")
        )
    answer = await api.client.post("/oauth/token", data=posted(client, secret))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_rotation_without_a_pause(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str, charity: Organization
) -> None:
    """Two keys are live; the older is retired; the newer has worked all along."""
    async with making(engine) as m:
        keeper = await m.account(Role.CHARITY_USER, charity)
    add = (
        "mutation ($i: AddClientKeyInput!) { addClientKey(input: $i) { "
        "... on IssuedClientKey { clientId clientSecret version } ... on Refusal { code } } }"
    )
    given = {"id": encode("ApiClient", client.id), "expectedVersion": 1}
    issued = (await api(keeper)(add, i=given))["data"]["addClientKey"]
    assert issued["clientId"] == rules.identifier(client.id)
    newer = issued["clientSecret"]
    old, new = [await token_of(api, client, each) for each in (secret, newer)]
    third = (await api(keeper)(add, i={**given, "expectedVersion": 2}))["data"]["addClientKey"]
    assert third == {"code": "GUARD_FAILED"}
    repeated = (await api(keeper)(add, i=given))["data"]["addClientKey"]
    assert repeated == {"code": "VERSION_CONFLICT"}
    older = next(k for k in await keys_of(engine, client) if k.digest == digest(secret))
    retire = (
        "mutation ($i: RetireClientKeyInput!) { retireClientKey(input: $i) { "
        "... on ClientKey { hint retiredAt allowedActions } ... on Refusal { code } } }"
    )
    key = {"id": encode("ClientKey", older.id), "idempotencyKey": "retire"}
    retired = (await api(keeper)(retire, i=key))["data"]["retireClientKey"]
    assert retired["retiredAt"] is not None
    assert retired["allowedActions"] == []
    refused = await api.client.post("/oauth/token", data=posted(client, secret))
    assert refused.status_code == 401
    assert (await ask(api, old, "{ viewer { id } }")).status_code == 401
    assert (await ask(api, new, "{ viewer { id } }")).status_code == 200
    assert await token_of(api, client, newer)


async def test_a_token_does_not_outlive_its_key(
    api: Any, engine: AsyncEngine, client: model.ApiClient
) -> None:
    short = await give_key(engine, client, expires_at=now() + timedelta(seconds=90))
    answer = await api.client.post("/oauth/token", data=posted(client, short))
    assert 80 < answer.json()["expires_in"] <= 90
    past = await give_key(engine, client, 2, expires_at=now() - timedelta(seconds=1))
    refused = await api.client.post("/oauth/token", data=posted(client, past))
    assert refused.status_code == 401


async def test_a_revoked_client_stops_within_five_seconds(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str
) -> None:
    from nexus.accounts.clients.operations import revoke_api_client

    token = await token_of(api, client, secret)
    assert (await ask(api, token, "{ viewer { id } }")).status_code == 200
    async with making(engine) as m:
        admin = await m.account(Role.PLATFORM_ADMIN)
    async with acting(engine, admin) as act:
        await revoke_api_client(act, client.id, expected_version=1, reason="leaked")
    await asyncio.sleep(5.05)
    stopped = await ask(api, token, "{ viewer { id } }")
    assert stopped.status_code == 401
    assert stopped.headers["www-authenticate"] == "Bearer"


async def test_revoking_ones_token(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str
) -> None:
    tokens = [await token_of(api, client, secret) for _ in range(2)]
    for given in (tokens[0], tokens[0], "unknown", "nx_" + "0" * 43):
        answer = await api.client.post(
            "/oauth/revoke",
            data={"token": given, "token_type_hint": "access_token"},
            headers=basic(client, secret),
        )
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
    assert (await ask(api, tokens[0], "{ viewer { id } }")).status_code == 401
    assert (await ask(api, tokens[1], "{ viewer { id } }")).status_code == 200
    missing = await api.client.post("/oauth/revoke", data={"x": "y"}, headers=basic(client, secret))
    assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request")


async def test_nobody_revokes_a_strangers_token(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str
) -> None:
    other = await client_of(engine, await _organization(engine))
    theirs = await give_key(engine, other)
    token = await token_of(api, client, secret)
    answer = await api.client.post(
        "/oauth/revoke", data={"token": token}, headers=basic(other, theirs)
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert (await ask(api, token, "{ viewer { id } }")).status_code == 200


async def test_people_sign_in_at_the_same_door(api: Any, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(Role.CHARITY_USER, password_hash=hash_password(PASSWORD))
    form = {**FORM, "client_id": account.username, "client_secret": PASSWORD}
    whole = (await api.client.post("/oauth/token", data=form)).json()
    assert "scope" not in whole
    narrow = (await api.client.post("/oauth/token", data={**form, "scope": "needs:read"})).json()
    assert narrow["scope"] == "needs:read"
    wrong = await api.client.post("/oauth/token", data={**form, "scope": "root"})
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_scope")
    document = "{ offers(first: 1) { nodes { id } } }"
    assert (await ask(api, whole["access_token"], document)).status_code == 200
    assert (await ask(api, narrow["access_token"], document)).status_code == 403
    end = {**form, "token": whole["access_token"]}
    stranger = {**form, "token": "nx_unknown"}
    for given in (stranger, end, end):
        assert (await api.client.post("/oauth/revoke", data=given)).status_code == 200
    async with AsyncSession(engine) as session:
        row = accounts.AccessToken
        held = select(row.revoked_at).where(row.digest == digest(whole["access_token"]))
        assert await session.scalar(held) is not None
    refused = await api.client.post("/oauth/revoke", data={**end, "client_secret": "wrong one"})
    assert refused.status_code == 401
    missing = await api.client.post("/oauth/revoke", data=form)
    assert missing.status_code == 400


async def test_networks(api: Any, engine: AsyncEngine, charity: Organization) -> None:
    inside = await client_of(engine, charity, networks=["127.0.0.0/8"])
    outside = await client_of(engine, charity, networks=["203.0.113.0/24"])
    assert await token_of(api, inside, await give_key(engine, inside))
    secret = await give_key(engine, outside)
    refused = await api.client.post("/oauth/token", data=posted(outside, secret))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert "from here" in refused.json()["error_description"]
    async with making(engine) as m:
        token = "nx_" + "t" * 43
        row = {"label": "x", "created_at": now(), "account_id": outside.account_id}
        await m.put(accounts.AccessToken(digest=digest(token), **row))
    elsewhere = await ask(api, token, "{ viewer { id } }")
    assert elsewhere.status_code == 403
    assert elsewhere.json()["errors"][0]["extensions"]["code"] == "ADDRESS_NOT_ALLOWED"


async def test_metadata(api: Any) -> None:
    told = (await api.client.get("/.well-known/oauth-authorization-server")).json()
    assert told["issuer"] == "http://nexus.test"
    assert told["token_endpoint"] == "http://nexus.test/oauth/token"
    assert told["revocation_endpoint"] == "http://nexus.test/oauth/revoke"
    assert set(told["scopes_supported"]) == set(SCOPES)
    assert "client_secret_post" in told["token_endpoint_auth_methods_supported"]
    from nexus.accounts.clients.http import metadata

    AuthorizationServerMetadata(metadata("https://nexus.example")).validate()


async def test_logs_hold_no_secret(
    api: Any, client: model.ApiClient, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = await token_of(api, client, secret)
        await api.client.post("/oauth/token", data=FORM, headers=basic(client, secret))
        await api.client.post("/oauth/revoke", data={"token": token}, headers=basic(client, secret))
    assert secret not in caplog.text
    assert token not in caplog.text


# Scopes -------------------------------------------------------------------------------------


def test_the_table_of_scopes_is_whole() -> None:
    """Every type and mutation is opened by a scope, free, or for people; and no name is made up."""
    schema = make_schema()
    names = set(TYPES) - {"Query", "Mutation", "Subscription"} | set(MUTATIONS)
    listed = [*table.FREE, *table.FOR_PEOPLE]
    opened = {name for names in table.OPENS.values() for name in names}
    assert set(table.OPENS) == set(SCOPES)
    assert sorted(names - opened - set(listed)) == [], "say in nexus/scopes.py who may"
    assert sorted((opened | set(listed)) - names) == [], "these names are gone"
    assert not opened & set(listed)
    assert not table.FREE & table.FOR_PEOPLE
    assert schema is not None


NEEDS = "{ needs(first: 1) { nodes { id } } }"
THROUGH = "{ needs(first: 1) { nodes { pledges(first: 1) { totalCount } } } }"
BY_NODE = "query ($id: ID!) { node(id: $id) { id ... on Pledge { state } } }"
SPREAD = (
    "query ($id: ID!) { nodes(ids: [$id]) { ...P } } fragment P on Pledge { ...Q } "
    "fragment Q on Pledge { id }"
)
PLEDGE = (
    "mutation ($i: OfferPledgeInput!) { offerPledge(input: $i) "
    "{ ... on Pledge { id } ... on Refusal { code } } }"
)
SKIPPED = "query ($no: Boolean = false) { viewer { id } pledges @include(if: $no) { totalCount } }"


@pytest.mark.parametrize(
    ("scope", "document", "wanted"),
    [
        ("needs:read", "{ viewer { id } areas(first: 1) { nodes { code } } }", None),
        ("needs:read", "{ __schema { queryType { name } } __typename }", None),
        ("needs:read", "query ($id: ID!) { node(id: $id) { id } }", None),
        ("needs:read", NEEDS, None),
        ("pledges:read", NEEDS, "needs:read"),
        ("needs:read", THROUGH, "pledges:read"),
        ("needs:read pledges:read", THROUGH, None),
        ("needs:read", BY_NODE, "pledges:read"),
        ("pledges:read", BY_NODE, None),
        ("needs:read", SPREAD, "pledges:read"),
        ("needs:read", SKIPPED, "pledges:read"),
        (
            "needs:read",
            "{ pledges { totalCount } offers { totalCount } }",
            "offers:read pledges:read",
        ),
        ("pledges:read", PLEDGE, "pledges:write"),
        ("pledges:write", PLEDGE, None),
        ("pledges:write", "{ apiClients { totalCount } }", ""),
        ("pledges:write", "{ viewer { accessTokens { totalCount } } }", ""),
    ],
)
async def test_what_a_scope_opens(
    api: Any, engine: AsyncEngine, scope: str, document: str, wanted: str | None
) -> None:
    client = await client_of(
        engine, await _organization(engine), scopes=["needs:read", "pledges:read", "pledges:write"]
    )
    token = await token_of(api, client, await give_key(engine, client), scope=scope)
    given = {"lineId": encode("NeedLine", client.id), "quantity": "1", "idempotencyKey": "k"}
    before = await count_of(engine, model.ApiClient)
    answer = await ask(api, token, document, id=encode("Pledge", client.id), i=given)
    if wanted is None:
        assert answer.status_code == 200, answer.text
        return
    assert answer.status_code == 403
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    challenge = 'Bearer error="insufficient_scope"'
    if wanted:
        challenge += f', scope="{wanted}"'
    assert answer.headers["www-authenticate"] == challenge
    assert "data" not in answer.json()
    assert await count_of(engine, model.ApiClient) == before


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("subscription { pledgeChanged { state } }", {"Pledge"}),
        ("subscription { worklistChanged { ... on Need { state } } }", {"Need"}),
        ("{ needs { totalCount } }", {"Need"}),
        ("{ viewer { organization { id } } }", {"Account", "Organization"}),
        (PLEDGE, {"Pledge", "offerPledge"}),
        ("{ __schema { types { name } } }", set()),
        ("{ ... { ... on Query { pledges { edges { cursor } } } } }", {"Pledge"}),
    ],
)
def test_what_a_document_touches(api: Any, document: str, expected: set[str]) -> None:
    executor = api.app.state.executor
    prepared = executor.documents.prepare(document)
    assert executor.scopes.uses(prepared, prepared.operation(None)) == expected


async def test_scopes_taken_away_count_at_once(
    api: Any, engine: AsyncEngine, client: model.ApiClient, secret: str, charity: Organization
) -> None:
    token = await token_of(api, client, secret)
    async with engine.begin() as connection:
        await connection.execute(
            update(model.ApiClient)
            .where(model.ApiClient.id == client.id)
            .values(scopes=["pledges:write"])
        )
    answer = await ask(api, token, NEEDS)
    assert answer.status_code == 403
