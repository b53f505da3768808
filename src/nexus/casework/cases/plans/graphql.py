"""Plans, goals, reviews and the right to approve one's own, through the graph."""

from datetime import date

import strawberry

from nexus.casework.cases import model
from nexus.casework.cases.graphql import CaseResult, GoalResult, PlanResult, SelfApprovalResult
from nexus.casework.cases.plans import operations
from nexus.casework.cases.rules import GoalText
from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode, decode_given


@strawberry.input
class GoalInput:
    text: str
    measure: str | None = None
    target_on: date | None = None
    carried_from_id: strawberry.ID | None = strawberry.field(
        default=None, description="The goal of the approved version that goes on in this one."
    )


def _goals(given: list[GoalInput]) -> list[GoalText]:
    return [
        GoalText(
            each.text, each.measure, each.target_on, decode_given(each.carried_from_id, "Goal")
        )
        for each in given
    ]


@strawberry.input
class CreatePlanInput:
    case_id: strawberry.ID
    summary: str
    goals: list[GoalInput]
    idempotency_key: str


@mutation(PlanResult)
async def create_plan(act, input: CreatePlanInput):  # type: ignore[no-untyped-def]
    """Draft the next version of a case's plan."""
    return await operations.create_plan(
        act,
        case_id=decode(input.case_id, "Case"),
        summary=input.summary,
        goals=_goals(input.goals),
    )


@strawberry.input
class UpdatePlanInput:
    id: strawberry.ID
    expected_version: int
    summary: str | None = None
    goals: list[GoalInput] | None = strawberry.field(
        default=None, description="All of them: they replace the earlier ones."
    )
    idempotency_key: str


@mutation(PlanResult)
async def update_plan(act, input: UpdatePlanInput):  # type: ignore[no-untyped-def]
    """Change a draft."""
    return await operations.update_plan(
        act,
        decode(input.id, "CasePlan"),
        expected_version=input.expected_version,
        summary=input.summary,
        goals=None if input.goals is None else _goals(input.goals),
    )


transition("submit_plan", PlanResult, operations.submit_plan, "Ask the lead to approve it.")
transition("return_plan", PlanResult, operations.return_plan, "Back to its draft, with a reason.")
transition(
    "approve_plan",
    PlanResult,
    operations.approve_plan,
    "Stand by it as the lead; the earlier version is superseded. Your own only with the right to.",
)


@strawberry.input
class SettleGoalInput:
    id: strawberry.ID
    expected_version: int
    outcome: model.GoalState
    reason: str | None = None
    idempotency_key: str


@mutation(GoalResult)
async def settle_goal(act, input: SettleGoalInput):  # type: ignore[no-untyped-def]
    """Say what became of a goal; one not reached or dropped needs a reason."""
    return await operations.settle_goal(
        act,
        decode(input.id, "Goal"),
        expected_version=input.expected_version,
        outcome=input.outcome,
        reason=input.reason,
    )


@strawberry.input
class ReviewPlanInput:
    id: strawberry.ID = strawberry.field(description="The case.")
    expected_version: int
    outcome: model.ReviewOutcome
    remarks: str
    idempotency_key: str


@mutation(CaseResult)
async def review_plan(act, input: ReviewPlanInput):  # type: ignore[no-untyped-def]
    """Look at the approved plan again; the clock starts anew."""
    return await operations.review_plan(
        act,
        decode(input.id, "Case"),
        expected_version=input.expected_version,
        outcome=input.outcome,
        remarks=input.remarks,
    )


@strawberry.input
class GrantSelfApprovalInput:
    station_id: strawberry.ID
    account_id: strawberry.ID = strawberry.field(description="A station lead.")
    valid_from: date
    valid_to: date = strawberry.field(description="The first day without it.")
    reason: str | None = None
    idempotency_key: str


@mutation(SelfApprovalResult)
async def grant_self_approval(act, input: GrantSelfApprovalInput):  # type: ignore[no-untyped-def]
    """Let a lead approve their own plans and closings at a station for a time."""
    return await operations.grant_self_approval(
        act,
        station_id=decode(input.station_id, "Station"),
        account_id=decode(input.account_id, "Account"),
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        reason=input.reason,
    )


transition(
    "revoke_self_approval",
    SelfApprovalResult,
    operations.revoke_self_approval,
    "From now on others approve again.",
)
