"""The exchange with the place's authority: a partner, a message each way, and its reply."""

from typing import Any

from nexus.core.ids import new_id
from nexus.exchange.messages.model import (
    ExchangeMessage,
    ExchangePartner,
    ExchangeThread,
    MessageDirection,
    MessageOutcome,
    MessageState,
    PartnerMode,
)
from nexus.exchange.messages.rules import hash_of
from nexus.matching.replies.model import AuthorityReply, ReplyStatus
from tests.house.matrix_world import Place, World
from tests.making import Maker, now


async def exchange(m: Maker, world: World, place: Place) -> None:
    """One partner an authority: places of one authority share it."""
    await _partner(m, world, place)
    need, delivery = place["Need"], place["Delivery"]
    place.rows["AuthorityReply"] = reply = AuthorityReply(
        id=new_id(),
        need_id=need.id,
        delivery_id=delivery.id,
        authority_id=place.authority.id,
        status=ReplyStatus.CONFIRMED,
        sequence=1,
        late=False,
        happened_at=now(),
        created_at=now(),
        created_by=new_id(),
    )
    await m.put(reply)
    partner = place["ExchangePartner"]
    thread = ExchangeThread(id=new_id(), partner_id=partner.id, subject_id=need.id, sent=2)
    await m.put(thread)
    body = place.says("ExchangeMessage.body")
    shared: dict[str, Any] = {
        "partner_id": partner.id,
        "thread_id": thread.id,
        "direction": MessageDirection.OUT,
        "kind": "need.published",
        "need_id": need.id,
        "body": body,
        "payload_hash": hash_of(body),
        "due_at": now(),
        "created_at": now(),
        "created_by": new_id(),
        "expires_at": now(),
    }
    dead = ExchangeMessage(
        **shared,
        event_id=place["NeedEvent"].id,
        sequence=1,
        idempotency_key=str(new_id()),
        state=MessageState.DEAD,
        finished_at=now(),
        died_at=now(),
        last_error=place.says("ExchangeMessage.lastError"),
    )
    came = ExchangeMessage(
        **{**shared, "direction": MessageDirection.IN, "kind": "reply.confirmed"},
        reply_id=reply.id,
        sequence=1,
        idempotency_key=place.says("ExchangeMessage.idempotencyKey"),
        state=MessageState.ACKED,
        outcome=MessageOutcome.APPLIED,
        finished_at=now(),
        last_error=place.says("ExchangeMessage.lastError"),
    )
    await m.put(dead, came)
    place.rows |= {"ExchangeMessage": came, "ExchangeMessage/dead": dead}


async def answer_hotline(m: Maker, place: Place) -> None:
    """A message about the place's report, which a ticket made."""
    report, event = place["DiscoveryReport"], place["DiscoveryEvent"]
    place.rows["ExchangeMessage/hotline"] = await _told(m, place, event, report, "report_id")


async def tell_change(m: Maker, place: Place, event: Any) -> None:
    """A message about a change in the place's household."""
    change = place["ChangeReport"]
    place.rows["ExchangeMessage/change"] = await _told(m, place, event, change, "change_report_id")


async def _told(m: Maker, place: Place, event: Any, about: Any, column: str) -> ExchangeMessage:
    partner = place["ExchangePartner"]
    thread = ExchangeThread(id=new_id(), partner_id=partner.id, subject_id=about.id, sent=1)
    await m.put(thread)
    body = place.says("ExchangeMessage.body")
    row = ExchangeMessage(
        partner_id=partner.id,
        thread_id=thread.id,
        direction=MessageDirection.OUT,
        kind=event.kind,
        event_id=event.id,
        sequence=1,
        body=body,
        payload_hash=hash_of(body),
        idempotency_key=str(new_id()),
        due_at=now(),
        created_at=now(),
        created_by=new_id(),
        expires_at=now(),
        **{column: about.id},
    )
    await m.put(row)
    return row


async def _partner(m: Maker, world: World, place: Place) -> None:
    for other in world.places.values():
        if other.authority is place.authority and "ExchangePartner" in other.rows:
            place.rows["ExchangePartner"] = other["ExchangePartner"]
            return
    place.rows["ExchangePartner"] = row = ExchangePartner(
        organization_id=place.authority.id,
        mode=PartnerMode.CALL_OUT,
        url=place.says("ExchangePartner.url"),
        state_reason=place.says("ExchangePartner.stateReason"),
        created_at=now(),
        created_by=place.clerk.id,
    )
    await m.put(row)
