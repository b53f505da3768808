"""Projects and offers in the graph."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import Select, Text, column, select
from sqlalchemy.orm import aliased

from nexus.areas.graphql import Area
from nexus.charity import model, operations, policy, queries
from nexus.charity.projects.graphql import CharityProject, of_organization
from nexus.graph.declare import (
    Connection,
    any_of,
    classified,
    collection,
    computed,
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
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Filter, Order
from nexus.organizations.graphql import Organization

register_enums(model.OfferKind, model.OfferState)


def _served(actor: Any, row: Any, limit: Any) -> Select[Any]:
    area = aliased(model.OfferArea)
    chosen = select(area.area_code).where(area.offer_id == row.id)
    return chosen.order_by(area.area_code).limit(limit)


@record
class ServedArea:
    """A division an offer serves, with everything below it."""

    area: Area | None = to_one(column("area_code"))


@node(
    model.Offer,
    visible=policy.visible,
    transitions=model.OFFER_TRANSITIONS,
    actions={
        "update_offer": (None, policy.may_edit),
        "list_offer": ("list", policy.may_manage),
        "pause_offer": ("pause", policy.may_pause),
        "resume_offer": ("resume", policy.may_manage),
        "withdraw_offer": ("withdraw", policy.may_manage),
        "block_offer": ("block", policy.may_block),
        "unblock_offer": ("unblock", policy.may_block),
        "confirm_offer": (None, policy.may_keep),
        "set_capacity": (None, policy.may_keep),
        "set_offer_areas": (None, policy.may_keep),
        "approve_offer": (None, policy.may_approve),
    },
)
class Offer:
    """Help an organization can give (HSDS service with service_capacity)."""

    no: str
    title: str
    summary: str | None
    kind: model.OfferKind
    category: str
    item_code: str | None
    unit: str
    recipient_categories: list[str]
    tiers: list[str]
    min_age: int | None
    max_age: int | None
    gender: str | None
    disability_only: bool
    required_documents: list[str]
    capacity_maximum: Decimal | None
    capacity_reserved: Decimal
    capacity_used: Decimal
    available: Decimal | None = computed(
        lambda actor, row: queries.available(row),
        about="Maximum − reserved − used; null: capacity without a figure.",
    )
    available_from: date
    available_to: date | None
    review_due_on: date
    stale: bool = computed(
        lambda actor, row: queries.is_stale(row, actor.today()),
        about="Its review is overdue: it is not suggested until its owner confirms it.",
    )
    pre_approved: bool
    reviewed: bool
    state: model.OfferState
    state_reason: str | None = classified(model.Offer.state_reason, allowed=policy.may_read_reason)
    version: int
    created_at: datetime
    organization: Organization | None = to_one(model.Offer.organization_id)
    project: CharityProject | None = to_one(model.Offer.project_id)
    areas: list[ServedArea] = derived(
        _served, default=50, maximum=1000, about="Where it serves, with everything below."
    )


@extend(CharityProject)
class ProjectSupply:
    offers: Connection[Offer] = to_many(
        model.Offer.project_id, order=Order(("created_at",), descending=True)
    )


@query
class CharityQuery:
    offers: Connection[Offer] = collection(
        "Offer",
        orders={
            "NEWEST": Order(("created_at",), descending=True),
            "OLDEST": Order(("created_at",)),
        },
        filters={
            "category": any_of(model.Offer.category),
            "kind": any_of(model.Offer.kind),
            "state": any_of(model.Offer.state),
            "area": FilterField(str, Filter(queries.serves, Text())),
            "organization": of_organization(),
            "text": containing(model.Offer.title, model.Offer.no),
        },
        about="The directory of help. `area`: offers that serve the division or a part of it.",
    )


OfferResult = result("Offer", Offer)


@strawberry.input
class OfferTermsInput:
    """What an offer says. Codes are those of `codeEntries`; areas are codes or names."""

    title: str
    kind: model.OfferKind
    category: str
    unit: str
    areas: list[str]
    available_from: date
    summary: str | None = None
    item_code: str | None = None
    recipient_categories: list[str] = strawberry.field(default_factory=list)
    tiers: list[str] = strawberry.field(default_factory=list)
    min_age: int | None = None
    max_age: int | None = None
    gender: str | None = None
    disability_only: bool = False
    required_documents: list[str] = strawberry.field(default_factory=list)
    available_to: date | None = None
    project_id: strawberry.ID | None = None


@strawberry.input
class CreateOfferInput:
    terms: OfferTermsInput
    capacity_maximum: Decimal | None = None
    idempotency_key: str


@strawberry.input
class UpdateOfferInput:
    id: strawberry.ID
    expected_version: int
    terms: OfferTermsInput
    idempotency_key: str


@strawberry.input
class SetCapacityInput:
    id: strawberry.ID
    expected_version: int
    maximum: Decimal | None
    idempotency_key: str


@strawberry.input
class SetOfferAreasInput:
    id: strawberry.ID
    expected_version: int
    areas: list[str]
    idempotency_key: str


@strawberry.input
class ApproveOfferInput:
    id: strawberry.ID
    expected_version: int
    approved: bool = True
    reason: str | None = None
    idempotency_key: str


def _offer_terms(given: OfferTermsInput) -> operations.OfferTerms:
    project = decode_given(given.project_id, "CharityProject")
    return operations.OfferTerms(**{**vars(given), "project_id": project})


@mutation(OfferResult)
async def create_offer(act, input: CreateOfferInput):  # type: ignore[no-untyped-def]
    """Draft an offer of your organization. Leave `capacityMaximum` out if there is no figure."""
    return await operations.create_offer(
        act, terms=_offer_terms(input.terms), capacity_maximum=input.capacity_maximum
    )


@mutation(OfferResult)
async def update_offer(act, input: UpdateOfferInput):  # type: ignore[no-untyped-def]
    """Say a draft or paused offer anew. An approval does not outlive the change."""
    return await operations.update_offer(
        act,
        decode(input.id, "Offer"),
        expected_version=input.expected_version,
        terms=_offer_terms(input.terms),
    )


@mutation(OfferResult)
async def set_capacity(act, input: SetCapacityInput):  # type: ignore[no-untyped-def]
    """How much there is; never below what is reserved and used."""
    return await operations.set_capacity(
        act,
        decode(input.id, "Offer"),
        expected_version=input.expected_version,
        maximum=input.maximum,
    )


@mutation(OfferResult)
async def set_offer_areas(act, input: SetOfferAreasInput):  # type: ignore[no-untyped-def]
    """Where the offer serves from now on."""
    return await operations.set_offer_areas(
        act, decode(input.id, "Offer"), expected_version=input.expected_version, areas=input.areas
    )


@mutation(OfferResult)
async def approve_offer(act, input: ApproveOfferInput):  # type: ignore[no-untyped-def]
    """The authority has reviewed it; with `approved`, pledges from it are accepted at once."""
    return await operations.approve_offer(
        act,
        decode(input.id, "Offer"),
        expected_version=input.expected_version,
        approved=input.approved,
        reason=input.reason,
    )


transition("list_offer", OfferResult, operations.list_offer, "Make it known and suggested.")
transition("pause_offer", OfferResult, operations.pause_offer, "No suggestions for now.")
transition("resume_offer", OfferResult, operations.resume_offer, "End a pause.")
transition("withdraw_offer", OfferResult, operations.withdraw_offer, "Take it back for good.")
transition("block_offer", OfferResult, operations.block_offer, "The authority stops it.")
transition("unblock_offer", OfferResult, operations.unblock_offer, "It is paused again.")
transition(
    "confirm_offer", OfferResult, operations.confirm_offer, "It still stands, for six months more."
)
