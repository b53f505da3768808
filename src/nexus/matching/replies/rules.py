"""What makes a reply: pure checks."""

from datetime import datetime, timedelta

from nexus.core.refusals import Invalid
from nexus.matching.replies.model import OF_DELIVERY, ReplyReason, ReplyStatus

SKEW = timedelta(minutes=5)
"""How far the authority's clock may be ahead."""
MAX_SEQUENCE = 2**31 - 1
_NEEDS_REASON = frozenset({ReplyStatus.CLOSED, ReplyStatus.QUERIED})
_OF_QUERY = frozenset(
    {
        *(ReplyReason.NOT_RECEIVED, ReplyReason.QUANTITY_DIFFERS, ReplyReason.QUALITY),
        *(ReplyReason.DUPLICATE, ReplyReason.OTHER),
    }
)


def check_reply(
    status: ReplyStatus,
    reason: ReplyReason | None,
    sequence: int,
    happened_at: datetime,
    *,
    names_delivery: bool,
    now: datetime,
) -> None:
    """Status, subject, reason and count fit together. Invalid names the field."""
    if names_delivery != (status in OF_DELIVERY):
        raise Invalid(
            f"{status.name} is said of a "
            + ("delivery: name it." if status in OF_DELIVERY else "need: name no delivery."),
            field="deliveryNo",
        )
    if status in _NEEDS_REASON and reason is None:
        raise Invalid(f"{status.name} needs a reason: one of its codes.", field="reason")
    if reason is not None and (reason in _OF_QUERY) != (status in OF_DELIVERY):
        raise Invalid(f"{reason.name} is no reason for {status.name}.", field="reason")
    if not 0 < sequence <= MAX_SEQUENCE:
        raise Invalid("The sequence counts from 1 within a household.", field="sequence")
    if happened_at.utcoffset() is None:
        raise Invalid("Give the moment with its time zone.", field="happenedAt")
    if happened_at > now + SKEW:
        raise Invalid("This lies in the future: check the sender's clock.", field="happenedAt")
