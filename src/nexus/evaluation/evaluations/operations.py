"""Planning an evaluation, scoring, hearing the supplier, the final grade, and publishing it."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import SHANGHAI, Act, system
from nexus.areas.queries import due_after
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.evaluation.evaluations import policy, queries, rules
from nexus.evaluation.evaluations.model import TRANSITIONS, Evaluation, EvaluationScore
from nexus.evaluation.independence.operations import check_independent
from nexus.evaluation.schemes import policy as schemes_policy
from nexus.evaluation.schemes import queries as schemes
from nexus.evaluation.schemes import rules as reckoning
from nexus.evaluation.schemes.model import BodyKind, EvaluationScheme, SchemeIndicator, SchemeState
from nexus.evaluation.schemes.rules import Outcome
from nexus.organizations import policy as organizations
from nexus.organizations.model import Organization, OrganizationState
from nexus.purchasing.contracts.model import UNSIGNED, Contract
from nexus.purchasing.contracts.policy import visible as contract_visible
from nexus.purchasing.procurements.suppliers.model import StandingEffect
from nexus.purchasing.procurements.suppliers.operations import record_standing

RESPONSE = "evaluation_response_working_days"
"""The parameter of the response period (domain.md 10)."""
AT_ONCE = 200


async def plan_evaluation(
    act: Act,
    contract_id: UUID,
    *,
    scheme_id: UUID,
    evaluator_id: UUID,
    from_on: date,
    until_on: date,
) -> Evaluation:
    """The buyer has a period of its contract evaluated, by a third party without ties (T21b)."""
    contract = await act.take(Contract, contract_id, visible=contract_visible)
    if not policy.may_plan(act.actor, contract.buyer_id):
        raise Forbidden("The contract's buyer plans its evaluation.")
    scheme = await _scheme_for(act, scheme_id, contract.buyer_id)
    await _check_ground(act, contract, evaluator_id, from_on, until_on)
    figure = await check_independent(act, evaluator_id, contract.supplier_id, contract.area_code)
    row = Evaluation(
        id=act.row_id,
        no=await act.number("EV", contract.area_code),
        contract_id=contract.id,
        buyer_id=contract.buyer_id,
        supplier_id=contract.supplier_id,
        evaluator_id=evaluator_id,
        area_code=contract.area_code,
        scheme_id=scheme.id,
        from_on=from_on,
        until_on=until_on,
        independence_months=figure.whole,
        independence_rule=figure.version,
        earlier_responses=[],
        planned_by=act.actor.account_id,
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("evaluation.planned", row, contract_id=contract.id, scheme_id=scheme.id)
    return row


async def _check_ground(
    act: Act, contract: Contract, evaluator_id: UUID, from_on: date, until_on: date
) -> None:
    """A signed contract, a third party, a period of the term, and no other evaluation open."""
    if contract.state in UNSIGNED:
        raise GuardFailed(f"The contract is {contract.state.value}: there is nothing to evaluate.")
    await _check_evaluator(act, evaluator_id, contract)
    rules.check_period(
        from_on,
        until_on,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        today=act.actor.today(),
    )
    if await queries.is_open(act.session, contract.id):
        raise rules.AlreadyEvaluated(
            "An evaluation of this contract is under way: publish it first.", rule="one_open"
        )


async def _scheme_for(act: Act, scheme_id: UUID, buyer_id: UUID) -> EvaluationScheme:
    scheme = await act.take(EvaluationScheme, scheme_id, visible=schemes_policy.visible)
    if scheme.buyer_id != buyer_id or scheme.state is not SchemeState.EFFECTIVE:
        raise GuardFailed(
            "The scheme is not the buyer's, or not in force: adopt it first.",
            rule="T21b",
            field="schemeId",
        )
    return scheme


async def _check_evaluator(act: Act, evaluator_id: UUID, contract: Contract) -> None:
    evaluator = await act.find(Organization, evaluator_id, visible=organizations.visible)
    if evaluator.id in (contract.buyer_id, contract.supplier_id):
        raise GuardFailed(
            "The evaluator is a third party: neither the buyer nor the supplier.",
            rule="INV-18",
            field="evaluatorId",
        )
    if evaluator.state is not OrganizationState.VERIFIED:
        raise GuardFailed(
            "The evaluator is not a verified organization.", rule="T21b", field="evaluatorId"
        )


async def start_evaluation(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """The evaluator begins; EvaluatorTied where a tie has come up since."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_start, row)
    TRANSITIONS.after("start", row.state)
    await check_independent(act, row.evaluator_id, row.supplier_id, row.area_code)
    act.move(row, TRANSITIONS, "start")
    row.started_by, row.state_reason = act.actor.account_id, reason
    act.record("evaluation.started", row)
    return row


async def score_indicator(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    indicator: str,
    score: Decimal,
    evidence: str,
    fact_ids: Sequence[UUID] = (),
) -> Evaluation:
    """The actor's body gives a leaf its points, or others than before. EvaluationFinal later."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_score, row)
    if row.finalized_at is not None:
        raise rules.final(row.no)
    TRANSITIONS.after("score", row.state)
    body = policy.BODIES[act.actor.role]
    points, said = reckoning.check_score(score), rules.check_evidence(evidence)
    if not await queries.leaves_of_body(act.session, row.scheme_id, body):
        raise Forbidden(f"{body.name} is no body of this scheme: it scores nothing here.")
    found = await queries.leaf(act.session, row.scheme_id, indicator)
    if found is None or body.value not in found.bodies:
        raise Invalid(
            f"{body.name} scores no indicator {indicator!r} in this scheme.", field="indicator"
        )
    if fact_ids:
        rules.check_facts(fact_ids, await queries.frame_of(act.session, row))
    await put_score(act, row, found, body, score=points, evidence=said, fact_ids=fact_ids)
    act.move(row, TRANSITIONS, "score")
    act.record("evaluation.scored", row, indicator=indicator, body=body, score=points)
    return row


async def put_score(
    act: Act,
    row: Evaluation,
    leaf: SchemeIndicator,
    body: BodyKind,
    *,
    score: Decimal,
    evidence: str,
    fact_ids: Sequence[UUID] = (),
) -> None:
    """The body's score of the leaf, in place of an earlier one."""
    held = await queries.take_score(act.session, row.id, leaf.id, body)
    if held is None:
        held = EvaluationScore(evaluation_id=row.id, indicator_id=leaf.id, body=body)
        act.session.add(held)
    held.score, held.evidence, held.fact_ids = score, evidence, list(fact_ids)
    held.scored_at, held.scored_by = act.now, act.actor.account_id
    await act.session.flush()


async def reckoned(act: Act, row: Evaluation) -> Outcome:
    """What its scores come to by its scheme; ScoresMissing."""
    content = await schemes.content_of(act.session, row.scheme_id)
    return reckoning.reckon(content, await queries.scores_of(act.session, row.id))


async def draft_evaluation(
    act: Act, row_id: UUID, *, expected_version: int, report: str
) -> Evaluation:
    """The report is written, once every body has scored what it must."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_draft, row)
    TRANSITIONS.after("draft", row.state)
    said = rules.check_report(report, field="report")
    await reckoned(act, row)
    act.move(row, TRANSITIONS, "draft")
    row.report, row.drafted_at = said, act.now
    act.record("evaluation.drafted", row)
    return row


async def open_evaluation_response(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """The supplier reads scores and report, and has five working days to answer."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_open_response, row)
    TRANSITIONS.after("open_response", row.state)
    await reckoned(act, row)
    due = await due_after(act.session, RESPONSE, act.now, area_code=row.area_code)
    act.move(row, TRANSITIONS, "open_response")
    row.response_due_at, row.response_rule, row.response_told_at = due.at, due.rule, None
    _keep_response(row)
    row.state_reason = reason
    act.record("evaluation.response_opened", row, due_at=due.at.isoformat(), rule=due.rule)
    return row


def _keep_response(row: Evaluation) -> None:
    """The word on the draft before is kept, and the new draft asks for another."""
    if row.response is not None and row.responded_at is not None:
        earlier = {"response": row.response, "respondedAt": row.responded_at.isoformat()}
        row.earlier_responses = [*row.earlier_responses, earlier]
    row.response, row.responded_at, row.responded_by = None, None, None


async def respond_to_evaluation(
    act: Act, row_id: UUID, *, expected_version: int, response: str
) -> Evaluation:
    """The supplier's word, in time; it is published with the evaluation."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_respond, row)
    TRANSITIONS.after("respond", row.state)
    rules.check_response_open(row.response_due_at, act.now)
    said = rules.check_report(response, field="response")
    act.move(row, TRANSITIONS, "respond")
    row.response, row.responded_at = said, act.now
    row.responded_by = act.actor.account_id
    act.record("evaluation.responded", row)
    return row


async def redraft_evaluation(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """The supplier is right: scores and report are changed, with a reason, and it answers anew."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_redraft, row)
    TRANSITIONS.after("redraft", row.state)
    said = check_reason(reason, impersonal=True)
    act.move(row, TRANSITIONS, "redraft")
    row.state_reason = said
    act.record("evaluation.redrafted", row)
    return row


async def finalize_evaluation(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """Total and grade, reckoned by the scheme's revision (INV-29). ResponsePending before that."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_finalize, row)
    TRANSITIONS.after("finalize", row.state)
    rules.check_response_over(row.responded_at, row.response_due_at, act.now)
    await check_independent(act, row.evaluator_id, row.supplier_id, row.area_code)
    outcome = await reckoned(act, row)
    scheme = await act.session.get_one(EvaluationScheme, row.scheme_id)
    act.move(row, TRANSITIONS, "finalize")
    row.total, row.body_scores = outcome.total, outcome.by_body
    row.grade, row.effect = outcome.grade, outcome.effect
    row.scheme_version = f"{scheme.code}/{scheme.revision}"
    row.finalized_at, row.finalized_by = act.now, act.actor.account_id
    row.state_reason = reason
    act.record(
        "evaluation.finalized",
        row,
        grade=outcome.grade,
        total=outcome.total,
        rule=row.scheme_version,
    )
    return row


async def publish_evaluation(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """A second person releases it to everybody; its grade holds for next year's purchases."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_publish, row)
    act.move(row, TRANSITIONS, "publish")
    row.published_at, row.published_by = act.now, act.actor.account_id
    row.state_reason = reason
    assert row.grade is not None
    assert row.effect is not None
    await put_standing(act, row, grade=row.grade.value, effect=row.effect)
    act.record("evaluation.published", row, grade=row.grade, effect=row.effect)
    return row


async def put_standing(act: Act, row: Evaluation, *, grade: str, effect: StandingEffect) -> None:
    """What the grade means with this buyer in the calendar year after its publication."""
    assert row.published_at is not None
    await record_standing(
        act,
        supplier_id=row.supplier_id,
        buyer_id=row.buyer_id,
        year=row.published_at.astimezone(SHANGHAI).year + 1,
        effect=effect,
        grade=grade,
        source=row,
    )


async def tell_responses_over(session: AsyncSession, now: datetime) -> int:
    """The clock: a response period that is over is told of, once."""
    act = Act(session, system(now))
    rows = await queries.take_responses_over(session, now, AT_ONCE)
    for row in rows:
        row.response_told_at = now
        row.version += 1
        act.record("evaluation.response_over", row)
    return len(rows)
