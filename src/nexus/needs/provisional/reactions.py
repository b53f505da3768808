"""What the news of a waiver or of a refusal means for a need that went out before its time."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.emergencies.model import Settlement
from nexus.emergencies.operations import settle_all
from nexus.needs.provisional.queries import take_without_consent
from nexus.needs.publication.operations import pause
from nexus.obligations.model import Obligation, ObligationKind


@hears("obligation.waived")
async def settle_after_waiver(session: AsyncSession, event: Event, now: datetime) -> None:
    """The authority lets the supplement go: what was relaxed is settled so (INV-22)."""
    debt = await session.get_one(Obligation, event.object_id)
    if debt.kind is ObligationKind.SUPPLEMENT and debt.subject_type == "need":
        await settle_all(Act(session, system(now)), debt.subject_id, Settlement.WAIVED)


@hears("consent.refused")
async def pause_after_refusal(session: AsyncSession, event: Event, now: datetime) -> None:
    """Asked afterwards, the person said no: the legal basis carries the need no further."""
    await _pause(session, event, now)


@hears("consent.withdrawn")
async def pause_without_consent(session: AsyncSession, event: Event, now: datetime) -> None:
    """As after a refusal."""
    await _pause(session, event, now)


async def _pause(session: AsyncSession, event: Event, now: datetime) -> None:
    act = Act(session, system(now))
    for row in await take_without_consent(session, event.object_id):
        await pause(act, row, "the person said no to its publication")
