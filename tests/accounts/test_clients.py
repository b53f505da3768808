"""API clients: who registers them, lets them in, stops them; two live keys; what they may do."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts import model as accounts
from nexus.accounts import rules as account_rules
from nexus.accounts.clients import model, operations, policy, rules
from nexus.acting import GOVERNMENT, Act, Role
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, WrongState
from nexus.organizations.model import Organization
from tests.deeds import acting, count_of, events_of, reread
from tests.making import making, now

STATES = list(model.ApiClientState)
DEEDS: dict[str, Any] = {
    "activate": operations.activate_api_client,
    "suspend": operations.suspend_api_client,
    "reinstate": operations.reinstate_api_client,
    "revoke": operations.revoke_api_client,
}
SOURCE = {"activate": "pending", "suspend": "active", "reinstate": "suspended", "revoke": "active"}
PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]
DECIDERS = {Role.PLATFORM_ADMIN, Role.GOV_APPROVER}
OWN_KEEPERS = GOVERNMENT | {Role.CHARITY_USER, Role.VOL_ORG}


async def client_of(
    engine: AsyncEngine, organization: Organization, *, keys: int = 0, **fields: Any
) -> model.ApiClient:
    """A client of the organization, active, with its service account."""
    client_id = new_id()
    async with making(engine) as m:
        account = await m.account(
            Role.CHARITY_CLIENT, organization, username=rules.identifier(client_id)
        )
        row: dict[str, Any] = {
            "id": client_id,
            "account_id": account.id,
            "organization_id": organization.id,
            "name": "捐赠平台",
            "scopes": ["needs:read", "pledges:write"],
            "cost_per_minute": rules.DEFAULT_COST,
            "networks": [],
            "documents_only": False,
            "state": model.ApiClientState.ACTIVE,
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        client = model.ApiClient(**row)
        await m.put(client)
        for place in range(1, keys + 1):
            await m.put(key_of(client, place))
    return client


def key_of(client: model.ApiClient, place: int, **fields: Any) -> model.ClientKey:
    row: dict[str, Any] = {
        "api_client_id": client.id,
        "place": place,
        "digest": new_id().bytes,
        "hint": "abcd",
        "created_at": now(),
        "created_by": new_id(),
    } | fields
    return model.ClientKey(**row)


@pytest.fixture
async def charity(engine: AsyncEngine) -> Organization:
    async with making(engine) as m:
        return await m.organization(area_code="440103")


@pytest.fixture
async def admin(engine: AsyncEngine) -> accounts.Account:
    async with making(engine) as m:
        return await m.account(Role.PLATFORM_ADMIN)


async def person(
    engine: AsyncEngine, role: Role, organization: Organization | None = None, **fields: Any
) -> accounts.Account:
    async with making(engine) as m:
        return await m.account(role, organization, **fields)


async def tokens_of(engine: AsyncEngine, client: model.ApiClient) -> list[bool]:
    """Whether each token of the client is live."""
    async with AsyncSession(engine) as session:
        row = accounts.AccessToken
        found = await session.scalars(
            select(row).where(row.account_id == client.account_id).order_by(row.created_at)
        )
        return [token.revoked_at is None for token in found]


async def give_token(
    engine: AsyncEngine, client: model.ApiClient, credential_id: Any = None
) -> None:
    async with making(engine) as m:
        token = accounts.AccessToken(
            account_id=client.account_id,
            digest=new_id().bytes,
            label="test",
            credential_id=credential_id,
            created_at=now(),
        )
        await m.put(token)


@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("state", STATES)
async def test_states(
    engine: AsyncEngine,
    admin: accounts.Account,
    charity: Organization,
    state: model.ApiClientState,
    verb: str,
) -> None:
    client = await client_of(engine, charity, state=state)
    expected = model.TRANSITIONS.moves[verb].get(state)
    if expected is None:
        with pytest.raises(WrongState):
            async with acting(engine, admin) as act:
                await DEEDS[verb](act, client.id, expected_version=1, reason="because")
        assert (await reread(engine, client)).state is state
        assert await events_of(engine, client) == []
        return
    async with acting(engine, admin) as act:
        await DEEDS[verb](act, client.id, expected_version=1, reason="because")
    fresh = await reread(engine, client)
    assert (fresh.state, fresh.version, fresh.state_reason) == (expected, 2, "because")
    assert len(await events_of(engine, client)) == 1


def may(role: Role, verb: str, *, own: bool, near: bool) -> type[Refusal] | None:
    """What the table of the slice says: None where the role may."""
    member = role in OWN_KEEPERS | {Role.CHARITY_CLIENT, Role.SUPERVISOR, Role.AUDITOR}
    authority = role in {Role.GOV_APPROVER, Role.SUPERVISOR, Role.AUDITOR}
    sees = role is Role.PLATFORM_ADMIN or (own and member) or (near and authority)
    if not sees:
        return NotFound
    if role in DECIDERS:
        return None
    stops = verb in ("suspend", "revoke") and own and role in OWN_KEEPERS
    return None if stops else Forbidden


@pytest.mark.parametrize("where", ["own", "near", "far"])
@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("role", PEOPLE)
async def test_who_decides(
    engine: AsyncEngine, charity: Organization, role: Role, verb: str, where: str
) -> None:
    client = await client_of(engine, charity, state=SOURCE[verb])
    home = charity if where == "own" else None
    area = "4401" if where == "near" else "45"
    account = await person(engine, role, home, area_code=area)
    refusal = may(role, verb, own=where == "own", near=where == "near")
    if refusal is None:
        async with acting(engine, account) as act:
            await DEEDS[verb](act, client.id, expected_version=1, reason="because")
        assert (await reread(engine, client)).version == 2
        return
    with pytest.raises(refusal):
        async with acting(engine, account) as act:
            await DEEDS[verb](act, client.id, expected_version=1, reason="because")
    fresh = await reread(engine, client)
    assert (fresh.state, fresh.version) == (model.ApiClientState(SOURCE[verb]), 1)
    assert await events_of(engine, client) == []


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_keeps_keys(engine: AsyncEngine, charity: Organization, role: Role) -> None:
    client = await client_of(engine, charity)
    account = await person(engine, role, charity, area_code="440103")
    deeds: list[Any] = [
        lambda act, v: operations.add_client_key(act, client.id, expected_version=v),
        lambda act, v: operations.restrict_api_client(
            act, client.id, expected_version=v, networks=["10.0.0.0/8"], documents_only=True
        ),
        lambda act, v: operations.register_documents(
            act, client.id, expected_version=v, documents=["{ viewer { id } }"]
        ),
        lambda act, v: operations.set_client_scopes(
            act, client.id, expected_version=v, scopes=["needs:read"]
        ),
    ]
    keeps = role in OWN_KEEPERS | {Role.PLATFORM_ADMIN}
    for version, deed in enumerate(deeds, 1):
        if keeps:
            async with acting(engine, account) as act:
                await deed(act, version)
        else:
            with pytest.raises((Forbidden, NotFound)):
                async with acting(engine, account) as act:
                    await deed(act, 1)
    fresh = await reread(engine, client)
    assert fresh.version == (5 if keeps else 1)
    assert fresh.scopes == (["needs:read"] if keeps else ["needs:read", "pledges:write"])
    assert fresh.networks == (["10.0.0.0/8"] if keeps else [])
    assert fresh.documents_only is keeps


async def test_nobody_lets_in_what_they_registered(
    engine: AsyncEngine, charity: Organization
) -> None:
    approver = await person(engine, Role.GOV_APPROVER, area_code="44")
    client = await client_of(engine, charity, state="pending", created_by=approver.id)
    with pytest.raises(Forbidden):
        async with acting(engine, approver) as act:
            await operations.activate_api_client(act, client.id, expected_version=1)
    assert (await reread(engine, client)).state is model.ApiClientState.PENDING
    other = await person(engine, Role.GOV_APPROVER, area_code="44")
    async with acting(engine, other) as act:
        await operations.activate_api_client(act, client.id, expected_version=1)


@pytest.mark.parametrize("state", ["draft", "submitted", "suspended"])
async def test_only_a_verified_organization_acts(
    engine: AsyncEngine, admin: accounts.Account, state: str
) -> None:
    async with making(engine) as m:
        organization = await m.organization(state=state)
    client = await client_of(engine, organization, state="pending")
    with pytest.raises(GuardFailed) as refused:
        async with acting(engine, admin) as act:
            await operations.activate_api_client(act, client.id, expected_version=1)
    assert refused.value.details["rule"] == "client.organization_verified"
    assert (await reread(engine, client)).state is model.ApiClientState.PENDING


async def register(engine: AsyncEngine, account: accounts.Account, **given: Any) -> model.ApiClient:
    fields: dict[str, Any] = {"name": " 平台 ", "scopes": ["needs:read"], "networks": []} | given
    async with acting(engine, account) as act:
        return await operations.register_api_client(act, **fields)


@pytest.mark.parametrize("role", PEOPLE)
async def test_registering_for_ones_own(
    engine: AsyncEngine, charity: Organization, role: Role
) -> None:
    account = await person(engine, role, charity, area_code="440103")
    before = await count_of(engine, model.ApiClient), await count_of(engine, accounts.Account)
    if role not in OWN_KEEPERS | {Role.PLATFORM_ADMIN}:
        with pytest.raises(Forbidden):
            await register(engine, account)
        after = await count_of(engine, model.ApiClient), await count_of(engine, accounts.Account)
        assert after == before
        return
    client = await register(engine, account)
    assert (client.name, client.state) == ("平台", model.ApiClientState.PENDING)
    assert (client.scopes, client.cost_per_minute) == (["needs:read"], rules.DEFAULT_COST)
    async with AsyncSession(engine) as session:
        service = await session.get_one(accounts.Account, client.account_id)
    acts_as = {Role.VOL_ORG: Role.VOL_ORG} | dict.fromkeys(GOVERNMENT, Role.GOV_CLERK)
    assert service.role is acts_as.get(role, Role.CHARITY_CLIENT)
    assert service.organization_id == charity.id
    assert service.username == rules.identifier(client.id)
    assert service.password_hash is None
    assert service.area_code == ("440103" if role in GOVERNMENT else None)
    assert await events_of(engine, client) == ["api_client.registered"]
    assert await events_of(engine, service) == ["account.created"]


async def test_a_government_bodys_machine_never_approves(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        authority = await m.authority(area_code="4401")
    admin = await person(engine, Role.PLATFORM_ADMIN)
    client = await register(engine, admin, organization_id=authority.id)
    async with AsyncSession(engine) as session:
        service = await session.get_one(accounts.Account, client.account_id)
    assert (service.role, service.area_code) == (Role.GOV_CLERK, "4401")


async def test_what_cannot_be_registered(engine: AsyncEngine, charity: Organization) -> None:
    account = await person(engine, Role.CHARITY_USER, charity)
    async with making(engine) as m:
        other = await m.organization()
        gone = await m.organization(state="deregistered")
    fired = await person(engine, Role.CHARITY_USER, gone)
    before = await count_of(engine, model.ApiClient), await count_of(engine, accounts.Account)
    for who, given, code, told in (
        (account, {"name": "  "}, "INVALID", "name"),
        (account, {"name": "x" * 101}, "INVALID", "name"),
        (account, {"scopes": []}, "INVALID", "scopes"),
        (account, {"scopes": ["needs:read", "everything"]}, "INVALID", "scopes"),
        (account, {"networks": ["10.0.0.1/8"]}, "INVALID", "networks"),
        (account, {"networks": ["here"]}, "INVALID", "networks"),
        (account, {"networks": ["0.0.0.0/0"]}, "INVALID", "networks"),
        (account, {"networks": [f"10.0.{n}.0/24" for n in range(51)]}, "INVALID", "networks"),
        (account, {"organization_id": other.id}, "FORBIDDEN", None),
        (fired, {}, "GUARD_FAILED", None),
    ):
        with pytest.raises(Refusal) as refused:
            await register(engine, who, **given)
        assert (refused.value.code, refused.value.field) == (code, told), given
    after = await count_of(engine, model.ApiClient), await count_of(engine, accounts.Account)
    assert after == before


def test_networks_are_told_right() -> None:
    assert rules.check_networks(["2001:DB8::/32", "10.0.0.7", " 10.0.0.7/32"]) == [
        "10.0.0.7/32",
        "2001:db8::/32",
    ]
    with pytest.raises(Invalid, match=r"Do you mean 10\.0\.0\.0/8\?"):
        rules.check_networks(["10.0.0.1/8"])


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("", False),
        ("testclient", False),
    ],
)
def test_addresses(address: str, expected: bool) -> None:
    networks = rules.as_networks(["10.0.0.0/8", "2001:db8::/32"])
    assert rules.allows(networks, address) is expected
    assert rules.allows((), address) is True


def test_identifiers() -> None:
    client_id = new_id()
    told = rules.identifier(client_id)
    assert rules.client_of(told) == client_id
    for wrong in ("", "nxc_", told.upper(), told[:-1], f"nxc_{client_id}", told[4:], f" {told}"):
        assert rules.client_of(wrong) is None


def test_no_persons_name_looks_like_a_machines() -> None:
    for name in ("nxc_0190", " NXC_abc "):
        with pytest.raises(Invalid):
            account_rules.check_username(name)
    assert account_rules.check_username("nxcabc") == "nxcabc"


async def add_key(
    engine: AsyncEngine, account: accounts.Account, client: model.ApiClient, **given: Any
) -> dict[str, Any]:
    async with acting(engine, account) as act:
        version = (await act.session.get_one(model.ApiClient, client.id)).version
        return await operations.add_client_key(act, client.id, expected_version=version, **given)


async def keys_of(engine: AsyncEngine, client: model.ApiClient) -> list[model.ClientKey]:
    row = model.ClientKey
    async with AsyncSession(engine) as session:
        found = select(row).where(row.api_client_id == client.id).order_by(row.created_at)
        return list(await session.scalars(found))


async def test_two_keys_live_and_a_third_waits(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity)
    first, second = [await add_key(engine, admin, client) for _ in range(2)]
    assert first["clientSecret"] != second["clientSecret"]
    assert first["clientId"] == second["clientId"] == rules.identifier(client.id)
    with pytest.raises(GuardFailed) as refused:
        await add_key(engine, admin, client)
    assert refused.value.details["rule"] == "client.two_keys"
    keys = await keys_of(engine, client)
    assert [(key.place, key.hint) for key in keys] == [
        (1, first["clientSecret"][-4:]),
        (2, second["clientSecret"][-4:]),
    ]
    async with acting(engine, admin) as act:
        await operations.retire_client_key(act, keys[0].id)
    await add_key(engine, admin, client)
    assert [key.place for key in await keys_of(engine, client)] == [1, 2, 1]
    assert (await reread(engine, client)).version == 5


async def test_an_expired_key_leaves_its_place(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity)
    expired_at = now() - timedelta(seconds=1)
    async with making(engine) as m:
        await m.put(key_of(client, 1, expires_at=expired_at), key_of(client, 2))
    await add_key(engine, admin, client)
    keys = await keys_of(engine, client)
    assert [key.place for key in keys] == [1, 2, 1]
    assert keys[0].retired_at == expired_at


async def test_a_third_live_key_is_refused_by_the_database(
    engine: AsyncEngine, charity: Organization
) -> None:
    client = await client_of(engine, charity, keys=2)
    for place in (1, 2, 3):
        with pytest.raises(IntegrityError):
            async with making(engine) as m:
                await m.put(key_of(client, place))
    assert len(await keys_of(engine, client)) == 2


async def test_only_digests_are_stored(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity)
    secret = (await add_key(engine, admin, client))["clientSecret"]
    assert secret.startswith("nxs_")
    assert len(secret) > 40
    async with engine.connect() as connection:
        for table in ("client_key", "api_client", "event", "idempotency_key", "job"):
            rows = await connection.scalar(text(f"SELECT string_agg(t::text, '|') FROM {table} t"))
            assert secret not in (rows or "")
        digest = account_rules.digest(secret)
        held = select(func.count()).where(model.ClientKey.digest == digest)
        assert await connection.scalar(held) == 1


async def test_a_key_that_is_dead_on_arrival(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity)
    with pytest.raises(Invalid):
        await add_key(engine, admin, client, expires_at=now() - timedelta(seconds=1))
    assert await keys_of(engine, client) == []
    assert (await reread(engine, client)).version == 1


async def test_retiring_ends_the_tokens_of_that_key_only(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity, keys=2)
    keys = await keys_of(engine, client)
    for key in keys:
        await give_token(engine, client, key.id)
    stranger = await person(engine, Role.CHARITY_USER)
    with pytest.raises(NotFound):
        async with acting(engine, stranger) as act:
            await operations.retire_client_key(act, keys[0].id)
    machine = await person(engine, Role.CHARITY_CLIENT, charity)
    with pytest.raises(Forbidden):
        async with acting(engine, machine) as act:
            await operations.retire_client_key(act, keys[0].id)
    assert await tokens_of(engine, client) == [True, True]
    async with acting(engine, admin) as act:
        await operations.retire_client_key(act, keys[0].id)
    assert await tokens_of(engine, client) == [False, True]
    with pytest.raises(Invalid):
        async with acting(engine, admin) as act:
            await operations.retire_client_key(act, keys[0].id)
    assert await events_of(engine, client) == ["api_client.key_retired"]


async def test_suspension_ends_tokens_and_keeps_keys(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity, keys=1)
    await give_token(engine, client)
    async with acting(engine, admin) as act:
        await operations.suspend_api_client(act, client.id, expected_version=1, reason="odd")
    assert await tokens_of(engine, client) == [False]
    assert [key.retired_at for key in await keys_of(engine, client)] == [None]
    async with acting(engine, admin) as act:
        await operations.reinstate_api_client(act, client.id, expected_version=2)
    assert await tokens_of(engine, client) == [False]


async def test_revoking_is_final(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity, keys=2)
    await give_token(engine, client)
    async with acting(engine, admin) as act:
        await operations.revoke_api_client(act, client.id, expected_version=1, reason="leaked")
    assert await tokens_of(engine, client) == [False]
    assert None not in [key.retired_at for key in await keys_of(engine, client)]
    async with AsyncSession(engine) as session:
        service = await session.get_one(accounts.Account, client.account_id)
    assert service.state is accounts.AccountState.CLOSED
    assert await events_of(engine, service) == ["account.closed"]
    for deed in (
        lambda act: operations.add_client_key(act, client.id, expected_version=2),
        lambda act: operations.set_client_quota(
            act, client.id, expected_version=2, cost_per_minute=5_000
        ),
        lambda act: operations.set_client_scopes(
            act, client.id, expected_version=2, scopes=["needs:read"]
        ),
        lambda act: operations.register_documents(
            act, client.id, expected_version=2, documents=["{ viewer { id } }"]
        ),
    ):
        with pytest.raises(WrongState):
            async with acting(engine, admin) as act:
                await deed(act)
    assert (await reread(engine, client)).version == 2


@pytest.mark.parametrize("reason", [None, " "])
async def test_stopping_needs_a_reason(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization, reason: str | None
) -> None:
    client = await client_of(engine, charity)
    for deed in (operations.suspend_api_client, operations.revoke_api_client):
        with pytest.raises(Invalid):
            async with acting(engine, admin) as act:
                await deed(act, client.id, expected_version=1, reason=reason)
    assert (await reread(engine, client)).state is model.ApiClientState.ACTIVE


async def test_quotas_are_the_authoritys(engine: AsyncEngine, charity: Organization) -> None:
    client = await client_of(engine, charity)

    async def set_quota(account: accounts.Account, cost: int) -> None:
        async with acting(engine, account) as act:
            await operations.set_client_quota(
                act, client.id, expected_version=1, cost_per_minute=cost
            )

    own = await person(engine, Role.CHARITY_USER, charity)
    approver = await person(engine, Role.GOV_APPROVER, area_code="44")
    with pytest.raises(Forbidden):
        await set_quota(own, 5_000)
    for wrong in (0, -1, 999, 10**9 + 1):
        with pytest.raises(Invalid):
            await set_quota(approver, wrong)
    assert (await reread(engine, client)).cost_per_minute == rules.DEFAULT_COST
    await set_quota(approver, 5_000)
    assert (await reread(engine, client)).cost_per_minute == 5_000


async def test_scopes_are_widened_by_the_authority(
    engine: AsyncEngine, charity: Organization
) -> None:
    client = await client_of(engine, charity)
    own = await person(engine, Role.CHARITY_USER, charity)
    approver = await person(engine, Role.GOV_APPROVER, area_code="44")
    wider = ["needs:read", "offers:write", "pledges:write"]

    async def set_scopes(account: accounts.Account, scopes: list[str]) -> model.ApiClient:
        async with acting(engine, account) as act:
            version = (await act.session.get_one(model.ApiClient, client.id)).version
            return await operations.set_client_scopes(
                act, client.id, expected_version=version, scopes=scopes
            )

    await give_token(engine, client)
    with pytest.raises(GuardFailed) as refused:
        await set_scopes(own, wider)
    assert refused.value.details["scopes"] == ["offers:write"]
    assert (await reread(engine, client)).scopes == ["needs:read", "pledges:write"]
    await set_scopes(approver, [*wider, "needs:read"])
    assert (await reread(engine, client)).scopes == wider
    assert await tokens_of(engine, client) == [True]
    await set_scopes(own, ["needs:read"])
    assert (await reread(engine, client)).scopes == ["needs:read"]
    assert await tokens_of(engine, client) == [False]


async def test_scopes_of_a_pending_client_are_its_own_peoples(
    engine: AsyncEngine, charity: Organization
) -> None:
    client = await client_of(engine, charity, state="pending")
    own = await person(engine, Role.CHARITY_USER, charity)
    async with acting(engine, own) as act:
        await operations.set_client_scopes(
            act, client.id, expected_version=1, scopes=["offers:write"]
        )
    assert (await reread(engine, client)).scopes == ["offers:write"]


async def test_registering_documents(
    engine: AsyncEngine, admin: accounts.Account, charity: Organization
) -> None:
    client = await client_of(engine, charity)
    good = "{ viewer { id } }"
    before = await count_of(engine, model.ClientDocument)

    async def put(documents: list[str], version: int) -> None:
        async with acting(engine, admin) as act:
            await operations.register_documents(
                act, client.id, expected_version=version, documents=documents
            )

    for wrong in ([], ["{"], [good, "not graphql"], ["#" * 40_000], [good] * 101, ["{a" * 5_000]):
        with pytest.raises(Invalid):
            await put(wrong, 1)
    assert await count_of(engine, model.ClientDocument) == before
    await put([good, good], 1)
    await put([good, "{ viewer { name } }"], 2)
    assert await count_of(engine, model.ClientDocument) == before + 2


async def test_a_client_has_so_many_documents(
    engine: AsyncEngine,
    admin: accounts.Account,
    charity: Organization,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = await client_of(engine, charity)
    monkeypatch.setattr(rules, "DOCUMENTS_OF_A_CLIENT", 1)
    before = await count_of(engine, model.ClientDocument)
    with pytest.raises(GuardFailed):
        async with acting(engine, admin) as act:
            await operations.register_documents(
                act, client.id, expected_version=1, documents=["{ a }", "{ b }"]
            )
    assert await count_of(engine, model.ClientDocument) == before


async def test_policies_agree_in_sql_and_in_python(
    engine: AsyncEngine, charity: Organization
) -> None:
    """`allowedActions` and what the deeds permit are the same function."""
    client = await client_of(engine, charity, state="revoked")
    for role in PEOPLE:
        account = await person(engine, role, charity, area_code="440103")
        async with acting(engine, account) as act:
            assert isinstance(act, Act)
            for rule in (policy.may_change, policy.may_set_quota, policy.may_set_scopes):
                told = rule(act.actor, client)
                asked = select(model.ApiClient.id).where(
                    model.ApiClient.id == client.id, rule(act.actor, model.ApiClient)
                )
                assert (await act.session.scalar(asked) is not None) is told is False
