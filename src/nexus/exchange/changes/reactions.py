"""News that changes who sees an object, without a word about the object itself.

A consent, a party, a household or a day decides with whether a need or an offer is seen. Each of
these listeners turns that into an event of the object, so that the feed tells it: as a change to
those who see the object now, as a tombstone to those who do not any more.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.charity.model import Offer, OfferState
from nexus.core.outbox import Event, Handler, hears
from nexus.exchange.changes import queries
from nexus.exchange.changes.rules import VISIBILITY
from nexus.needs.model import Need, NeedState

_SHOWN = (NeedState.PUBLISHED, NeedState.PAUSED, NeedState.CLOSED)
_TOLD = (NeedState.PAUSED, NeedState.CLOSED)
"""Published needs are paused when their consent ends, and that is news of its own."""


async def _tell(session: AsyncSession, now: datetime, rows: Select[Any]) -> int:
    """Record the change for each of the rows, locked in the order of their ids; how many."""
    act = Act(session, system(now))
    found: Sequence[Any] = (await session.scalars(rows.with_for_update(key_share=True))).all()
    for row in found:
        act.record(f"{row.__tablename__}.{VISIBILITY}", row)
    return len(found)


def _listen(kind: str, rows: Any) -> Handler:
    async def handler(session: AsyncSession, event: Event, now: datetime) -> None:
        await _tell(session, now, rows(event))

    return hears(kind, f"tell_{kind}")(handler)


def _under_consent(event: Event) -> Select[Any]:
    return (
        select(Need)
        .where(Need.consent_id == event.object_id, Need.state.in_(_TOLD))
        .order_by(Need.id)
    )


def _of_household(event: Event) -> Select[Any]:
    return (
        select(Need)
        .where(Need.household_id == event.object_id, Need.state.in_(_SHOWN))
        .order_by(Need.id)
    )


def _of_organization(event: Event) -> Select[Any]:
    shown = (OfferState.LISTED, OfferState.PAUSED)
    return (
        select(Offer)
        .where(Offer.organization_id == event.object_id, Offer.state.in_(shown))
        .order_by(Offer.id)
    )


for _verb in ("granted", "confirmed", "withdrawn", "expired", "lapsed", "superseded"):
    _listen(f"consent.{_verb}", _under_consent)
_listen("household.updated", _of_household)
for _verb in ("verified", "suspended", "reinstated", "deregistered"):
    _listen(f"organization.{_verb}", _of_organization)


async def tell_begun_needs(session: AsyncSession, now: datetime) -> int:
    """A clock: news, once, of each need whose `publish_from` has come; how many."""
    return await _tell(session, now, queries.begun(system(now).today()))
