"""Hours that count become deliveries, and hours that count no longer are taken back."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.matching.tasks.model import TaskLink
from nexus.matching.tasks.operations import book_hours, take_hours_back
from nexus.matching.tasks.queries import unbooked_of


@hears("service_record.effective")
async def book_effective_hours(session: AsyncSession, event: Event, now: datetime) -> None:
    """A task's minutes arrive at the need its pledge is for."""
    await book_hours(Act(session, system(now)), event.object_id)


@hears("task_link.created")
async def book_earlier_hours(session: AsyncSession, event: Event, now: datetime) -> None:
    """What was served before the task was tied to the pledge counts too."""
    act = Act(session, system(now))
    link = await session.get_one(TaskLink, event.object_id)
    for record_id in await unbooked_of(session, link.task_id):
        await book_hours(act, record_id)


@hears("service_record.revoked")
async def take_back_revoked_hours(session: AsyncSession, event: Event, now: datetime) -> None:
    """The need is open again by as much."""
    await take_hours_back(Act(session, system(now)), event.object_id)


@hears("service_record.corrected")
async def take_back_corrected_hours(session: AsyncSession, event: Event, now: datetime) -> None:
    """The new record books its own minutes once it counts."""
    await take_hours_back(Act(session, system(now)), event.object_id)
