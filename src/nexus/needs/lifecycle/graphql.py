"""Submitting, verifying, pausing, closing and reopening needs through the graph."""

from decimal import Decimal

import strawberry

from nexus.graph.declare import Fen, mutation, transition
from nexus.graph.identifiers import decode
from nexus.needs import model, operations
from nexus.needs.graphql import NeedResult
from nexus.needs.standing.operations import confirm_need_still_stands

transition("submit_need", NeedResult, operations.submit_need, "Ask for verification.")
transition("return_need", NeedResult, operations.return_need, "Back for correction, with a reason.")
transition("reject_need", NeedResult, operations.reject_need, "Refuse for good, with a reason.")
transition("pause_need", NeedResult, operations.pause_need, "No new pledges, with a reason.")
transition(
    "reopen_need",
    NeedResult,
    operations.reopen_need,
    "Back to verified within 90 days of its closing, with a reason.",
)
transition(
    "cancel_need",
    NeedResult,
    operations.cancel_need,
    "A duplicate or an error on which no help was bound, with a reason.",
)
transition(
    "confirm_need_still_stands",
    NeedResult,
    confirm_need_still_stands,
    "After the subject's recognition ended: it stands, and pledges go on. Say what it rests on.",
)


@strawberry.input
class VerifyNeedInput:
    id: strawberry.ID
    expected_version: int
    evidence: str = strawberry.field(description="The visit or document it rests on.")
    approval_cap_fen: Fen | None = None
    idempotency_key: str


@mutation(NeedResult)
async def verify_need(act, input: VerifyNeedInput):  # type: ignore[no-untyped-def]
    """Vouch for it on a visit or a document; not by who recorded it."""
    return await operations.verify_need(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        evidence=input.evidence,
        approval_cap_fen=input.approval_cap_fen,
    )


@strawberry.input
class ChangeQuantityInput:
    line_id: strawberry.ID
    expected_version: int = strawberry.field(description="Of the need.")
    quantity: Decimal | None = strawberry.field(description="Null: open-ended.")
    idempotency_key: str


@mutation(NeedResult)
async def change_quantity(act, input: ChangeQuantityInput):  # type: ignore[no-untyped-def]
    """Ask for more or less on a line, never below what is pledged or delivered."""
    return await operations.change_quantity(
        act,
        decode(input.line_id, "NeedLine"),
        expected_version=input.expected_version,
        quantity=input.quantity,
    )


@strawberry.input
class CloseNeedInput:
    id: strawberry.ID
    expected_version: int
    close_reason: model.CloseReason
    reason: str | None = None
    idempotency_key: str


@mutation(NeedResult)
async def close_need(act, input: CloseNeedInput):  # type: ignore[no-untyped-def]
    """End it. MET only when every line is confirmed; else nothing may be under way, and a second
    person closes it."""
    return await operations.close_need(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        close_reason=input.close_reason,
        reason=input.reason,
    )
