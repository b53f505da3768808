"""Pledges, what they bind, what was delivered, what was said of it, and gaps, for one place."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from nexus.core.ids import new_id
from nexus.matching.feedback.model import Feedback, FeedbackSource
from nexus.matching.pledges.model import (
    Acknowledgement,
    Allocation,
    AllocationMove,
    Bucket,
    Delivery,
    DeliveryState,
    Pledge,
    PledgeState,
)
from nexus.matching.suggestions.model import Gap
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today

QUANTITY = Decimal(20)


async def pledge_and_deliver(m: Maker, place: Place) -> None:
    """The first pledge is from the offer and partly delivered; others are where deeds need them."""
    offered, committed = [Bucket.OPEN, Bucket.RESERVED], [Bucket.OPEN, Bucket.COMMITTED]
    await _pledge(m, place, "", 0, PledgeState.PARTLY_FULFILLED, committed, place["Offer"].id)
    await _pledge(m, place, "/offered", 1, PledgeState.OFFERED, offered)
    await _pledge(m, place, "/leaving", 2, PledgeState.RELEASE_REQUESTED, committed)
    for use, state, way in (
        ("", DeliveryState.ACKNOWLEDGED, [Bucket.DELIVERED, Bucket.CONFIRMED]),
        ("/recorded", DeliveryState.RECORDED, [Bucket.DELIVERED]),
        ("/disputed", DeliveryState.DISPUTED, [Bucket.DELIVERED]),
    ):
        await _deliver(m, place, use, state, way)
    await _feedback(m, place)
    line = place["NeedLine"]
    place.rows["Gap"] = gap = Gap(
        line_id=line.id,
        need_id=line.need_id,
        category=line.category,
        kind=line.kind.value,
        area_code=place.town,
        state_reason=place.says("Gap.stateReason"),
        addressed_by=place.says("Gap.addressedBy"),
        purchase_ref=place.says("Gap.purchaseRef"),
        opened_at=now(),
    )
    await m.put(gap)


async def _pledge(
    m: Maker,
    place: Place,
    use: str,
    line: int,
    state: PledgeState,
    way: list[Bucket],
    offer_id: Any = None,
) -> None:
    at = place["Need"].lines[line]
    shared: dict[str, Any] = {
        "line_id": at.id,
        "offer_id": offer_id,
        "quantity": QUANTITY,
        "created_at": now(),
    }
    pledge = Pledge(
        id=new_id(),
        no=number("P-440103"),
        need_id=at.need_id,
        organization_id=place.charity.id,
        planned_on=today(),
        expires_at=now() + timedelta(days=7),
        note=place.says("Pledge.note"),
        state=state,
        state_reason=place.says("Pledge.stateReason"),
        created_by=place.giver.id,
        **shared,
    )
    allocation = Allocation(id=new_id(), pledge_id=pledge.id, **shared)
    await m.put(pledge, allocation)
    place.rows[f"Pledge{use}"], place.rows[f"Allocation{use}"] = pledge, allocation
    source, target = way
    move = await _move(m, allocation, source, target, QUANTITY)
    place.rows[f"AllocationMove{use}"] = move


async def _move(
    m: Maker, allocation: Allocation, source: Bucket, target: Bucket, quantity: Decimal, **of: Any
) -> AllocationMove:
    row = AllocationMove(
        allocation_id=allocation.id,
        from_bucket=source,
        to_bucket=target,
        quantity=quantity,
        moved_at=now(),
        moved_by=new_id(),
        **of,
    )
    await m.put(row)
    return row


async def _deliver(
    m: Maker, place: Place, use: str, state: DeliveryState, way: list[Bucket]
) -> None:
    pledge, allocation = place["Pledge"], place["Allocation"]
    recorder = place.staff if place.relation == "own" else place.giver
    acknowledged: dict[str, Any] = {}
    if state is DeliveryState.ACKNOWLEDGED:
        acknowledged = {
            "acknowledgement": Acknowledgement.SIGNATURE,
            "acknowledged_at": now(),
            "acknowledged_by": new_id(),
        }
    row = Delivery(
        id=new_id(),
        no=number("D-440103"),
        need_id=pledge.need_id,
        organization_id=pledge.organization_id,
        pledge_id=pledge.id,
        allocation_id=allocation.id,
        quantity=Decimal(3),
        delivered_on=today(),
        place=place.says("Delivery.place"),
        evidence={"photo": place.says("Delivery.evidence")},
        state=state,
        state_reason=place.says("Delivery.stateReason"),
        created_at=now(),
        created_by=recorder.id,
        **acknowledged,
    )
    await m.put(row)
    place.rows[f"Delivery{use}"] = row
    for source, target in zip([Bucket.COMMITTED, *way], way, strict=False):
        await _move(m, allocation, source, target, row.quantity, delivery_id=row.id)


async def _feedback(m: Maker, place: Place) -> None:
    """The recipient's word; of the supply's own account its own; of a clerk the authority's."""
    delivery = place["Delivery"]
    sources = {"need": FeedbackSource.AUTHORITY, "supply": FeedbackSource.RECEIVER}
    own = place.relation == "own"
    place.rows["Feedback"] = row = Feedback(
        need_id=delivery.need_id,
        delivery_id=delivery.id,
        source=sources[place.side] if own else FeedbackSource.RECIPIENT,
        rating=4,
        text=place.says("Feedback.text"),
        wants_call_back=True,
        state_reason=place.says("Feedback.stateReason"),
        created_at=now(),
        created_by=place.staff.id if own else place.clerk.id,
    )
    await m.put(row)
