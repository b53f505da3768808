"""Time entered by hand and its second person; long days; disputes; corrections with their trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.volunteering.hours import model, policy, queries, rules
from nexus.volunteering.hours.model import DayTier, HoursSource, ServiceRecord
from nexus.volunteering.hours.operations import (
    about,
    ask_province,
    judge,
    make_effective,
    weigh,
    whom,
    write_record,
)
from nexus.volunteering.tasks.model import TaskState, VolunteerTask
from nexus.volunteering.tasks.queries import share_task

OPEN_TO_MAKEUP = (TaskState.IN_PROGRESS, TaskState.ENDED)
MOST_REFERENCE = 200


async def record_hours(
    act: Act,
    task_id: UUID,
    *,
    volunteer_id: UUID | None = None,
    started_at: datetime,
    ended_at: datetime,
    minutes: int | None = None,
    reason: str | None,
    evidence: object = None,
) -> ServiceRecord:
    """Time that nobody checked in, entered within 30 days (补录). A second person confirms it."""
    task = await _task(act, task_id, policy.may_record)
    who = await whom(act, volunteer_id)
    stretch = rules.check_stretch(started_at, ended_at, act.now)
    said = check_reason(reason, impersonal=True)
    days = await queries.makeup_days(act.session, on=act.actor.today(), area_code=task.area_code)
    rules.check_makeup(stretch, task.starts_at, task.ends_at, today=act.actor.today(), days=days)
    await _check_signed_up(act, task, who, stretch)
    return await write_record(
        act,
        task,
        who,
        stretch,
        source=HoursSource.MANUAL_MAKEUP,
        minutes=minutes,
        row_id=act.row_id,
        state_reason=said,
        evidence=rules.check_evidence(evidence),
    )


async def import_hours(
    act: Act,
    task_id: UUID,
    *,
    volunteer_id: UUID,
    started_at: datetime,
    ended_at: datetime,
    minutes: int | None = None,
    external_ref: str,
    evidence: object = None,
) -> ServiceRecord:
    """Time kept in another system, under that system's key. A second person confirms it.

    The same key with the same time again gives the record that there is (INV-40).
    """
    task = await _task(act, task_id, policy.may_import)
    who = await whom(act, volunteer_id)
    reference = external_ref.strip()
    if not 0 < len(reference) <= MOST_REFERENCE:
        raise Invalid(f"externalRef has 1 to {MOST_REFERENCE} characters.", field="externalRef")
    stretch = rules.check_stretch(started_at, ended_at, act.now)
    known = await queries.by_reference(act.session, task.organization_id, reference)
    if known is not None:
        return _same(known, task, who, stretch, rules.check_minutes(stretch, minutes))
    await _check_signed_up(act, task, who, stretch)
    return await write_record(
        act,
        task,
        who,
        stretch,
        source=HoursSource.IMPORT,
        minutes=minutes,
        row_id=act.row_id,
        external_ref=reference,
        evidence=rules.check_evidence(evidence),
    )


def _same(
    known: ServiceRecord, task: VolunteerTask, who: UUID, stretch: rules.Stretch, minutes: int
) -> ServiceRecord:
    given = (task.id, who, stretch.started_at, stretch.ended_at, minutes)
    kept = (known.task_id, known.volunteer_id, known.started_at, known.ended_at, known.minutes)
    if given != kept:
        raise GuardFailed(
            f"Record {known.no} has this externalRef and says something else: correct that one.",
            rule="INV-40",
            field="externalRef",
            no=known.no,
        )
    return known


async def _task(act: Act, task_id: UUID, may: Any) -> VolunteerTask:
    task = await share_task(act, task_id)
    act.permit(may, task)
    if task.state not in OPEN_TO_MAKEUP:
        raise GuardFailed(
            f"The task is {task.state.value}: time is entered while it runs, and after its end "
            "until its hours are confirmed.",
            rule="INV-19",
            state=task.state.name,
        )
    return task


async def _check_signed_up(
    act: Act, task: VolunteerTask, volunteer_id: UUID, stretch: rules.Stretch
) -> None:
    signup = await queries.signup_at(
        act.session, task.id, volunteer_id, stretch.started_at, late=True
    )
    if signup is None:
        raise GuardFailed(
            "There is no confirmed sign-up of this volunteer for the task.", rule="signed_up"
        )


async def _take(act: Act, row_id: UUID, expected_version: int, may: Any) -> ServiceRecord:
    row = await act.take(
        ServiceRecord, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(may, row)
    return row


def _decided(act: Act, row: ServiceRecord) -> None:
    row.decided_at, row.decided_by = act.now, act.actor.account_id


async def confirm_hours(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> ServiceRecord:
    """The second person of time entered by hand: it counts now, or goes to who decides on its day.

    INV-32: never who recorded it.
    """
    row = await _take(act, row_id, expected_version, policy.may_confirm)
    model.TRANSITIONS.after("confirm", row.state)
    _decided(act, row)
    await judge(act, row)
    return row


async def approve_hours(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> ServiceRecord:
    """The parent organization passes a day over eight hours.

    Where the day has come to more than twelve by now, it goes to the province instead.
    """
    row = await _take(act, row_id, expected_version, policy.may_approve)
    model.TRANSITIONS.after("approve", row.state)
    if await weigh(act, row) is DayTier.PROVINCE:
        ask_province(act, row)
        return row
    _decided(act, row)
    await make_effective(act, row, "approve")
    return row


async def approve_long_day(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> ServiceRecord:
    """The competent body of the province passes a day over twelve hours, and says why."""
    row = await _take(act, row_id, expected_version, policy.may_approve_long_day)
    model.TRANSITIONS.after("approve_long_day", row.state)
    row.state_reason = check_reason(reason, impersonal=True)
    await weigh(act, row)
    _decided(act, row)
    await make_effective(act, row, "approve_long_day")
    return row


async def reject_hours(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> ServiceRecord:
    """The minutes do not count, for a reason the volunteer reads."""
    row = await _take(act, row_id, expected_version, policy.may_reject)
    model.TRANSITIONS.after("reject", row.state)
    row.state_reason = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "reject")
    _decided(act, row)
    row.closed_at = act.now
    act.record("service_record.rejected", row, **about(row))
    return row


async def dispute_hours(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> ServiceRecord:
    """Somebody says that the record is not right. It counts until that is settled."""
    row = await _take(act, row_id, expected_version, policy.may_dispute)
    model.TRANSITIONS.after("dispute", row.state)
    row.state_reason = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "dispute")
    row.disputed_by = act.actor.account_id
    act.record("service_record.disputed", row, **about(row))
    return row


async def uphold_hours(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> ServiceRecord:
    """It was looked into, and the record is right. Not by who disputed it."""
    row = await _take(act, row_id, expected_version, policy.may_uphold)
    model.TRANSITIONS.after("uphold", row.state)
    row.state_reason = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "uphold")
    act.record("service_record.upheld", row, **about(row))
    return row


async def revoke_hours(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> ServiceRecord:
    """The minutes never should have counted. Certificates that show them are revoked (INV-33)."""
    row = await _take(act, row_id, expected_version, policy.may_revoke)
    model.TRANSITIONS.after("revoke", row.state)
    row.state_reason = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "revoke")
    row.closed_at = act.now
    act.record("service_record.revoked", row, **about(row), minutes=row.minutes)
    return row


async def correct_hours(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    started_at: datetime,
    ended_at: datetime,
    minutes: int | None = None,
    reason: str | None,
) -> ServiceRecord:
    """Put a new record in the place of a wrong one, which stays to be read (INV-21).

    A second person confirms the new one. More minutes than before only within 30 days.
    """
    old = await _take(act, row_id, expected_version, policy.may_correct)
    model.TRANSITIONS.after("correct", old.state)
    said = check_reason(reason, impersonal=True)
    task = await act.session.get_one(VolunteerTask, old.task_id)
    stretch = rules.check_stretch(started_at, ended_at, act.now)
    given = rules.check_minutes(stretch, minutes)
    today = act.actor.today()
    days = await queries.makeup_days(act.session, on=today, area_code=old.area_code)
    rules.check_makeup(
        stretch,
        min(task.starts_at, old.started_at),
        max(task.ends_at, old.ended_at),
        today=today if given > old.minutes else stretch.day_on,
        days=days,
    )
    await queries.lock_volunteer(act.session, old.volunteer_id)
    act.move(old, model.TRANSITIONS, "correct")
    old.state_reason, old.closed_at = said, act.now
    act.record("service_record.corrected", old, **about(old), by_id=act.row_id)
    await act.session.flush()
    return await write_record(
        act,
        task,
        old.volunteer_id,
        stretch,
        source=HoursSource.MANUAL_MAKEUP,
        minutes=given,
        row_id=act.row_id,
        corrects_id=old.id,
        state_reason=said,
    )
