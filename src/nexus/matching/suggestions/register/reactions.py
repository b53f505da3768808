"""What the register does at news."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.matching.suggestions.register import operations


@hears("delivery.recorded")
async def address_at_delivery(session: AsyncSession, event: Event, now: datetime) -> None:
    """The first delivery closes the gap of its line."""
    await operations.address_by_delivery(Act(session, system(now)), event.object_id)
