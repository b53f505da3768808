"""What referrals do at news from below: without the consent they rest on they wait or end."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.matching.referrals.operations import hold_under_consent


@hears("consent.withdrawn")
async def hold_after_withdrawal(session: AsyncSession, event: Event, now: datetime) -> None:
    """The person took it back."""
    await _hold(session, event, now, "the consent was withdrawn")


@hears("consent.expired")
async def hold_after_expiry(session: AsyncSession, event: Event, now: datetime) -> None:
    """Its time is over."""
    await _hold(session, event, now, "the consent expired")


@hears("consent.lapsed")
async def hold_after_lapse(session: AsyncSession, event: Event, now: datetime) -> None:
    """An assertion that nobody confirmed is no consent any more."""
    await _hold(session, event, now, "the consent lapsed unconfirmed")


@hears("consent.superseded")
async def hold_after_supersession(session: AsyncSession, event: Event, now: datetime) -> None:
    """Another consent is another ground: refer anew under it."""
    await _hold(session, event, now, "another consent took its place")


async def _hold(session: AsyncSession, event: Event, now: datetime, reason: str) -> None:
    await hold_under_consent(Act(session, system(now)), event.object_id, reason)
