"""Opening a case and moving it from stage to stage, through the graph."""

from datetime import datetime
from typing import Any

import strawberry

from nexus.casework.cases import model, operations
from nexus.casework.cases.graphql import CaseResult
from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode, decode_given


@strawberry.input
class CreateCaseInput:
    household_id: strawberry.ID
    recipient_id: strawberry.ID | None = None
    worker_id: strawberry.ID | None = strawberry.field(
        default=None, description="The posting that owns it; your own if left out."
    )
    supervisor_id: strawberry.ID | None = None
    case_type: model.CaseType = model.CaseType.INDIVIDUAL
    opening: str
    idempotency_key: str


@mutation(CaseResult)
async def create_case(act, input: CreateCaseInput):  # type: ignore[no-untyped-def]
    """Open a case at intake."""
    return await operations.create_case(
        act,
        household_id=decode(input.household_id, "Household"),
        recipient_id=decode_given(input.recipient_id, "Recipient"),
        worker_id=decode_given(input.worker_id, "Worker"),
        supervisor_id=decode_given(input.supervisor_id, "Account"),
        case_type=input.case_type,
        opening=input.opening,
    )


@strawberry.input
class UpdateCaseInput:
    id: strawberry.ID
    expected_version: int
    case_type: model.CaseType | None = strawberry.UNSET
    opening: str | None = strawberry.UNSET
    happened_at: datetime | None = None
    idempotency_key: str


@mutation(CaseResult)
async def update_case(act, input: UpdateCaseInput):  # type: ignore[no-untyped-def]
    """Change what you give; it may come late, from a device that was offline."""
    changes: dict[str, Any] = {
        name: value
        for name in ("case_type", "opening")
        if (value := getattr(input, name)) not in (strawberry.UNSET, None)
    }
    return await operations.update_case(
        act,
        decode(input.id, "Case"),
        expected_version=input.expected_version,
        changes=changes,
        happened_at=input.happened_at,
    )


@strawberry.input
class AssignCaseInput:
    id: strawberry.ID
    expected_version: int
    worker_id: strawberry.ID
    supervisor_id: strawberry.ID | None = None
    reason: str | None = None
    idempotency_key: str


@mutation(CaseResult)
async def assign_case(act, input: AssignCaseInput):  # type: ignore[no-untyped-def]
    """Another posting owns the case from now on."""
    return await operations.assign_case(
        act,
        decode(input.id, "Case"),
        expected_version=input.expected_version,
        worker_id=decode(input.worker_id, "Worker"),
        supervisor_id=decode_given(input.supervisor_id, "Account"),
        reason=input.reason,
    )


@strawberry.input
class BeginPlanningInput:
    id: strawberry.ID
    expected_version: int
    assessment_id: strawberry.ID
    idempotency_key: str


@mutation(CaseResult)
async def begin_planning(act, input: BeginPlanningInput):  # type: ignore[no-untyped-def]
    """Plan by a completed assessment; its tier becomes the case's."""
    return await operations.begin_planning(
        act,
        decode(input.id, "Case"),
        expected_version=input.expected_version,
        assessment_id=decode(input.assessment_id, "Assessment"),
    )


@strawberry.input
class ReferOutCaseInput:
    id: strawberry.ID
    expected_version: int
    referred_to: str = strawberry.field(description="Who has the case from now on.")
    reason: str | None = None
    idempotency_key: str


@mutation(CaseResult)
async def refer_out_case(act, input: ReferOutCaseInput):  # type: ignore[no-untyped-def]
    """Hand the case to somebody else; it ends here."""
    return await operations.refer_out(
        act,
        decode(input.id, "Case"),
        expected_version=input.expected_version,
        referred_to=input.referred_to,
        reason=input.reason,
    )


transition(
    "begin_assessment", CaseResult, operations.begin_assessment, "Take it on: assessment is next."
)
transition("reject_case", CaseResult, operations.reject_case, "Do not take it on, with a reason.")
transition(
    "begin_intervention",
    CaseResult,
    operations.begin_intervention,
    "Work by the approved plan; its review clock runs from here.",
)
transition(
    "begin_evaluation",
    CaseResult,
    operations.begin_evaluation,
    "The work is done as far as it goes: evaluate it.",
)
transition("hold_case", CaseResult, operations.hold_case, "Interrupt it, with a reason.")
transition("resume_case", CaseResult, operations.resume_case, "Go on where it was interrupted.")
