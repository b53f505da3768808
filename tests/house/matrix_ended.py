"""What is left to somebody whose credential has ended: one answer for each role.

Whatever ends it, the door refuses before it reads the document, so that what holds for these
documents holds for every coordinate.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts import rules
from nexus.accounts.clients.model import ApiClient, ApiClientState
from nexus.accounts.model import AccessToken, Account, AccountState
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.organizations.model import Organization, OrganizationState
from tests.conftest import Api
from tests.house.matrix_cells import READ, UNSEEN
from tests.making import making, now

PRIVATE = frozenset({Role.RECIPIENT, Role.GUARDIAN})
WITHOUT_ACCOUNT = frozenset({Role.ANONYMOUS, Role.SYSTEM})
DOCUMENTS = (
    "{ viewer { id } needs { nodes { id } } }",
    'mutation { withdrawPledge(input: {id: "x", expectedVersion: 1, idempotencyKey: "k"}) '
    "{ __typename } }",
    "subscription { worklistChanged { id } }",
    "{ no such thing",
)
"""A query, a deed, a subscription, and what is no document at all."""
ENDINGS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "token revoked": (AccessToken, AccessToken.account_id, {"revoked_at": now()}),
    "token expired": (
        AccessToken,
        AccessToken.account_id,
        {"expires_at": now() - timedelta(seconds=1)},
    ),
    "account suspended": (Account, Account.id, {"state": AccountState.SUSPENDED}),
    "account closed": (Account, Account.id, {"state": AccountState.CLOSED}),
    "organization deregistered": (
        Organization,
        Organization.id,
        {"state": OrganizationState.DEREGISTERED, "state_reason": "dissolved"},
    ),
    "client suspended": (ApiClient, ApiClient.account_id, {"state": ApiClientState.SUSPENDED}),
    "client revoked": (ApiClient, ApiClient.account_id, {"state": ApiClientState.REVOKED}),
}


async def ended_cells(api: Api, engine: AsyncEngine) -> dict[Role, str]:
    """Cell by role: nothing is seen (`-`), unless a credential outlives what ended it."""
    cells = dict.fromkeys(Role, UNSEEN)
    for role in Role:
        if role in WITHOUT_ACCOUNT:
            continue
        for ending in ENDINGS:
            if _applies(role, ending) and not await _is_refused(api, engine, role, ending):
                cells[role] = f"{READ} ({ending})"
    return cells


def _applies(role: Role, ending: str) -> bool:
    if ending.startswith("client"):
        return role is Role.CHARITY_CLIENT
    return not (ending.startswith("organization") and role in PRIVATE)


async def _is_refused(api: Api, engine: AsyncEngine, role: Role, ending: str) -> bool:
    async with making(engine) as m:
        private = role in PRIVATE
        given: Mapping[str, Any] = {} if private else {"organization": await m.organization()}
        account = await m.account(role=role, area_code=None if private else "440103", **given)
    token = await _token(engine, account)
    if ending.startswith("client"):
        await _client(engine, account)
    table, key, values = ENDINGS[ending]
    wanted = account.organization_id if table is Organization else account.id
    headers = {"authorization": f"Bearer {token}"}
    async with engine.begin() as connection:
        # Asked with the credential still live, on a session of its own: it is good for something.
        assert await _is_live(connection, token), (role, ending)
        await connection.execute(update(table).where(key == wanted).values(**values))
    answers = [
        await api.client.post("/graphql", json={"query": text}, headers=headers)
        for text in DOCUMENTS
    ]
    return {one.status_code for one in answers} == {401} and len(
        {one.json()["errors"][0]["extensions"]["code"] for one in answers}
    ) == 1


async def _is_live(connection: Any, token: str) -> bool:
    from nexus.accounts.clients.queries import authenticate_all

    async with AsyncSession(bind=connection) as session:
        return token in await authenticate_all(session, [token], now())


async def _token(engine: AsyncEngine, account: Account) -> str:
    token = rules.new_token()
    async with AsyncSession(engine) as session, session.begin():
        session.add(
            AccessToken(
                account_id=account.id,
                digest=rules.digest(token),
                label="ended",
                created_at=now(),
                expires_at=now() + timedelta(hours=1),
            )
        )
    return token


async def _client(engine: AsyncEngine, account: Account) -> None:
    async with AsyncSession(engine) as session, session.begin():
        session.add(
            ApiClient(
                id=new_id(),
                account_id=account.id,
                organization_id=account.organization_id,
                name="平台",
                scopes=["needs:read"],
                cost_per_minute=600_000,
                networks=[],
                documents_only=False,
                state=ApiClientState.ACTIVE,
                created_at=now(),
                created_by=account.id,
            )
        )
