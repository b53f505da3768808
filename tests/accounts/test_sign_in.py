"""Signing in: tokens for the right password, and nothing to learn from a wrong one."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.applications import Starlette
from starlette.routing import Route

from nexus.accounts import model, operations, queries, rules
from nexus.accounts.http import SignInDoor
from nexus.acting import NOBODY, NOWHERE, Act, Role, anonymous
from nexus.core.refusals import Invalid
from nexus.graph.http import Unauthorized
from tests.deeds import acting, count_of, events_of, reread
from tests.making import making, now

PASSWORD = "correct horse battery"


@pytest.fixture
async def account(engine: AsyncEngine) -> model.Account:
    """An approver of one county, with a password."""
    async with making(engine) as m:
        return await m.account(
            role=Role.GOV_APPROVER, area_code="440103", password_hash=rules.hash_password(PASSWORD)
        )


@pytest.fixture
async def door(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    """The two doors alone, over this module's database."""
    app = Starlette(
        routes=[
            Route("/oauth/token", SignInDoor("token")),
            Route("/oauth/password", SignInDoor("password")),
        ]
    )
    app.state.engine = engine
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://nexus.test") as client:
        yield client


async def ask(door: httpx.AsyncClient, username: str, password: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": username,
        "client_secret": password,
    }
    return await door.post("/oauth/token", data=form)


async def actor_behind(engine: AsyncEngine, token: str, at: Any = None) -> Any:
    async with AsyncSession(engine) as session:
        return await queries.authenticate_token(session, token, at or now())


async def set_account(engine: AsyncEngine, account: model.Account, **values: Any) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            update(model.Account).where(model.Account.id == account.id).values(**values)
        )


async def test_a_token_for_the_right_password(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account
) -> None:
    response = await ask(door, account.username, PASSWORD)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert set(answer) == {"access_token", "token_type", "expires_in"}
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == rules.TOKEN_LIFE.total_seconds()
    assert answer["access_token"].startswith("nx_")
    actor = await actor_behind(engine, answer["access_token"])
    assert actor.role is Role.GOV_APPROVER
    assert actor.account_id == account.id
    assert actor.organization_id == account.organization_id
    assert actor.area_prefix == "440103"
    assert await events_of(engine, account) == ["account.signed_in"]


async def test_only_the_digest_is_stored(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account
) -> None:
    token = (await ask(door, account.username, PASSWORD)).json()["access_token"]
    async with engine.connect() as connection:
        for table in ("access_token", "account", "event", "sign_in_failure"):
            rows = await connection.scalar(text(f"SELECT string_agg(t::text, '|') FROM {table} t"))
            assert token not in (rows or "")
            assert PASSWORD not in (rows or "")


async def test_basic_authentication_form_encoded_inside(
    door: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    secret = "päss + wörd % 密码"
    async with making(engine) as m:
        account = await m.account(role="charity_client", password_hash=rules.hash_password(secret))
    pair = f"{quote_plus(account.username)}:{quote_plus(secret)}"
    response = await door.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"authorization": "Basic " + base64.b64encode(pair.encode()).decode()},
    )
    assert response.status_code == 200
    wrong = await door.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        headers={"authorization": "Basic " + base64.b64encode(b"someone:else").decode()},
    )
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"].startswith("Basic")


async def test_wrong_password_unknown_user_and_no_password_answer_alike(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account
) -> None:
    async with making(engine) as m:
        passwordless = await m.account()
    answers = [
        await ask(door, account.username, PASSWORD + "!"),
        await ask(door, "nobody-of-that-name", PASSWORD),
        await ask(door, passwordless.username, PASSWORD),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["error"] == "invalid_client"
    assert await count_of(engine, model.AccessToken) == await tokens_before(engine)


async def tokens_before(engine: AsyncEngine) -> int:
    """Tokens of accounts that signed in: none of a refused one."""
    async with AsyncSession(engine) as session:
        return len(
            (
                await session.execute(text("SELECT 1 FROM event WHERE kind = 'account.signed_in'"))
            ).all()
        )


async def test_an_unknown_name_takes_a_password_check_too(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    class Watched:
        def verify(self, hash_: str, password: str) -> bool:
            checked.append(hash_)
            return True

    monkeypatch.setattr(rules, "_HASHER", Watched())
    assert rules.verify_password(None, PASSWORD) is False
    assert checked == [rules._NOBODYS_HASH]


@pytest.mark.parametrize("known", [True, False])
async def test_the_door_shuts_after_too_many_failures(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, known: bool
) -> None:
    name = account.username if known else f"ghost-{account.username}"
    for _ in range(rules.MAX_FAILURES):
        assert (await ask(door, name, "wrong password")).status_code == 401
    shut = await ask(door, name, PASSWORD)
    assert shut.status_code == 429
    assert shut.json()["error"] == "temporarily_unavailable"
    seconds = int(shut.headers["retry-after"])
    assert 0 < seconds <= rules.LOCK.total_seconds() + 1
    assert str(seconds) in shut.json()["error_description"]
    await past(engine)
    assert (await ask(door, name, PASSWORD)).status_code == (200 if known else 401)


async def past(engine: AsyncEngine) -> None:
    """As if the time of the lock had gone by."""
    ago = rules.LOCK + timedelta(seconds=1)
    async with engine.begin() as connection:
        row = model.SignInFailure
        await connection.execute(
            update(row).values(last_at=row.last_at - ago, locked_until=row.locked_until - ago)
        )


async def test_attempts_side_by_side_cannot_outrun_the_limit(
    engine: AsyncEngine, account: model.Account
) -> None:
    async def attempt() -> bool:
        async with AsyncSession(engine) as session, session.begin():
            try:
                await operations.count_attempt(Act(session, anonymous(now())), account.username)
            except operations.SignInLocked:
                return False
            return True

    allowed = await asyncio.gather(*(attempt() for _ in range(3 * rules.MAX_FAILURES)))
    assert sum(allowed) == rules.MAX_FAILURES


async def test_success_clears_the_count(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account
) -> None:
    for _ in range(2):
        for _ in range(rules.MAX_FAILURES - 1):
            assert (await ask(door, account.username, "wrong password")).status_code == 401
        assert (await ask(door, account.username, PASSWORD)).status_code == 200


async def test_failures_long_ago_do_not_count(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account
) -> None:
    for _ in range(rules.MAX_FAILURES - 1):
        await ask(door, account.username, "wrong password")
    await past(engine)
    assert (await ask(door, account.username, "wrong password")).status_code == 401
    assert (await ask(door, account.username, PASSWORD)).status_code == 200


async def test_the_clock_forgets_failures(door: httpx.AsyncClient, engine: AsyncEngine) -> None:
    await ask(door, "somebody-forgotten", "wrong password")
    async with AsyncSession(engine) as session, session.begin():
        await operations.forget_failures(session, now())
    assert await count_of(engine, model.SignInFailure) > 0
    async with AsyncSession(engine) as session, session.begin():
        await operations.forget_failures(session, now() + 2 * rules.LOCK)
    assert await count_of(engine, model.SignInFailure) == 0


async def test_the_clock_forgets_tokens_that_ended_long_ago(
    engine: AsyncEngine, account: model.Account
) -> None:
    ended = {"revoked": now(), "expired": now(), "both": now()}
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(delete(model.AccessToken))
        for name, at in (*ended.items(), ("live", None), ("endless", None)):
            session.add(
                model.AccessToken(
                    account_id=account.id,
                    digest=name.encode(),
                    label=name,
                    created_at=now() - timedelta(days=1),
                    expires_at=at
                    if name in ("expired", "both")
                    else (now() + timedelta(days=5000) if name == "live" else None),
                    revoked_at=at if name in ("revoked", "both") else None,
                )
            )

    async def forgotten(at: datetime) -> int:
        async with AsyncSession(engine) as session, session.begin():
            return await operations.forget_tokens(session, at)

    assert await forgotten(now() + rules.TOKENS_TOLD - timedelta(hours=1)) == 0
    assert await forgotten(now() + rules.TOKENS_TOLD + timedelta(hours=1)) == len(ended)
    assert await forgotten(now() + timedelta(days=3000)) == 0
    assert await count_of(engine, model.AccessToken) == 2


@pytest.mark.parametrize("state", [model.AccountState.SUSPENDED, model.AccountState.CLOSED])
async def test_a_suspended_account_hears_so_only_with_its_password(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, state: model.AccountState
) -> None:
    await set_account(engine, account, state=state)
    right = await ask(door, account.username, PASSWORD)
    wrong = await ask(door, account.username, "wrong password")
    assert (right.status_code, wrong.status_code) == (401, 401)
    assert state.value in right.json()["error_description"]
    assert state.value not in wrong.json()["error_description"]


@pytest.mark.parametrize(
    ("form", "headers", "error"),
    [
        (
            {"grant_type": "password", "client_id": "a", "client_secret": "b"},
            {},
            "unsupported_grant_type",
        ),
        ({"grant_type": "client_credentials"}, {}, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "a"}, {}, "invalid_request"),
        ({"client_id": "a", "client_secret": "b"}, {}, "unsupported_grant_type"),
        ({}, {"authorization": "Basic !!!"}, "invalid_request"),
        ({}, {"authorization": "Basic bm9jb2xvbg=="}, "invalid_request"),
    ],
)
async def test_requests_that_make_no_sense(
    door: httpx.AsyncClient, form: dict[str, str], headers: dict[str, str], error: str
) -> None:
    response = await door.post("/oauth/token", data=form or {"x": "y"}, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"] == error


async def test_bodies_that_are_no_form(door: httpx.AsyncClient) -> None:
    assert (await door.get("/oauth/token")).status_code == 405
    assert (await door.post("/oauth/token", json={"grant_type": "x"})).status_code == 400
    kind = {"content-type": "application/x-www-form-urlencoded"}
    for body, status in (
        (b"client_id=a&client_id=b", 400),
        (b"\xff\xfe", 400),
        (b"grant_type=client_credentials&client_id=a%00b&client_secret=c", 400),
        (b"a=" + b"x" * 20_000, 413),
        (b"&".join(b"a%d=1" % n for n in range(50)), 400),
    ):
        assert (await door.post("/oauth/token", content=body, headers=kind)).status_code == status


async def test_tokens_end(engine: AsyncEngine, account: model.Account) -> None:
    async with acting(engine, account) as act:
        expires_at = act.now + timedelta(hours=1)
        token = await operations.issue_token(
            act.session, account, label="test", now=act.now, expires_at=expires_at
        )
        endless = await operations.issue_token(
            act.session, account, label="test", now=act.now, expires_at=None
        )
    assert await actor_behind(engine, token, expires_at - timedelta(seconds=1))
    with pytest.raises(Unauthorized):
        await actor_behind(engine, token, expires_at)
    assert await actor_behind(engine, endless, expires_at + timedelta(days=4000))
    for wrong in ("", "nx_", token[:-1], token + "A", token.upper(), "\ud800"):
        with pytest.raises(Unauthorized):
            await actor_behind(engine, wrong)
    await set_account(engine, account, state=model.AccountState.SUSPENDED)
    with pytest.raises(Unauthorized):
        await actor_behind(engine, token)


@pytest.mark.parametrize(("area_code", "prefix"), [("CN", ""), (None, NOWHERE), ("44", "44")])
async def test_the_territory(engine: AsyncEngine, area_code: str | None, prefix: str) -> None:
    async with making(engine) as m:
        account = await m.account(role="auditor", area_code=area_code, organization_id=None)
    async with acting(engine, account) as act:
        token = await operations.issue_token(
            act.session, account, label="test", now=act.now, expires_at=None
        )
    actor = await actor_behind(engine, token)
    assert actor.area_prefix == prefix
    assert actor.organization_id == NOBODY
    assert actor.covers("440103") is (prefix in ("", "44"))
    assert actor.covers("45") is (prefix == "")


async def test_authenticating_is_one_indexed_statement(
    engine: AsyncEngine, account: model.Account
) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SET enable_seqscan = off"))
        plan = await connection.execute(
            text("EXPLAIN SELECT 1 FROM access_token WHERE digest = '\\x00'")
        )
        assert "uq_access_token_digest" in "\n".join(row[0] for row in plan)


async def test_ones_own_new_password_ends_every_token(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account
) -> None:
    token = (await ask(door, account.username, PASSWORD)).json()["access_token"]
    form = {"client_id": account.username, "client_secret": PASSWORD, "new_password": "short"}
    refused = await door.post("/oauth/password", data=form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert await actor_behind(engine, token)
    form["new_password"] = "another horse battery"
    wrong = await door.post("/oauth/password", data={**form, "client_secret": "wrong password"})
    assert wrong.status_code == 401
    assert (await ask(door, account.username, PASSWORD)).status_code == 200
    assert (await door.post("/oauth/password", data=form)).status_code == 204
    with pytest.raises(Unauthorized):
        await actor_behind(engine, token)
    assert (await ask(door, account.username, PASSWORD)).status_code == 401
    assert (await ask(door, account.username, "another horse battery")).status_code == 200


async def test_names_fold_and_logs_are_silent(
    door: httpx.AsyncClient, account: model.Account, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        response = await ask(door, f" {account.username.upper()} ", PASSWORD)
        await ask(door, account.username, PASSWORD + "?")
    assert response.status_code == 200
    assert PASSWORD not in caplog.text
    assert response.json()["access_token"] not in caplog.text


def test_hashes_are_argon2id_and_salted() -> None:
    one, two = rules.hash_password(PASSWORD), rules.hash_password(PASSWORD)
    assert one.startswith("$argon2id$")
    assert one != two
    assert rules.verify_password(one, PASSWORD)
    assert not rules.verify_password(one, PASSWORD + " ")
    assert not rules.verify_password("not a hash", PASSWORD)


@pytest.mark.parametrize("password", ["", "eleven char", "x" * 201])
def test_passwords_too_short_or_too_long(password: str) -> None:
    with pytest.raises(Invalid):
        rules.check_password(password)


async def test_reset_gives_a_password_once(engine: AsyncEngine, account: model.Account) -> None:
    async with making(engine) as m:
        admin = await m.account(role=Role.PLATFORM_ADMIN)
    async with acting(engine, account) as act:
        token = await operations.issue_token(
            act.session, account, label="test", now=act.now, expires_at=None
        )
    async with acting(engine, admin) as act:
        answer = await operations.reset_password(act, account.id, expected_version=1)
    assert set(answer) == {"username", "password", "version"}
    fresh = await reread(engine, account)
    assert rules.verify_password(fresh.password_hash, answer["password"])
    assert fresh.version == answer["version"] == 2
    with pytest.raises(Unauthorized):
        await actor_behind(engine, token)
    async with AsyncSession(engine) as session:
        facts = await session.scalars(select(text("facts::text FROM event")))
        assert not any(answer["password"] in row for row in facts)


async def test_people_of_an_organization_that_is_gone_come_in_no_more(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        gone = await m.organization(state="deregistered", state_reason="dissolved")
        account = await m.account(role=Role.CHARITY_USER, organization=gone)
    async with AsyncSession(engine) as session, session.begin():
        token = await operations.issue_token(
            session, account, label="test", now=now(), expires_at=None
        )
    with pytest.raises(Unauthorized):
        await actor_behind(engine, token)
