"""Recording what the authority answered, and what follows of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from nexus.acting import Act
from nexus.matching.replies import model, rules
from nexus.needs.model import Need, NeedState
from nexus.needs.publication.operations import pause


async def record_reply(
    act: Act,
    need: Need,
    *,
    delivery_id: UUID | None,
    status: model.ReplyStatus,
    reason: model.ReplyReason | None,
    sequence: int,
    happened_at: datetime,
) -> model.AuthorityReply:
    """Keep it, and pause the published need when nothing more is asked for. The need is locked.

    Closing itself stays with the station: help that is promised must be released first (INV-05).
    """
    rules.check_reply(
        status,
        reason,
        sequence,
        happened_at,
        names_delivery=delivery_id is not None,
        now=act.now,
    )
    row = model.AuthorityReply(
        need_id=need.id,
        delivery_id=delivery_id,
        authority_id=need.publisher_id,
        status=status,
        reason=reason,
        sequence=sequence,
        late=await _overtaken(act, need.id, delivery_id, sequence),
        happened_at=happened_at,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record(
        "authority_reply.recorded",
        row,
        need_id=need.id,
        delivery_id=delivery_id,
        status=status,
        reply_reason=reason,
        sequence=sequence,
        late=row.late,
    )
    if status in model.ENDING and not row.late and need.state is NeedState.PUBLISHED:
        await pause(act, need, f"The authority replied: {status.value}.")
    return row


async def _overtaken(act: Act, need_id: UUID, delivery_id: UUID | None, sequence: int) -> bool:
    """Whether one that counts as much or more is here already."""
    known = model.AuthorityReply
    last = await act.session.scalar(
        select(func.max(known.sequence)).where(
            known.need_id == need_id, known.delivery_id.is_not_distinct_from(delivery_id)
        )
    )
    return last is not None and last >= sequence
