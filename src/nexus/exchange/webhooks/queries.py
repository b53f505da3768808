"""What sending must know of endpoints."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

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
