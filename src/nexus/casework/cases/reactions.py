"""What cases do at news from below: who moves takes their open cases along."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.cases.operations import follow_household, follow_person
from nexus.core.outbox import Event, hears
from nexus.recipients.model import Household, Recipient


@hears("household.updated")
async def follow_after_move(session: AsyncSession, event: Event, now: datetime) -> None:
    """Its new authority sees the case from here on, its old one no longer; the station keeps it."""
    if not event.facts.get("area_before"):
        return
    home = await session.get_one(Household, event.object_id)
    await follow_household(Act(session, system(now)), home.id, home.area_code)


@hears("recipient.moved")
async def follow_after_joining(session: AsyncSession, event: Event, now: datetime) -> None:
    """A person's case goes with the person; one of the whole household stays with it."""
    person = await session.get_one(Recipient, event.object_id)
    home = await session.get_one(Household, person.household_id)
    await follow_person(Act(session, system(now)), person.id, home)
