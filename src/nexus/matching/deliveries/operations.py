"""Recording what reached the recipient, taking their word for it, and settling disputes."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus.acting import Act, plain_transition
from nexus.core.texts import check_reason
from nexus.matching.deliveries import policy, rules
from nexus.matching.pledges import model
from nexus.matching.pledges import policy as pledge_policy
from nexus.matching.pledges.model import Acknowledgement, Bucket
from nexus.matching.pledges.operations import follow, post
from nexus.matching.pledges.queries import allocation_of, lock_pledge
from nexus.matching.pledges.rules import check_quantity, sums

_STATES = model.DELIVERY_TRANSITIONS


async def record_delivery(
    act: Act,
    pledge_id: UUID,
    *,
    quantity: Decimal,
    delivered_on: date,
    place: str | None = None,
    evidence: dict[str, Any] | None = None,
) -> model.Delivery:
    """A quantity the pledge owed has arrived. The pledge's state follows the ledger.

    `place` is a type of place, never an address; `evidence` holds references, never a face.
    """
    pledge = await act.take(model.Pledge, pledge_id, visible=pledge_policy.visible)
    act.permit(pledge_policy.may_record_delivery, pledge)
    return await deliver(
        act,
        pledge,
        quantity=quantity,
        delivered_on=delivered_on,
        place=place,
        evidence=evidence,
    )


async def deliver(
    act: Act,
    pledge: model.Pledge,
    *,
    quantity: Decimal,
    delivered_on: date,
    place: str | None = None,
    evidence: dict[str, Any] | None = None,
) -> model.Delivery:
    """Write the delivery of a taken and permitted pledge, and book it."""
    model.PLEDGE_TRANSITIONS.after("fulfil", pledge.state)
    quantity = check_quantity(quantity)
    allocation = await allocation_of(act.session, pledge.id)
    rules.check_delivery(quantity, allocation.committed, delivered_on, act.actor.today())
    row = model.Delivery(
        no=await act.number("D", pledge.no.split("-")[1]),
        need_id=pledge.need_id,
        organization_id=pledge.organization_id,
        pledge_id=pledge.id,
        allocation_id=allocation.id,
        quantity=quantity,
        delivered_on=delivered_on,
        place=place,
        evidence=evidence,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("delivery.recorded", row, **_about(row))
    owed, done = sums(allocation)
    follow(act, pledge, owed - quantity, done + quantity)
    await act.session.flush()
    await post(act, allocation.id, Bucket.COMMITTED, Bucket.DELIVERED, quantity, delivery_id=row.id)
    return row


def _about(row: model.Delivery) -> dict[str, Any]:
    return {
        "need_id": row.need_id,
        "pledge_id": row.pledge_id,
        "organization_id": row.organization_id,
        "quantity": row.quantity,
    }


async def _take(act: Act, row_id: UUID, expected_version: int) -> model.Delivery:
    return await act.take(
        model.Delivery, row_id, visible=policy.visible, expected_version=expected_version
    )


async def _confirm(
    act: Act, row: model.Delivery, verb: str, event: str, method: Acknowledgement
) -> model.Delivery:
    act.move(row, _STATES, verb)
    row.acknowledgement = method
    row.acknowledged_at = act.now
    row.acknowledged_by = act.actor.account_id
    act.record(event, row, **_about(row))
    await lock_pledge(act.session, row.pledge_id)
    await post(
        act, row.allocation_id, Bucket.DELIVERED, Bucket.CONFIRMED, row.quantity, delivery_id=row.id
    )
    return row


async def acknowledge_delivery(
    act: Act, row_id: UUID, *, expected_version: int, method: Acknowledgement
) -> model.Delivery:
    """The recipient's word that it came, recorded by somebody else than who recorded it."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_acknowledge, row)
    return await _confirm(act, row, "acknowledge", "delivery.acknowledged", method)


dispute_delivery = plain_transition(
    model.Delivery,
    _STATES,
    "dispute",
    event="delivery.disputed",
    visible=policy.visible,
    may=policy.may_dispute,
    needs_reason=True,
)


async def uphold_delivery(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    reason: str | None = None,
    method: Acknowledgement = Acknowledgement.WITNESSED,
) -> model.Delivery:
    """The dispute was looked into, and the delivery stands as recorded."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_settle, row)
    row.state_reason = check_reason(reason)
    return await _confirm(act, row, "uphold", "delivery.upheld", method)


async def reverse_delivery(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Delivery:
    """The dispute was right: the quantity is open again, for the line and for the offer."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_settle, row)
    model.DELIVERY_TRANSITIONS.after("reverse", row.state)
    return await take_back(act, row, check_reason(reason))


async def take_back(act: Act, row: model.Delivery, reason: str) -> model.Delivery:
    """Reverse a taken and permitted delivery, and book it."""
    act.move(row, _STATES, "reverse")
    row.state_reason = reason
    act.record("delivery.reversed", row, **_about(row))
    pledge = await act.take(model.Pledge, row.pledge_id, visible=pledge_policy.visible)
    allocation = await allocation_of(act.session, pledge.id)
    owed, done = sums(allocation)
    follow(act, pledge, owed, done - row.quantity)
    await act.session.flush()
    await post(
        act, allocation.id, Bucket.DELIVERED, Bucket.REVERSED, row.quantity, delivery_id=row.id
    )
    return row


verify_delivery = plain_transition(
    model.Delivery,
    _STATES,
    "verify",
    event="delivery.verified",
    visible=policy.visible,
    may=policy.may_verify,
)
