"""What acceptances do when a fact behind them is withdrawn."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.purchasing.acceptance.operations import lose_fact


@hears("service_fact.withdrawn")
async def fact_falls_away(session: AsyncSession, event: Event, now: datetime) -> None:
    """It stands behind nothing that is still open; what was decided keeps it, marked as lost."""
    await lose_fact(Act(session, system(now)), event.object_id)
