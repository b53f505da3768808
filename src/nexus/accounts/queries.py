"""From a credential to an Actor."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from nexus.accounts import model, rules
from nexus.acting import NOBODY, NOWHERE, Actor
from nexus.areas.model import COUNTRY
from nexus.graph.http import Unauthorized


def area_prefix(area_code: str | None) -> str:
    """The prefix of every code in the territory: '' for the country, one no code has for none."""
    if area_code is None:
        return NOWHERE
    return "" if area_code == COUNTRY else area_code


async def authenticate_token(
    session: AsyncSession | AsyncConnection, token: str, now: datetime
) -> Actor:
    """The actor behind a live token of an active account: one statement over a unique index.

    Unauthorized when the token is unknown, expired or revoked, or its account not active.
    """
    known, account = model.AccessToken, model.Account
    found = (
        await session.execute(
            select(account.id, account.role, account.organization_id, account.area_code)
            .select_from(known)
            .join(account, account.id == known.account_id)
            .where(
                known.digest == rules.digest(token),
                known.revoked_at.is_(None),
                or_(known.expires_at.is_(None), known.expires_at > now),
                account.state == model.AccountState.ACTIVE,
            )
        )
    ).one_or_none()
    if found is None:
        raise Unauthorized(
            "This token is unknown, expired or revoked: ask POST /oauth/token for a new one."
        )
    return Actor(
        role=found.role,
        account_id=found.id,
        organization_id=found.organization_id or NOBODY,
        area_prefix=area_prefix(found.area_code),
        now=now,
    )
