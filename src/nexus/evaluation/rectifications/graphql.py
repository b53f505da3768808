"""Rectifications in the graph, and closing an evaluation."""

from datetime import date, datetime

import strawberry

from nexus.areas.graphql import Area
from nexus.evaluation.evaluations.graphql import Evaluation, EvaluationResult
from nexus.evaluation.rectifications import model, operations, policy
from nexus.graph.declare import (
    Connection,
    any_of,
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
    within,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.volunteering.hours.graphql import of

register_enums(model.RectificationState)
NEWEST = Order(("created_at",), descending=True)


@node(
    model.Rectification,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "submit_rectification": ("submit", policy.may_submit),
        "send_back_rectification": ("send_back", policy.may_send_back),
        "verify_rectification": ("verify", policy.may_verify),
    },
)
class Rectification:
    """What a supplier must put right after an evaluation, what it did, and until when it had to."""

    no: str
    finding: str
    due_at: datetime
    due_rule: str
    escalate_at: datetime
    action: str | None
    submitted_at: datetime | None
    verified_at: datetime | None
    state: model.RectificationState
    state_reason: str | None
    version: int
    created_at: datetime
    evaluation: Evaluation | None = to_one(model.Rectification.evaluation_id)
    supplier: Organization | None = to_one(model.Rectification.supplier_id)
    buyer: Organization | None = to_one(model.Rectification.buyer_id)
    area: Area | None = to_one(model.Rectification.area_code)


@extend(Evaluation)
class EvaluationRectifications:
    rectifications: Connection[Rectification] = to_many(
        model.Rectification.evaluation_id, order=NEWEST
    )


@query
class RectificationQuery:
    rectifications: Connection[Rectification] = collection(
        "Rectification",
        orders={"NEWEST": NEWEST, "DUE": Order(("due_at",))},
        filters={
            "state": any_of(model.Rectification.state),
            "supplier": of(model.Rectification.supplier_id, "Organization"),
            "area": within(model.Rectification.area_code),
        },
        about="What must be put right, after evaluations that are published.",
    )


RectificationResult = result("Rectification", Rectification)


@strawberry.input
class OpenRectificationInput:
    """`evaluationId` and the evaluation's version. Without `dueOn` the working days of the rule."""

    evaluation_id: strawberry.ID
    expected_version: int
    finding: str = strawberry.field(description="It is public.")
    due_on: date | None = None
    idempotency_key: str


@mutation(RectificationResult)
async def open_rectification(act, input: OpenRectificationInput):  # type: ignore[no-untyped-def]
    """Say what the supplier must put right, and until which day."""
    return await operations.open_rectification(
        act,
        decode(input.evaluation_id, "Evaluation"),
        expected_version=input.expected_version,
        finding=input.finding,
        due_on=input.due_on,
    )


@strawberry.input
class SubmitRectificationInput:
    id: strawberry.ID
    expected_version: int
    action: str = strawberry.field(description="What was done. It is public.")
    idempotency_key: str


@mutation(RectificationResult)
async def submit_rectification(act, input: SubmitRectificationInput):  # type: ignore[no-untyped-def]
    """Say what your organization did about a finding."""
    return await operations.submit_rectification(
        act,
        decode(input.id, "Rectification"),
        expected_version=input.expected_version,
        action=input.action,
    )


transition(
    "send_back_rectification",
    RectificationResult,
    operations.send_back_rectification,
    "It is not enough, with a reason.",
)
transition(
    "verify_rectification",
    RectificationResult,
    operations.verify_rectification,
    "The buyer has seen that it is put right.",
)
transition(
    "close_evaluation",
    EvaluationResult,
    operations.close_evaluation,
    "Nothing is left to put right.",
)
