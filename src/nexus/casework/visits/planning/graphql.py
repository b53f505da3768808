"""Plans of visits as mutations."""

from datetime import date, datetime

import strawberry
from strawberry import UNSET

from nexus.casework.model import RiskTier
from nexus.casework.visits import model
from nexus.casework.visits.graphql import VisitPlanResult
from nexus.casework.visits.planning import operations
from nexus.core.refusals import Invalid
from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode, decode_given


@strawberry.input
class PlanVisitsInput:
    household_id: strawberry.ID
    station_id: strawberry.ID
    tier: RiskTier
    worker_id: strawberry.ID | None = None
    kind: model.VisitKind = model.VisitKind.HOME
    case_id: strawberry.ID | None = None
    starts_on: date | None = None
    idempotency_key: str


@mutation(VisitPlanResult)
async def plan_visits(act, input: PlanVisitsInput):  # type: ignore[no-untyped-def]
    """Visit a household from now on, as often as its tier says."""
    return await operations.plan_visits(
        act,
        household_id=decode(input.household_id, "Household"),
        station_id=decode(input.station_id, "Station"),
        tier=input.tier,
        worker_id=decode_given(input.worker_id, "Worker"),
        kind=input.kind,
        case_id=decode_given(input.case_id, "Case"),
        starts_on=input.starts_on,
    )


@strawberry.input
class ChangeVisitPlanInput:
    """Only the fields that were changed."""

    id: strawberry.ID
    expected_version: int
    tier: RiskTier | None = UNSET
    worker_id: strawberry.ID | None = UNSET
    kind: model.VisitKind | None = UNSET
    happened_at: datetime | None = None
    idempotency_key: str


@mutation(VisitPlanResult)
async def change_visit_plan(act, input: ChangeVisitPlanInput):  # type: ignore[no-untyped-def]
    """Another tier, worker or kind; the scheduled visit follows at once."""
    changes: dict[str, object] = {
        name: value for name in ("tier", "kind") if (value := getattr(input, name)) is not UNSET
    }
    for name, value in changes.items():
        if value is None:
            raise Invalid(f"{name} cannot be empty.", field=name)
    if input.worker_id is not UNSET:
        changes["worker_id"] = decode_given(input.worker_id, "Worker")
    return await operations.change_plan(
        act,
        decode(input.id, "VisitPlan"),
        expected_version=input.expected_version,
        changes=changes,
        happened_at=input.happened_at,
    )


transition(
    "end_visit_plan",
    VisitPlanResult,
    operations.end_plan,
    "No more visits are due, with a reason; what is scheduled is cancelled.",
)
