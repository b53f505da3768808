"""Booking what a referral's lines ask for, and giving back what was not delivered."""

from uuid import UUID

from nexus.acting import Act
from nexus.charity.model import Offer
from nexus.charity.policy import visible as offer_visible
from nexus.matching.pledges.referred.operations import give_back, take_up
from nexus.matching.pledges.rules import exhausted
from nexus.matching.referrals import queries
from nexus.matching.referrals.model import Referral


async def reserve(act: Act, row: Referral, parent: Referral | None, offer_id: UUID | None) -> None:
    """Book every line that asks for a quantity. What the parent still holds of it is passed on."""
    assert row.sent_by is not None
    assert row.planned_on is not None
    held = {}
    if parent is not None:
        theirs = await queries.lines_of(act.session, parent.id)
        held = {line.line_id: line.pledge_id for line in theirs if line.pledge_id}
    if offer_id is not None:
        await act.find(Offer, offer_id, visible=offer_visible)
    for line in await queries.lines_of(act.session, row.id):
        if line.line_id in held:
            await give_back(act, [held[line.line_id]], "the referral was sent onward")
        ground = await queries.reservable(act.session, line)
        if not ground.published or ground.open is None:
            continue
        if not ground.open:
            raise exhausted(ground.open, of="line", rule="INV-01")
        pledge = await take_up(
            act,
            line.line_id,
            quantity=line.quantity or ground.open,
            offer_id=offer_id,
            planned_on=row.planned_on,
            accepted_by=row.sent_by,
        )
        line.pledge_id = pledge.id


async def release(act: Act, row: Referral) -> None:
    """Give back what the referral still holds: it has ended."""
    lines = await queries.lines_of(act.session, row.id)
    if pledges := [line.pledge_id for line in lines if line.pledge_id]:
        await give_back(act, pledges, "the referral that brought it has ended")
