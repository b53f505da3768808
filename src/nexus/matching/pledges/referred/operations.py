"""Taking up what was referred, and giving it back. Only the ledger counts, as for every pledge."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act, Role, View
from nexus.core.ids import new_id
from nexus.core.refusals import NotFound
from nexus.matching.helped.operations import check_not_already_helped
from nexus.matching.pledges import model, operations, queries, rules
from nexus.matching.pledges.model import PledgeState

_LIVE = (PledgeState.ACCEPTED, PledgeState.PARTLY_FULFILLED, PledgeState.RELEASE_REQUESTED)


async def take_up(
    act: Act,
    line_id: UUID,
    *,
    quantity: Decimal,
    offer_id: UUID | None,
    planned_on: date,
    accepted_by: UUID,
) -> model.Pledge:
    """A pledge of the actor's organization on a line referred to it, accepted at once.

    The need's side said yes when it referred (`accepted_by`), so the line need not be in the
    organization's sight. Otherwise as `offer_pledge`: AlreadyPledged, OfferUnfit,
    CapacityExhausted (INV-01, INV-02), GuardFailed (INV-07), AlreadyHelped (INV-10).
    """
    beyond = View(act.session, replace(act.actor, role=Role.SYSTEM))
    ground = await queries.pledge_ground(beyond, line_id, offer_id)
    if ground is None:
        raise NotFound("No such NeedLine, or it is not yours to see.")
    quantity = rules.check_quantity(quantity)
    rules.check_ground(ground, quantity, offer_id, act.actor.today())
    override_id = await check_not_already_helped(act, line_id, ground, quantity)
    pledge = operations.draw_up(
        act,
        ground,
        line_id=line_id,
        quantity=quantity,
        amount_fen=rules.check_amount(ground.kind, ground.unit, quantity, None),
        planned_on=planned_on,
        note=None,
        accepted_by=accepted_by,
        override_id=override_id,
        id=new_id(),
    )
    await operations.book(act, pledge, number=f"P-{ground.shown_area_code}-{act.now.year}-")
    return pledge


async def give_back(act: Act, pledge_ids: list[UUID], reason: str) -> None:
    """Release what of these pledges is not delivered: the referral that brought them has ended."""
    found = await act.session.execute(
        select(model.Pledge)
        .where(model.Pledge.id.in_(pledge_ids), model.Pledge.state.in_(_LIVE))
        .order_by(model.Pledge.line_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    pledges = list(found.scalars())
    await queries.lock_counters(act.session, pledges)
    for pledge in pledges:
        if pledge.state is not PledgeState.RELEASE_REQUESTED:
            act.move(pledge, model.PLEDGE_TRANSITIONS, "request_release")
        await operations.end(act, pledge, "release", "pledge.released", reason)
