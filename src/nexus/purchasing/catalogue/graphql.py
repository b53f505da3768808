"""The guiding catalogue in the graph."""

from datetime import date, datetime

import strawberry
from sqlalchemy import Boolean, Date, func

from nexus.accounts.graphql import Account
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    Fen,
    any_of,
    collection,
    computed,
    containing,
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
from nexus.graph.specs import Filter, Order
from nexus.purchasing.catalogue import model, operations, policy, queries

register_enums(model.CatalogueItemState, model.CatalogueKind, model.FundingSource)


@node(Event, visible=policy.event_visible)
class CatalogueItemEvent:
    """What happened to an edition."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.CatalogueItem,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "publish_catalogue_item": ("publish", policy.may_publish),
        "retire_catalogue_item": ("retire", policy.may_retire),
    },
)
class CatalogueItem:
    """One edition of a service that may be bought (指导性目录)."""

    code: str
    title: str
    kind: model.CatalogueKind
    unit: str
    reference_price_fen: Fen | None
    funding_sources: list[model.FundingSource] = computed(
        lambda actor, row: row.funding_sources,
        about="Which money may pay for it, and no other (T21d).",
    )
    edition: int
    effective_from: date | None
    effective_to: date | None
    in_force: bool = computed(
        lambda actor, row: func.coalesce(
            queries.in_force(row, actor.today()), False, type_=Boolean()
        ),
        about="Whether this edition counts today.",
    )
    state: model.CatalogueItemState
    state_reason: str | None
    version: int
    created_at: datetime
    published_by: Account | None = to_one(model.CatalogueItem.published_by)
    history: Connection[CatalogueItemEvent] = to_many(Event.object_id, order=Order(("position",)))


@query
class CatalogueQuery:
    catalogue_items: Connection[CatalogueItem] = collection(
        "CatalogueItem",
        orders={"CODE": Order(("code", "edition"))},
        filters={
            "state": any_of(model.CatalogueItem.state),
            "kind": any_of(model.CatalogueItem.kind),
            "code": any_of(model.CatalogueItem.code),
            "text": containing(model.CatalogueItem.title, model.CatalogueItem.code),
            "in_force_on": FilterField(date, Filter(queries.in_force, Date())),
        },
        about="The list is public; drafts are for those who write it.",
    )


CatalogueItemResult = result("CatalogueItem", CatalogueItem)


@strawberry.input
class DraftCatalogueItemInput:
    """`code` has three levels (A.02.03); a code that is there already gets its next edition."""

    code: str
    title: str
    kind: model.CatalogueKind
    unit: str
    funding_sources: list[model.FundingSource]
    reference_price_fen: Fen | None = None
    idempotency_key: str


@mutation(CatalogueItemResult)
async def draft_catalogue_item(act, input: DraftCatalogueItemInput):  # type: ignore[no-untyped-def]
    """Draft the next edition of an entry of the catalogue."""
    return await operations.draft_catalogue_item(
        act,
        code=input.code,
        title=input.title,
        kind=input.kind,
        unit=input.unit,
        funding_sources=input.funding_sources,
        reference_price_fen=input.reference_price_fen,
    )


@strawberry.input
class PublishCatalogueItemInput:
    id: strawberry.ID
    expected_version: int
    effective_from: date
    idempotency_key: str


@mutation(CatalogueItemResult)
async def publish_catalogue_item(  # type: ignore[no-untyped-def]
    act, input: PublishCatalogueItemInput
):
    """Put an edition in force from today or a later day; the one before it ends there."""
    return await operations.publish_catalogue_item(
        act,
        decode(input.id, "CatalogueItem"),
        expected_version=input.expected_version,
        effective_from=input.effective_from,
    )


transition(
    "retire_catalogue_item",
    CatalogueItemResult,
    operations.retire_catalogue_item,
    "From today it is not bought any more, with a reason. What was agreed goes on.",
)
