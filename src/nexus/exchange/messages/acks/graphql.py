"""Messages in the graph: acknowledging and replaying."""

from datetime import datetime

import strawberry

from nexus.casework.visits.graphql import ChangeReport
from nexus.discovery.graphql import DiscoveryReport
from nexus.exchange.messages import model, policy
from nexus.exchange.messages.acks import operations
from nexus.exchange.messages.graphql import ExchangePartner, ExchangePartnerResult
from nexus.graph.declare import (
    Connection,
    any_of,
    at_least,
    classified,
    collection,
    extend,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.matching.pledges.graphql import of
from nexus.matching.replies.graphql import AuthorityReply
from nexus.needs.graphql import Need

register_enums(model.MessageDirection, model.MessageState, model.MessageOutcome)


@node(
    model.ExchangeMessage,
    visible=policy.message_visible,
    transitions=model.TRANSITIONS,
    actions={
        "acknowledge_messages": ("acknowledge", policy.may_acknowledge),
        "replay_message": ("replay", policy.may_replay),
    },
)
class ExchangeMessage:
    """One message to or from an authority."""

    direction: model.MessageDirection
    kind: str
    sequence: int
    body: str | None = classified(
        model.ExchangeMessage.body,
        allowed=policy.may_read_body,
        about="The message as JSON: byte for byte what is posted or written to a file.",
    )
    payload_hash: str
    idempotency_key: str
    state: model.MessageState
    outcome: model.MessageOutcome | None
    version: int
    attempts: int
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None
    died_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    partner: ExchangePartner | None = to_one(model.ExchangeMessage.partner_id)
    need: Need | None = to_one(model.ExchangeMessage.need_id)
    report: DiscoveryReport | None = to_one(model.ExchangeMessage.report_id)
    change_report: ChangeReport | None = to_one(model.ExchangeMessage.change_report_id)
    reply: AuthorityReply | None = to_one(model.ExchangeMessage.reply_id)


@extend(ExchangePartner)
class PartnerMessages:
    messages: Connection[ExchangeMessage] = to_many(
        model.ExchangeMessage.partner_id,
        order=Order(("position",), descending=True),
        about="What went to and fro, the latest first.",
    )


@query
class MessageQuery:
    exchange_messages: Connection[ExchangeMessage] = collection(
        "ExchangeMessage",
        orders={"OLDEST": Order(("position",)), "NEWEST": Order(("position",), descending=True)},
        filters={
            "direction": any_of(model.ExchangeMessage.direction),
            "state": any_of(model.ExchangeMessage.state),
            "kind": any_of(model.ExchangeMessage.kind),
            "partner": of(model.ExchangeMessage.partner_id, "ExchangePartner"),
            "need": of(model.ExchangeMessage.need_id, "Need"),
            "created_since": at_least(model.ExchangeMessage.created_at, datetime),
        },
        about="Messages with your authority. To collect them: direction OUT, state SENT, oldest "
        "first; acknowledge those you have, then read again.",
    )


ExchangeMessageResult = result("ExchangeMessage", ExchangeMessage)


@strawberry.input
class AcknowledgeMessagesInput:
    ids: list[strawberry.ID]
    idempotency_key: str


@strawberry.input
class ReplayMessageInput:
    id: strawberry.ID
    expected_version: int
    idempotency_key: str


@mutation(ExchangePartnerResult)
async def acknowledge_messages(act, input: AcknowledgeMessagesInput):  # type: ignore[no-untyped-def]
    """You have these messages: the next of their households follow. All of them, or none."""
    return await operations.acknowledge_messages(
        act, [decode(one, "ExchangeMessage") for one in input.ids]
    )


@mutation(ExchangeMessageResult)
async def replay_message(act, input: ReplayMessageInput):  # type: ignore[no-untyped-def]
    """Send a dead message again, under the same key."""
    return await operations.replay_message(
        act, decode(input.id, "ExchangeMessage"), expected_version=input.expected_version
    )
