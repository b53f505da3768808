"""Evaluating a case, asking to close it, the lead's answer, and reopening it."""

from datetime import datetime
from uuid import UUID

from nexus.acting import Act
from nexus.areas.queries import parameter
from nexus.casework.cases import model, policy, queries, rules
from nexus.casework.cases.model import Case, CaseCloseReason
from nexus.casework.cases.operations import approve_alone, check_no_other, date_review, move
from nexus.casework.cases.records.model import CaseEvaluation, EvaluationOutcome
from nexus.casework.cases.records.queries import last_attempts, last_outcome
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason, check_text
from nexus.recipients.merging.queries import lock_household

ATTEMPTS = "case_no_contact_attempts"
FITS = {
    CaseCloseReason.GOAL_MET: (EvaluationOutcome.MET,),
    CaseCloseReason.GOAL_PARTLY_MET: (EvaluationOutcome.MET, EvaluationOutcome.PARTLY_MET),
}
"""Reasons that the evaluation must bear out."""


async def evaluate_case(
    act: Act,
    case_id: UUID,
    *,
    expected_version: int,
    outcome: EvaluationOutcome,
    summary: str,
    client_rating: int | None = None,
    client_words: str | None = None,
) -> Case:
    """What the round came to, once every goal of the plan is settled; again to evaluate anew."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_evaluate, row)
    model.TRANSITIONS.after("evaluate", row.state)
    said = check_text(summary, field="summary")
    if client_rating is not None and not 1 <= client_rating <= 5:
        raise Invalid("clientRating is 1 to 5.", field="clientRating")
    left = await queries.open_goals(act.session, row.id)
    if left:
        raise GuardFailed(
            f"{left} goals of the plan are not settled: say of each what became of it.",
            rule="MZ/T 094-2017",
            open=left,
        )
    act.session.add(
        CaseEvaluation(
            case_id=row.id,
            outcome=outcome,
            summary=said,
            client_rating=client_rating,
            client_words=rules.check_optional(client_words, field="clientWords"),
            evaluated_at=act.now,
            evaluated_by=act.actor.account_id,
        )
    )
    row.evaluated_at = act.now
    _clear_request(row)
    return await move(act, row, "evaluate", "case.evaluated", outcome=outcome)


def _clear_request(row: Case) -> None:
    row.close_reason = row.closing_requested_at = row.closing_requested_by = None
    row.client_told_at = None


async def request_closing(
    act: Act,
    case_id: UUID,
    *,
    expected_version: int,
    close_reason: CaseCloseReason,
    client_told_at: datetime | None = None,
) -> Case:
    """The lead is asked to close it: evaluated, the client told, a reason that holds (7.8)."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_request_closing, row)
    model.TRANSITIONS.after("request_closing", row.state)
    await _check_evaluated(act, row, close_reason)
    told_at = rules.check_told(close_reason, client_told_at, act.now)
    if close_reason is CaseCloseReason.NO_CONTACT:
        least = (await parameter(act.session, ATTEMPTS, on=act.actor.today())).whole
        rules.check_attempts(await last_attempts(act.session, row.id, least), least)
    row.close_reason, row.client_told_at = close_reason, told_at
    row.closing_requested_at, row.closing_requested_by = act.now, act.actor.account_id
    return await move(
        act, row, "request_closing", "case.closing_requested", close_reason=close_reason
    )


async def _check_evaluated(act: Act, row: Case, close_reason: CaseCloseReason) -> None:
    if row.evaluated_at is None:
        raise rules.NotReadyToClose(
            "This round of the case is not evaluated: evaluateCase first.", rule="MZ/T 094-2017"
        )
    outcome = await last_outcome(act.session, row.id)
    if outcome not in FITS.get(close_reason, (outcome,)):
        raise rules.NotReadyToClose(
            f"The evaluation says {outcome}: {close_reason.value} does not fit it. Choose another "
            "reason, or evaluate anew.",
            field="closeReason",
            rule="MZ/T 094-2017",
        )


async def decline_closing(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """The lead does not close it, and says why; the request is gone."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_decline_closing, row)
    model.TRANSITIONS.after("decline_closing", row.state)
    said = check_reason(reason)
    if row.closing_requested_at is None:
        raise GuardFailed("Nobody asked to close this case.")
    _clear_request(row)
    return await move(act, row, "decline_closing", "case.closing_declined", reason=said)


async def close_case(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """The lead approves the closing that somebody asked for; alone only with the right (7.8)."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_close, row)
    model.TRANSITIONS.after("close", row.state)
    if row.closing_requested_by is None:
        raise rules.NotReadyToClose(
            "Nobody asked to close this case: requestClosing says why, and when the client was "
            "told.",
            rule="MZ/T 094-2017",
        )
    alone = row.closing_requested_by == act.actor.account_id
    said = await approve_alone(act, row, reason) if alone else reason
    row.closed_at, row.closed_by, row.closed_by_self = act.now, act.actor.account_id, alone
    row.review_due_at = row.review_told_at = row.review_overdue_at = None
    facts = {"close_reason": row.close_reason, "alone": int(alone)}
    await move(act, row, "close", "case.closed", reason=said, **facts)
    if alone:
        act.record("case.self_approved", row)
    return row


async def reopen_case(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """Work goes on by the plan that stands; the trail keeps how it was closed."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_reopen, row)
    model.TRANSITIONS.after("reopen", row.state)
    said = check_reason(reason)
    await lock_household(act.session, row.household_id)
    await check_no_other(act, row.household_id, row.recipient_id, but=row.id)
    await date_review(act, row)
    earlier = row.close_reason
    _clear_request(row)
    row.evaluated_at = row.closed_at = row.closed_by = None
    row.closed_by_self = False
    return await move(act, row, "reopen", "case.reopened", reason=said, close_reason=earlier)
