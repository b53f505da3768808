"""What the hotline of a ticket hears when the need that came from it is published and closed."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.discovery.queries import take_report
from nexus.discovery.trail.operations import reply
from nexus.needs.model import CloseReason, Need

HELPED = (CloseReason.MET.value, CloseReason.PARTLY_MET.value)


@hears("need.published")
async def reply_when_published(session: AsyncSession, event: Event, now: datetime) -> None:
    """Help is being asked for."""
    await _reply(session, event, now, "PUBLISHED")


@hears("need.closed")
async def reply_when_closed(session: AsyncSession, event: Event, now: datetime) -> None:
    """It came to an end (T5e)."""
    helped = event.facts.get("close_reason") in HELPED
    await _reply(session, event, now, "HELPED" if helped else "ENDED")


async def _reply(session: AsyncSession, event: Event, now: datetime, code: str) -> None:
    need = await session.get_one(Need, event.object_id)
    if need.discovery_report_id is None:
        return
    act = Act(session, system(now))
    report = await take_report(act, need.discovery_report_id)
    await reply(act, report, code)
