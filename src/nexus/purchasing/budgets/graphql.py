"""Budget lines and their ledger in the graph."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import BigInteger, Select, cast, column, select
from sqlalchemy.orm import aliased

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    Fen,
    any_of,
    at_least,
    at_most,
    collection,
    computed,
    containing,
    derived,
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
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.purchasing.budgets import model, operations, policy, queries
from nexus.purchasing.catalogue.graphql import CatalogueItem
from nexus.purchasing.catalogue.model import FundingSource

register_enums(model.BudgetAccount, model.BudgetLineState, model.JournalKind, model.SubjectType)


@node(Event, visible=policy.event_visible)
class BudgetLineEvent:
    """What happened to a budget line."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(model.BudgetJournal, visible=policy.journal_visible)
class BudgetJournal:
    """One deed of the ledger; its entries sum to nothing."""

    kind: model.JournalKind
    subject_type: model.SubjectType
    posted_at: datetime
    entries: Connection["BudgetEntry"] = to_many(model.BudgetEntry.journal_id, order=Order(("id",)))


@node(model.BudgetEntry, visible=policy.entry_visible)
class BudgetEntry:
    """Money into an account of a line, or with a minus out of it."""

    account: model.BudgetAccount
    subject_type: model.SubjectType
    fen: Fen
    journal: BudgetJournal | None = to_one(model.BudgetEntry.journal_id)
    line: "BudgetLine | None" = to_one(model.BudgetEntry.budget_line_id)


@node(model.BudgetAdjustment, visible=policy.part_visible)
class BudgetAdjustment:
    """A line was raised or lowered during the year, by a document."""

    fen: Fen
    document_no: str
    reason: str
    created_at: datetime
    adjusted_by: Account | None = to_one(model.BudgetAdjustment.created_by)


@record
class BudgetLineItem:
    """An entry of the catalogue that a line may buy, in whatever edition is in force."""

    catalogue_item: CatalogueItem | None = to_one(column("catalogue_item_id"))


def _items(actor: Actor, row: type[model.BudgetLine], limit: int) -> Select[Any]:
    listed = aliased(model.BudgetLineItem)
    return (
        select(listed.catalogue_item_id)
        .where(listed.line_id == row.id)
        .order_by(listed.catalogue_item_id)
        .limit(limit)
    )


@node(
    model.BudgetLine,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "amend_budget_line": ("amend", policy.may_amend),
        "approve_budget_line": ("approve", policy.may_approve),
        "adjust_budget_line": ("adjust", policy.may_adjust),
        "freeze_budget_line": ("freeze", policy.may_freeze),
        "unfreeze_budget_line": ("unfreeze", policy.may_unfreeze),
        "close_budget_line": ("close", policy.may_close),
    },
)
class BudgetLine:
    """Money of one fiscal year from one source, for one buyer. Amounts in fen."""

    no: str
    title: str
    fiscal_year: int
    funding_source: FundingSource
    planned_fen: Fen
    approved_fen: Fen
    adjusted_fen: Fen
    reserved_fen: Fen
    committed_fen: Fen
    paid_fen: Fen
    available_fen: Fen = computed(
        lambda actor, row: cast(queries.available_fen(row), BigInteger),
        about="Approved and adjusted, less what is reserved and committed.",
    )
    state: model.BudgetLineState
    state_reason: str | None
    version: int
    created_at: datetime
    buyer: Organization | None = to_one(model.BudgetLine.buyer_id)
    area: Area | None = to_one(model.BudgetLine.area_code)
    drafted_by: Account | None = to_one(model.BudgetLine.created_by)
    approved_by: Account | None = to_one(model.BudgetLine.approved_by)
    items: list[BudgetLineItem] = derived(_items, default=100, maximum=1000)
    adjustments: Connection[BudgetAdjustment] = to_many(
        model.BudgetAdjustment.line_id, order=Order(("created_at",))
    )
    entries: Connection[BudgetEntry] = to_many(
        model.BudgetEntry.budget_line_id, order=Order(("id",), descending=True)
    )
    history: Connection[BudgetLineEvent] = to_many(Event.object_id, order=Order(("position",)))


@query
class BudgetQuery:
    budget_lines: Connection[BudgetLine] = collection(
        "BudgetLine",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.BudgetLine.state),
            "funding_source": any_of(model.BudgetLine.funding_source),
            "area": within(model.BudgetLine.area_code),
            "from_year": at_least(model.BudgetLine.fiscal_year, int),
            "to_year": at_most(model.BudgetLine.fiscal_year, int),
            "text": containing(model.BudgetLine.title, model.BudgetLine.no),
        },
        about="Your organization's lines, or those of your territory.",
    )


BudgetLineResult = result("BudgetLine", BudgetLine)


@strawberry.input
class DraftBudgetLineInput:
    """`itemIds`: the entries of the catalogue that it may buy, whose sources include its own."""

    title: str
    fiscal_year: int
    area: str
    funding_source: FundingSource
    planned_fen: Fen
    item_ids: list[strawberry.ID]
    idempotency_key: str


@mutation(BudgetLineResult)
async def draft_budget_line(act, input: DraftBudgetLineInput):  # type: ignore[no-untyped-def]
    """Draft a line of your organization. It takes nothing before finance approves it."""
    return await operations.draft_budget_line(
        act,
        title=input.title,
        fiscal_year=input.fiscal_year,
        area_code=input.area,
        funding_source=input.funding_source,
        planned_fen=input.planned_fen,
        item_ids=[decode(one, "CatalogueItem") for one in input.item_ids],
    )


@strawberry.input
class AmendBudgetLineInput:
    """What is not given stays."""

    id: strawberry.ID
    expected_version: int
    title: str | None = None
    planned_fen: Fen | None = None
    idempotency_key: str


@mutation(BudgetLineResult)
async def amend_budget_line(act, input: AmendBudgetLineInput):  # type: ignore[no-untyped-def]
    """Correct a draft."""
    return await operations.amend_budget_line(
        act,
        decode(input.id, "BudgetLine"),
        expected_version=input.expected_version,
        title=input.title,
        planned_fen=input.planned_fen,
    )


@strawberry.input
class AdjustBudgetLineInput:
    """`fen` is signed."""

    id: strawberry.ID
    expected_version: int
    fen: Fen
    document_no: str
    reason: str
    idempotency_key: str


@mutation(BudgetLineResult)
async def adjust_budget_line(act, input: AdjustBudgetLineInput):  # type: ignore[no-untyped-def]
    """Raise a line, or lower it by what it has left, by a document."""
    return await operations.adjust_budget_line(
        act,
        decode(input.id, "BudgetLine"),
        expected_version=input.expected_version,
        fen=input.fen,
        document_no=input.document_no,
        reason=input.reason,
    )


transition(
    "approve_budget_line",
    BudgetLineResult,
    operations.approve_budget_line,
    "Finance, who did not draft it, lets the money be used.",
)
transition(
    "freeze_budget_line",
    BudgetLineResult,
    operations.freeze_budget_line,
    "Nothing new is reserved, committed or paid until it is unfrozen, with a reason.",
)
transition(
    "unfreeze_budget_line",
    BudgetLineResult,
    operations.unfreeze_budget_line,
    "It is used again.",
)
transition(
    "close_budget_line",
    BudgetLineResult,
    operations.close_budget_line,
    "The year is over, with a reason: nothing is reserved, and what is committed is paid.",
)
