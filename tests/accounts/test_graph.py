"""Accounts as clients meet them: viewer, managing, and tokens that stop."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts import rules
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from tests.making import making

REFUSED = "... on Refusal { code message field }"


@pytest.fixture
async def admin(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        await m.area("440103")
        return await m.account(role=Role.PLATFORM_ADMIN, area_code=None)


async def mutate(
    api: Any, account: Any, name: str, kind: str, selection: str, /, **given: Any
) -> Any:
    document = f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ {selection} {REFUSED} }} }}"
    answer = await api(account)(document, i=given)
    assert "errors" not in answer, answer
    return answer["data"][name]


async def test_viewer(api: Any, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.SOCIAL_WORKER, area_code="440103")
    document = "{ viewer { username name role organization { id } area { code } redactions } }"
    assert (await api(account)(document))["data"]["viewer"] == {
        "username": account.username,
        "name": account.name,
        "role": "SOCIAL_WORKER",
        "organization": {"id": encode("Organization", account.organization_id)},
        "area": {"code": "440103"},
        "redactions": [],
    }
    assert (await api(None)(document))["data"]["viewer"] is None


async def test_a_colleagues_username_is_withheld(api: Any, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        charity = await m.organization()
        one, two = [await m.account(role="charity_user", organization=charity) for _ in range(2)]
    document = "query ($id: ID!) { node(id: $id) { ... on Account { name username redactions } } }"
    answer = await api(one)(document, id=encode("Account", two.id))
    assert answer["data"]["node"] == {
        "name": two.name,
        "username": None,
        "redactions": ["username", "stateReason"],
    }


async def test_from_opening_to_suspension(api: Any, admin: Any) -> None:
    made = await mutate(
        api,
        admin,
        "createAccount",
        "CreateAccountInput",
        "... on Account { id version allowedActions state }",
        username=f"new.{new_id()}",
        name="新同事",
        role="SOCIAL_WORKER",
        areaCode="440103",
        idempotencyKey=str(new_id()),
    )
    assert made["allowedActions"] == [
        *("suspendAccount", "closeAccount", "resetPassword", "resetSecondFactor")
    ]
    issued = await mutate(
        api,
        admin,
        "resetPassword",
        "ResetPasswordInput",
        "... on IssuedPassword { username password version }",
        id=made["id"],
        expectedVersion=1,
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": issued["username"],
        "client_secret": issued["password"],
    }
    granted = await api.client.post("/oauth/token", data=form)
    headers = {"authorization": f"Bearer {granted.json()['access_token']}"}

    async def ask() -> Any:
        body = {"query": "{ viewer { id accessTokens { nodes { label revokedAt } } } }"}
        return await api.client.post("/graphql", json=body, headers=headers)

    first = await ask()
    assert first.json()["data"]["viewer"] == {
        "id": made["id"],
        "accessTokens": {"nodes": [{"label": "oauth", "revokedAt": None}]},
    }
    suspended = await mutate(
        api,
        admin,
        "suspendAccount",
        "TransitionInput",
        "... on Account { state stateReason allowedActions }",
        id=made["id"],
        expectedVersion=2,
        reason="left",
        idempotencyKey=str(new_id()),
    )
    assert suspended["state"] == "SUSPENDED"
    assert suspended["stateReason"] == "left"
    again = await api.client.post("/oauth/token", data=form)
    assert again.status_code == 401
    stale = await mutate(
        api,
        admin,
        "resetPassword",
        "ResetPasswordInput",
        "... on IssuedPassword { password }",
        id=made["id"],
        expectedVersion=2,
    )
    assert stale["code"] == "VERSION_CONFLICT"


async def test_a_charity_does_not_manage(api: Any, engine: AsyncEngine, admin: Any) -> None:
    async with making(engine) as m:
        charity = await m.account(role="charity_user", password_hash=rules.hash_password("x" * 12))
    refused = await mutate(
        api,
        charity,
        "createAccount",
        "CreateAccountInput",
        "... on Account { id }",
        username="charity.made",
        name="某某",
        role="PLATFORM_ADMIN",
        idempotencyKey=str(new_id()),
    )
    assert refused["code"] == "FORBIDDEN"
    foreign = await mutate(
        api,
        charity,
        "resetPassword",
        "ResetPasswordInput",
        "... on IssuedPassword { password }",
        id=encode("Account", admin.id),
        expectedVersion=1,
    )
    assert foreign["code"] == "NOT_FOUND"


async def test_a_token_nobody_knows(api: Any) -> None:
    response = await api.client.post(
        "/graphql", json={"query": "{ viewer { id } }"}, headers={"authorization": "Bearer nx_no"}
    )
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHORIZED"
    assert response.headers["www-authenticate"] == "Bearer"
