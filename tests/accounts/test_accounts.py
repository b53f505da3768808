"""Who keeps accounts, who sees them, and what a suspension ends."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts import model, operations, policy, queries
from nexus.acting import Role
from nexus.core.refusals import Forbidden, Invalid, NotFound, Refusal, VersionConflict, WrongState
from nexus.graph.http import Unauthorized
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import making, now

STATES = list(model.AccountState)
VERBS = ["suspend", "reinstate", "close"]
PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]
DEEDS: dict[str, Any] = {
    "suspend": operations.suspend_account,
    "reinstate": operations.reinstate_account,
    "close": operations.close_account,
}


@pytest.fixture
async def admin(engine: AsyncEngine) -> model.Account:
    async with making(engine) as m:
        return await m.account(role=Role.PLATFORM_ADMIN)


async def sees(engine: AsyncEngine, viewer: model.Account, account: model.Account) -> bool:
    async with AsyncSession(engine) as session:
        found = await session.scalar(
            select(model.Account.id).where(
                model.Account.id == account.id, policy.visible(actor_of(viewer), model.Account)
            )
        )
        return found is not None


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", STATES)
async def test_states(
    engine: AsyncEngine, admin: model.Account, state: model.AccountState, verb: str
) -> None:
    async with making(engine) as m:
        account = await m.account(state=state)
    expected = model.TRANSITIONS.moves[verb].get(state)
    if expected is None:
        with pytest.raises(WrongState):
            async with acting(engine, admin) as act:
                await DEEDS[verb](act, account.id, expected_version=1, reason="because")
        assert (await reread(engine, account)).state is state
        assert await events_of(engine, account) == []
        return
    async with acting(engine, admin) as act:
        await DEEDS[verb](act, account.id, expected_version=1, reason="because")
    fresh = await reread(engine, account)
    assert (fresh.state, fresh.version, fresh.state_reason) == (expected, 2, "because")
    assert len(await events_of(engine, account)) == 1


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", [role for role in PEOPLE if role is not Role.PLATFORM_ADMIN])
async def test_only_the_platform_manages(engine: AsyncEngine, role: Role, verb: str) -> None:
    async with making(engine) as m:
        organization = await m.organization()
        other = await m.account(role=role, organization=organization, area_code="44")
        account = await m.account(
            organization=organization,
            state="suspended" if verb == "reinstate" else "active",
        )
    with pytest.raises(Forbidden):
        async with acting(engine, other) as act:
            await DEEDS[verb](act, account.id, expected_version=1, reason="because")
    with pytest.raises(Forbidden):
        async with acting(engine, other) as act:
            await operations.reset_password(act, account.id, expected_version=1)
    fresh = await reread(engine, account)
    assert (fresh.state, fresh.version) == (account.state, 1)
    before = await count_of(engine, model.Account)
    with pytest.raises(Forbidden):
        async with acting(engine, other) as act:
            await operations.create_account(
                act,
                username="somebody.new",
                name="新人",
                role=Role.AUDITOR,
                organization_id=None,
                area_code=None,
            )
    assert await count_of(engine, model.Account) == before


async def test_an_admin_does_not_suspend_themselves(
    engine: AsyncEngine, admin: model.Account
) -> None:
    with pytest.raises(Forbidden):
        async with acting(engine, admin) as act:
            await operations.suspend_account(act, admin.id, expected_version=1, reason="tired")
    assert (await reread(engine, admin)).state is model.AccountState.ACTIVE


async def test_versions_and_reasons(engine: AsyncEngine, admin: model.Account) -> None:
    async with making(engine) as m:
        account = await m.account()
    for given, refusal in (
        ({"expected_version": 7, "reason": "because"}, VersionConflict),
        ({"expected_version": 1, "reason": "  "}, Invalid),
    ):
        with pytest.raises(refusal):
            async with acting(engine, admin) as act:
                await operations.suspend_account(act, account.id, **given)
    assert (await reread(engine, account)).state is model.AccountState.ACTIVE


async def test_tokens_do_not_come_back_after_a_suspension(
    engine: AsyncEngine, admin: model.Account
) -> None:
    async with making(engine) as m:
        account = await m.account()
    async with acting(engine, account) as act:
        token = await operations.issue_token(
            act.session, account, label="x", now=act.now, expires_at=None
        )
    async with acting(engine, admin) as act:
        await operations.suspend_account(act, account.id, expected_version=1, reason="lost laptop")
    async with acting(engine, admin) as act:
        await operations.reinstate_account(act, account.id, expected_version=2)
    async with AsyncSession(engine) as session:
        with pytest.raises(Unauthorized):
            await queries.authenticate_token(session, token, now())


async def test_revoking_ones_own_token(engine: AsyncEngine, admin: model.Account) -> None:
    async with making(engine) as m:
        mine, other = await m.account(), await m.account()
    tokens = []
    for _ in range(2):
        async with acting(engine, mine) as act:
            await operations.issue_token(
                act.session, mine, label="x", now=act.now, expires_at=act.now + timedelta(days=1)
            )
            found = await act.session.scalars(
                select(model.AccessToken).where(model.AccessToken.account_id == mine.id)
            )
            tokens = list(found)
    with pytest.raises(NotFound):
        async with acting(engine, other) as act:
            await operations.revoke_access_token(act, tokens[0].id)
    assert (await reread(engine, tokens[0])).revoked_at is None
    async with acting(engine, mine) as act:
        await operations.revoke_access_token(act, tokens[0].id)
    async with acting(engine, admin) as act:
        await operations.revoke_access_token(act, tokens[1].id)
    for token in tokens:
        assert (await reread(engine, token)).revoked_at is not None
    with pytest.raises(Invalid):
        async with acting(engine, mine) as act:
            await operations.revoke_access_token(act, tokens[0].id)


async def create(engine: AsyncEngine, admin: model.Account, **given: Any) -> model.Account:
    async with acting(engine, admin) as act:
        fields: dict[str, Any] = {
            "username": f"user.{act.now.timestamp()}",
            "name": "新同事",
            "role": Role.SOCIAL_WORKER,
            "organization_id": None,
            "area_code": "440103",
        } | given
        return await operations.create_account(act, **fields)


async def test_creating(engine: AsyncEngine, admin: model.Account) -> None:
    async with making(engine) as m:
        await m.area("440103")
        organization = await m.organization()
    account = await create(engine, admin, username=" New.Person ", organization_id=organization.id)
    assert account.username == "new.person"
    assert account.password_hash is None
    assert await events_of(engine, account) == ["account.created"]
    before = await count_of(engine, model.Account)
    for wrong, code in (
        ({"username": "NEW.person"}, "USERNAME_TAKEN"),
        ({"username": "a b"}, "INVALID"),
        ({"username": "ab"}, "INVALID"),
        ({"name": " "}, "INVALID"),
        ({"area_code": None}, "INVALID"),
        ({"role": Role.SYSTEM}, "INVALID"),
        ({"role": Role.ANONYMOUS}, "INVALID"),
        ({"role": Role.RECIPIENT}, "INVALID"),
        ({"role": Role.GUARDIAN, "area_code": None, "organization_id": organization.id}, "INVALID"),
        ({"organization_id": account.id}, "NOT_FOUND"),
    ):
        with pytest.raises(Refusal) as refused:
            await create(engine, admin, **wrong)
        assert refused.value.code == code
    assert await count_of(engine, model.Account) == before


async def test_who_sees_whom(engine: AsyncEngine, admin: model.Account) -> None:
    async with making(engine) as m:
        charity = await m.organization()
        one, two = [await m.account(role="charity_user", organization=charity) for _ in range(2)]
        stranger = await m.account(role="charity_user")
        worker = await m.account(role="social_worker", area_code="440103")
        colleague = await m.account(
            role="aide", area_code="4402", organization_id=worker.organization_id
        )
        approver = await m.account(role="gov_approver", area_code="4401")
        elsewhere = await m.account(role="gov_approver", area_code="45")
        person = await m.account(
            role="recipient", area_code="440103", organization_id=worker.organization_id
        )
        officer = await m.account(role="dpo", area_code="4401")
        loose = await m.account(role="auditor", area_code=None, organization_id=None)
        other_loose = await m.account(role="evaluator", area_code=None, organization_id=None)
    table = {
        (one, one): True,
        (one, two): True,
        (stranger, one): False,
        (one, worker): False,
        (worker, colleague): True,
        (approver, worker): True,
        (approver, colleague): False,
        (elsewhere, worker): False,
        (approver, person): False,
        (officer, worker): True,
        (officer, colleague): False,
        (officer, person): False,
        (worker, person): False,
        (person, person): True,
        (admin, person): True,
        (loose, other_loose): False,
        (worker, approver): False,
    }
    for (viewer, account), expected in table.items():
        assert await sees(engine, viewer, account) is expected, (viewer.role, account.role)
