"""The clients' voice in the graph."""

from datetime import datetime
from decimal import Decimal

import strawberry

from nexus.evaluation.evaluations.graphql import Evaluation, EvaluationResult
from nexus.evaluation.voice import model, operations, policy, queries, rules
from nexus.graph.declare import (
    Connection,
    any_of,
    classified,
    collection,
    derived,
    extend,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.purchasing.contracts.graphql import Contract
from nexus.purchasing.facts.graphql import ServiceFact
from nexus.volunteering.hours.graphql import of

register_enums(model.VoiceWay, model.VoiceState)
NEWEST = Order(("asked_at",), descending=True)
guard(
    "uq_client_feedback_fact_id_way",
    "The client was asked about this already.",
    kind=rules.AlreadyAsked,
    rule="one_voice",
)


@node(
    model.ClientFeedback,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "answer_client_feedback": ("answer", policy.may_answer),
        "decline_client_feedback": ("decline", policy.may_decline),
        "miss_client_feedback": ("miss", policy.may_miss),
    },
)
class ClientFeedback:
    """What one client said, or did not, of one thing that was done. It names no person."""

    way: model.VoiceWay
    satisfaction: int | None
    text: str | None = classified(model.ClientFeedback.text, allowed=policy.may_read_text)
    asked_at: datetime
    ended_at: datetime | None
    state: model.VoiceState
    state_reason: str | None = classified(
        model.ClientFeedback.state_reason, allowed=policy.may_read_text
    )
    version: int
    contract: Contract | None = to_one(model.ClientFeedback.contract_id)
    fact: ServiceFact | None = to_one(model.ClientFeedback.fact_id)
    evaluation: Evaluation | None = to_one(model.ClientFeedback.evaluation_id)
    collector: Organization | None = to_one(model.ClientFeedback.collector_id)


@record
class ClientVoice:
    """Of one way of asking: how many were asked and answered, and the mean of 1 to 5."""

    way: model.VoiceWay
    asked: int
    answered: int
    declined: int
    response_percent: Decimal
    mean: Decimal | None


@extend(Contract)
class ContractVoice:
    client_voice: list[ClientVoice] = derived(
        queries.voices,
        default=2,
        maximum=2,
        about="At deliveries, by the supplier's people; afterwards, by an independent evaluator.",
    )


@extend(Evaluation)
class EvaluationVoice:
    client_feedback: Connection[ClientFeedback] = to_many(
        model.ClientFeedback.evaluation_id, order=NEWEST
    )


@query
class VoiceQuery:
    client_feedback: Connection[ClientFeedback] = collection(
        "ClientFeedback",
        orders={"NEWEST": NEWEST},
        filters={
            "state": any_of(model.ClientFeedback.state),
            "way": any_of(model.ClientFeedback.way),
            "contract": of(model.ClientFeedback.contract_id, "Contract"),
            "area": within(model.ClientFeedback.area_code),
        },
        about="What clients said of what was bought for them, where you may read it.",
    )


FeedbackResult = result("ClientFeedback", ClientFeedback)


@strawberry.input
class GiveClientFeedbackInput:
    fact_id: strawberry.ID
    satisfaction: int = strawberry.field(description="1 (not at all) to 5.")
    text: str | None = strawberry.field(default=None, description="Without who it was.")
    idempotency_key: str


@mutation(FeedbackResult)
async def give_client_feedback(act, input: GiveClientFeedbackInput):  # type: ignore[no-untyped-def]
    """Write down what a client said when your people were there."""
    return await operations.give_client_feedback(
        act,
        decode(input.fact_id, "ServiceFact"),
        satisfaction=input.satisfaction,
        text=input.text,
    )


@strawberry.input
class AnswerClientFeedbackInput:
    id: strawberry.ID
    expected_version: int
    satisfaction: int = strawberry.field(description="1 (not at all) to 5.")
    text: str | None = strawberry.field(default=None, description="Without who it was.")
    idempotency_key: str


@mutation(FeedbackResult)
async def answer_client_feedback(act, input: AnswerClientFeedbackInput):  # type: ignore[no-untyped-def]
    """Write down what a client said when you asked."""
    return await operations.answer_client_feedback(
        act,
        decode(input.id, "ClientFeedback"),
        expected_version=input.expected_version,
        satisfaction=input.satisfaction,
        text=input.text,
    )


transition(
    "decline_client_feedback",
    FeedbackResult,
    operations.decline_client_feedback,
    "The client does not wish to say anything.",
)
transition(
    "miss_client_feedback",
    FeedbackResult,
    operations.miss_client_feedback,
    "The client could not be reached.",
)
transition(
    "ask_sampled_clients",
    EvaluationResult,
    operations.ask_sampled_clients,
    "Have the clients of the drawn facts asked, each who agreed to it (purpose EVAL).",
)
transition(
    "tally_client_voice",
    EvaluationResult,
    operations.tally_client_voice,
    "Score the clients' leaves by the mean of what they answered afterwards.",
)
