"""Who is suspended, has left, is blocked or has no guardian's word keeps no sign-up to come."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.volunteering.queries import has_guardian
from nexus.volunteering.tasks.signups.operations import release_volunteer

GONE = "The volunteer is not active any more."
UNGUARDED = "The guardian does not agree any more."
UNWANTED = "The organization does not take the volunteer any more."


async def _gone(session: AsyncSession, event: Event, now: datetime) -> None:
    await release_volunteer(
        Act(session, system(now)), event.object_id, organization_id=None, reason=GONE
    )


@hears("volunteer.suspended")
async def release_suspended(session: AsyncSession, event: Event, now: datetime) -> None:
    """Everywhere; who waits moves up."""
    await _gone(session, event, now)


@hears("volunteer.left")
async def release_left(session: AsyncSession, event: Event, now: datetime) -> None:
    """Everywhere; who waits moves up."""
    await _gone(session, event, now)


@hears("guardian.withdrawn")
async def release_unguarded(session: AsyncSession, event: Event, now: datetime) -> None:
    """A minor whose guardian took the word back, unless another was recorded since."""
    act = Act(session, system(now))
    volunteer_id = UUID(event.facts["volunteer_id"])
    if not await has_guardian(act, volunteer_id, act.actor.today()):
        await release_volunteer(act, volunteer_id, organization_id=None, reason=UNGUARDED)


@hears("roster.blocked")
async def release_blocked(session: AsyncSession, event: Event, now: datetime) -> None:
    """With the organization that blocked them."""
    await release_volunteer(
        Act(session, system(now)),
        UUID(event.facts["volunteer_id"]),
        organization_id=UUID(event.facts["blocking_organization_id"]),
        reason=UNWANTED,
    )
