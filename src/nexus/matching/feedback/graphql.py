"""Feedback in the graph."""

from datetime import datetime

import strawberry

from nexus.graph.declare import (
    Connection,
    any_of,
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
    transition,
)
from nexus.graph.identifiers import decode_given
from nexus.matching.deliveries.graphql import Delivery
from nexus.matching.feedback import model, operations, policy
from nexus.matching.pledges.graphql import NEWEST, of
from nexus.needs.graphql import Need

register_enums(model.FeedbackSource, model.FeedbackState)


@node(
    model.Feedback,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "read_feedback": ("read", policy.may_read),
        "handle_feedback": ("handle", policy.may_handle),
    },
)
class Feedback:
    """What the recipient, the receiver or the authority says of the help."""

    source: model.FeedbackSource
    rating: int | None
    text: str | None = classified(model.Feedback.text, allowed=policy.may_read_text)
    wants_call_back: bool | None = classified(
        model.Feedback.wants_call_back, allowed=policy.may_read_text
    )
    state: model.FeedbackState
    state_reason: str | None = classified(model.Feedback.state_reason, allowed=policy.may_read_text)
    version: int
    created_at: datetime
    need: Need | None = to_one(model.Feedback.need_id)
    delivery: Delivery | None = to_one(model.Feedback.delivery_id)


@extend(Need)
class NeedFeedback:
    feedback: Connection[Feedback] = to_many(model.Feedback.need_id, order=NEWEST)


@extend(Delivery)
class DeliveryFeedback:
    feedback: Connection[Feedback] = to_many(model.Feedback.delivery_id, order=NEWEST)


@query
class FeedbackQuery:
    feedback: Connection[Feedback] = collection(
        "Feedback",
        orders={"NEWEST": NEWEST},
        filters={
            "source": any_of(model.Feedback.source),
            "state": any_of(model.Feedback.state),
            "need": of(model.Feedback.need_id, "Need"),
        },
        about="What was said of help on the needs of your territory, or of your own deliveries.",
    )


FeedbackResult = result("Feedback", Feedback)


@strawberry.input
class GiveFeedbackInput:
    """On a delivery, or (stations and authorities) on the need as a whole."""

    need_id: strawberry.ID | None = None
    delivery_id: strawberry.ID | None = None
    rating: int | None = None
    text: str | None = None
    wants_call_back: bool = False
    idempotency_key: str


@mutation(FeedbackResult)
async def give_feedback(act, input: GiveFeedbackInput):  # type: ignore[no-untyped-def]
    """Say how the help was. Stations bring the recipient's word, charities their own."""
    return await operations.give_feedback(
        act,
        need_id=decode_given(input.need_id, "Need"),
        delivery_id=decode_given(input.delivery_id, "Delivery"),
        rating=input.rating,
        text=input.text,
        wants_call_back=input.wants_call_back,
    )


transition("read_feedback", FeedbackResult, operations.read_feedback, "Take note of it.")
transition(
    "handle_feedback", FeedbackResult, operations.handle_feedback, "Say what was done about it."
)
