"""Coming and going: pairs of check-in and check-out, and the records they become."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Role, system
from nexus.areas.queries import resolve_area
from nexus.core.refusals import GuardFailed, Invalid
from nexus.volunteering import policy as volunteers_policy
from nexus.volunteering.hours import model, policy, queries, rules
from nexus.volunteering.hours.model import CheckIn, HoursSource, RecordState, ServiceRecord
from nexus.volunteering.model import Volunteer
from nexus.volunteering.queries import own_volunteer
from nexus.volunteering.tasks.model import (
    SIGNUP_TRANSITIONS,
    CheckInMode,
    Signup,
    SignupState,
    TaskState,
    VolunteerTask,
)
from nexus.volunteering.tasks.queries import redeem_attendance_code, share_task

TOWN = 9
"""Characters of a town's code."""
OPEN_TO_COME = (TaskState.PUBLISHED, TaskState.RECRUITING, TaskState.IN_PROGRESS)


async def check_in(
    act: Act,
    task_id: UUID,
    *,
    volunteer_id: UUID | None = None,
    code: str | None = None,
    area: str | None = None,
) -> CheckIn:
    """A volunteer has come. By the code of this minute, by the organization's hand, or by place.

    A volunteer names nobody; the organization names whom it ticks off. TooManyPairs (INV-32);
    HoursOverlap where the volunteer has not checked out elsewhere (INV-31).
    """
    task = await share_task(act, task_id)
    act.permit(policy.may_check_in, task)
    if task.state not in OPEN_TO_COME:
        raise _not_open(task)
    who = await whom(act, volunteer_id)
    source, town = await _proof(act, task, code=code, area=area, way="in")
    await queries.lock_volunteer(act.session, who)
    signup = await _signed_up(act, task, who)
    await _check_free(act, who)
    today: date = act.actor.today()
    row = CheckIn(
        id=act.row_id,
        task_id=task.id,
        volunteer_id=who,
        signup_id=signup.id,
        organization_id=task.organization_id,
        area_code=task.area_code,
        day_on=today,
        pair=rules.check_pairs(await queries.pairs_of(act.session, task.id, who, today)),
        checked_in_at=act.now,
        in_source=source,
        in_area_code=town,
        checked_in_by=act.actor.account_id,
        state=model.CheckInState.OPEN,
    )
    act.session.add(row)
    _attended(act, signup)
    await act.session.flush()
    act.record("check_in.opened", row, **about(row), source=source, pair=row.pair)
    return row


async def check_out(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    code: str | None = None,
    area: str | None = None,
) -> CheckIn:
    """The volunteer goes: the minutes since the check-in are recorded and judged, day by day.

    HoursOverlap where another record has the time (INV-31): then nothing is changed.
    """
    row = await act.take(CheckIn, row_id, visible=policy.visible, expected_version=expected_version)
    act.permit(policy.may_check_out, row)
    model.CHECK_IN_TRANSITIONS.after("check_out", row.state)
    task = await share_task(act, row.task_id)
    source, town = await _proof(act, task, code=code, area=area, way="out")
    if act.now <= row.checked_in_at:
        raise Invalid("One cannot go before one has come.", field="id")
    await queries.lock_volunteer(act.session, row.volunteer_id)
    act.move(row, model.CHECK_IN_TRANSITIONS, "check_out")
    row.checked_out_at, row.out_source = act.now, source
    row.out_area_code, row.checked_out_by = town, act.actor.account_id
    act.record("check_in.closed", row, **about(row), source=source)
    known = HoursSource.SELF_LOCATION
    record_source = known if known in (row.in_source, source) else row.in_source
    for stretch in rules.by_day(row.checked_in_at, act.now):
        record = await write_record(
            act, task, row.volunteer_id, stretch, source=record_source, check_in_id=row.id
        )
        await judge(act, record)
    return row


async def lapse_check_ins(session: AsyncSession, now: datetime, *, limit: int = 500) -> int:
    """End pairs that nobody ended: they give no minutes; how many. The caller commits."""
    act = Act(session, system(now))
    forgotten = await queries.take_forgotten(session, now, limit)
    for row, _task in forgotten:
        act.move(row, model.CHECK_IN_TRANSITIONS, "lapse")
        act.record("check_in.lapsed", row, **about(row))
    return len(forgotten)


def about(row: CheckIn | ServiceRecord) -> dict[str, Any]:
    return {
        "task_id": row.task_id,
        "volunteer_id": row.volunteer_id,
        "organization_id": row.organization_id,
    }


def _not_open(task: VolunteerTask) -> GuardFailed:
    return GuardFailed(
        f"The task is {task.state.value}: hours are kept for one that is published and not over.",
        rule="INV-19",
        state=task.state.name,
    )


async def whom(act: Act, volunteer_id: UUID | None) -> UUID:
    """Who comes: the volunteer themselves, or whom the organization names."""
    if act.actor.role is Role.VOLUNTEER and volunteer_id is None:
        return (await own_volunteer(act)).id
    if volunteer_id is None:
        raise Invalid("Say who it is: volunteerId is missing.", field="volunteerId")
    return (await act.find(Volunteer, volunteer_id, visible=volunteers_policy.visible)).id


async def _proof(
    act: Act, task: VolunteerTask, *, code: str | None, area: str | None, way: str
) -> tuple[HoursSource, str | None]:
    """How the moment is known, and of a place its town only."""
    if act.actor.role is not Role.VOLUNTEER:
        return HoursSource.SCAN, None
    match task.check_in_mode:
        case CheckInMode.CODE:
            if code is None:
                raise Invalid("Enter the code that the organizer shows.", field="code")
            await redeem_attendance_code(act, task.id, code=code, way=way)
            return HoursSource.CODE, None
        case CheckInMode.SELF_LOCATION:
            return HoursSource.SELF_LOCATION, await _town(act, task, area)
        case CheckInMode.SCAN:
            raise GuardFailed(
                "At this task the organizer ticks you off: show them your number.",
                rule="attendance.mode",
                mode=task.check_in_mode.name,
            )


async def _town(act: Act, task: VolunteerTask, area: str | None) -> str:
    """The town of somebody who says where they are; no finer place is kept."""
    if area is None:
        raise Invalid("Say in which town you are: area is missing.", field="area")
    town = (await resolve_area(act.session, area))[:TOWN]
    if not (town.startswith(task.area_code) or task.area_code.startswith(town)):
        raise GuardFailed(
            "You are not where the task is: check in there, or have the time entered afterwards.",
            rule="attendance.place",
            field="area",
        )
    return town


async def _signed_up(act: Act, task: VolunteerTask, volunteer_id: UUID) -> Signup:
    """The sign-up that the volunteer comes for now."""
    signup = await queries.signup_at(act.session, task.id, volunteer_id, act.now)
    if signup is None:
        raise GuardFailed(
            "There is no confirmed sign-up of this volunteer for the task: sign up first.",
            rule="signed_up",
        )
    period: Any = signup.period
    rules.check_coming(act.now, period.lower, period.upper)
    return signup


def _attended(act: Act, signup: Signup) -> None:
    """Who has checked in has come."""
    if signup.state is not SignupState.CONFIRMED:
        return
    act.move(signup, SIGNUP_TRANSITIONS, "attend")
    signup.decided_at, signup.decided_by = act.now, act.actor.account_id
    act.record(
        "signup.attended",
        signup,
        task_id=signup.task_id,
        position_id=signup.position_id,
        volunteer_id=signup.volunteer_id,
        place=signup.place,
    )


async def _check_free(act: Act, volunteer_id: UUID) -> None:
    open_pair = await queries.open_pair(act.session, volunteer_id)
    if open_pair is not None:
        raise rules.HoursOverlap(
            "The volunteer has checked in and not out: check out there first.",
            rule="INV-31",
            since=open_pair.checked_in_at,
        )


async def write_record(
    act: Act,
    task: VolunteerTask,
    volunteer_id: UUID,
    stretch: rules.Stretch,
    *,
    source: HoursSource,
    minutes: int | None = None,
    row_id: UUID | None = None,
    **fields: Any,
) -> ServiceRecord:
    """Write a record of one day; HoursOverlap where another has the time (INV-31)."""
    row = ServiceRecord(
        no=await act.number("SR", task.area_code),
        volunteer_id=volunteer_id,
        task_id=task.id,
        organization_id=task.organization_id,
        parent_organization_id=task.parent_organization_id,
        area_code=task.area_code,
        source=source,
        day_on=stretch.day_on,
        started_at=stretch.started_at,
        ended_at=stretch.ended_at,
        minutes=rules.check_minutes(stretch, minutes),
        recorded_by=act.actor.account_id,
        state=RecordState.RECORDED,
        created_at=act.now,
        **fields,
    )
    if row_id is not None:
        row.id = row_id
    act.session.add(row)
    try:
        await act.session.flush()
    except IntegrityError as error:
        if "ex_service_record_inv_31_overlap" in str(error.orig):
            raise overlap() from None
        raise
    act.record("service_record.recorded", row, **about(row), minutes=row.minutes, source=source)
    return row


def overlap() -> rules.HoursOverlap:
    """The refusal; it does not say whose record has the time."""
    return rules.HoursOverlap(
        "The volunteer's time is taken there by another record: correct the times, or have the "
        "other record corrected.",
        rule="INV-31",
    )


async def judge(act: Act, row: ServiceRecord) -> None:
    """Move a recorded record on by what its day comes to: it counts, or somebody decides.

    The volunteer is locked, so that two records of a day are judged one after the other.
    """
    tier = await weigh(act, row)
    match tier:
        case model.DayTier.NONE:
            await make_effective(act, row, "confirm")
        case model.DayTier.PARENT:
            act.move(row, model.TRANSITIONS, "ask_parent")
            act.record("service_record.sent_to_parent", row, **about(row), minutes=row.minutes)
        case model.DayTier.PROVINCE:
            ask_province(act, row)
    await act.session.flush()


async def weigh(act: Act, row: ServiceRecord) -> model.DayTier:
    """Count the day with these minutes, and keep figures and versions on the row."""
    await queries.lock_volunteer(act.session, row.volunteer_id)
    figures = await queries.day_figures(act.session, on=row.day_on, area_code=row.area_code)
    others = await queries.counted_minutes(act.session, row.volunteer_id, row.day_on)
    row.day_minutes = others + row.minutes
    row.parent_over, row.province_over = figures.parent_over, figures.province_over
    row.rule = figures.rule
    row.tier = figures.tier(row.day_minutes)
    return row.tier


def ask_province(act: Act, row: ServiceRecord) -> None:
    """The day comes to more than the parent organization may pass."""
    act.move(row, model.TRANSITIONS, "ask_province")
    act.record("service_record.sent_to_province", row, **about(row), minutes=row.minutes)


async def make_effective(act: Act, row: ServiceRecord, verb: str) -> None:
    """From now on the minutes count."""
    act.move(row, model.TRANSITIONS, verb)
    act.record("service_record.effective", row, **about(row), minutes=row.minutes)
