"""What sending must know of endpoints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.accounts.clients.model import ApiClient, ApiClientState
from nexus.accounts.model import AccountState
from nexus.acting import View
from nexus.exchange.webhooks import model, rules


def mailroom_of(view: View) -> rules.Mailroom:
    """The mailroom this session may use; WebhooksClosed when it was made without one."""
    mailroom = view.session.info.get(rules.WEBHOOKS)
    if not isinstance(mailroom, rules.Mailroom):
        raise rules.WebhooksClosed(
            "Webhooks cannot be set up here: the service was started without their key."
        )
    return mailroom


def is_live(account: Any) -> ColumnElement[bool]:
    """SQL: the account is active and, if it is a client's, so is the client."""
    client = aliased(ApiClient)
    ended = exists().where(client.account_id == account.id, client.state != ApiClientState.ACTIVE)
    return and_(account.state == AccountState.ACTIVE, ~ended)


async def live_secrets(
    session: AsyncSession, endpoint_id: UUID, now: datetime
) -> Sequence[model.WebhookSecret]:
    """The secrets that sign now, the newest first."""
    row = model.WebhookSecret
    found = await session.scalars(
        select(row)
        .where(row.endpoint_id == endpoint_id, or_(row.expires_at.is_(None), row.expires_at > now))
        .order_by(row.id.desc())
    )
    return found.all()


async def open_endpoints(session: AsyncSession, account_id: UUID) -> int:
    """How many endpoints the account has that are not closed."""
    row = model.WebhookEndpoint
    counted = await session.scalar(
        select(func.count())
        .select_from(row)
        .where(row.account_id == account_id, row.state != model.WebhookEndpointState.CLOSED)
    )
    return counted or 0
