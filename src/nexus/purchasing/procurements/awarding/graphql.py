"""Bidding and awarding in the graph."""

import strawberry

from nexus.graph.declare import Fen, mutation, result, transition
from nexus.graph.identifiers import decode, decode_given
from nexus.purchasing.procurements.awarding import operations
from nexus.purchasing.procurements.graphql import Award, Bid

BidResult = result("Bid", Bid)
AwardResult = result("Award", Award)


@strawberry.input
class SubmitBidInput:
    procurement_id: strawberry.ID
    value_fen: Fen = strawberry.field(description="For all items together.")
    statement: str
    idempotency_key: str


@mutation(BidResult)
async def submit_bid(act, input: SubmitBidInput):  # type: ignore[no-untyped-def]
    """Bid for your organization while the tender runs. Nobody else reads it before its end."""
    return await operations.submit_bid(
        act,
        decode(input.procurement_id, "Procurement"),
        value_fen=input.value_fen,
        statement=input.statement,
    )


@strawberry.input
class MakeAwardInput:
    """`expectedVersion` is the procurement's. Without a bid only where the method is DIRECT."""

    procurement_id: strawberry.ID
    expected_version: int
    supplier_id: strawberry.ID
    bid_id: strawberry.ID | None = None
    value_fen: Fen
    rationale: str = strawberry.field(description="Why this supplier. It is public.")
    idempotency_key: str


@mutation(AwardResult)
async def make_award(act, input: MakeAwardInput):  # type: ignore[no-untyped-def]
    """Propose a supplier; another person of the buyer confirms it."""
    return await operations.make_award(
        act,
        decode(input.procurement_id, "Procurement"),
        expected_version=input.expected_version,
        supplier_id=decode(input.supplier_id, "Organization"),
        bid_id=decode_given(input.bid_id, "Bid"),
        value_fen=input.value_fen,
        rationale=input.rationale,
    )


for name, deed, about in (
    ("accept_bid", operations.accept_bid, "The opened bid counts."),
    ("disqualify_bid", operations.disqualify_bid, "The opened bid does not count, with a reason."),
    ("withdraw_bid", operations.withdraw_bid, "Your organization takes its sealed bid back."),
):
    transition(name, BidResult, deed, about)
for name, deed, about in (
    ("confirm_award", operations.confirm_award, "A second person of the buyer confirms it."),
    ("refuse_award", operations.refuse_award, "A second person does not, with a reason."),
):
    transition(name, AwardResult, deed, about)
