"""What sending and receiving need to know of partners and threads."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.core.ids import new_id
from nexus.exchange.messages import model

OUT = model.ExchangeMessage.direction == model.MessageDirection.OUT
WAITING = and_(OUT, model.ExchangeMessage.state.in_(model.WAITING))


async def live_partner(
    session: AsyncSession, organization_id: UUID
) -> model.ExchangePartner | None:
    """The partner of the organization that is not closed."""
    row = model.ExchangePartner
    return await session.scalar(
        select(row).where(
            row.organization_id == organization_id, row.state != model.PartnerState.CLOSED
        )
    )


async def live_secrets(
    session: AsyncSession, partner_id: UUID, now: datetime
) -> Sequence[model.ExchangeSecret]:
    """The secrets that sign now, the newest first."""
    row = model.ExchangeSecret
    found = await session.scalars(
        select(row)
        .where(row.partner_id == partner_id, or_(row.expires_at.is_(None), row.expires_at > now))
        .order_by(row.id.desc())
    )
    return found.all()


async def take_threads(
    session: AsyncSession, partner_id: UUID, subjects: Iterable[UUID]
) -> dict[UUID, model.ExchangeThread]:
    """The threads of the subjects, made where there were none, locked in one order."""
    wanted = sorted(set(subjects))
    if not wanted:
        return {}
    row = model.ExchangeThread
    fresh = [
        {"id": new_id(), "partner_id": partner_id, "subject_id": s, "sent": 0, "received": 0}
        for s in wanted
    ]
    await session.execute(insert(row).values(fresh).on_conflict_do_nothing())
    found = await session.scalars(
        select(row)
        .where(row.partner_id == partner_id, row.subject_id.in_(wanted))
        .order_by(row.subject_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {thread.subject_id: thread for thread in found}


async def take_messages(
    session: AsyncSession, ids: Iterable[UUID]
) -> dict[UUID, model.ExchangeMessage]:
    """The messages with these ids, locked in the order of the feed."""
    row = model.ExchangeMessage
    found = await session.scalars(
        select(row)
        .where(row.id.in_(ids))
        .order_by(row.position)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {one.id: one for one in found}
