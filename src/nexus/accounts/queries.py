"""From a credential to an Actor."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import LargeBinary, any_, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from nexus.accounts import model, rules
from nexus.acting import NOBODY, NOWHERE, Actor
from nexus.areas.model import COUNTRY
from nexus.graph.http import Unauthorized
from nexus.organizations.model import Organization, OrganizationState


def area_prefix(area_code: str | None) -> str:
    """The prefix of every code in the territory: '' for the country, one no code has for none."""
    if area_code is None:
        return NOWHERE
    return "" if area_code == COUNTRY else area_code


async def authenticate_token(
    session: AsyncSession | AsyncConnection, token: str, now: datetime
) -> Actor:
    """The actor behind a live token of an active account: one statement over a unique index.

    Unauthorized when the token is unknown, expired or revoked, its account not active, or its
    organization gone.
    """
    found = await authenticate_tokens(session, [token], now)
    if token not in found:
        raise Unauthorized(
            "This token is unknown, expired or revoked: ask POST /oauth/token for a new one."
        )
    return found[token]


async def authenticate_tokens(
    session: AsyncSession | AsyncConnection, tokens: Collection[str], now: datetime
) -> dict[str, Actor]:
    """The actors behind those of the tokens that are live, by token: one statement for all."""
    known, account, holder = model.AccessToken, model.Account, Organization
    digests = {rules.digest(token): token for token in tokens}
    wanted = literal(list(digests), ARRAY(LargeBinary))
    rows = await session.execute(
        select(known.digest, account.id, account.role, account.organization_id, account.area_code)
        .select_from(known)
        .join(account, account.id == known.account_id)
        .outerjoin(holder, holder.id == account.organization_id)
        .where(
            known.digest == any_(wanted),
            known.revoked_at.is_(None),
            or_(known.expires_at.is_(None), known.expires_at > now),
            account.state == model.AccountState.ACTIVE,
            holder.state.is_distinct_from(OrganizationState.DEREGISTERED),
        )
    )
    return {digests[row.digest]: _actor(row, now) for row in rows}


def _actor(row: Any, now: datetime) -> Actor:
    return Actor(
        role=row.role,
        account_id=row.id,
        organization_id=row.organization_id or NOBODY,
        area_prefix=area_prefix(row.area_code),
        now=now,
    )
