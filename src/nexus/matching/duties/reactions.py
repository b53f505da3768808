"""The news that leaves something to do: consents that end, organizations that are suspended."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.matching.duties import operations


@hears("consent.withdrawn")
async def stop_at_withdrawal(session: AsyncSession, event: Event, now: datetime) -> None:
    """They lost sight of it at the commit; what they keep themselves they have to stop using."""
    await _stop(session, event, now)


@hears("consent.expired")
async def stop_at_expiry(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a withdrawal."""
    await _stop(session, event, now)


@hears("consent.lapsed")
async def stop_at_lapse(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a withdrawal: nobody confirmed what somebody else had said for the person."""
    await _stop(session, event, now)


@hears("organization.suspended")
async def review_at_suspension(session: AsyncSession, event: Event, now: datetime) -> None:
    """What it has promised goes to review."""
    await _review(session, event, now)


@hears("organization.deregistered")
async def review_at_deregistration(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a suspension."""
    await _review(session, event, now)


@hears("organization.reinstated")
async def end_at_reinstatement(session: AsyncSession, event: Event, now: datetime) -> None:
    """It may give again."""
    await operations.end_reviews(Act(session, system(now)), event.object_id)


async def _stop(session: AsyncSession, event: Event, now: datetime) -> None:
    act = Act(session, system(now))
    await operations.ask_to_stop(act, event.object_id, ended_at=event.occurred_at)


async def _review(session: AsyncSession, event: Event, now: datetime) -> None:
    act = Act(session, system(now))
    await operations.review_pledges(act, event.object_id, since=event.occurred_at)
