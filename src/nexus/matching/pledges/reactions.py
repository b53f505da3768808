"""What pledges do when they hear news: a need that is no more gives its help back."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.core.outbox import Event, hears
from nexus.matching.pledges import operations


@hears("need.cancelled")
async def need_cancelled(session: AsyncSession, event: Event, now: datetime) -> None:
    """Nothing can be given to it any more: what was promised is free for others."""
    await operations.end_pledges_of(session, event.object_id, now)
