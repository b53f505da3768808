"""Making visits: done, missed, put off, cancelled, checked by a second person."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.areas.queries import parameter, resolve_area
from nexus.casework.cases import policy as cases
from nexus.casework.cases.model import Case
from nexus.casework.editing.operations import apply_edits
from nexus.casework.visits import model, policy, queries, rules
from nexus.casework.visits.changes.operations import tell_change
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.recipients.model import Household

SCHEDULED_FIELDS = frozenset({"kind", "worker_id", "with_worker_id"})
DONE_FIELDS = frozenset({"kind", "minutes", "summary", "findings", "performed_at"})


async def record_visit(
    act: Act,
    told: rules.Told,
    *,
    household_id: UUID,
    station_id: UUID,
    kind: model.VisitKind,
    case_id: UUID | None = None,
) -> model.Visit:
    """A visit that nobody planned, such as one by chance or on call; it was made already."""
    if not policy.may_record(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not record visits: whoever of the station went does."
        )
    home = await queries.find_household(act, household_id)
    station = await queries.check_station(act, station_id)
    if case_id is not None:
        await check_case(act, case_id, household_id)
    day = queries.day_of(rules.check_performed(told.performed_at, act.now), act.actor)
    row = model.Visit(
        id=act.row_id,
        no=await act.number("V", home.area_code),
        household_id=home.id,
        case_id=case_id,
        station_id=station.id,
        worker_id=await queries.posting_of(act, station.id),
        kind=kind,
        window_from=day,
        window_to=day + timedelta(days=1),
        due_on=day,
        findings={},
        version=1,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    await _make(act, row, told, home, {})
    act.session.add(row)
    await act.session.flush()
    act.record("visit.performed", row, planned=False)
    await _tell_on(act, row, told)
    return row


async def perform_visit(
    act: Act,
    visit_id: UUID,
    told: rules.Told,
    *,
    expected_version: int,
    kind: model.VisitKind | None = None,
) -> model.Visit:
    """The planned visit was made, whenever word of it arrives.

    Who was without signal may know an older version: what others changed meanwhile, the window
    or the worker, stays; what was found is entered.
    """
    row = await queries.take_visit(act, visit_id, None)
    act.permit(policy.may_perform, row)
    model.TRANSITIONS.after("perform", row.state)
    home = await queries.find_household(act, row.household_id)
    before = row.version
    changes = {} if kind is None else {"kind": kind}
    await _make(act, row, told, home, changes, expected_version=expected_version)
    row.version = before + 1
    act.record("visit.performed", row, planned=row.plan_id is not None)
    await _tell_on(act, row, told)
    await settle_plan(act, row)
    return row


async def _make(
    act: Act,
    row: model.Visit,
    told: rules.Told,
    home: Household,
    changes: dict[str, Any],
    *,
    expected_version: int | None = None,
) -> None:
    """Enter what a device told into a visit; a planned one's fields by the way of edits."""
    moment = rules.check_performed(told.performed_at, act.now)
    asked = await queries.checklist(act.session, queries.day_of(moment, act.actor))
    findings = rules.check_findings(asked.items if asked else [], told.findings, whole=True)
    changes |= {f"findings.{code}": answer for code, answer in findings.items()}
    changes["minutes"] = rules.check_minutes(told.minutes)
    changes["summary"] = rules.check_text(told.summary, field="summary")
    if told.located_in is not None:
        row.located_in = await resolve_area(act.session, told.located_in)
        row.located_near = rules.is_near(home.area_code, row.located_in)
    share = await parameter(
        act.session,
        "visit_verification_ratio",
        on=act.actor.today(),
        area_code=home.area_code,
    )
    row.state, row.state_reason = model.VisitState.DONE, None
    row.performed_at, row.recorded_at = moment, act.now
    row.performed_by = act.actor.account_id
    row.checklist_id = asked.id if asked else None
    row.danger = told.danger
    row.change_reported = told.change is not None
    row.to_verify = told.danger or rules.is_drawn(row.id, act.now, share.value)
    if expected_version is None:
        row.findings, row.minutes, row.summary = findings, changes["minutes"], changes["summary"]
        return
    given = {name: value for name, value in changes.items() if value is not None}
    await apply_edits(act, row, expected_version=expected_version, changes=given, made_at=moment)


async def _tell_on(act: Act, row: model.Visit, told: rules.Told) -> None:
    """What cannot wait: danger to lead and authority, changes to the authority."""
    if told.danger:
        act.record("visit.danger_flagged", row, danger=True)
    if told.change is not None:
        await tell_change(act, row, told.change, told.performed_at)


async def settle_plan(act: Act, row: model.Visit) -> None:
    """Nothing is open of the plan any more: the clock plans the next window."""
    if row.plan_id is None or row.follow_up:
        return
    plan = await queries.lock_plan(act.session, row.plan_id)
    plan.awaits_window = plan.state is model.VisitPlanState.ACTIVE


async def check_case(act: Act, case_id: UUID, household_id: UUID) -> Case:
    """A case of the household, if the actor sees it. NotFound."""
    case = await act.find(Case, case_id, visible=cases.visible)
    if case.household_id != household_id:
        raise Invalid("This case is about another household.", field="caseId")
    return case


async def update_visit(
    act: Act,
    visit_id: UUID,
    *,
    expected_version: int,
    changes: Mapping[str, Any],
    danger: bool = False,
    happened_at: datetime | None = None,
) -> model.Visit:
    """Only the fields that were changed; where two devices gave one field two values, both stay.

    Of a scheduled visit who goes and how; of one that was made what was found. `danger` may be
    raised later, never taken back: it is answered.
    """
    row = await queries.take_visit(act, visit_id, None)
    act.permit(policy.may_update, row)
    model.TRANSITIONS.after("update", row.state)
    done = row.state is model.VisitState.DONE
    _check_fields(changes, done=done)
    if danger and not done:
        raise GuardFailed("Danger is told with a visit that was made: perform it.", field="danger")
    given = await _checked(act, row, changes)
    before = row.version
    await apply_edits(
        act,
        row,
        expected_version=expected_version,
        changes=given,
        made_at=rules.check_performed(happened_at, act.now) if happened_at else None,
    )
    raised = danger and not row.danger
    if raised:
        row.danger = row.to_verify = True
        row.version = before + 1
    act.record("visit.updated", row, fields=sorted(given))
    if raised:
        act.record("visit.danger_flagged", row, danger=True)
    return row


def _check_fields(changes: Mapping[str, Any], *, done: bool) -> None:
    allowed = DONE_FIELDS if done else SCHEDULED_FIELDS
    strangers = sorted(set(changes) - allowed)
    if strangers:
        state = "was made" if done else "is scheduled"
        raise Invalid(
            f"Of a visit that {state}, {', '.join(strangers)} does not change.",
            field="changes",
            fields=strangers,
        )


async def _checked(act: Act, row: model.Visit, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as fields of the row, each value checked."""
    given = dict(changes)
    if "findings" in given:
        asked = await queries.checklist(act.session, act.actor.today(), row.checklist_id)
        answers = rules.check_findings(
            asked.items if asked else [], given.pop("findings"), whole=False
        )
        given |= {f"findings.{code}": answer for code, answer in answers.items()}
    if "minutes" in given:
        rules.check_minutes(given["minutes"])
    if "summary" in given:
        given["summary"] = rules.check_text(given["summary"], field="summary")
    if "performed_at" in given:
        rules.check_performed(given["performed_at"], act.now)
    for name, shown in (("worker_id", "workerId"), ("with_worker_id", "withWorkerId")):
        if given.get(name) is not None:
            await queries.check_worker(act, given[name], row.station_id, field=shown)
    if given.get("with_worker_id") and given.get("kind", row.kind) is not model.VisitKind.JOINT:
        raise Invalid("Who comes along makes it a joint visit: say kind JOINT.", field="kind")
    return given


async def miss_visit(
    act: Act, visit_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Visit:
    """It did not take place; somebody says what comes of it."""
    row = await queries.take_visit(act, visit_id, expected_version)
    act.permit(policy.may_miss, row)
    act.move(row, model.TRANSITIONS, "miss")
    row.state_reason = check_reason(reason)
    act.record("visit.missed", row)
    return row


async def reschedule_visit(
    act: Act, visit_id: UUID, *, expected_version: int, days: int, reason: str | None = None
) -> model.Visit:
    """A new visit from today, within so many days, in the place of the missed one; the new one."""
    row = await queries.take_visit(act, visit_id, expected_version)
    act.permit(policy.may_reschedule, row)
    model.TRANSITIONS.after("reschedule", row.state)
    if not 1 <= days <= rules.MOST_DAYS:
        raise Invalid(f"days is {days}; it is 1 to {rules.MOST_DAYS}.", field="days")
    home = await queries.find_household(act, row.household_id)
    act.move(row, model.TRANSITIONS, "reschedule")
    row.state_reason = check_reason(reason)
    await act.session.flush()
    today = act.actor.today()
    made = model.Visit(
        id=act.row_id,
        no=await act.number("V", home.area_code),
        household_id=row.household_id,
        plan_id=row.plan_id,
        case_id=row.case_id,
        station_id=row.station_id,
        worker_id=row.worker_id,
        with_worker_id=row.with_worker_id,
        kind=row.kind,
        tier=row.tier,
        follow_up=row.follow_up,
        window_from=today,
        window_to=today + timedelta(days=days + 1),
        due_on=today + timedelta(days=days),
        previous_id=row.id,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(made)
    await act.session.flush()
    act.record("visit.rescheduled", row, visit_id=made.id)
    act.record("visit.scheduled", made, previous_id=row.id)
    return made


async def excuse_visit(
    act: Act, visit_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Visit:
    """There was good reason: the next one is planned from the end of its window."""
    row = await queries.take_visit(act, visit_id, expected_version)
    act.permit(policy.may_excuse, row)
    act.move(row, model.TRANSITIONS, "excuse")
    row.state_reason = check_reason(reason)
    act.record("visit.excused", row)
    await settle_plan(act, row)
    return row


async def cancel_visit(
    act: Act, visit_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Visit:
    """It is not needed; while the plan lasts, the clock plans another."""
    row = await queries.take_visit(act, visit_id, expected_version)
    act.permit(policy.may_cancel, row)
    act.move(row, model.TRANSITIONS, "cancel")
    row.state_reason = check_reason(reason)
    act.record("visit.cancelled", row)
    await settle_plan(act, row)
    return row


async def verify_visit(
    act: Act,
    visit_id: UUID,
    *,
    expected_version: int,
    how: model.VisitCheck,
    reason: str | None = None,
) -> model.Visit:
    """A second person made sure that it took place and what was found."""
    row = await queries.take_visit(act, visit_id, expected_version)
    act.permit(policy.may_verify, row)
    act.move(row, model.TRANSITIONS, "verify")
    row.verified_at, row.verified_by, row.verified_how = act.now, act.actor.account_id, how
    row.state_reason = rules.check_text(reason, field="reason", most=rules.MAX_NOTE)
    act.record("visit.verified", row, how=how.value)
    return row
