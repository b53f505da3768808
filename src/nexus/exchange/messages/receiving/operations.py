"""Treating a message of the authority exactly once."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.core.refusals import Forbidden, IdempotencyKeyReused, NotFound
from nexus.exchange.messages import model, policy
from nexus.exchange.messages.queries import live_partner, take_threads
from nexus.exchange.messages.receiving.rules import Said, check_numbers
from nexus.exchange.messages.rules import check_key, hash_of
from nexus.matching.pledges.model import Delivery
from nexus.matching.replies.model import AuthorityReply
from nexus.matching.replies.operations import record_reply
from nexus.needs.model import Need
from nexus.recipients.model import Recipient

_M = model.ExchangeMessage


async def receive_message(act: Act, *, key: str, said: Said) -> model.ExchangeMessage:
    """A word of the actor's authority: the effect of its first copy, whatever comes again."""
    if not policy.may_send_in(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} speaks for no authority: its own people and machines do."
        )
    partner = await live_partner(act.session, act.actor.organization_id)
    if partner is None:
        raise NotFound("Your organization has no exchange: createExchangePartner sets it up.")
    return await receive(act, partner.id, key=key, said=said)


async def receive(act: Act, partner_id: UUID, *, key: str, said: Said) -> model.ExchangeMessage:
    """Exactly once by (partner, key): the same word again has the same answer (INV-38).

    IdempotencyKeyReused for another word under a known key. The partner's row is the turn.
    """
    check_numbers(said)
    key, body = check_key(key), said.body()
    partner = await act.session.get_one(
        model.ExchangePartner, partner_id, with_for_update=True, populate_existing=True
    )
    known = await _known(act.session, partner_id, key)
    if known is not None:
        if known.payload_hash != hash_of(body):
            raise IdempotencyKeyReused(
                "This key came before with another message: give a new message a new key.",
                field="idempotencyKey",
            )
        return known
    need = await _need(act.session, partner, said.need_no)
    delivery_id = await _delivery(act.session, need, said.delivery_no)
    subject = await _subject(act.session, need)
    thread = (await take_threads(act.session, partner_id, [subject]))[subject]
    reply = await record_reply(
        act,
        need,
        delivery_id=delivery_id,
        status=said.status,
        reason=said.reason,
        sequence=said.sequence,
        happened_at=said.happened_at,
    )
    thread.received = max(thread.received, said.sequence)
    row = _treated(act, thread, reply, said, key)
    act.session.add(row)
    await act.session.flush()
    act.record("message.received", row, partner_id=partner_id, need_id=need.id, reply_id=reply.id)
    return row


def _treated(
    act: Act, thread: model.ExchangeThread, reply: AuthorityReply, said: Said, key: str
) -> model.ExchangeMessage:
    body = said.body()
    return _M(
        partner_id=thread.partner_id,
        thread_id=thread.id,
        direction=model.MessageDirection.IN,
        kind=f"reply.{said.status.value}",
        sequence=said.sequence,
        need_id=reply.need_id,
        reply_id=reply.id,
        body=body,
        payload_hash=hash_of(body),
        idempotency_key=key,
        state=model.MessageState.ACKED,
        outcome=model.MessageOutcome.LATE if reply.late else model.MessageOutcome.APPLIED,
        due_at=act.now,
        created_at=act.now,
        created_by=act.actor.account_id,
        expires_at=act.now,
        finished_at=act.now,
    )


async def _known(session: AsyncSession, partner_id: UUID, key: str) -> model.ExchangeMessage | None:
    return await session.scalar(
        select(_M).where(
            _M.partner_id == partner_id,
            _M.direction == model.MessageDirection.IN,
            _M.idempotency_key == key,
        )
    )


async def _need(session: AsyncSession, partner: model.ExchangePartner, no: str) -> Need:
    """The authority's own need, locked; another's is not told from one that is not there."""
    found = await session.scalar(
        select(Need)
        .where(Need.no == no, Need.publisher_id == partner.organization_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("Your authority has published no need of this number.", field="needNo")
    return found


async def _delivery(session: AsyncSession, need: Need, no: str | None) -> UUID | None:
    if no is None:
        return None
    found = await session.scalar(
        select(Delivery.id).where(Delivery.no == no, Delivery.need_id == need.id)
    )
    if found is None:
        raise NotFound("The need has no delivery of this number.", field="deliveryNo")
    return found


async def _subject(session: AsyncSession, need: Need) -> UUID:
    if need.household_id is not None or need.recipient_id is None:
        return need.household_id or need.id
    return (
        await session.scalar(
            select(Recipient.household_id).where(Recipient.id == need.recipient_id)
        )
        or need.id
    )
