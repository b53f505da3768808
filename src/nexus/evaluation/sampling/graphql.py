"""Samples in the graph: what is told before a draw, and what was drawn."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import Text, case, cast
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.acting import Actor
from nexus.evaluation.evaluations.graphql import Evaluation
from nexus.evaluation.sampling import model, operations, policy
from nexus.graph.declare import (
    Connection,
    computed,
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
from nexus.purchasing.facts.graphql import ServiceFact

register_enums(model.SampleState, model.SampleFindingKind)
guard(
    "uq_evaluation_sample_live",
    "A sample is committed already: draw it, or void it with a reason.",
    rule="one_sample",
)


def _seed(actor: Actor, row: Any) -> Any:
    """Nobody reads it before the draw."""
    return case((row.state != model.SampleState.COMMITTED, row.seed))


@node(model.SampleItem, visible=policy.item_visible)
class SampleItem:
    """A fact that was drawn, in the order drawn, and what was found of it."""

    position: int
    finding: model.SampleFindingKind | None
    note: str | None
    found_at: datetime | None
    fact: ServiceFact | None = to_one(model.SampleItem.fact_id)


@node(
    model.EvaluationSample,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "draw_sample": ("draw", policy.may_draw),
        "void_sample": ("void", policy.may_void),
        "record_sample_finding": ("find", policy.may_find),
    },
)
class EvaluationSample:
    """A draw that anyone can repeat: by SHA-256 of `seed:key`, the lowest of the frame."""

    size: int
    commitment: str = computed(
        lambda actor, row: row.commitment, about="SHA-256 of the seed's text, told before the draw."
    )
    frame_hash: str = computed(
        lambda actor, row: row.frame_hash,
        about="SHA-256 of the frame's keys in order, one a line, told before the draw.",
    )
    frame: list[str] = computed(
        lambda actor, row: cast(row.frame, ARRAY(Text())), about="The keys that were drawn from."
    )
    seed: str | None = computed(_seed, about="Told with the draw.")
    committed_at: datetime
    drawn_at: datetime | None
    state: model.SampleState
    state_reason: str | None
    version: int
    evaluation: Evaluation | None = to_one(model.EvaluationSample.evaluation_id)
    items: Connection[SampleItem] = to_many(model.SampleItem.sample_id, order=Order(("position",)))


@extend(Evaluation)
class EvaluationSamples:
    samples: Connection[EvaluationSample] = to_many(
        model.EvaluationSample.evaluation_id, order=Order(("committed_at",))
    )


SampleResult = result("EvaluationSample", EvaluationSample)


@strawberry.input
class CommitSampleInput:
    """`evaluationId` and the evaluation's version; `size`: how many facts are drawn."""

    evaluation_id: strawberry.ID
    expected_version: int
    size: int
    idempotency_key: str


@mutation(SampleResult)
async def commit_sample(act, input: CommitSampleInput):  # type: ignore[no-untyped-def]
    """Fix seed and frame before the draw; their hashes are told, the seed is not."""
    return await operations.commit_sample(
        act,
        decode(input.evaluation_id, "Evaluation"),
        expected_version=input.expected_version,
        size=input.size,
    )


@strawberry.input
class RecordSampleFindingInput:
    id: strawberry.ID
    expected_version: int
    position: int
    finding: model.SampleFindingKind
    note: str | None = None
    idempotency_key: str


@mutation(SampleResult)
async def record_sample_finding(act, input: RecordSampleFindingInput):  # type: ignore[no-untyped-def]
    """Say what was found of a fact that was drawn."""
    return await operations.record_sample_finding(
        act,
        decode(input.id, "EvaluationSample"),
        expected_version=input.expected_version,
        position=input.position,
        finding=input.finding,
        note=input.note,
    )


transition(
    "draw_sample",
    SampleResult,
    operations.draw_sample,
    "Tell the seed and draw; refused where facts have changed since it was committed.",
)
transition(
    "void_sample",
    SampleResult,
    operations.void_sample,
    "Nothing is drawn by it, with a reason; commit another.",
)
