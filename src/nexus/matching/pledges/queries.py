"""What a pledge must know before it is written, and which pledges have run out of time."""

from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Uuid,
    and_,
    bindparam,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Role, View, shape
from nexus.charity.model import Offer
from nexus.core.prepared import Prepared
from nexus.matching.helped.queries import is_limited
from nexus.matching.pledges import model
from nexus.needs.model import Need, NeedLine
from nexus.needs.policy import line_visible
from nexus.needs.queries import live_quantity
from nexus.organizations.queries import is_verified

EXPIRING = (
    model.PledgeState.OFFERED,
    model.PledgeState.ACCEPTED,
    model.PledgeState.RELEASE_REQUESTED,
)


LINE = (
    NeedLine.need_id,
    NeedLine.kind,
    NeedLine.unit,
    NeedLine.published,
    NeedLine.held,
    NeedLine.tranche_no,
    NeedLine.quantity_required,
    live_quantity(NeedLine).label("taken"),
    Need.state.label("need_state"),
    Need.confirm_needed,
    Need.shown_area_code,
    is_limited(NeedLine, Need).label("help_limited"),
)
SOURCE = (
    Offer.id.label("offer_id"),
    Offer.kind.label("offer_kind"),
    Offer.unit.label("offer_unit"),
    Offer.state.label("offer_state"),
    Offer.available_from,
    Offer.available_to,
    Offer.pre_approved,
    Offer.capacity_maximum,
    (Offer.capacity_reserved + Offer.capacity_used).label("offer_taken"),
)


@lru_cache(maxsize=64)
def _ground(role: Role) -> Prepared:
    """Built once a role: the actor's values are parameters, so a hot line costs no building."""
    actor = shape(role)
    live = (
        select(model.Pledge.no)
        .where(
            model.Pledge.line_id == NeedLine.id,
            model.Pledge.organization_id == actor.organization_id,
            model.Pledge.offer_id.is_not_distinct_from(bindparam("offer_id", None, type_=Uuid())),
            text(model.LIVE_PLEDGE),
        )
        .correlate(NeedLine)
        .scalar_subquery()
    )
    own = and_(
        Offer.id == bindparam("offer_id", None, type_=Uuid()),
        Offer.organization_id == actor.organization_id,
    )
    return Prepared(
        select(
            *LINE,
            *SOURCE,
            is_verified(actor.organization_id).label("verified"),
            live.label("live_no"),
        )
        .join(Need, Need.id == NeedLine.need_id)
        .join(Offer, own, isouter=True)
        .where(
            NeedLine.id == bindparam("line_id", None, type_=Uuid()), line_visible(actor, NeedLine)
        )
    )


async def pledge_ground(view: View, line_id: UUID, offer_id: UUID | None) -> Any:
    """All that decides on a pledge, in one read without a lock: line, need, own offer, own pledge.

    None when the actor does not see the line. Losers of a hot line stop at its counters.
    """
    values = {**view.actor.binds(), "line_id": line_id, "offer_id": offer_id}
    return await _ground(view.actor.role).first(view.session, values)


async def live_pledge_no(view: View, line_id: UUID, offer_id: UUID | None) -> str | None:
    """The number of the organization's own live pledge on the line from the offer (INV-08)."""
    found = await view.session.execute(
        select(model.Pledge.no).where(
            model.Pledge.line_id == line_id,
            model.Pledge.organization_id == view.actor.organization_id,
            model.Pledge.offer_id.is_not_distinct_from(offer_id),
            text(model.LIVE_PLEDGE),
        )
    )
    return found.scalar_one_or_none()


async def allocation_of(session: AsyncSession, pledge_id: UUID) -> model.Allocation:
    """The pledge's allocation as it stands. Lock the pledge first."""
    found = await session.execute(
        select(model.Allocation)
        .where(model.Allocation.pledge_id == pledge_id)
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


async def take_expired(
    session: AsyncSession, now: datetime, limit: int
) -> list[tuple[model.Pledge, model.Allocation]]:
    """Pledges past `expires_at`, locked; those on a need that is not published are frozen."""
    found = await session.execute(
        select(model.Pledge, model.Allocation)
        .join(model.Allocation, model.Allocation.pledge_id == model.Pledge.id)
        .join(NeedLine, NeedLine.id == model.Pledge.line_id)
        .where(model.Pledge.state.in_(EXPIRING), model.Pledge.expires_at <= now, NeedLine.published)
        .order_by(model.Pledge.expires_at)
        .limit(limit)
        .with_for_update(of=model.Pledge, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1]) for row in found]


async def lock_pledge(session: AsyncSession, pledge_id: UUID) -> None:
    """Lock the pledge of a delivery before its quantity moves: every deed comes this way."""
    await session.execute(
        select(model.Pledge.id).where(model.Pledge.id == pledge_id).with_for_update(key_share=True)
    )


async def lock_counters(session: AsyncSession, pledges: list[model.Pledge]) -> None:
    """Lock needs, lines and offers, each by id: the lock order of deeds on many pledges.

    The need's key is shared first, because PostgreSQL checks a line's foreign key again when one
    transaction changes the line twice.
    """
    lines, offers = {p.line_id for p in pledges}, {p.offer_id for p in pledges if p.offer_id}
    keys: list[tuple[Any, set[UUID], dict[str, Any]]] = [
        (Need.id, {p.need_id for p in pledges}, {"read": True, "key_share": True}),
        (NeedLine.id, lines, {"key_share": True}),
        (Offer.id, offers, {"key_share": True}),
    ]
    for key, ids, strength in keys:
        if ids:
            await session.execute(
                select(key).where(key.in_(ids)).order_by(key).with_for_update(**strength)
            )
