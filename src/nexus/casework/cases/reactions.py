"""What cases do at news from below: a household that moves takes its open cases along."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.cases.operations import follow_household
from nexus.core.outbox import Event, hears
from nexus.recipients.model import Household


@hears("household.updated")
async def follow_after_move(session: AsyncSession, event: Event, now: datetime) -> None:
    """Its new authority sees the case from here on, its old one no longer; the station keeps it."""
    if not event.facts.get("area_before"):
        return
    home = await session.get_one(Household, event.object_id)
    await follow_household(Act(session, system(now)), home.id, home.area_code)
