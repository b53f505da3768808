"""Drafting, publishing, running and cancelling tasks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Deed, system
from nexus.areas.queries import check_code, resolve_area
from nexus.casework import policy as station_policy
from nexus.casework.model import Station
from nexus.core.ids import new_id
from nexus.core.refusals import CapacityExhausted, Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization
from nexus.volunteering.queries import check_organizer
from nexus.volunteering.rules import check_remark, check_trainings
from nexus.volunteering.tasks import model, policy, queries, rules
from nexus.volunteering.tasks.model import TaskState, VolunteerTask
from nexus.volunteering.tasks.signups import operations as signups

_STATES = model.TRANSITIONS


@dataclass(frozen=True, kw_only=True)
class TaskTerms:
    """What a task says. Times are moments; `area` is a code or a name."""

    name: str
    category: str
    area: str
    place: str
    starts_at: datetime
    ends_at: datetime
    expected: int
    positions: Sequence[rules.PositionTerms]
    signup_deadline_at: datetime | None = None
    summary: str | None = None
    place_public: bool = True
    insured: bool = False
    by_approval: bool = False
    check_in_mode: model.CheckInMode = model.CheckInMode.CODE
    parent_organization_id: UUID | None = None
    station_id: UUID | None = None
    programme: str | None = None


async def create_task(act: Act, *, terms: TaskTerms) -> VolunteerTask:
    """A draft of the actor's organization, which will record and certify the hours."""
    if not policy.may_create(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not make tasks for volunteers.")
    await check_organizer(act, act.actor.organization_id)
    row = VolunteerTask(
        id=act.row_id,
        organization_id=act.actor.organization_id,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    periods = await _apply(act, row, terms)
    row.no = await act.number("VT", row.area_code)
    act.session.add(row)
    await act.session.flush()
    await _set_positions(act, row, terms.positions, periods)
    act.record("task.created", row, category=row.category)
    return row


async def update_task(
    act: Act, task_id: UUID, *, expected_version: int, terms: TaskTerms
) -> VolunteerTask:
    """Say a draft anew; its positions are replaced."""
    row = await queries.take_task(act, task_id, expected_version)
    act.permit(policy.may_manage, row)
    if row.state is not TaskState.DRAFT:
        raise GuardFailed(
            f"A task in state {row.state.name} cannot be changed: it is what people signed up for.",
            rule="tasks.draft",
            state=row.state.name,
        )
    periods = await _apply(act, row, terms)
    row.version += 1
    await act.session.flush()
    gone = delete(model.TaskPosition).where(model.TaskPosition.task_id == row.id)
    await act.session.execute(gone.execution_options(synchronize_session="fetch"))
    await _set_positions(act, row, terms.positions, periods)
    act.record("task.updated", row)
    return row


async def submit_task(
    act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
) -> VolunteerTask:
    """Ask for publication; the start must still be to come."""
    row = await _take(act, task_id, expected_version, policy.may_manage, "submit")
    _check_ahead(act, row)
    await check_organizer(act, row.organization_id)
    row.submitted_by = act.actor.account_id
    return _moved(act, row, "submit", "task.submitted", reason)


async def return_task(
    act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
) -> VolunteerTask:
    """Back for correction, with a reason; by whoever may publish."""
    row = await _take(act, task_id, expected_version, policy.may_publish, "return")
    said = check_reason(reason)
    row.submitted_by = None
    return _moved(act, row, "return", "task.returned", said)


async def publish_task(
    act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
) -> VolunteerTask:
    """Everybody sees it. Before its start, and not by who made or submitted it (INV-18)."""
    row = await _take(act, task_id, expected_version, policy.may_publish, "publish")
    _check_ahead(act, row)
    await check_organizer(act, row.organization_id)
    row.published_at, row.published_by = act.now, act.actor.account_id
    return _moved(act, row, "publish", "task.published", reason)


async def open_recruitment(
    act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
) -> VolunteerTask:
    """Sign-ups are taken from now until the deadline."""
    row = await _take(act, task_id, expected_version, policy.may_manage, "recruit")
    _check_ahead(act, row)
    return _moved(act, row, "recruit", "task.recruiting", reason)


async def start_task(
    act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
) -> VolunteerTask:
    """It has begun; the clock says so as well."""
    row = await _take(act, task_id, expected_version, policy.may_run, "start")
    if act.now < row.starts_at:
        raise GuardFailed(
            f"It starts at {row.starts_at.isoformat()}: wait until then.", rule="tasks.started"
        )
    return _moved(act, row, "start", "task.started", reason)


async def end_task(
    act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
) -> VolunteerTask:
    """It is over, at its end or earlier; who still waits is declined."""
    row = await _take(act, task_id, expected_version, policy.may_run, "end")
    return await _end(act, row, reason)


async def cancel_task(
    act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
) -> VolunteerTask:
    """Before it starts, with a reason that all who signed up read; their sign-ups end with it."""
    row = await _take(act, task_id, expected_version, policy.may_manage, "cancel")
    said = check_reason(reason, impersonal=True)
    _moved(act, row, "cancel", "task.cancelled", said)
    await queries.positions_of(act.session, row.id, lock=True)
    for each in await queries.open_of_task(act.session, row.id):
        signups.withdraw(act, each, said)
    return row


def _plain(verb: str, event: str) -> Deed:
    async def deed(
        act: Act, task_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> VolunteerTask:
        row = await _take(act, task_id, expected_version, policy.may_manage, verb)
        return _moved(act, row, verb, event, reason)

    return deed


confirm_task_hours = _plain("confirm_hours", "task.hours_confirmed")
"""Its hours stand. Whoever keeps the hours says first that none is open."""
close_task = _plain("close", "task.closed")


async def change_slots(
    act: Act, position_id: UUID, *, expected_version: int, slots: int
) -> VolunteerTask:
    """More slots go to who waits, at once; never fewer than are taken (INV-30)."""
    rules.check_slots(slots)
    seen = await act.find(model.TaskPosition, position_id, visible=policy.position_visible)
    row = await queries.take_task(act, seen.task_id, expected_version)
    act.permit(policy.may_manage, row)
    if row.state in (TaskState.ENDED, TaskState.HOURS_CONFIRMED, *_FINAL):
        raise GuardFailed(
            f"A task in state {row.state.name} needs no slots any more.",
            rule="tasks.live",
            state=row.state.name,
        )
    position = await queries.take_position(act.session, position_id)
    if slots < position.taken:
        raise CapacityExhausted(
            f"{position.taken} are taken: the slots cannot be fewer.",
            field="slots",
            rule="INV-30",
            minimum=position.taken,
        )
    position.slots = slots
    row.version += 1
    act.record("task.slots_changed", row, position_id=position.id, slots=slots)
    await signups.promote(act, position)
    return row


async def turn_tasks(session: AsyncSession, now: datetime) -> int:
    """A clock: start and end what is due, in slices of 200; how many."""
    act = Act(session, system(now))
    begun = await queries.due_to_start(session, now)
    for row in begun:
        _moved(act, row, "start", "task.started", None)
    over = await queries.due_to_end(session, now)
    for row in over:
        await _end(act, row, None)
    return len(begun) + len(over)


_FINAL = (TaskState.CLOSED, TaskState.CANCELLED)


async def _take(
    act: Act,
    task_id: UUID,
    expected_version: int,
    may: Callable[[Any, Any], Any],
    verb: str,
) -> VolunteerTask:
    row = await queries.take_task(act, task_id, expected_version)
    act.permit(may, row)
    _STATES.after(verb, row.state)
    return row


def _moved(
    act: Act, row: VolunteerTask, verb: str, event: str, reason: str | None
) -> VolunteerTask:
    act.move(row, _STATES, verb)
    row.state_reason = check_remark(reason)
    act.record(event, row)
    return row


async def _end(act: Act, row: VolunteerTask, reason: str | None) -> VolunteerTask:
    _moved(act, row, "end", "task.ended", reason)
    await queries.positions_of(act.session, row.id, lock=True)
    for each in await queries.open_of_task(act.session, row.id):
        if each.state is not model.SignupState.CONFIRMED:
            signups.turn_away(act, each, "The task has ended.")
    return row


def _check_ahead(act: Act, row: VolunteerTask) -> None:
    if act.now >= row.starts_at:
        raise GuardFailed(
            "Its start has passed: only work that is to come is published.",
            rule="tasks.not_started",
            starts=row.starts_at,
        )


async def _apply(act: Act, row: VolunteerTask, terms: TaskTerms) -> list[tuple[datetime, datetime]]:
    """Check what it says and put it on the row; the periods of its positions."""
    today = act.actor.today()
    row.name = rules.check_name(terms.name)
    row.summary = rules.check_summary(terms.summary)
    row.place, row.place_public = rules.check_place(terms.place), terms.place_public
    row.signup_deadline_at = rules.check_period(
        terms.starts_at, terms.ends_at, terms.signup_deadline_at, act.now
    )
    row.starts_at, row.ends_at = terms.starts_at, terms.ends_at
    row.check_in_mode = rules.check_mode(terms.check_in_mode, terms.expected)
    row.expected = terms.expected
    row.insured, row.by_approval = terms.insured, terms.by_approval
    await check_code(act.session, "volunteer_category", terms.category, on=today, field="category")
    row.category = terms.category
    row.area_code = await resolve_area(act.session, terms.area)
    programme = terms.programme
    row.programme = rules.check_line(programme, field="programme") if programme else None
    await _check_ties(act, row, terms)
    for position in terms.positions:
        for code in position.skills:
            await check_code(act.session, "volunteer_category", code, on=today, field="skills")
    return rules.check_positions(terms.positions, terms.starts_at, terms.ends_at)


async def _check_ties(act: Act, row: VolunteerTask, terms: TaskTerms) -> None:
    """The station and the parent organization that it names."""
    row.station_id = row.parent_organization_id = None
    if terms.station_id is not None:
        station = await act.find(Station, terms.station_id, visible=station_policy.visible)
        row.station_id = station.id
    if terms.parent_organization_id is not None:
        parent = await act.find(
            Organization, terms.parent_organization_id, visible=organization_policy.visible
        )
        if parent.id == row.organization_id:
            raise Invalid(
                "An organization is not its own parent: leave parentOrganizationId out.",
                field="parentOrganizationId",
            )
        row.parent_organization_id = parent.id


async def _set_positions(
    act: Act,
    row: VolunteerTask,
    given: Sequence[rules.PositionTerms],
    periods: list[tuple[datetime, datetime]],
) -> None:
    for place, (terms, (starts_at, ends_at)) in enumerate(zip(given, periods, strict=True), 1):
        act.session.add(
            model.TaskPosition(
                id=new_id(),
                task_id=row.id,
                position=place,
                role=rules.check_line(terms.role, field="role"),
                slots=terms.slots,
                skills=sorted(set(terms.skills)),
                trainings=check_trainings(terms.trainings),
                starts_at=starts_at,
                ends_at=ends_at,
            )
        )
    await act.session.flush()
