"""Proposing an addendum, and releasing or dropping it."""

from collections.abc import Sequence
from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import GuardFailed
from nexus.core.texts import check_reason
from nexus.evaluation.addenda import model, policy, queries, rules
from nexus.evaluation.addenda.model import EvaluationAddendum
from nexus.evaluation.addenda.rules import Correction
from nexus.evaluation.evaluations import queries as evaluations
from nexus.evaluation.evaluations.model import PUBLIC
from nexus.evaluation.evaluations.operations import put_standing
from nexus.evaluation.evaluations.rules import check_report
from nexus.evaluation.schemes.queries import content_of
from nexus.evaluation.schemes.rules import reckon


async def propose_addendum(
    act: Act,
    evaluation_id: UUID,
    *,
    expected_version: int,
    statement: str,
    corrections: Sequence[Correction] = (),
) -> EvaluationAddendum:
    """What was wrong in a published evaluation; total and grade anew by the same scheme."""
    made = await evaluations.take(act, evaluation_id, expected_version)
    act.permit(policy.may_propose, made)
    if made.state not in PUBLIC:
        raise GuardFailed(
            f"The evaluation is {made.state.value}: an addendum corrects a published one.",
            rule="INV-21",
        )
    said = check_report(statement, field="statement")
    if await queries.is_proposed(act.session, made.id):
        raise GuardFailed("An addendum is proposed already: release or drop it first.")
    scores = await queries.standing_scores(act.session, made.id)
    content = await content_of(act.session, made.scheme_id)
    outcome = reckon(content, rules.corrected(scores, corrections))
    row = EvaluationAddendum(
        id=act.row_id,
        evaluation_id=made.id,
        buyer_id=made.buyer_id,
        evaluator_id=made.evaluator_id,
        area_code=made.area_code,
        position=await queries.last_position(act.session, made.id) + 1,
        statement=said,
        corrections=rules.told(scores, corrections),
        total=outcome.total,
        body_scores=outcome.by_body,
        grade=outcome.grade,
        effect=outcome.effect,
        proposed_at=act.now,
        proposed_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("evaluation_addendum.proposed", row, evaluation_id=made.id, grade=row.grade)
    return row


async def release_addendum(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> EvaluationAddendum:
    """A second person releases it: from now on its grade holds for the supplier."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_release, row)
    made = await evaluations.take(act, row.evaluation_id)
    act.move(row, model.TRANSITIONS, "release")
    row.decided_at, row.decided_by = act.now, act.actor.account_id
    row.state_reason = reason
    await put_standing(act, made, grade=row.grade.value, effect=row.effect)
    act.record("evaluation_addendum.released", row, evaluation_id=made.id, grade=row.grade)
    act.record("evaluation.corrected", made, addendum_id=row.id, grade=row.grade)
    return row


async def drop_addendum(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> EvaluationAddendum:
    """It is not released, with a reason."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_drop, row)
    said = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "drop")
    row.decided_at, row.decided_by = act.now, act.actor.account_id
    row.state_reason = said
    act.record("evaluation_addendum.dropped", row)
    return row
