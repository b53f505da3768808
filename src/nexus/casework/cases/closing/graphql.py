"""Evaluation, closing and reopening through the graph."""

from datetime import datetime

import strawberry

from nexus.casework.cases import model
from nexus.casework.cases.closing import operations
from nexus.casework.cases.graphql import CaseResult
from nexus.casework.cases.records.model import EvaluationOutcome
from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode


@strawberry.input
class EvaluateCaseInput:
    id: strawberry.ID
    expected_version: int
    outcome: EvaluationOutcome
    summary: str
    client_rating: int | None = strawberry.field(
        default=None, description="1 to 5, the client's own."
    )
    client_words: str | None = None
    idempotency_key: str


@mutation(CaseResult)
async def evaluate_case(act, input: EvaluateCaseInput):  # type: ignore[no-untyped-def]
    """Say what the round came to, once every goal is settled."""
    return await operations.evaluate_case(
        act,
        decode(input.id, "Case"),
        expected_version=input.expected_version,
        outcome=input.outcome,
        summary=input.summary,
        client_rating=input.client_rating,
        client_words=input.client_words,
    )


@strawberry.input
class RequestClosingInput:
    id: strawberry.ID
    expected_version: int
    close_reason: model.CaseCloseReason
    client_told_at: datetime | None = strawberry.field(
        default=None, description="When the client was told; left out only for DIED, NO_CONTACT."
    )
    idempotency_key: str


@mutation(CaseResult)
async def request_closing(act, input: RequestClosingInput):  # type: ignore[no-untyped-def]
    """Ask the lead to close it."""
    return await operations.request_closing(
        act,
        decode(input.id, "Case"),
        expected_version=input.expected_version,
        close_reason=input.close_reason,
        client_told_at=input.client_told_at,
    )


transition(
    "decline_closing",
    CaseResult,
    operations.decline_closing,
    "Do not close it, with a reason: the request is gone.",
)
transition(
    "close_case",
    CaseResult,
    operations.close_case,
    "Approve the closing as the lead. Your own request only with the right to.",
)
transition(
    "reopen_case",
    CaseResult,
    operations.reopen_case,
    "Work on, with a reason; the trail keeps how it was closed.",
)
