"""Messages of an authority that come in through the graph."""

from datetime import datetime

import strawberry

from nexus.exchange.messages.acks.graphql import ExchangeMessageResult
from nexus.exchange.messages.receiving import operations, rules
from nexus.graph.declare import mutation
from nexus.matching.replies.model import ReplyReason, ReplyStatus


@strawberry.input
class ReceiveMessageInput:
    """`sequence` is your count within the household; `idempotencyKey` your key of the message."""

    need_no: str
    delivery_no: str | None = None
    status: ReplyStatus
    reason: ReplyReason | None = None
    sequence: int
    happened_at: datetime
    idempotency_key: str


@mutation(ExchangeMessageResult)
async def receive_message(act, input: ReceiveMessageInput):  # type: ignore[no-untyped-def]
    """What your authority says of a need it published, or of help it was told of."""
    said = rules.Said(
        need_no=input.need_no,
        delivery_no=input.delivery_no,
        status=ReplyStatus(input.status),
        reason=None if input.reason is None else ReplyReason(input.reason),
        sequence=input.sequence,
        happened_at=input.happened_at,
    )
    return await operations.receive_message(act, key=input.idempotency_key, said=said)
