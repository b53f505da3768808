"""What gaps do at news: lines appear and go, offers appear and go."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.charity.model import Offer
from nexus.core.outbox import Event, hears
from nexus.matching.suggestions import operations, queries


@hears("need.published")
async def open_at_publication(session: AsyncSession, event: Event, now: datetime) -> None:
    """A gap for each line of the need that no offer can serve."""
    await _open_for_need(session, event, now)


@hears("need.resumed")
async def open_at_resumption(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at publication."""
    await _open_for_need(session, event, now)


@hears("need.quantity_changed")
async def open_at_more_asked(session: AsyncSession, event: Event, now: datetime) -> None:
    """A line that was full asks for more."""
    await _open_for_need(session, event, now)


@hears("need.revised")
async def follow_revision(session: AsyncSession, event: Event, now: datetime) -> None:
    """Lines that came are looked at; gaps of lines that are asked for no longer end."""
    act = Act(session, system(now))
    await operations.waive_gaps_unasked(act, event.object_id)
    await _open_for_need(session, event, now)


@hears("need.paused")
async def waive_at_pause(session: AsyncSession, event: Event, now: datetime) -> None:
    """Nothing is asked for meanwhile."""
    await _waive(session, event, now, "need_paused")


@hears("need.frozen")
async def waive_at_freezing(session: AsyncSession, event: Event, now: datetime) -> None:
    """Nobody may help until the station confirms that it still stands."""
    await _waive(session, event, now, "need_frozen")


@hears("need.confirmed")
async def open_at_confirmation(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at publication."""
    await _open_for_need(session, event, now)


@hears("need.closed")
async def waive_at_closing(session: AsyncSession, event: Event, now: datetime) -> None:
    """The need has ended."""
    await _waive(session, event, now, "need_closed")


@hears("need.cancelled")
async def waive_at_cancellation(session: AsyncSession, event: Event, now: datetime) -> None:
    """The need was a mistake."""
    await _waive(session, event, now, "need_cancelled")


@hears("offer.listed")
async def address_at_listing(session: AsyncSession, event: Event, now: datetime) -> None:
    """Gaps that the new offer can fill."""
    await _address(session, event, now)


@hears("offer.resumed")
async def address_at_resumption(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at listing."""
    await _address(session, event, now)


@hears("offer.confirmed")
async def address_at_confirmation(session: AsyncSession, event: Event, now: datetime) -> None:
    """A stale offer counts again."""
    await _address(session, event, now)


@hears("offer.capacity_set")
async def address_at_capacity(session: AsyncSession, event: Event, now: datetime) -> None:
    """There is more to give; or nothing is left."""
    await _address(session, event, now)
    await _open_for_offer(session, event, now)


@hears("offer.areas_set")
async def address_at_areas(session: AsyncSession, event: Event, now: datetime) -> None:
    """It serves other places."""
    await _address(session, event, now)
    await _open_for_offer(session, event, now)


@hears("offer.turned_stale")
async def open_at_staleness(session: AsyncSession, event: Event, now: datetime) -> None:
    """Nobody confirmed it for six months: it is suggested no longer."""
    await _open_for_offer(session, event, now)


@hears("offer.paused")
async def open_at_offer_pause(session: AsyncSession, event: Event, now: datetime) -> None:
    """Lines that only this offer could serve."""
    await _open_for_offer(session, event, now)


@hears("offer.withdrawn")
async def open_at_withdrawal(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a pause."""
    await _open_for_offer(session, event, now)


@hears("offer.blocked")
async def open_at_blocking(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a pause."""
    await _open_for_offer(session, event, now)


@hears("offer.expired")
async def open_at_expiry(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a pause."""
    await _open_for_offer(session, event, now)


@hears("organization.suspended")
async def open_at_suspension(session: AsyncSession, event: Event, now: datetime) -> None:
    """The offers of an organization that is not verified are suggested no longer."""
    await _open_for_organization(session, event, now)


@hears("organization.deregistered")
async def open_at_deregistration(session: AsyncSession, event: Event, now: datetime) -> None:
    """As at a suspension."""
    await _open_for_organization(session, event, now)


@hears("organization.reinstated")
async def address_at_reinstatement(session: AsyncSession, event: Event, now: datetime) -> None:
    """Its offers count again."""
    act = Act(session, system(now))
    for offer in (await session.scalars(queries.offers_of(event.object_id))).all():
        await operations.address_by_offer(act, offer)


async def _open_for_organization(session: AsyncSession, event: Event, now: datetime) -> None:
    act = Act(session, system(now))
    for offer in (await session.scalars(queries.offers_of(event.object_id))).all():
        await operations.open_gaps_around(act, offer)


async def _open_for_need(session: AsyncSession, event: Event, now: datetime) -> None:
    await operations.open_gaps_of_need(Act(session, system(now)), event.object_id)


async def _open_for_offer(session: AsyncSession, event: Event, now: datetime) -> None:
    offer = await session.get_one(Offer, event.object_id)
    besides = event.facts.get("areas_before", [])
    await operations.open_gaps_around(Act(session, system(now)), offer, besides=besides)


async def _address(session: AsyncSession, event: Event, now: datetime) -> None:
    offer = await session.get_one(Offer, event.object_id)
    await operations.address_by_offer(Act(session, system(now)), offer)


async def _waive(session: AsyncSession, event: Event, now: datetime, reason: str) -> None:
    act = Act(session, system(now))
    await operations.waive_gaps_of_need(act, event.object_id, reason)
