"""What visits do when a household moves."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.visits.moving.operations import hand_over
from nexus.core.outbox import Event, hears
from nexus.recipients.model import Household


@hears("household.updated")
async def visits_follow_the_household(session: AsyncSession, event: Event, now: datetime) -> None:
    """Where it lives now its station visits."""
    if not event.facts.get("area_before"):
        return
    home = await session.get_one(Household, event.object_id)
    await hand_over(Act(session, system(now)), home.id, home.area_code)
