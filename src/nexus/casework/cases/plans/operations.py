"""Writing a plan, its approval by the lead, its goals, and looking at it again."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import delete

from nexus.accounts import policy as accounts
from nexus.accounts.model import Account
from nexus.acting import Act, Role
from nexus.casework import policy as casework
from nexus.casework.cases import model, policy, queries, rules
from nexus.casework.cases.model import Case, CasePlan, CaseState, PlanState
from nexus.casework.cases.operations import approve_alone, date_review, move
from nexus.casework.cases.rules import GoalText
from nexus.casework.model import Station
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason, check_text


def _check_stage(row: Case) -> None:
    """Plans are made in planning and intervention."""
    model.TRANSITIONS.after("plan", row.state)


async def create_plan(
    act: Act, *, case_id: UUID, summary: str, goals: Sequence[GoalText]
) -> CasePlan:
    """The next version, as a draft; one at a time. Goals may go on from the approved version."""
    file = await queries.take(act, case_id)
    act.permit(policy.may_plan, file)
    _check_stage(file)
    pending = await queries.plan_in(act.session, file.id, PlanState.DRAFT, PlanState.SUBMITTED)
    if pending is not None:
        raise GuardFailed(
            f"Version {pending.number} of the plan is {pending.state.value}: finish that one.",
            number=pending.number,
        )
    row = CasePlan(
        case_id=file.id,
        number=1 + await queries.last_number(act.session, file.id),
        summary=check_text(summary, field="summary"),
        state=PlanState.DRAFT,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    await _put_goals(act, file, row, goals)
    act.record("case_plan.created", row, case_id=file.id, number=row.number)
    return row


async def _put_goals(act: Act, file: Case, row: CasePlan, goals: Sequence[GoalText]) -> None:
    kept = rules.check_goals(goals)
    standing = await queries.plan_in(act.session, file.id, PlanState.APPROVED)
    known = (
        {goal.id for goal in await queries.goals_of(act.session, standing.id)} if standing else {}
    )
    for goal in kept:
        if goal.carried_from_id is not None and goal.carried_from_id not in known:
            raise Invalid(
                "A goal goes on from the approved version of this case's plan only.", field="goals"
            )
    await act.session.execute(delete(model.Goal).where(model.Goal.plan_id == row.id))
    act.session.add_all(
        model.Goal(
            case_id=file.id,
            plan_id=row.id,
            position=place,
            text=goal.text,
            measure=goal.measure,
            target_on=goal.target_on,
            carried_from_id=goal.carried_from_id,
        )
        for place, goal in enumerate(kept, start=1)
    )
    await act.session.flush()


async def update_plan(
    act: Act,
    plan_id: UUID,
    *,
    expected_version: int,
    summary: str | None = None,
    goals: Sequence[GoalText] | None = None,
) -> CasePlan:
    """Change a draft; goals are replaced as one."""
    row, file = await queries.take_plan(act, plan_id, expected_version)
    act.permit(policy.may_plan, row)
    model.PLAN_TRANSITIONS.after("update", row.state)
    _check_stage(file)
    if summary is not None:
        row.summary = check_text(summary, field="summary")
    if goals is not None:
        await _put_goals(act, file, row, goals)
    row.version += 1
    act.record("case_plan.updated", row, case_id=file.id)
    return row


async def submit_plan(
    act: Act, plan_id: UUID, *, expected_version: int, reason: str | None = None
) -> CasePlan:
    """The lead is asked to approve it."""
    row, file = await queries.take_plan(act, plan_id, expected_version)
    act.permit(policy.may_plan, row)
    model.PLAN_TRANSITIONS.after("submit", row.state)
    _check_stage(file)
    act.move(row, model.PLAN_TRANSITIONS, "submit")
    row.submitted_at, row.submitted_by = act.now, act.actor.account_id
    row.state_reason = reason
    act.record("case_plan.submitted", row, case_id=file.id)
    return row


async def return_plan(
    act: Act, plan_id: UUID, *, expected_version: int, reason: str | None = None
) -> CasePlan:
    """Back to its draft, and why."""
    row, file = await queries.take_plan(act, plan_id, expected_version)
    act.permit(policy.may_return_plan, row)
    model.PLAN_TRANSITIONS.after("return", row.state)
    said = check_reason(reason)
    act.move(row, model.PLAN_TRANSITIONS, "return")
    row.submitted_at = row.submitted_by = None
    row.state_reason = said
    act.record("case_plan.returned", row, case_id=file.id)
    return row


async def approve_plan(
    act: Act, plan_id: UUID, *, expected_version: int, reason: str | None = None
) -> CasePlan:
    """The lead stands by it; the earlier version is superseded and the review clock starts anew.

    SelfApproved where the lead wrote or submitted it without the explicit right (domain.md 7.8).
    """
    row, file = await queries.take_plan(act, plan_id, expected_version)
    act.permit(policy.may_approve_plan, row)
    model.PLAN_TRANSITIONS.after("approve", row.state)
    _check_stage(file)
    alone = act.actor.account_id in (row.submitted_by, row.created_by)
    said = await approve_alone(act, file, reason) if alone else reason
    earlier = await queries.plan_in(act.session, file.id, PlanState.APPROVED)
    if earlier is not None:
        act.move(earlier, model.PLAN_TRANSITIONS, "supersede")
        await act.session.flush()
        act.record("case_plan.superseded", earlier, case_id=file.id)
    act.move(row, model.PLAN_TRANSITIONS, "approve")
    row.approved_at, row.approved_by = act.now, act.actor.account_id
    row.approved_by_self, row.state_reason = alone, said
    file.plan_version = row.number
    file.version += 1
    if file.state is CaseState.INTERVENTION:
        await date_review(act, file)
        act.record("case.reviewed", file, plan_id=row.id)
    act.record("case_plan.approved", row, case_id=file.id, number=row.number, alone=int(alone))
    if alone:
        act.record("case.self_approved", file, plan_id=row.id)
    return row


async def settle_goal(
    act: Act,
    goal_id: UUID,
    *,
    expected_version: int,
    outcome: model.GoalState,
    reason: str | None = None,
) -> model.Goal:
    """What became of a goal of the approved plan; one dropped or missed needs a reason."""
    found = await act.find(model.Goal, goal_id, visible=policy.goal_visible)
    file = await queries.take(act, found.case_id)
    row = await act.take(
        model.Goal, goal_id, visible=policy.goal_visible, expected_version=expected_version
    )
    act.permit(policy.may_work, row)
    verb = VERBS.get(outcome)
    if verb is None:
        raise Invalid("A goal is settled as ACHIEVED, PARTLY, NOT or DROPPED.", field="outcome")
    model.GOAL_TRANSITIONS.after(verb, row.state)
    plan = await act.session.get_one(CasePlan, row.plan_id)
    if plan.state is not PlanState.APPROVED or file.state not in (
        CaseState.INTERVENTION,
        CaseState.EVALUATION,
    ):
        raise GuardFailed(
            "Goals are settled under an approved plan, during intervention and evaluation.",
            rule="INV-19",
        )
    kept = verb in ("miss", "drop") or bool(reason)
    said = check_reason(reason) if kept else None
    act.move(row, model.GOAL_TRANSITIONS, verb)
    row.state_reason, row.settled_at = said, act.now
    act.record("goal.settled", row, case_id=file.id, outcome=row.state)
    return row


VERBS = {
    model.GoalState.ACHIEVED: "achieve",
    model.GoalState.PARTLY: "achieve_partly",
    model.GoalState.NOT: "miss",
    model.GoalState.DROPPED: "drop",
}


async def review_plan(
    act: Act,
    case_id: UUID,
    *,
    expected_version: int,
    outcome: model.ReviewOutcome,
    remarks: str,
) -> Case:
    """Somebody looked at the approved plan again: the clock starts anew (domain.md 10)."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_review, row)
    model.TRANSITIONS.after("review", row.state)
    said = check_text(remarks, field="remarks")
    plan = await queries.plan_in(act.session, row.id, PlanState.APPROVED)
    if plan is None:
        raise rules.PlanNotApproved("No plan of this case is approved.", rule="MZ/T 094-2017")
    act.session.add(
        model.PlanReview(
            case_id=row.id,
            plan_id=plan.id,
            outcome=outcome,
            remarks=said,
            due_at=row.review_due_at,
            reviewed_at=act.now,
            reviewed_by=act.actor.account_id,
        )
    )
    await date_review(act, row)
    return await move(act, row, "review", "case.reviewed", outcome=outcome)


async def grant_self_approval(
    act: Act,
    *,
    station_id: UUID,
    account_id: UUID,
    valid_from: date,
    valid_to: date,
    reason: str | None = None,
) -> model.SelfApproval:
    """A lead may approve their own work at a station for a time: who, why, until when (INV-22)."""
    station = await act.find(Station, station_id, visible=casework.visible)
    act.permit(policy.may_grant, station)
    said = check_reason(reason, impersonal=True)
    account = await act.find(Account, account_id, visible=accounts.visible)
    if account.role is not Role.STATION_LEAD:
        raise Invalid("Only a STATION_LEAD approves cases: name one.", field="accountId")
    if valid_to <= valid_from:
        raise Invalid(f"validTo lies after validFrom {valid_from}.", field="validTo")
    row = model.SelfApproval(
        account_id=account.id,
        station_id=station.id,
        reason=said,
        valid_from=valid_from,
        valid_to=valid_to,
        granted_at=act.now,
        granted_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("self_approval.granted", row, station_id=station.id, account_id=account.id)
    return row


async def revoke_self_approval(
    act: Act, right_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.SelfApproval:
    """From now on others approve again."""
    row = await act.take(
        model.SelfApproval,
        right_id,
        visible=policy.grant_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_revoke, row)
    if row.revoked_at is not None:
        raise GuardFailed("This right is revoked already.")
    row.revoked_at = act.now
    row.version += 1
    act.record("self_approval.revoked", row, station_id=row.station_id)
    return row
