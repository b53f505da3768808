"""Addenda in the graph."""

from datetime import datetime
from decimal import Decimal

import strawberry

from nexus.evaluation.addenda import model, operations, policy
from nexus.evaluation.addenda.rules import Correction
from nexus.evaluation.evaluations.graphql import Evaluation
from nexus.evaluation.schemes.model import BodyKind, Grade
from nexus.graph.declare import (
    JSON,
    Connection,
    extend,
    mutation,
    node,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.purchasing.procurements.suppliers.model import StandingEffect

register_enums(model.AddendumState)
guard(
    "uq_evaluation_addendum_proposed",
    "An addendum is proposed already: release or drop it first.",
    rule="one_proposed",
)


@node(
    model.EvaluationAddendum,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "release_addendum": ("release", policy.may_release),
        "drop_addendum": ("drop", policy.may_drop),
    },
)
class EvaluationAddendum:
    """What corrects a published evaluation: total and grade anew, by the same scheme."""

    position: int
    statement: str
    corrections: JSON
    total: Decimal
    body_scores: JSON
    grade: Grade
    effect: StandingEffect
    proposed_at: datetime
    decided_at: datetime | None
    state: model.AddendumState
    state_reason: str | None
    version: int
    evaluation: Evaluation | None = to_one(model.EvaluationAddendum.evaluation_id)


@extend(Evaluation)
class EvaluationAddenda:
    addenda: Connection[EvaluationAddendum] = to_many(
        model.EvaluationAddendum.evaluation_id, order=Order(("position",))
    )


AddendumResult = result("EvaluationAddendum", EvaluationAddendum)


@strawberry.input
class ScoreCorrectionInput:
    indicator: str
    body: BodyKind
    score: Decimal


@strawberry.input
class ProposeAddendumInput:
    """`evaluationId` and the evaluation's version."""

    evaluation_id: strawberry.ID
    expected_version: int
    statement: str
    corrections: list[ScoreCorrectionInput] = strawberry.field(default_factory=list)
    idempotency_key: str


@mutation(AddendumResult)
async def propose_addendum(act, input: ProposeAddendumInput):  # type: ignore[no-untyped-def]
    """Say what was wrong in a published evaluation, and which scores should have been others."""
    return await operations.propose_addendum(
        act,
        decode(input.evaluation_id, "Evaluation"),
        expected_version=input.expected_version,
        statement=input.statement,
        corrections=[Correction(one.indicator, one.body, one.score) for one in input.corrections],
    )


transition(
    "release_addendum",
    AddendumResult,
    operations.release_addendum,
    "A second person releases it: its grade holds from now on.",
)
transition(
    "drop_addendum",
    AddendumResult,
    operations.drop_addendum,
    "It is not released, with a reason.",
)
