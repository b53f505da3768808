"""Suggestions as edges of lines and offers, and gaps, in the graph."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import DateTime, Text, cast, column, func, literal_column, select
from sqlalchemy.orm import aliased

from nexus.areas.graphql import Area
from nexus.charity.graphql import Offer
from nexus.graph.declare import (
    Connection,
    any_of,
    classified,
    collection,
    computed,
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
from nexus.graph.identifiers import decode
from nexus.graph.specs import Filter, Order
from nexus.matching.helped.queries import is_blocked
from nexus.matching.suggestions import model, operations, policy, queries
from nexus.matching.suggestions.scores.queries import reasons
from nexus.needs.graphql import Need, NeedLine
from nexus.needs.model import Need as NeedRow

register_enums(model.GapState, model.GapRemedy)


@record
class MatchReason:
    """Why a match has so many points. `code` is for programs, `text` for people."""

    code: str
    points: int
    text: str


@record
class MatchSuggestion:
    """An offer that can serve a line: every hard filter passed; the reasons add up to the score."""

    score: int
    rule_version: str
    available: Decimal | None
    open_quantity: Decimal | None
    offer: Offer | None = to_one(column("offer_id"))
    line: NeedLine | None = to_one(column("line_id"))
    already_helped: bool = computed(
        lambda actor, row: is_blocked(row.c.line_id, cast(actor.now, DateTime(timezone=True))),
        "The line's household has had its share of the item: a pledge needs an override.",
    )
    reasons: list[MatchReason] = derived(reasons, about="Their points add up to the score.")


@node(
    model.Gap,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "acknowledge_gap": ("acknowledge", policy.may_decide),
        "plan_gap_purchase": ("plan_purchase", policy.may_decide),
        "address_gap": ("address", policy.may_decide),
        "waive_gap": ("waive", policy.may_decide),
    },
)
class Gap:
    """A published line that no offer can serve."""

    category: str
    kind: str
    item_code: str | None
    state: model.GapState
    state_reason: str | None = classified(model.Gap.state_reason, allowed=policy.may_read_reason)
    addressed_by: str | None
    version: int
    opened_at: datetime
    closed_at: datetime | None
    area: Area | None = to_one(model.Gap.area_code, allowed=policy.may_read_area)
    need: Need | None = to_one(model.Gap.need_id)
    line: NeedLine | None = to_one(model.Gap.line_id)


@extend(NeedLine)
class LineMatches:
    suggestions: list[MatchSuggestion] = derived(
        queries.offers_for_line,
        about="The offers that can serve the line, best first; a charity sees its own.",
    )
    gaps: Connection[Gap] = to_many(
        model.Gap.line_id,
        order=Order(("opened_at",), descending=True),
        about="Times when no offer could serve the line; the latest first.",
    )


@extend(Offer)
class OfferMatches:
    matching_lines: list[MatchSuggestion] = derived(
        queries.needs_for_offer, about="The published lines the offer can serve, best first."
    )
    preview_lines: list[MatchSuggestion] = derived(
        queries.needs_for_draft,
        about="The published lines that a draft or paused offer would serve if it were listed now.",
    )


@record
class GapCount:
    """Live gaps of one category and kind in one county."""

    category: str
    kind: str
    gaps: int
    oldest_at: datetime
    area: Area | None = to_one(column("area_code"))


def _shown_within(row: Any, code: Any) -> Any:
    """The area the need shows is the given one or lies beneath it."""
    need = aliased(NeedRow)
    start = func.coalesce(func.nullif(code, literal_column("'CN'")), literal_column("''"))
    shown = func.starts_with(need.shown_area_code, start)
    return select(need.id).where(need.id == row.need_id, shown).correlate_except(need).exists()


@query
class GapQuery:
    gaps: Connection[Gap] = collection(
        "Gap",
        orders={
            "NEWEST": Order(("opened_at",), descending=True),
            "OLDEST": Order(("opened_at",)),
        },
        filters={
            "category": any_of(model.Gap.category),
            "kind": any_of(model.Gap.kind),
            "state": any_of(model.Gap.state),
            "area": FilterField(str, Filter(_shown_within, Text())),
        },
        about="Published lines that no offer can serve. `area` is the one the need shows.",
    )
    gap_counts: list[GapCount] = derived(
        queries.gap_counts,
        default=100,
        maximum=1000,
        about="Live gaps by category, kind and county, the most first; for authorities.",
    )


GapResult = result("Gap", Gap)


@strawberry.input
class AddressGapInput:
    id: strawberry.ID
    expected_version: int
    addressed_by: str
    remedy: model.GapRemedy | None = None
    reason: str | None = None
    idempotency_key: str


@mutation(GapResult)
async def address_gap(act, input: AddressGapInput):  # type: ignore[no-untyped-def]
    """Help is on its way. `addressedBy`: the number of an offer, a purchase plan, a measure."""
    return await operations.address_gap(
        act,
        decode(input.id, "Gap"),
        expected_version=input.expected_version,
        addressed_by=input.addressed_by,
        remedy=None if input.remedy is None else model.GapRemedy(input.remedy),
        reason=input.reason,
    )


transition("acknowledge_gap", GapResult, operations.acknowledge_gap, "Seen; help is looked for.")
transition("waive_gap", GapResult, operations.waive_gap, "Nothing will be done, with a reason.")
