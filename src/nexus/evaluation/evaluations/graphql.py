"""Evaluations and their scores in the graph."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.evaluation.evaluations import model, operations, policy, rules
from nexus.evaluation.schemes.graphql import EvaluationScheme, SchemeIndicator
from nexus.evaluation.schemes.model import BodyKind, Grade
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    classified,
    collection,
    computed,
    extend,
    mutation,
    node,
    query,
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
from nexus.purchasing.procurements.suppliers.model import StandingEffect
from nexus.volunteering.hours.graphql import of

register_enums(model.EvaluationState)
NEWEST = Order(("created_at",), descending=True)
guard(
    "uq_evaluation_open",
    "An evaluation of this contract is under way: publish it first.",
    kind=rules.AlreadyEvaluated,
    rule="one_open",
)


@node(Event, visible=policy.event_visible)
class EvaluationEvent:
    """What happened to an evaluation."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(model.EvaluationScore, visible=policy.score_visible)
class EvaluationScore:
    """What one body gives one leaf, of 100, and on what evidence."""

    body: BodyKind
    score: Decimal
    evidence: str
    fact_count: int = computed(
        lambda actor, row: policy.fact_count(row), about="Service facts that it rests on."
    )
    scored_at: datetime
    indicator: SchemeIndicator | None = to_one(model.EvaluationScore.indicator_id)


@node(
    model.Evaluation,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "start_evaluation": ("start", policy.may_start),
        "score_indicator": ("score", policy.may_score),
        "ask_sampled_clients": ("score", policy.may_start),
        "tally_client_voice": ("score", policy.may_start),
        "commit_sample": ("score", policy.may_start),
        "draft_evaluation": ("draft", policy.may_draft),
        "open_evaluation_response": ("open_response", policy.may_open_response),
        "respond_to_evaluation": ("respond", policy.may_respond),
        "redraft_evaluation": ("redraft", policy.may_redraft),
        "finalize_evaluation": ("finalize", policy.may_finalize),
        "publish_evaluation": ("publish", policy.may_publish),
        "open_rectification": ("rectify", policy.may_rectify),
        "close_evaluation": ("close", policy.may_close),
    },
)
class Evaluation:
    """What an independent evaluator, the buyer and the clients say of a contract's period."""

    no: str
    from_on: date
    until_on: date
    independence_months: int
    independence_rule: str
    report: str | None = classified(model.Evaluation.report, allowed=policy.may_read_report)
    response_due_at: datetime | None
    response_rule: str | None
    response: str | None
    responded_at: datetime | None
    earlier_responses: JSON
    total: Decimal | None
    body_scores: JSON | None
    grade: Grade | None
    effect: StandingEffect | None
    scheme_version: str | None
    finalized_at: datetime | None
    published_at: datetime | None
    closed_at: datetime | None
    state: model.EvaluationState
    state_reason: str | None = classified(
        model.Evaluation.state_reason, allowed=policy.may_read_reason
    )
    version: int
    created_at: datetime
    contract: Contract | None = to_one(model.Evaluation.contract_id)
    buyer: Organization | None = to_one(model.Evaluation.buyer_id)
    supplier: Organization | None = to_one(model.Evaluation.supplier_id)
    evaluator: Organization | None = to_one(model.Evaluation.evaluator_id)
    area: Area | None = to_one(model.Evaluation.area_code)
    scheme: EvaluationScheme | None = to_one(model.Evaluation.scheme_id)
    published_by: Account | None = to_one(model.Evaluation.published_by)
    scores: Connection[EvaluationScore] = to_many(
        model.EvaluationScore.evaluation_id, order=Order(("id",))
    )
    history: Connection[EvaluationEvent] = to_many(Event.object_id, order=Order(("position",)))


@extend(Contract)
class ContractEvaluations:
    evaluations: Connection[Evaluation] = to_many(model.Evaluation.contract_id, order=NEWEST)


@query
class EvaluationQuery:
    evaluations: Connection[Evaluation] = collection(
        "Evaluation",
        orders={"NEWEST": NEWEST},
        filters={
            "state": any_of(model.Evaluation.state),
            "grade": any_of(model.Evaluation.grade),
            "area": within(model.Evaluation.area_code),
            "buyer": of(model.Evaluation.buyer_id, "Organization"),
            "supplier": of(model.Evaluation.supplier_id, "Organization"),
        },
        about="What is published, and what is yours to work on or to oversee.",
    )


EvaluationResult = result("Evaluation", Evaluation)


@strawberry.input
class PlanEvaluationInput:
    """The period is a part of the contract's term; `untilOn` is end-exclusive."""

    contract_id: strawberry.ID
    scheme_id: strawberry.ID
    evaluator_id: strawberry.ID
    from_on: date
    until_on: date
    idempotency_key: str


@mutation(EvaluationResult)
async def plan_evaluation(act, input: PlanEvaluationInput):  # type: ignore[no-untyped-def]
    """Have a period of your contract evaluated, by a third party without ties to the supplier."""
    return await operations.plan_evaluation(
        act,
        decode(input.contract_id, "Contract"),
        scheme_id=decode(input.scheme_id, "EvaluationScheme"),
        evaluator_id=decode(input.evaluator_id, "Organization"),
        from_on=input.from_on,
        until_on=input.until_on,
    )


@strawberry.input
class ScoreIndicatorInput:
    """Your role says for which body you score."""

    id: strawberry.ID
    expected_version: int
    indicator: str = strawberry.field(description="The code of a leaf of the scheme.")
    score: Decimal
    evidence: str
    fact_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    idempotency_key: str


@mutation(EvaluationResult)
async def score_indicator(act, input: ScoreIndicatorInput):  # type: ignore[no-untyped-def]
    """Give a leaf its points, from 0 to 100, and say what they rest on."""
    return await operations.score_indicator(
        act,
        decode(input.id, "Evaluation"),
        expected_version=input.expected_version,
        indicator=input.indicator,
        score=input.score,
        evidence=input.evidence,
        fact_ids=[decode(each, "ServiceFact") for each in input.fact_ids],
    )


@strawberry.input
class DraftEvaluationInput:
    id: strawberry.ID
    expected_version: int
    report: str
    idempotency_key: str


@mutation(EvaluationResult)
async def draft_evaluation(act, input: DraftEvaluationInput):  # type: ignore[no-untyped-def]
    """Write the report, once every body has scored."""
    return await operations.draft_evaluation(
        act,
        decode(input.id, "Evaluation"),
        expected_version=input.expected_version,
        report=input.report,
    )


@strawberry.input
class RespondToEvaluationInput:
    id: strawberry.ID
    expected_version: int
    response: str = strawberry.field(description="It is published with the evaluation.")
    idempotency_key: str


@mutation(EvaluationResult)
async def respond_to_evaluation(act, input: RespondToEvaluationInput):  # type: ignore[no-untyped-def]
    """Answer a draft about your organization while the response period lasts."""
    return await operations.respond_to_evaluation(
        act,
        decode(input.id, "Evaluation"),
        expected_version=input.expected_version,
        response=input.response,
    )


transition(
    "start_evaluation",
    EvaluationResult,
    operations.start_evaluation,
    "The evaluator begins.",
)
transition(
    "open_evaluation_response",
    EvaluationResult,
    operations.open_evaluation_response,
    "The supplier reads scores and report, and has its working days to answer.",
)
transition(
    "redraft_evaluation",
    EvaluationResult,
    operations.redraft_evaluation,
    "Scores and report are changed after the supplier's word, with a reason.",
)
transition(
    "finalize_evaluation",
    EvaluationResult,
    operations.finalize_evaluation,
    "Total and grade are reckoned by the scheme; from now on only an addendum corrects.",
)
transition(
    "publish_evaluation",
    EvaluationResult,
    operations.publish_evaluation,
    "A second person releases it to everybody; the grade holds for next year's purchases.",
)
