"""Deliveries in the graph."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from sqlalchemy import Uuid

from nexus.core.refusals import Invalid
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_least,
    at_most,
    collection,
    computed,
    extend,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import decode
from nexus.graph.specs import Filter
from nexus.graph.subscribing import heard, narrowed, stream, subscription
from nexus.matching.deliveries import operations, policy, queries
from nexus.matching.pledges import model
from nexus.matching.pledges.graphql import NEWEST, Pledge, of
from nexus.needs.graphql import Need
from nexus.organizations.graphql import Organization

register_enums(model.DeliveryState, model.Acknowledgement)


@node(
    model.Delivery,
    visible=policy.visible,
    transitions=model.DELIVERY_TRANSITIONS,
    actions={
        "acknowledge_delivery": ("acknowledge", policy.may_acknowledge),
        "verify_delivery": ("verify", policy.may_verify),
        "dispute_delivery": ("dispute", policy.may_dispute),
        "uphold_delivery": ("uphold", policy.may_settle),
        "reverse_delivery": ("reverse", policy.may_settle),
    },
)
class Delivery:
    """Help that reached the recipient, and their word for it."""

    no: str
    quantity: Decimal
    delivered_on: date
    late: bool = computed(
        lambda actor, row: queries.recorded_late(row),
        about="Recorded more than seven days after it happened.",
    )
    place: str | None
    evidence: JSON | None
    state: model.DeliveryState
    state_reason: str | None
    acknowledgement: model.Acknowledgement | None
    acknowledged_at: datetime | None
    version: int
    created_at: datetime
    need: Need | None = to_one(model.Delivery.need_id)
    pledge: Pledge | None = to_one(model.Delivery.pledge_id)
    organization: Organization | None = to_one(model.Delivery.organization_id)


@extend(Pledge)
class PledgeDeliveries:
    deliveries: Connection[Delivery] = to_many(model.Delivery.pledge_id, order=NEWEST)


@extend(Need)
class NeedDeliveries:
    deliveries: Connection[Delivery] = to_many(model.Delivery.need_id, order=NEWEST)


@query
class DeliveryQuery:
    deliveries: Connection[Delivery] = collection(
        "Delivery",
        orders={"NEWEST": NEWEST},
        filters={
            "state": any_of(model.Delivery.state),
            "need": of(model.Delivery.need_id, "Need"),
            "organization": of(model.Delivery.organization_id, "Organization"),
            "delivered_from": at_least(model.Delivery.delivered_on, date),
            "delivered_until": at_most(model.Delivery.delivered_on, date),
        },
        about="Deliveries of your own pledges, or on the needs of your territory.",
    )


def _need() -> FilterField:
    """The need with this global id."""
    kind, key = strawberry.ID, lambda global_id: decode(global_id, "Need")
    return FilterField(kind, Filter(lambda row, value: row.need_id == value, Uuid(), key))


@subscription
class PledgeSubscription:
    pledge_changed: Pledge = stream(
        heard(
            Pledge,
            *("pledge.offered", "pledge.accepted", "pledge.rejected", "pledge.withdrawn"),
            *("pledge.expired", "pledge.release_requested", "pledge.released", "pledge.kept"),
            *("pledge.partly_fulfilled", "pledge.fulfilled", "pledge.unfulfilled"),
        ),
        heard(
            Pledge,
            *("delivery.recorded", "delivery.acknowledged", "delivery.disputed"),
            *("delivery.upheld", "delivery.reversed", "delivery.verified"),
            fact="pledge_id",
        ),
        arguments={"need_id": narrowed(_need(), fact="need_id")},
        about="A pledge that you may see changed, or a delivery of it did.",
    )


DeliveryResult = result("Delivery", Delivery)


@strawberry.input
class RecordDeliveryInput:
    """`place` is a type of place (home, station, school); `evidence` an object of references."""

    pledge_id: strawberry.ID
    quantity: Decimal
    delivered_on: date
    place: str | None = None
    evidence: JSON | None = None
    idempotency_key: str


@mutation(DeliveryResult)
async def record_delivery(act, input: RecordDeliveryInput):  # type: ignore[no-untyped-def]
    """A quantity the pledge owed has arrived."""
    if input.evidence is not None and not isinstance(input.evidence, dict):
        raise Invalid("evidence is an object of references, or nothing.", field="evidence")
    return await operations.record_delivery(
        act,
        decode(input.pledge_id, "Pledge"),
        quantity=input.quantity,
        delivered_on=input.delivered_on,
        place=input.place,
        evidence=input.evidence,
    )


@strawberry.input
class AcknowledgeDeliveryInput:
    id: strawberry.ID
    expected_version: int
    method: model.Acknowledgement
    idempotency_key: str


@mutation(DeliveryResult)
async def acknowledge_delivery(act, input: AcknowledgeDeliveryInput):  # type: ignore[no-untyped-def]
    """The recipient's word that it came, recorded by somebody else than who recorded it."""
    return await operations.acknowledge_delivery(
        act,
        decode(input.id, "Delivery"),
        expected_version=input.expected_version,
        method=input.method,
    )


transition(
    "dispute_delivery",
    DeliveryResult,
    operations.dispute_delivery,
    "The recipient says otherwise; with a reason.",
)
transition(
    "uphold_delivery",
    DeliveryResult,
    operations.uphold_delivery,
    "The disputed delivery stands; with a reason.",
)
transition(
    "reverse_delivery",
    DeliveryResult,
    operations.reverse_delivery,
    "The dispute was right: its quantity is open again; with a reason.",
)
transition(
    "verify_delivery", DeliveryResult, operations.verify_delivery, "A sampling visit confirmed it."
)
