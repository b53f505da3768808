"""Opening a case and moving it from stage to stage, with a trail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.accounts import policy as accounts
from nexus.accounts.model import Account, AccountState
from nexus.acting import Act, Role, system
from nexus.areas.queries import due_after, parameter
from nexus.casework.assessments import queries as assessments
from nexus.casework.assessments.operations import is_settled, subject_of
from nexus.casework.assessments.queries import posting
from nexus.casework.cases import model, policy, queries, rules
from nexus.casework.cases.model import Case, CaseState, PlanState
from nexus.casework.editing.operations import apply_edits
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason, check_text
from nexus.recipients.merging.queries import lock_household
from nexus.recipients.model import Household

REVIEW = "case_review_months"


async def create_case(
    act: Act,
    *,
    household_id: UUID,
    recipient_id: UUID | None = None,
    worker_id: UUID | None = None,
    supervisor_id: UUID | None = None,
    case_type: model.CaseType = model.CaseType.INDIVIDUAL,
    opening: str,
) -> Case:
    """A case at intake, owned by a posting of the actor's station (INV-20).

    CaseOpen where the household, or that person, has an open one.
    """
    if not policy.may_create(act.actor):
        raise Forbidden("SOCIAL_WORKER and STATION_LEAD open cases: hand it to one of them.")
    said = check_text(opening, field="opening")
    home, person = await subject_of(act, household_id, recipient_id)
    worker, station = await posting(act, worker_id)
    supervisor = await _supervisor(act, supervisor_id)
    await lock_household(act.session, home.id)
    await check_no_other(act, home.id, person.id if person else None)
    row = Case(
        no=await act.number("C", home.area_code),
        household_id=home.id,
        recipient_id=person.id if person else None,
        area_code=home.area_code,
        station_id=station.id,
        worker_id=worker.id,
        supervisor_id=supervisor,
        case_type=case_type,
        opening=said,
        state=CaseState.INTAKE,
        stage_at=act.now,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    await step(act, row, "create", None)
    act.record("case.created", row, household_id=home.id, station_id=station.id)
    return row


async def check_no_other(
    act: Act, household_id: UUID, recipient_id: UUID | None, *, but: UUID | None = None
) -> None:
    """CaseOpen where the subject has another open case. Lock the household before."""
    other = await queries.open_case(act.session, household_id, recipient_id, but=but)
    if other is not None:
        raise rules.CaseOpen(
            f"Case {other.no} of the same household or person is {other.state.value}: go on with "
            "that one.",
            field="householdId",
            no=other.no,
        )


async def _supervisor(act: Act, account_id: UUID | None) -> UUID | None:
    if account_id is None:
        return act.actor.account_id if act.actor.role is Role.STATION_LEAD else None
    account = await act.find(Account, account_id, visible=accounts.visible)
    if account.role is not Role.STATION_LEAD or account.state is not AccountState.ACTIVE:
        raise Invalid("The supervisor is an active STATION_LEAD: name one.", field="supervisorId")
    return account.id


async def step(
    act: Act,
    row: Case,
    verb: str,
    before: CaseState | None,
    reason: str | None = None,
    close_reason: model.CaseCloseReason | None = None,
) -> None:
    """Keep the move in the trail."""
    act.session.add(
        model.CaseStep(
            case_id=row.id,
            position=await queries.next_step(act.session, row.id),
            verb=verb,
            from_state=before,
            to_state=row.state,
            reason=reason,
            close_reason=close_reason or row.close_reason,
            by_id=act.actor.account_id,
            happened_at=act.now,
        )
    )
    await act.session.flush()


async def move(
    act: Act, row: Case, verb: str, event: str, *, reason: str | None = None, **facts: Any
) -> Case:
    """The stage moves, the trail and the history know. Guards come before."""
    before = row.state
    act.move(row, model.TRANSITIONS, verb)
    if row.state is not before or reason:
        row.state_reason = reason
    row.stage_at = act.now if row.state is not before else row.stage_at
    await step(act, row, verb, before, reason, facts.get("close_reason"))
    act.record(event, row, state=row.state, **facts)
    return row


async def update_case(
    act: Act,
    case_id: UUID,
    *,
    expected_version: int,
    changes: Mapping[str, Any],
    happened_at: datetime | None = None,
) -> Case:
    """Change what is given; a late value of a field that moved on stands beside the other."""
    row = await queries.take(act, case_id)
    act.permit(policy.may_update, row)
    model.TRANSITIONS.after("update", row.state)
    checked = dict(changes)
    if "opening" in checked:
        checked["opening"] = check_text(checked["opening"], field="opening")
    await apply_edits(
        act, row, expected_version=expected_version, changes=checked, made_at=happened_at
    )
    act.record("case.updated", row)
    return row


async def assign_case(
    act: Act,
    case_id: UUID,
    *,
    expected_version: int,
    worker_id: UUID,
    supervisor_id: UUID | None = None,
    reason: str | None = None,
) -> Case:
    """Another posting owns the case from now on; it may be at another station of the lead."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_assign, row)
    model.TRANSITIONS.after("assign", row.state)
    said = check_reason(reason) if reason else None
    worker, station = await posting(act, worker_id)
    if supervisor_id is not None:
        row.supervisor_id = await _supervisor(act, supervisor_id)
    facts = {"worker_id": worker.id, "from_worker_id": row.worker_id}
    row.worker_id, row.station_id = worker.id, station.id
    row.handover_told_at = None
    return await move(act, row, "assign", "case.assigned", reason=said, **facts)


async def begin_assessment(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """Taken on: what the household lives with is assessed next."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_begin, row)
    return await move(act, row, "begin_assessment", "case.assessment_begun", reason=reason)


async def reject_case(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """Not taken on, and why: there is another way, or nothing to do."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_reject, row)
    model.TRANSITIONS.after("reject", row.state)
    return await move(act, row, "reject", "case.rejected", reason=check_reason(reason))


async def begin_planning(
    act: Act, case_id: UUID, *, expected_version: int, assessment_id: UUID
) -> Case:
    """By a settled assessment of the case's household; its tier becomes the case's (7.8)."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_begin, row)
    model.TRANSITIONS.after("begin_planning", row.state)
    found = await assessments.take(act, assessment_id)
    if not await queries.same_home(act.session, found.household_id, row.household_id):
        raise Invalid("That assessment is of another household.", field="assessmentId")
    if not is_settled(found):
        raise rules.NotAssessed(
            f"Assessment {found.no} is {found.state.value}"
            f"{' and waits for its countersignature' if found.countersign_needed else ''}: "
            "planning needs one that is completed and, above the threshold, countersigned.",
            field="assessmentId",
            rule="MZ/T 094-2017",
        )
    row.assessment_id, row.risk_tier = found.id, found.risk_tier
    return await move(act, row, "begin_planning", "case.planning_begun", tier=found.risk_tier)


async def begin_intervention(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """By an approved plan; its review clock runs from here."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_begin, row)
    model.TRANSITIONS.after("begin_intervention", row.state)
    if await queries.plan_in(act.session, row.id, PlanState.APPROVED) is None:
        raise rules.PlanNotApproved(
            "No plan of this case is approved: submit one, and have the lead approve it.",
            rule="MZ/T 094-2017",
        )
    await date_review(act, row)
    return await move(act, row, "begin_intervention", "case.intervention_begun", reason=reason)


async def date_review(act: Act, row: Case) -> None:
    """The plan is to be looked at again, three months from now by the figure in force."""
    due = await due_after(act.session, REVIEW, act.now, area_code=row.area_code)
    row.review_due_at, row.review_rule = due.at, due.rule
    row.review_told_at = row.review_overdue_at = None


async def begin_evaluation(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """The work is done as far as it goes: what came of it is evaluated next."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_begin, row)
    return await move(act, row, "begin_evaluation", "case.evaluation_begun", reason=reason)


async def hold_case(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """Interrupted at its stage, and why."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_hold, row)
    model.TRANSITIONS.after("hold", row.state)
    row.held_from = row.state
    return await move(act, row, "hold", "case.held", reason=check_reason(reason))


async def resume_case(
    act: Act, case_id: UUID, *, expected_version: int, reason: str | None = None
) -> Case:
    """Back to the stage it was interrupted in."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_resume, row)
    stage = row.held_from or CaseState.INTAKE
    verb = f"resume_{stage}"
    model.TRANSITIONS.after(verb, row.state)
    row.held_from = None
    return await move(act, row, verb, "case.resumed", reason=reason)


async def refer_out(
    act: Act,
    case_id: UUID,
    *,
    expected_version: int,
    referred_to: str,
    reason: str | None = None,
) -> Case:
    """Somebody else has the case from now on: who, and why."""
    row = await queries.take(act, case_id, expected_version)
    act.permit(policy.may_refer_out, row)
    model.TRANSITIONS.after("refer_out", row.state)
    said = check_reason(reason)
    row.referred_to = check_text(referred_to, field="referredTo")
    row.held_from = None
    return await move(act, row, "refer_out", "case.referred_out", reason=said)


async def follow_household(act: Act, household_id: UUID, area_code: str) -> int:
    """The household moved: its open cases lie where it lives now, and stay with their station."""
    moved = 0
    for row in await queries.take_of_household(act.session, household_id):
        if row.area_code != area_code:
            row.area_code = area_code
            row.version += 1
            act.record("case.moved", row, station_id=row.station_id)
            moved += 1
    return moved


async def follow_person(act: Act, recipient_id: UUID, home: Household) -> int:
    """The person joined another household: their open cases are of that one from here on."""
    rows = await queries.take_of_person(act.session, recipient_id, home.id)
    for row in rows:
        before, row.household_id, row.area_code = row.household_id, home.id, home.area_code
        row.version += 1
        act.record("case.moved", row, household_before=before, household_id=home.id)
    await act.session.flush()
    return len(rows)


async def tell_reviews(session: AsyncSession, now: datetime) -> int:
    """The clock: reviews that come near or are late, and cases whose owner leaves; how many.

    What comes near is put on the worklist by that, each once.
    """
    from_now = Act(session, system(now))
    days = await review_notice_days(session, from_now)
    near = await queries.take_near_review(session, now, days)
    for row in near:
        row.review_told_at = now
        from_now.record("case.review_due", row)
    late = await queries.take_overdue_review(session, now)
    for row in late:
        row.review_overdue_at = now
        from_now.record("case.review_overdue", row)
    leaving = await queries.take_to_hand_over(session, from_now.actor.today(), days)
    for row in leaving:
        row.handover_told_at = now
        from_now.record("case.handover_due", row, worker_id=row.worker_id)
    await session.flush()
    return len(near) + len(late) + len(leaving)


async def review_notice_days(session: AsyncSession, act: Act) -> int:
    """How many days before its time a review is put on the worklist."""
    return (await parameter(session, "case_review_notice_days", on=act.actor.today())).whole


async def approve_alone(act: Act, row: Case, reason: str | None) -> str:
    """The right and reason to approve one's own work at the case's station; SelfApproved else."""
    right = await queries.own_right(act, row.station_id)
    if right is None:
        raise rules.SelfApproved(
            "You wrote this yourself: another lead approves it, or an approver grants you the "
            "right to (grantSelfApproval).",
            rule="INV-18",
        )
    if not (reason or "").strip():
        raise GuardFailed(
            "Approving your own work needs a reason: it is kept, and an alert tells of it.",
            field="reason",
            rule="INV-22",
        )
    return check_reason(reason)
