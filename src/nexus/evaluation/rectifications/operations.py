"""Opening a rectification, doing it, verifying it; closing the evaluation; the clocks."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import SHANGHAI, Act, system
from nexus.areas.queries import Deadline, due_after
from nexus.core.texts import check_reason
from nexus.evaluation.evaluations import model as evaluated
from nexus.evaluation.evaluations import policy as evaluations_policy
from nexus.evaluation.evaluations import queries as evaluations
from nexus.evaluation.evaluations.model import Evaluation
from nexus.evaluation.rectifications import model, policy, queries, rules
from nexus.evaluation.rectifications.model import Rectification, RectificationState

DUE = "rectification_working_days"
ESCALATION = "rectification_escalation_working_days"
AT_ONCE = 200


async def open_rectification(
    act: Act,
    evaluation_id: UUID,
    *,
    expected_version: int,
    finding: str,
    due_on: date | None = None,
) -> Rectification:
    """What the supplier must put right after a published evaluation, and until which day."""
    made = await evaluations.take(act, evaluation_id, expected_version)
    act.permit(evaluations_policy.may_rectify, made)
    evaluated.TRANSITIONS.after("rectify", made.state)
    said = rules.check_words(finding, field="finding")
    due = await _due(act, made, due_on)
    later = await due_after(act.session, ESCALATION, due.at, area_code=made.area_code)
    row = Rectification(
        id=act.row_id,
        no=await act.number("RT", made.area_code),
        evaluation_id=made.id,
        buyer_id=made.buyer_id,
        supplier_id=made.supplier_id,
        area_code=made.area_code,
        finding=said,
        due_at=due.at,
        due_rule=due.rule,
        escalate_at=later.at,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.move(made, evaluated.TRANSITIONS, "rectify")
    act.record("rectification.opened", row, evaluation_id=made.id, due_at=due.at.isoformat())
    act.record("evaluation.rectifying", made, rectification_id=row.id)
    return row


async def _due(act: Act, made: Evaluation, due_on: date | None) -> Deadline:
    """The end of the named day, or after the working days of the figure."""
    if due_on is None:
        return await due_after(act.session, DUE, act.now, area_code=made.area_code)
    at = datetime.combine(due_on + timedelta(days=1), time(), SHANGHAI)
    rules.check_due(at, act.now)
    return Deadline(at, "set")


async def submit_rectification(
    act: Act, row_id: UUID, *, expected_version: int, action: str
) -> Rectification:
    """What the supplier did; it is late, not lost, after the day."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_submit, row)
    model.TRANSITIONS.after("submit", row.state)
    said = rules.check_words(action, field="action")
    act.move(row, model.TRANSITIONS, "submit")
    row.action, row.submitted_at, row.submitted_by = said, act.now, act.actor.account_id
    act.record("rectification.submitted", row)
    return row


async def send_back_rectification(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Rectification:
    """It is not enough, with a reason; the day stays the same."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_send_back, row)
    said = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "send_back")
    row.state_reason = said
    act.record("rectification.sent_back", row)
    return row


async def verify_rectification(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Rectification:
    """The buyer has seen that it is put right."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_verify, row)
    act.move(row, model.TRANSITIONS, "verify")
    row.verified_at, row.verified_by = act.now, act.actor.account_id
    row.state_reason = reason
    act.record("rectification.verified", row)
    return row


async def close_evaluation(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Evaluation:
    """Nothing is left to put right. RectificationsOpen otherwise."""
    row = await evaluations.take(act, row_id, expected_version)
    act.permit(evaluations_policy.may_close, row)
    evaluated.TRANSITIONS.after("close", row.state)
    found = await queries.of_evaluation(act.session, row.id)
    verified = [no for no, state in found if state is RectificationState.VERIFIED]
    rules.check_settled(
        (no for no, state in found if state is not RectificationState.VERIFIED),
        len(verified),
        row.effect,
    )
    act.move(row, evaluated.TRANSITIONS, "close")
    row.closed_at, row.state_reason = act.now, reason
    act.record("evaluation.closed", row)
    return row


async def follow_up_rectifications(session: AsyncSession, now: datetime) -> int:
    """The clock: what is late is overdue, and after some more days the authority is told."""
    act = Act(session, system(now))
    steps = (
        (RectificationState.OPEN, Rectification.due_at, "turn_overdue", "rectification.overdue"),
        (
            RectificationState.OVERDUE,
            Rectification.escalate_at,
            "escalate",
            "rectification.escalated",
        ),
    )
    moved = 0
    for state, moment, verb, event in steps:
        for row in await queries.take_due(session, state, moment, now, AT_ONCE):
            act.move(row, model.TRANSITIONS, verb)
            act.record(event, row, evaluation_id=row.evaluation_id)
            moved += 1
        await session.flush()
    return moved
