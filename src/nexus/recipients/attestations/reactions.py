"""What attestations do at news: what ended beneath them revokes them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.recipients.attestations import queries
from nexus.recipients.attestations.operations import revoke_all


@hears("recognition.ended")
async def revoke_at_end(session: AsyncSession, event: Event, now: datetime) -> None:
    """Whoever checked since saw it already: the status is read live."""
    await _revoke(session, event, now, "the recognition ended")


@hears("recognition.suspended")
async def revoke_at_suspension(session: AsyncSession, event: Event, now: datetime) -> None:
    """A new one is issued when it is reinstated."""
    await _revoke(session, event, now, "the recognition was suspended")


@hears("recognition.entered_in_error")
async def revoke_at_error(session: AsyncSession, event: Event, now: datetime) -> None:
    """It was never true."""
    await _revoke(session, event, now, "the recognition was entered in error")


@hears("consent.withdrawn")
async def revoke_at_withdrawal(session: AsyncSession, event: Event, now: datetime) -> None:
    """The organization lost sight of it at the commit (INV-12)."""
    await _revoke_under(session, event, now, "the consent was withdrawn")


@hears("consent.expired")
async def revoke_at_expiry(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a withdrawal."""
    await _revoke_under(session, event, now, "the consent expired")


@hears("consent.lapsed")
async def revoke_at_lapse(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a withdrawal."""
    await _revoke_under(session, event, now, "the consent lapsed unconfirmed")


@hears("consent.superseded")
async def revoke_at_supersession(session: AsyncSession, event: Event, now: datetime) -> None:
    """A new one is issued under the consent that took its place."""
    await _revoke_under(session, event, now, "another consent took its place")


@hears("recipient.moved")
async def revoke_at_move(session: AsyncSession, event: Event, now: datetime) -> None:
    """What was attested to the person as a member of the household they left."""
    left = UUID(event.facts["household_before"])
    ids = await queries.live_as_member(session, event.object_id, left)
    await revoke_all(Act(session, system(now)), ids, "the person left the household")


async def _revoke(session: AsyncSession, event: Event, now: datetime, reason: str) -> None:
    ids = await queries.live_of_recognition(session, event.object_id)
    await revoke_all(Act(session, system(now)), ids, reason)


async def _revoke_under(session: AsyncSession, event: Event, now: datetime, reason: str) -> None:
    ids = await queries.live_under_consent(session, event.object_id)
    await revoke_all(Act(session, system(now)), ids, reason)
