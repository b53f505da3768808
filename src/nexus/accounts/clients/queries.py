"""From a client's credential to what it may, and from a document's hash to its text."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients import model
from nexus.accounts.clients.rules import as_networks
from nexus.accounts.model import AccessToken, Account, AccountState
from nexus.accounts.queries import area_prefix, authenticate_token, authenticate_tokens
from nexus.accounts.rules import digest
from nexus.acting import NOBODY, Actor, Grant
from nexus.graph.http import Unauthorized


@dataclass(frozen=True)
class Candidate:
    """A client that asks for a token, with the keys it could prove itself by."""

    client: model.ApiClient
    account: Account
    keys: list[model.ClientKey]

    def key_of(self, secret: str) -> model.ClientKey | None:
        """The live key that the secret belongs to. Digests of 256 random bits leak nothing."""
        given = digest(secret)
        return next((key for key in self.keys if key.digest == given), None)

    @property
    def inactive(self) -> str | None:
        """Why it gets no token although its key is right."""
        if self.client.state is not model.ApiClientState.ACTIVE:
            return self.client.state.value
        if self.account.state is not AccountState.ACTIVE:
            return self.account.state.value
        return None


async def take_candidate(session: AsyncSession, client_id: UUID, now: datetime) -> Candidate | None:
    """The client, locked so that no suspension passes between the check and the token."""
    client = await session.get(model.ApiClient, client_id, with_for_update=True)
    if client is None:
        return None
    key = model.ClientKey
    keys = await session.scalars(
        select(key).where(
            key.api_client_id == client_id,
            key.retired_at.is_(None),
            or_(key.expires_at.is_(None), key.expires_at > now),
        )
    )
    account = await session.get_one(Account, client.account_id)
    return Candidate(client, account, list(keys))


async def authenticate(session: AsyncSession, token: str, now: datetime) -> Actor:
    """The actor behind a live token, with what the token and its client narrow.

    Unauthorized as `authenticate_token`, and when the token's client is not active.
    """
    actor = await authenticate_token(session, token, now)
    narrowed = await _narrowed(session, {token: actor})
    if token not in narrowed:
        raise Unauthorized("The API client of this token is not active.")
    return narrowed[token]


async def authenticate_all(
    session: AsyncSession, tokens: Collection[str], now: datetime
) -> dict[str, Actor]:
    """As `authenticate`, by token; those that are refused are left out."""
    return await _narrowed(session, await authenticate_tokens(session, tokens, now))


async def _narrowed(session: AsyncSession, actors: dict[str, Actor]) -> dict[str, Actor]:
    """The actors with their grants, but for those whose client is not active."""
    client, known = model.ApiClient, AccessToken
    by_digest = {digest(token): token for token in actors}
    rows: Iterable[Any] = await session.execute(
        select(known.digest, known.scopes, client)
        .outerjoin(client, client.account_id == known.account_id)
        .where(known.digest.in_(by_digest))
    )
    narrowed = dict(actors)
    for key, scopes, found in rows:
        token = by_digest[key]
        if found is not None and found.state is not model.ApiClientState.ACTIVE:
            del narrowed[token]
        elif found is not None or scopes is not None:
            narrowed[token] = replace(actors[token], grant=_grant(scopes, found))
    return narrowed


def _grant(scopes: list[str] | None, client: model.ApiClient | None) -> Grant:
    own = None if scopes is None else frozenset(scopes)
    if client is None:
        return Grant(scopes=own)
    held = frozenset(client.scopes)
    return Grant(
        scopes=held if own is None else held & own,
        client_id=client.id,
        cost_per_minute=client.cost_per_minute,
        documents_only=client.documents_only,
        networks=as_networks(client.networks),
    )


async def registered_document(engine: AsyncEngine, client_id: UUID, digest: bytes) -> str | None:
    """The text that the client registered under this digest."""
    row = model.ClientDocument
    async with engine.connect() as connection:
        found: str | None = await connection.scalar(
            select(row.text).where(row.api_client_id == client_id, row.digest == digest)
        )
        return found


async def acting_again(
    session: AsyncSession, account_id: UUID, scopes: list[str] | None, now: datetime
) -> Actor:
    """The account as it may act now, without its token: for what it asked for earlier, with a
    credential that was narrowed to `scopes`.

    Unauthorized when the account, or the client it belongs to, is not active any more.
    """
    found: Any = (
        await session.execute(
            select(Account, model.ApiClient)
            .outerjoin(model.ApiClient, model.ApiClient.account_id == Account.id)
            .where(Account.id == account_id, Account.state == AccountState.ACTIVE)
        )
    ).one_or_none()
    active = (None, model.ApiClientState.ACTIVE)
    if found is None or (found[1].state if found[1] else None) not in active:
        raise Unauthorized("The account that asked for this is not active any more.")
    account, client = found
    narrowed = client is not None or scopes is not None
    return Actor(
        role=account.role,
        account_id=account.id,
        organization_id=account.organization_id or NOBODY,
        area_prefix=area_prefix(account.area_code),
        now=now,
        grant=_grant(scopes, client) if narrowed else None,
    )
