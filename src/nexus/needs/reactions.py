"""What needs do at news from below: a consent that no longer holds ends their publication, an
ended recognition freezes them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.visits.model import ChangeReport, ChangeState
from nexus.core.outbox import Event, hears
from nexus.needs.moving.operations import follow_the_person
from nexus.needs.operations import pause_under_consent
from nexus.needs.standing.operations import flag_after_change, freeze_after_end
from nexus.recipients.model import Recipient, Recognition


@hears("consent.withdrawn")
async def pause_after_withdrawal(session: AsyncSession, event: Event, now: datetime) -> None:
    """Readers lost sight of the needs at the commit; now their state says so too (INV-12)."""
    act = Act(session, system(now))
    await pause_under_consent(act, event.object_id, "the consent was withdrawn")


@hears("consent.expired")
async def pause_after_expiry(session: AsyncSession, event: Event, now: datetime) -> None:
    """As after a withdrawal."""
    act = Act(session, system(now))
    await pause_under_consent(act, event.object_id, "the consent expired")


@hears("consent.lapsed")
async def pause_after_lapse(session: AsyncSession, event: Event, now: datetime) -> None:
    """An assertion that nobody confirmed is no consent any more."""
    act = Act(session, system(now))
    await pause_under_consent(act, event.object_id, "the consent lapsed unconfirmed")


@hears("consent.superseded")
async def pause_after_supersession(session: AsyncSession, event: Event, now: datetime) -> None:
    """Until the need is resumed under the consent that took its place."""
    act = Act(session, system(now))
    await pause_under_consent(act, event.object_id, "another consent took its place")


@hears("recognition.ended")
async def freeze_at_end(session: AsyncSession, event: Event, now: datetime) -> None:
    """The authority's word holds no longer, or the person died."""
    await _freeze(session, event, now)


@hears("recognition.entered_in_error")
async def freeze_at_error(session: AsyncSession, event: Event, now: datetime) -> None:
    """It never held; its correction, if there is one, is another recognition."""
    await _freeze(session, event, now)


@hears("recipient.moved")
async def follow_at_move(session: AsyncSession, event: Event, now: datetime) -> None:
    """The person's open needs are from now on those of a member of the household joined."""
    person = await session.get_one(Recipient, event.object_id)
    before = UUID(event.facts["household_before"])
    await follow_the_person(Act(session, system(now)), person, before)


@hears("change.reported")
async def flag_at_change(session: AsyncSession, event: Event, now: datetime) -> None:
    """A visit found the household changed: its open needs are looked at again."""
    report = await session.get_one(ChangeReport, event.object_id)
    if report.state is ChangeState.REPORTED:
        act = Act(session, system(now))
        await flag_after_change(act, report.household_id, report_id=report.id)


async def _freeze(session: AsyncSession, event: Event, now: datetime) -> None:
    recognition = await session.get_one(Recognition, event.object_id)
    await freeze_after_end(Act(session, system(now)), recognition)
