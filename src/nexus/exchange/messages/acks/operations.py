"""Acknowledging, by hand or by file, and replaying what died."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.refusals import Invalid, NotFound
from nexus.exchange.messages import model, policy, rules
from nexus.exchange.messages.moving.operations import finish, give_up, hold, recover
from nexus.exchange.messages.queries import take_messages

MAX_ACKS = 1000
"""In one go."""

_M, _S = model.ExchangeMessage, model.MessageState


async def acknowledge_messages(act: Act, ids: Sequence[UUID]) -> model.ExchangePartner:
    """The authority has these messages. Those it had acknowledged before stay as they are."""
    if not 0 < len(ids) <= MAX_ACKS or len(set(ids)) != len(ids):
        raise Invalid(f"Name 1 to {MAX_ACKS} messages, each once.", field="ids", maximum=MAX_ACKS)
    seen = await act.session.execute(
        select(_M.id, _M.partner_id).where(_M.id.in_(ids), policy.message_visible(act.actor, _M))
    )
    partner_of = {row.id: row.partner_id for row in seen}
    if set(partner_of) != set(ids) or len(set(partner_of.values())) != 1:
        raise NotFound("No such ExchangeMessage, or it is not yours to see.")
    # The partner first, as whoever sends does.
    partner = await act.take(model.ExchangePartner, partner_of[ids[0]], visible=policy.visible)
    rows = await take_messages(act.session, ids)
    taken = 0
    for row in rows.values():
        act.permit(policy.may_acknowledge, row)
        taken += await acknowledge(act, row)
    if taken:
        await recover(act, partner)
        act.record("exchange_partner.acknowledged", partner, messages=taken)
    return partner


async def acknowledge(act: Act, row: model.ExchangeMessage) -> bool:
    """Whether it was news. WrongState for what was never laid out or is dead."""
    if row.state is _S.ACKED and row.direction is model.MessageDirection.OUT:
        return False
    await finish(act, row, "acknowledge")
    return True


async def replay_message(act: Act, row_id: UUID, *, expected_version: int) -> model.ExchangeMessage:
    """Send a dead message again, under the same key, at once and for seven days."""
    seen = await act.find(_M, row_id, visible=policy.message_visible)
    partner = await act.take(model.ExchangePartner, seen.partner_id, visible=policy.visible)
    row = await act.take(
        _M, row_id, visible=policy.message_visible, expected_version=expected_version
    )
    act.permit(policy.may_replay, row)
    model.PARTNER_TRANSITIONS.after("update", partner.state)
    act.move(row, model.TRANSITIONS, "replay")
    row.refusals, row.finished_at, row.last_error = 0, None, None
    row.due_at, row.expires_at = act.now, act.now + rules.LIFE
    partner.failures, partner.retry_at = 0, None
    act.record("message.replayed", row, partner_id=row.partner_id, need_id=row.need_id)
    return row


async def take_ack(
    session: AsyncSession, partner_id: UUID, key: str, ack: rules.Ack, now: datetime
) -> None:
    """An acknowledgement that came as a file. One of nothing we sent is passed over."""
    message_id = rules.key_of(key)
    partner = await session.get(model.ExchangePartner, partner_id, with_for_update=True)
    row = (
        None if message_id is None else (await take_messages(session, [message_id])).get(message_id)
    )
    if partner is None or row is None or row.partner_id != partner_id:
        return
    act = Act(session, system(now))
    if row.state not in (_S.SENT, _S.FAILED):
        return
    if ack is rules.Ack.ACKED:
        await finish(act, row, "acknowledge")
    else:
        row.refusals += 1
        row.last_error = "REFUSED"
        if row.refusals >= rules.MAX_REFUSALS or now >= row.expires_at:
            await give_up(act, row)
        else:
            act.move(row, model.TRANSITIONS, "fail")
            row.due_at = now + rules.pause(row.refusals, 0.5)
            await hold(act, row)
    await recover(act, partner)
