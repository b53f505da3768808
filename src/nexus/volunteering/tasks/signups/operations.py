"""Sign-ups. A slot that comes free goes to the first who waits, in the same transaction (INV-30).

Positions are locked before sign-ups; the database counts the slots and refuses overlaps (INV-31).
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import Range

from nexus.acting import Act, Role
from nexus.core.refusals import CapacityExhausted, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.volunteering import policy as volunteer_policy
from nexus.volunteering.model import Volunteer, VolunteerState
from nexus.volunteering.queries import (
    enter_on_roster,
    has_guardian,
    is_blocked,
    own_volunteer,
)
from nexus.volunteering.rules import check_remark, is_minor
from nexus.volunteering.tasks import model, policy, queries, rules
from nexus.volunteering.tasks.model import Signup, SignupState, TaskPosition, TaskState

_STATES = model.SIGNUP_TRANSITIONS
RECRUITS = (TaskState.RECRUITING, TaskState.IN_PROGRESS)
"""States in which a position that has not begun may be signed up for."""


async def sign_up(
    act: Act, position_id: UUID, *, volunteer_id: UUID | None = None, may_wait: bool = True
) -> Signup:
    """Confirmed while there are slots, else waiting in order; or applied, where the task decides.

    A volunteer signs up themselves, an organizer somebody of its roster for its own tasks.
    VolunteerBusy (INV-31); CapacityExhausted where it is full and nobody wishes to wait.
    """
    position = await act.find(TaskPosition, position_id, visible=policy.position_visible)
    task = await queries.share_task(act, position.task_id)
    act.permit(policy.may_sign_up, task)
    who = await _who(act, volunteer_id)
    position = await queries.take_position(act.session, position_id)
    (volunteer,) = (await queries.take_volunteers(act.session, [who])).values()
    _check_open(act, task, position)
    await _check_fit(act, task, position, volunteer)
    if await queries.has_live(act.session, position.id, volunteer.id):
        raise GuardFailed(
            "The volunteer has signed up for this position already.", rule="signups.once"
        )
    period = Range(position.starts_at, position.ends_at)
    if await queries.is_busy(act.session, volunteer.id, period):
        raise rules.busy()
    row = Signup(
        id=act.row_id,
        task_id=task.id,
        position_id=position.id,
        volunteer_id=volunteer.id,
        period=period,
        state=SignupState.APPLIED,
        version=1,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    _tell(act, "signup.applied", row)
    if not task.by_approval:
        await _settle(act, row, position, may_wait=may_wait)
    act.session.add(row)
    await act.session.flush()
    await enter_on_roster(act, volunteer.id, task.organization_id)
    return row


async def confirm_signup(
    act: Act, signup_id: UUID, *, expected_version: int, reason: str | None = None
) -> Signup:
    """The organizer's yes: confirmed while there are slots, else waiting in order."""
    row, position = await queries.take_signup(act, signup_id, expected_version)
    act.permit(policy.may_decide, row)
    _STATES.after("confirm", row.state)
    task = await act.session.get_one(model.VolunteerTask, row.task_id)
    (volunteer,) = (await queries.take_volunteers(act.session, [row.volunteer_id])).values()
    _check_not_begun(act, position)
    await _check_fit(act, task, position, volunteer)
    if await queries.is_busy(act.session, row.volunteer_id, row.period):
        raise rules.busy()
    row.state_reason = check_remark(reason)
    await _settle(act, row, position, may_wait=True)
    return row


async def decline_signup(
    act: Act, signup_id: UUID, *, expected_version: int, reason: str | None = None
) -> Signup:
    """The organizer's no, with a reason that the volunteer reads."""
    row, _ = await queries.take_signup(act, signup_id, expected_version)
    act.permit(policy.may_decide, row)
    _STATES.after("decline", row.state)
    said = check_reason(reason, impersonal=True)
    _move(act, row, "decline", "signup.declined")
    row.state_reason = said
    return row


async def cancel_signup(
    act: Act, signup_id: UUID, *, expected_version: int, reason: str | None = None
) -> Signup:
    """Until it begins. A slot that comes free goes to the first who waits, at once."""
    row, position = await queries.take_signup(act, signup_id, expected_version)
    act.permit(policy.may_cancel_signup, row)
    _STATES.after("cancel", row.state)
    _check_not_begun(act, position)
    own = act.actor.role is Role.VOLUNTEER
    said = check_remark(reason) if own else check_reason(reason, impersonal=True)
    await cancel(act, row, position, said)
    return row


async def mark_attended(
    act: Act, signup_id: UUID, *, expected_version: int, reason: str | None = None
) -> Signup:
    """They came; from the beginning of the position on."""
    row, position = await queries.take_signup(act, signup_id, expected_version)
    act.permit(policy.may_attend, row)
    _STATES.after("attend", row.state)
    if act.now < position.starts_at:
        raise GuardFailed("It has not begun yet.", rule="signups.begun", starts=position.starts_at)
    _move(act, row, "attend", "signup.attended")
    row.state_reason = check_remark(reason)
    return row


async def mark_no_show(
    act: Act, signup_id: UUID, *, expected_version: int, reason: str | None = None
) -> Signup:
    """They did not come; once the position has ended."""
    row, position = await queries.take_signup(act, signup_id, expected_version)
    act.permit(policy.may_attend, row)
    _STATES.after("miss", row.state)
    if act.now < position.ends_at:
        raise GuardFailed("It has not ended yet.", rule="signups.ended", ends=position.ends_at)
    _move(act, row, "miss", "signup.missed")
    row.state_reason = check_remark(reason)
    return row


# --- For those who hold the locks ---


async def cancel(act: Act, row: Signup, position: TaskPosition, reason: str | None) -> None:
    """Cancel one whose position is locked, and let the next move up."""
    held = row.state in model.TAKING
    _move(act, row, "cancel", "signup.cancelled")
    row.state_reason = reason
    if held:
        await promote(act, position)


def withdraw(act: Act, row: Signup, reason: str) -> None:
    """Cancel one whose task is cancelled, and so nobody moves up."""
    _move(act, row, "cancel", "signup.cancelled")
    row.state_reason = reason


def turn_away(act: Act, row: Signup, reason: str) -> None:
    """Decline who still waits for a task that is over."""
    _move(act, row, "decline", "signup.declined")
    row.state_reason = reason


async def promote(act: Act, position: TaskPosition) -> int:
    """Confirm who waits, in order, while there are slots; how many. The position is locked.

    Who is busy, not active or blocked is passed over and goes on waiting.
    """
    await act.session.flush()
    await act.session.refresh(position, ["taken", "slots"])
    free = position.slots - position.taken
    task = await act.session.get_one(model.VolunteerTask, position.task_id)
    if free <= 0 or act.now >= position.starts_at or task.state not in RECRUITS:
        return 0
    waiting = await queries.waitlist(act.session, position.id)
    # The likely ones together, by id: two positions that promote the same people do not cross.
    await queries.take_volunteers(act.session, [each.volunteer_id for each in waiting[:free]])
    promoted = 0
    for row in waiting:
        if promoted == free:
            break
        if await _may_move_up(act, row, task):
            _move(act, row, "promote", "signup.promoted")
            promoted += 1
            await act.session.flush()
        elif row.passed_over_at is None:
            row.passed_over_at = act.now
            _tell(act, "signup.passed_over", row)
    return promoted


async def release_volunteer(
    act: Act, volunteer_id: UUID, *, organization_id: UUID | None, reason: str
) -> int:
    """Cancel what has not begun of somebody suspended, gone or blocked; how many."""
    found = await queries.open_of_volunteer(act.session, volunteer_id, act.now, organization_id)
    cancelled = 0
    for signup_id, position_id in found:
        position = await queries.take_position(act.session, position_id)
        row = await act.session.get_one(
            Signup, signup_id, with_for_update=True, populate_existing=True
        )
        if row.state in model.OPEN:
            await cancel(act, row, position, reason)
            cancelled += 1
    return cancelled


async def _who(act: Act, volunteer_id: UUID | None) -> UUID:
    if volunteer_id is None and act.actor.role is Role.VOLUNTEER:
        return (await own_volunteer(act)).id
    if volunteer_id is None:
        raise Invalid("Say who comes: give volunteerId.", field="volunteerId")
    found = await act.find(Volunteer, volunteer_id, visible=volunteer_policy.visible)
    return found.id


def _check_open(act: Act, task: model.VolunteerTask, position: TaskPosition) -> None:
    if task.state not in RECRUITS or act.now >= task.signup_deadline_at:
        raise GuardFailed(
            "This task takes no sign-ups now.",
            rule="tasks.recruiting",
            state=task.state.name,
            deadline=task.signup_deadline_at,
        )
    _check_not_begun(act, position)


def _check_not_begun(act: Act, position: TaskPosition) -> None:
    if act.now >= position.starts_at:
        raise GuardFailed(
            "It has begun: say whether the volunteer came instead.",
            rule="signups.not_begun",
            starts=position.starts_at,
        )


async def _check_fit(
    act: Act, task: model.VolunteerTask, position: TaskPosition, volunteer: Volunteer
) -> None:
    """Active, welcome, skilled, trained; a minor with a guardian's word for that day."""
    if volunteer.state is not VolunteerState.ACTIVE:
        raise GuardFailed(
            f"The volunteer is {volunteer.state.value}: only who is active signs up.",
            rule="volunteers.active",
            state=volunteer.state.name,
        )
    if await is_blocked(act, volunteer.id, task.organization_id):
        raise GuardFailed(
            "This organization does not take the volunteer: ask it, or help elsewhere.",
            rule="roster.blocked",
        )
    skills = sorted(set(position.skills) - set(volunteer.skills))
    trainings = sorted(set(position.trainings) - set(volunteer.trained))
    if skills or trainings:
        raise GuardFailed(
            "The position asks for skills or trainings that the volunteer lacks.",
            rule="position.skills",
            skills=skills or None,
            trainings=trainings or None,
        )
    if not await _guarded(act, volunteer, position.starts_at):
        raise GuardFailed(
            "They may be under 18 then: a guardian's consent must cover that day.",
            rule="volunteers.guardian",
        )


async def _guarded(act: Act, volunteer: Volunteer, moment: datetime) -> bool:
    day = act.actor.at(moment).today()
    if not is_minor(volunteer.birth_year, day):
        return True
    return await has_guardian(act, volunteer.id, day)


async def _may_move_up(act: Act, row: Signup, task: model.VolunteerTask) -> bool:
    (volunteer,) = (await queries.take_volunteers(act.session, [row.volunteer_id])).values()
    return (
        volunteer.state is VolunteerState.ACTIVE
        and not await is_blocked(act, volunteer.id, task.organization_id)
        and await _guarded(act, volunteer, _start(row))
        and not await queries.is_busy(act.session, volunteer.id, row.period)
    )


def _start(row: Signup) -> datetime:
    assert row.period.lower is not None
    return row.period.lower


async def _settle(act: Act, row: Signup, position: TaskPosition, *, may_wait: bool) -> None:
    """Give it the next place: confirmed if a slot is left and nobody waits before it."""
    free = position.taken < position.slots
    fits = free and not await queries.waits_before(act.session, position.id)
    if not fits and not may_wait:
        raise CapacityExhausted(
            "All slots are taken: wait for one, or take another position.",
            rule="INV-30",
            available=0,
        )
    position.last_place += 1
    row.place = position.last_place
    if fits:
        _move(act, row, "confirm", "signup.confirmed")
    else:
        _move(act, row, "waitlist", "signup.waitlisted")


def _move(act: Act, row: Signup, verb: str, event: str) -> None:
    act.move(row, _STATES, verb)
    row.decided_at, row.decided_by = act.now, act.actor.account_id
    _tell(act, event, row)


def _tell(act: Act, event: str, row: Signup) -> None:
    act.record(
        event,
        row,
        task_id=row.task_id,
        position_id=row.position_id,
        volunteer_id=row.volunteer_id,
        place=row.place,
    )
