"""News of the exchange becomes alerts for those who look after it (T6c)."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.exchange.messages.model import ExchangeMessage, ExchangePartner
from nexus.organizations.model import Organization
from nexus.supervision.alerts.operations import clear_alert, raise_alert

FAILING, DEAD = "partner.failing", "message.dead"
"""Ids of the alerts' rules."""


@hears("exchange_partner.failing")
async def raise_at_failing(session: AsyncSession, event: Event, now: datetime) -> None:
    """For an hour nothing got through. Not if it did meanwhile."""
    partner = await session.get_one(ExchangePartner, event.object_id)
    if partner.failing_at is None:
        return
    await raise_alert(
        Act(session, system(now)),
        rule=FAILING,
        subject_type="exchange_partner",
        subject_id=partner.id,
        area_code=await _area(session, partner.organization_id),
        evidence={"failures": event.facts["failures"], "mode": partner.mode.value},
    )


@hears("exchange_partner.recovered")
async def clear_at_recovery(session: AsyncSession, event: Event, now: datetime) -> None:
    """The authority is reached again."""
    await clear_alert(Act(session, system(now)), rule=FAILING, subject_id=event.object_id)


@hears("exchange_partner.closed")
async def clear_at_closing(session: AsyncSession, event: Event, now: datetime) -> None:
    """Nobody is to be reached any more."""
    await clear_alert(Act(session, system(now)), rule=FAILING, subject_id=event.object_id)


@hears("message.dead")
async def raise_at_death(session: AsyncSession, event: Event, now: datetime) -> None:
    """A message was given up, and was not replayed and taken meanwhile."""
    message = await session.get_one(ExchangeMessage, event.object_id)
    if message.finished_at is not None and message.died_at != message.finished_at:
        return
    partner = await session.get_one(ExchangePartner, message.partner_id)
    await raise_alert(
        Act(session, system(now)),
        rule=DEAD,
        subject_type="exchange_message",
        subject_id=message.id,
        area_code=await _area(session, partner.organization_id),
        evidence={"attempts": message.attempts, "cause": event.facts.get("cause")},
    )


@hears("message.recovered")
async def clear_at_delivery(session: AsyncSession, event: Event, now: datetime) -> None:
    """Replayed, and taken by the authority."""
    await clear_alert(Act(session, system(now)), rule=DEAD, subject_id=event.object_id)


async def _area(session: AsyncSession, organization_id: object) -> str:
    found = await session.scalar(
        select(Organization.area_code).where(Organization.id == organization_id)
    )
    return found or "CN"
