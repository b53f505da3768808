"""Pledges and the ledger in the graph."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.charity.graphql import Offer
from nexus.core.refusals import CapacityExhausted
from nexus.graph.declare import (
    Connection,
    Fen,
    any_of,
    at_most,
    collection,
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
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Filter, Order
from nexus.matching.helped.graphql import HelpOverride
from nexus.matching.pledges import model, operations, policy
from nexus.needs.graphql import Need, NeedLine
from nexus.organizations.graphql import Organization

register_enums(model.PledgeState, model.Bucket)

# The ledger's constraints, for deeds that move no quantity themselves and lose a race with one.
for _name, _rule, _of in (
    ("inv_01_no_oversell", "INV-01", "line"),
    ("ck_need_line_inv_01_no_oversell", "INV-01", "line"),
    ("inv_02_capacity", "INV-02", "offer"),
    ("ck_offer_inv_02_capacity", "INV-02", "offer"),
):
    guard(
        _name,
        f"Pledges hold more of this {_of} than that would leave: read it again, then decide.",
        kind=CapacityExhausted,
        rule=_rule,
    )
guard(
    "uq_pledge_live",
    "Your organization has a live pledge on this line from the same source: withdraw it first.",
    rule="INV-08",
)
guard("inv_07_published", "Pledges on this need are frozen: it is not published.", rule="INV-07")

NEWEST = Order(("created_at",), descending=True)


def of(attribute: Any, type_name: str) -> FilterField:
    """Rows whose key column points at one of these global ids; a foreign id matches nothing."""
    name = attribute.key

    def keys(ids: list[str]) -> list[UUID]:
        return [decode(one, type_name) for one in ids]

    spec = Filter(lambda row, value: getattr(row, name) == value.any_(), ARRAY(Uuid()), keys)
    return FilterField(list[strawberry.ID], spec)


@node(model.AllocationMove, visible=policy.move_visible)
class AllocationMove:
    """One entry of the ledger: a quantity went from one bucket to another. Never changed."""

    from_bucket: model.Bucket
    to_bucket: model.Bucket
    quantity: Decimal
    moved_at: datetime


@node(model.Allocation, visible=policy.allocation_visible)
class Allocation:
    """What a pledge binds: its buckets are the sums of its moves."""

    quantity: Decimal
    amount_fen: Fen | None
    reserved: Decimal
    committed: Decimal
    delivered: Decimal
    confirmed: Decimal
    released: Decimal
    reversed: Decimal
    created_at: datetime
    moves: Connection[AllocationMove] = to_many(
        model.AllocationMove.allocation_id, order=Order(("moved_at",))
    )


@node(
    model.Pledge,
    visible=policy.visible,
    transitions=model.PLEDGE_TRANSITIONS,
    actions={
        "accept_pledge": ("accept", policy.may_accept),
        "reject_pledge": ("reject", policy.may_reject),
        "withdraw_pledge": ("withdraw", policy.may_withdraw),
        "request_release": ("request_release", policy.may_request_release),
        "release_pledge": ("release", policy.may_release),
        "keep_pledge": ("keep", policy.may_keep),
        "record_delivery": ("fulfil", policy.may_record_delivery),
    },
)
class Pledge:
    """An organization takes up a quantity of one need line (认领)."""

    no: str
    quantity: Decimal
    amount_fen: Fen | None
    planned_on: date | None
    expires_at: datetime
    note: str | None
    state: model.PledgeState
    state_reason: str | None
    version: int
    created_at: datetime
    accepted_at: datetime | None
    need: Need | None = to_one(model.Pledge.need_id)
    line: NeedLine | None = to_one(model.Pledge.line_id)
    organization: Organization | None = to_one(model.Pledge.organization_id)
    offer: Offer | None = to_one(model.Pledge.offer_id)
    override: HelpOverride | None = to_one(
        model.Pledge.override_id, about="The leave by which it passed a limit of help."
    )
    allocations: Connection[Allocation] = to_many(model.Allocation.pledge_id, order=NEWEST)


@extend(NeedLine)
class LinePledges:
    pledges: Connection[Pledge] = to_many(model.Pledge.line_id, order=NEWEST)


@extend(Need)
class NeedPledges:
    pledges: Connection[Pledge] = to_many(model.Pledge.need_id, order=NEWEST)


@extend(Offer)
class OfferPledges:
    pledges: Connection[Pledge] = to_many(model.Pledge.offer_id, order=NEWEST)


@query
class PledgeQuery:
    pledges: Connection[Pledge] = collection(
        "Pledge",
        orders={"NEWEST": NEWEST, "EXPIRY": Order(("expires_at",))},
        filters={
            "state": any_of(model.Pledge.state),
            "need": of(model.Pledge.need_id, "Need"),
            "line": of(model.Pledge.line_id, "NeedLine"),
            "organization": of(model.Pledge.organization_id, "Organization"),
            "offer": of(model.Pledge.offer_id, "Offer"),
            "expires_by": at_most(model.Pledge.expires_at, datetime),
        },
        about="Your own pledges, or those on the needs of your territory.",
    )


PledgeResult = result("Pledge", Pledge)


@strawberry.input
class OfferPledgeInput:
    line_id: strawberry.ID
    quantity: Decimal
    offer_id: strawberry.ID | None = None
    amount_fen: Fen | None = None
    planned_on: date | None = None
    note: str | None = None
    idempotency_key: str


@mutation(PledgeResult)
async def offer_pledge(act, input: OfferPledgeInput):  # type: ignore[no-untyped-def]
    """Take up a quantity of a published line: reserved at once, or refused with what is left."""
    return await operations.offer_pledge(
        act,
        decode(input.line_id, "NeedLine"),
        quantity=input.quantity,
        offer_id=decode_given(input.offer_id, "Offer"),
        amount_fen=input.amount_fen,
        planned_on=input.planned_on,
        note=input.note,
    )


transition("accept_pledge", PledgeResult, operations.accept_pledge, "Take the help: commit it.")
transition("reject_pledge", PledgeResult, operations.reject_pledge, "Decline, with a reason.")
transition("withdraw_pledge", PledgeResult, operations.withdraw_pledge, "Take your pledge back.")
transition(
    "request_release",
    PledgeResult,
    operations.request_release,
    "Ask, with a reason, that the undelivered rest be given back.",
)
transition("release_pledge", PledgeResult, operations.release_pledge, "Grant the release.")
transition("keep_pledge", PledgeResult, operations.keep_pledge, "Refuse the release.")
