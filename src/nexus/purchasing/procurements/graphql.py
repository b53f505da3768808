"""Procurements with their items, bids and awards in the graph."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from sqlalchemy import column

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.graph.declare import (
    Connection,
    Fen,
    any_of,
    collection,
    containing,
    derived,
    extend,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.matching.suggestions.graphql import Gap
from nexus.organizations.graphql import Organization
from nexus.purchasing.budgets.graphql import BudgetLine
from nexus.purchasing.catalogue.graphql import CatalogueItem
from nexus.purchasing.procurements import model, operations, policy, queries, rules
from nexus.purchasing.procurements.suppliers.graphql import SupplierList
from nexus.volunteering.hours.graphql import of

register_enums(model.ProcurementMethod, model.ProcurementState, model.BidState, model.AwardState)
guard("uq_bid_live", "Your organization has bid already: withdraw that bid first.", rule="INV-08")
guard("uq_award_live", "An award to this supplier stands: cancel it first.", rule="INV-08")
guard(
    "procurement_awards",
    "More would be awarded than was put out to tender: read it again, then decide.",
    rule="INV-24",
)


@node(model.ProcurementItem, visible=policy.part_visible)
class ProcurementItem:
    """What is bought: how much of a catalogue item, at most at what price."""

    position: int
    quantity: Decimal
    unit: str
    unit_price_fen: Fen
    value_fen: Fen
    catalogue_item: CatalogueItem | None = to_one(model.ProcurementItem.catalogue_item_id)
    budget_line: BudgetLine | None = to_one(
        model.ProcurementItem.budget_line_id, about="Null unless you see the budget."
    )


@node(
    model.Bid,
    visible=policy.bid_visible,
    transitions=model.BID_TRANSITIONS,
    actions={
        "accept_bid": ("accept", policy.may_buy),
        "disqualify_bid": ("disqualify", policy.may_buy),
        "withdraw_bid": ("withdraw", policy.may_withdraw_bid),
    },
)
class Bid:
    """What a supplier asks for all items of a procurement; sealed until `opensOn`."""

    value_fen: Fen
    statement: str
    opens_on: date
    state: model.BidState
    state_reason: str | None
    submitted_at: datetime
    version: int
    procurement: "Procurement | None" = to_one(model.Bid.procurement_id)
    supplier: Organization | None = to_one(model.Bid.supplier_id)


@node(
    model.Award,
    visible=policy.award_visible,
    transitions=model.AWARD_TRANSITIONS,
    actions={
        "confirm_award": ("activate", policy.may_confirm_award),
        "refuse_award": ("fail", policy.may_confirm_award),
        "cancel_award": ("cancel", policy.may_buy),
        "draw_up_contract": (None, policy.may_buy),
    },
)
class Award:
    """The decision for a supplier: proposed by one person of the buyer, confirmed by another."""

    no: str
    value_fen: Fen
    rationale: str
    awarded_on: date | None
    state: model.AwardState
    state_reason: str | None
    created_at: datetime
    version: int
    procurement: "Procurement | None" = to_one(model.Award.procurement_id)
    supplier: Organization | None = to_one(model.Award.supplier_id)
    bid: Bid | None = to_one(model.Award.bid_id)
    proposed_by: Account | None = to_one(model.Award.created_by)
    decided_by: Account | None = to_one(model.Award.decided_by)


@record
class ProcurementGap:
    """A gap that the procurement is to fill."""

    linked_at: datetime
    gap: Gap | None = to_one(column("gap_id"))


@record
class GapProcurement:
    """A procurement that is to fill the gap."""

    linked_at: datetime
    procurement: "Procurement | None" = to_one(column("procurement_id"))


@node(
    model.Procurement,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "revise_procurement": ("revise", policy.may_buy),
        "link_procurement_gap": ("link_gap", policy.may_link_gap),
        "publish_procurement": ("publish", policy.may_buy),
        "submit_bid": (None, policy.may_bid),
        "make_award": ("award", policy.may_buy),
        "fail_procurement": ("fail", policy.may_buy),
        "cancel_procurement": ("cancel", policy.may_buy),
        "withdraw_procurement": ("withdraw", policy.may_buy),
    },
)
class Procurement:
    """One process of buying services, from planning to contract."""

    no: str
    ocid: str
    title: str
    rationale: str
    method: model.ProcurementMethod
    method_details: str | None
    value_fen: Fen
    tender_starts_on: date | None
    tender_ends_on: date | None
    contract_starts_on: date | None
    contract_ends_on: date | None
    state: model.ProcurementState
    state_reason: str | None
    version: int
    published_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    buyer: Organization | None = to_one(model.Procurement.buyer_id)
    area: Area | None = to_one(model.Procurement.area_code)
    supplier_list: SupplierList | None = to_one(model.Procurement.list_id)
    items: Connection[ProcurementItem] = to_many(
        model.ProcurementItem.procurement_id, order=Order(("position",))
    )
    bids: Connection[Bid] = to_many(model.Bid.procurement_id, order=Order(("submitted_at",)))
    awards: Connection[Award] = to_many(model.Award.procurement_id, order=Order(("created_at",)))
    gaps: list[ProcurementGap] = derived(
        queries.gaps_shown,
        default=100,
        maximum=500,
        about="The gaps it is to fill; the first delivery closes each.",
    )


@extend(Gap)
class GapProcurements:
    procurements: list[GapProcurement] = derived(queries.procurements_of_gap)


@query
class ProcurementQuery:
    procurements: Connection[Procurement] = collection(
        "Procurement",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.Procurement.state),
            "method": any_of(model.Procurement.method),
            "area": within(model.Procurement.area_code),
            "buyer": of(model.Procurement.buyer_id, "Organization"),
            "text": containing(model.Procurement.title, model.Procurement.no),
        },
        about="Public from the tender on; plans are their buyer's and its territory's.",
    )
    bids: Connection[Bid] = collection(
        "Bid",
        orders={"NEWEST": Order(("submitted_at",), descending=True)},
        filters={
            "state": any_of(model.Bid.state),
            "procurement": of(model.Bid.procurement_id, "Procurement"),
        },
        about="Your organization's bids; the buyer's from the day they are opened.",
    )


ProcurementResult = result("Procurement", Procurement)


@strawberry.input
class ProcurementItemInput:
    """`unitPriceFen` is the most that is paid for one unit."""

    catalogue_item_id: strawberry.ID
    budget_line_id: strawberry.ID
    quantity: Decimal
    unit_price_fen: Fen


def _items(given: list[ProcurementItemInput]) -> list[rules.ItemInput]:
    return [
        rules.ItemInput(
            catalogue_item_id=decode(one.catalogue_item_id, "CatalogueItem"),
            budget_line_id=decode(one.budget_line_id, "BudgetLine"),
            quantity=one.quantity,
            unit_price_fen=one.unit_price_fen,
        )
        for one in given
    ]


@strawberry.input
class PlanProcurementInput:
    title: str
    rationale: str = strawberry.field(description="Why it is bought. It is public.")
    method: model.ProcurementMethod
    method_details: str | None = None
    items: list[ProcurementItemInput]
    supplier_list_id: strawberry.ID | None = None
    contract_starts_on: date | None = None
    contract_ends_on: date | None = None
    idempotency_key: str


@mutation(ProcurementResult)
async def plan_procurement(act, input: PlanProcurementInput):  # type: ignore[no-untyped-def]
    """Plan what your organization buys: items of the catalogue, from your own budget lines."""
    return await operations.plan_procurement(
        act,
        title=input.title,
        rationale=input.rationale,
        method=input.method,
        method_details=input.method_details,
        items=_items(input.items),
        list_id=decode_given(input.supplier_list_id, "SupplierList"),
        contract_starts_on=input.contract_starts_on,
        contract_ends_on=input.contract_ends_on,
    )


@strawberry.input
class ReviseProcurementInput:
    """What is given takes the place of what stood; items are replaced as one."""

    id: strawberry.ID
    expected_version: int
    title: str | None = None
    rationale: str | None = None
    method: model.ProcurementMethod | None = None
    method_details: str | None = None
    items: list[ProcurementItemInput] | None = None
    contract_starts_on: date | None = None
    contract_ends_on: date | None = None
    idempotency_key: str


REVISED = (
    *("title", "rationale", "method", "method_details", "contract_starts_on"),
    "contract_ends_on",
)


@mutation(ProcurementResult)
async def revise_procurement(act, input: ReviseProcurementInput):  # type: ignore[no-untyped-def]
    """Change a plan before its tender goes out."""
    return await operations.revise_procurement(
        act,
        decode(input.id, "Procurement"),
        expected_version=input.expected_version,
        items=None if input.items is None else _items(input.items),
        changes={name: v for name in REVISED if (v := getattr(input, name)) is not None},
    )


@strawberry.input
class PublishProcurementInput:
    """Bids are taken from `tenderStartsOn` until the day before `tenderEndsOn`."""

    id: strawberry.ID
    expected_version: int
    tender_starts_on: date
    tender_ends_on: date
    idempotency_key: str


@mutation(ProcurementResult)
async def publish_procurement(act, input: PublishProcurementInput):  # type: ignore[no-untyped-def]
    """Put it out to tender; the money of its items is reserved."""
    return await operations.publish_procurement(
        act,
        decode(input.id, "Procurement"),
        expected_version=input.expected_version,
        tender_starts_on=input.tender_starts_on,
        tender_ends_on=input.tender_ends_on,
    )


@strawberry.input
class LinkProcurementGapInput:
    """`expectedVersion` is the procurement's, `gapVersion` the gap's."""

    id: strawberry.ID
    expected_version: int
    gap_id: strawberry.ID
    gap_version: int
    idempotency_key: str


@mutation(ProcurementResult)
async def link_procurement_gap(act, input: LinkProcurementGapInput):  # type: ignore[no-untyped-def]
    """The procurement is to fill the gap: its purchase is planned, its first delivery closes it."""
    return await operations.link_procurement_gap(
        act,
        decode(input.id, "Procurement"),
        expected_version=input.expected_version,
        gap_id=decode(input.gap_id, "Gap"),
        gap_version=input.gap_version,
    )


for name, deed, about in (
    ("fail_procurement", operations.fail_procurement, "No bid will do, with a reason."),
    ("cancel_procurement", operations.cancel_procurement, "It is given up, with a reason."),
    ("withdraw_procurement", operations.withdraw_procurement, "It is taken back, with a reason."),
):
    transition(name, ProcurementResult, deed, about)
