"""Linking gaps to planned purchases, and closing them with the first help that arrives."""

from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.matching.suggestions import model
from nexus.matching.suggestions.operations import address, take_gap
from nexus.matching.suggestions.queries import take_live_gaps
from nexus.matching.suggestions.register import rules


async def plan_gap_purchase(
    act: Act, row_id: UUID, *, expected_version: int, reference: str
) -> model.Gap:
    """A purchase is planned that is to fill the gap: it stays until the first help arrives."""
    row = await take_gap(act, row_id, expected_version)
    planned = rules.check_reference(reference)
    act.move(row, model.TRANSITIONS, "plan_purchase")
    row.purchase_ref = planned
    act.record("gap.purchase_planned", row, line_id=row.line_id)
    return row


async def address_by_delivery(act: Act, delivery_id: UUID) -> int:
    """The first help on the line has arrived: its live gap is addressed; how many were."""
    delivery = await act.session.get_one(Delivery, delivery_id)
    line = select(Pledge.line_id).where(Pledge.id == delivery.pledge_id).scalar_subquery()
    gaps = (await act.session.scalars(take_live_gaps(lambda gap: gap.line_id == line))).all()
    for gap in gaps:
        planned = gap.purchase_ref is not None
        remedy = model.GapRemedy.PURCHASE_PLAN if planned else model.GapRemedy.OFFER
        address(act, gap, delivery.no, remedy)
    return len(gaps)
