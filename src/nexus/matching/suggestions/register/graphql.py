"""The register of gaps in the graph: planned purchases, and the report for everybody."""

from datetime import datetime

import strawberry
from sqlalchemy import Text, column

from nexus.areas.graphql import Area
from nexus.graph.declare import (
    classified,
    extend,
    found,
    listed,
    mutation,
    query,
    record,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Given
from nexus.matching.suggestions import model, policy
from nexus.matching.suggestions.graphql import Gap, GapResult
from nexus.matching.suggestions.register import operations, queries


@extend(Gap)
class GapRegister:
    remedy: model.GapRemedy | None
    purchase_ref: str | None = classified(model.Gap.purchase_ref, allowed=policy.may_read_reason)


@record
class GapCell:
    """Live gaps of one area, category and kind; the counts are null where they are withheld."""

    category: str
    kind: str
    withheld: bool
    gaps: int | None
    acknowledged: int | None
    planned: int | None
    oldest_at: datetime | None
    area: Area | None = to_one(column("area_code"))


@record
class GapReport:
    """Where help is missing: counts by area, category and kind that tell of nobody.

    A count below five is withheld, and so is what would let it be found by adding or subtracting.
    """

    cells: list[GapCell] = listed(queries.cells)


@query
class RegisterQuery:
    gap_report: GapReport = found(
        queries.within,
        default=1,
        maximum=1,
        arguments={"area": (str, Given(Text()))},
        about="Live gaps of the areas in an area, a province's by city, a city's by county; "
        "without one, by province.",
    )


@strawberry.input
class PlanGapPurchaseInput:
    id: strawberry.ID
    expected_version: int
    reference: str
    idempotency_key: str


@mutation(GapResult)
async def plan_gap_purchase(act, input: PlanGapPurchaseInput):  # type: ignore[no-untyped-def]
    """A purchase is planned that is to fill the gap; the first delivery closes it."""
    return await operations.plan_gap_purchase(
        act,
        decode(input.id, "Gap"),
        expected_version=input.expected_version,
        reference=input.reference,
    )
