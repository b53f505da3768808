"""Asking clients, writing down what they say, and what it comes to as a score."""

from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import ConsentMissing, Forbidden, GuardFailed
from nexus.evaluation.evaluations import operations as evaluations
from nexus.evaluation.evaluations import queries as evaluated
from nexus.evaluation.evaluations.model import TRANSITIONS, Evaluation
from nexus.evaluation.evaluations.rules import final
from nexus.evaluation.schemes.model import BodyKind, EvaluationScheme
from nexus.evaluation.voice import model, policy, queries, rules
from nexus.evaluation.voice.model import ClientFeedback, VoiceState, VoiceWay
from nexus.purchasing.contracts.model import Contract
from nexus.purchasing.facts import policy as facts
from nexus.purchasing.facts.model import FactState, ServiceFact


async def give_client_feedback(
    act: Act, fact_id: UUID, *, satisfaction: int, text: str | None = None
) -> ClientFeedback:
    """What a client said when it was done, written down by the supplier's people there."""
    fact = await act.find(ServiceFact, fact_id, visible=facts.visible)
    contract = await act.session.get_one(Contract, fact.contract_id)
    if not policy.may_collect(act.actor, contract.supplier_id):
        raise Forbidden("The supplier's people write down what is said at a delivery.")
    if fact.state is not FactState.COUNTED:
        raise GuardFailed("The fact counts no longer: there is nothing to ask about.")
    points, said = rules.check_satisfaction(satisfaction), rules.check_words(text)
    if await queries.was_asked(act.session, fact.id, VoiceWay.AT_DELIVERY):
        raise rules.AlreadyAsked(
            "The client's word on this is written down already.", rule="one_voice"
        )
    row = ClientFeedback(
        id=act.row_id,
        contract_id=contract.id,
        fact_id=fact.id,
        buyer_id=contract.buyer_id,
        collector_id=act.actor.organization_id,
        area_code=contract.area_code,
        way=VoiceWay.AT_DELIVERY,
        satisfaction=points,
        text=said,
        asked_at=act.now,
        asked_by=act.actor.account_id,
        ended_at=act.now,
        ended_by=act.actor.account_id,
        state=VoiceState.ANSWERED,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("client_feedback.given", row, contract_id=contract.id, satisfaction=points)
    return row


async def ask_sampled_clients(
    act: Act, evaluation_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """The clients of the drawn facts are to be asked, each who agreed to it (purpose EVAL)."""
    made = await evaluated.take(act, evaluation_id, expected_version)
    act.permit(policy.may_ask, made)
    if made.finalized_at is not None:
        raise final(made.no)
    TRANSITIONS.after("score", made.state)
    found = await queries.to_be_asked(act.session, made.id, made.evaluator_id, act.now)
    if not found:
        raise ConsentMissing(
            "No client of the sample is left who agreed to be asked: have the sample drawn, and "
            "consents recorded with purpose EVAL.",
            purpose=rules.PURPOSE,
        )
    rows = [_asked(act, made, fact, consent_id) for fact, consent_id in found]
    act.session.add_all(rows)
    await act.session.flush()
    for row in rows:
        act.record("client_feedback.asked", row, evaluation_id=made.id)
    act.move(made, TRANSITIONS, "score")
    act.record("evaluation.clients_asked", made, asked=len(rows))
    return made


def _asked(act: Act, made: Evaluation, fact: ServiceFact, consent_id: UUID) -> ClientFeedback:
    return ClientFeedback(
        contract_id=made.contract_id,
        fact_id=fact.id,
        evaluation_id=made.id,
        buyer_id=made.buyer_id,
        collector_id=made.evaluator_id,
        area_code=made.area_code,
        way=VoiceWay.FOLLOW_UP,
        consent_id=consent_id,
        asked_at=act.now,
        asked_by=act.actor.account_id,
    )


async def answer_client_feedback(
    act: Act, row_id: UUID, *, expected_version: int, satisfaction: int, text: str | None = None
) -> ClientFeedback:
    """What the client said; ConsentMissing where the consent was withdrawn meanwhile."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_answer, row)
    model.TRANSITIONS.after("answer", row.state)
    points, said = rules.check_satisfaction(satisfaction), rules.check_words(text)
    assert row.consent_id is not None
    if not await queries.stands(act.session, row.consent_id, row.collector_id, act.now):
        raise ConsentMissing(
            "The client agrees no longer to be asked: decline it.", purpose=rules.PURPOSE
        )
    act.move(row, model.TRANSITIONS, "answer")
    row.satisfaction, row.text = points, said
    row.ended_at, row.ended_by = act.now, act.actor.account_id
    act.record("client_feedback.answered", row, satisfaction=points)
    return row


async def decline_client_feedback(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> ClientFeedback:
    """The client does not wish to say anything."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_decline, row)
    return _ended(act, row, "decline", "client_feedback.declined")


async def miss_client_feedback(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> ClientFeedback:
    """The client could not be reached."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_miss, row)
    return _ended(act, row, "miss", "client_feedback.missed")


def _ended(act: Act, row: ClientFeedback, verb: str, event: str) -> ClientFeedback:
    act.move(row, model.TRANSITIONS, verb)
    row.ended_at, row.ended_by = act.now, act.actor.account_id
    act.record(event, row)
    return row


async def tally_client_voice(
    act: Act, evaluation_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """The clients' score of every leaf that is theirs: the mean of the follow-ups, as points."""
    made = await evaluated.take(act, evaluation_id, expected_version)
    act.permit(policy.may_ask, made)
    if made.finalized_at is not None:
        raise final(made.no)
    TRANSITIONS.after("score", made.state)
    scheme = await act.session.get_one(EvaluationScheme, made.scheme_id)
    found = await queries.heard(act.session, made.id)
    rules.check_heard(found.answered, scheme.least_answers)
    assert found.mean is not None
    points = rules.points(found.mean)
    leaves = await evaluated.leaves_of_body(act.session, made.scheme_id, BodyKind.CLIENT)
    for leaf in leaves:
        await evaluations.put_score(
            act,
            made,
            leaf,
            BodyKind.CLIENT,
            score=points,
            evidence=f"{found.answered} of {found.asked} clients answered; mean "
            f"{found.mean:.2f} of 5",
        )
    act.move(made, TRANSITIONS, "score")
    act.record("evaluation.voice_tallied", made, answered=found.answered, asked=found.asked)
    return made
