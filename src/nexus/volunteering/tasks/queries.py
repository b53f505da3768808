"""Taking tasks, positions and sign-ups in one order of locks; who is busy; what a code proves.

The order: task, position, volunteer, sign-up, each by id. Whoever keeps it meets no deadlock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, View
from nexus.core.refusals import GuardFailed, NotFound
from nexus.recipients.vault.queries import vault_of
from nexus.volunteering.model import Volunteer
from nexus.volunteering.tasks import model, policy, rules
from nexus.volunteering.tasks.model import Signup, TaskPosition, VolunteerTask

SLICE = 200


class WrongCode(GuardFailed):
    """The code is not that of this minute, of the one before, or of this task and way."""

    code = "WRONG_CODE"


async def take_task(act: Act, task_id: UUID, expected_version: int | None = None) -> VolunteerTask:
    """The row, visible and locked. NotFound; VersionConflict."""
    return await act.take(
        VolunteerTask, task_id, visible=policy.visible, expected_version=expected_version
    )


async def share_task(act: Act, task_id: UUID) -> VolunteerTask:
    """The row, visible, and nobody moves it until the commit. NotFound."""
    found = await act.session.execute(
        select(VolunteerTask)
        .where(VolunteerTask.id == task_id, policy.visible(act.actor, VolunteerTask))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    row = found.scalar_one_or_none()
    if row is None:
        raise NotFound("No such VolunteerTask, or it is not yours to see.")
    return row


async def take_position(session: AsyncSession, position_id: UUID) -> TaskPosition:
    """The row, locked: its counters stand still."""
    return await session.get_one(
        TaskPosition, position_id, with_for_update={"key_share": True}, populate_existing=True
    )


async def positions_of(
    session: AsyncSession, task_id: UUID, *, lock: bool = False
) -> Sequence[TaskPosition]:
    """In the order of their ids."""
    row = TaskPosition
    statement = select(row).where(row.task_id == task_id).order_by(row.id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    found = await session.scalars(statement.execution_options(populate_existing=True))
    return found.all()


async def take_volunteers(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Volunteer]:
    """Locked by id, so that nobody else confirms or suspends them meanwhile."""
    found = await session.scalars(
        select(Volunteer)
        .where(Volunteer.id.in_(ids))
        .order_by(Volunteer.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in found}


async def take_signup(act: Act, signup_id: UUID, expected_version: int) -> tuple[Signup, Any]:
    """The sign-up and its position, both locked, the position first. NotFound; VersionConflict."""
    seen = await act.find(Signup, signup_id, visible=policy.signup_visible)
    position = await take_position(act.session, seen.position_id)
    row = await act.take(
        Signup, signup_id, visible=policy.signup_visible, expected_version=expected_version
    )
    return row, position


async def is_busy(session: AsyncSession, volunteer_id: UUID, period: Range[datetime]) -> bool:
    """Whether the volunteer has promised some of the period, to whomever (INV-31)."""
    row = Signup
    busy = exists().where(
        row.volunteer_id == volunteer_id,
        row.state.in_(model.BUSY),
        row.period.overlaps(period),
    )
    return bool(await session.scalar(select(busy)))


async def has_live(session: AsyncSession, position_id: UUID, volunteer_id: UUID) -> bool:
    """Whether the volunteer signed up for the position and it was neither declined nor undone."""
    row = Signup
    live = exists().where(
        row.position_id == position_id,
        row.volunteer_id == volunteer_id,
        row.state.not_in((model.SignupState.DECLINED, model.SignupState.CANCELLED)),
    )
    return bool(await session.scalar(select(live)))


async def waits_before(session: AsyncSession, position_id: UUID) -> bool:
    """Whether somebody waits for the position who was not passed over."""
    row = Signup
    waits = exists().where(
        row.position_id == position_id,
        row.state == model.SignupState.WAITLISTED,
        row.passed_over_at.is_(None),
    )
    return bool(await session.scalar(select(waits)))


async def waitlist(session: AsyncSession, position_id: UUID) -> Sequence[Signup]:
    """In the order of their places, each locked: its position is, so nobody else moves it."""
    row = Signup
    found = await session.scalars(
        select(row)
        .where(row.position_id == position_id, row.state == model.SignupState.WAITLISTED)
        .order_by(row.place)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def open_of_task(session: AsyncSession, task_id: UUID) -> Sequence[Signup]:
    """What is applied, waiting or confirmed of a task whose positions are locked."""
    row = Signup
    found = await session.scalars(
        select(row)
        .where(row.task_id == task_id, row.state.in_(model.OPEN))
        .order_by(row.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def open_of_volunteer(
    session: AsyncSession, volunteer_id: UUID, now: datetime, organization_id: UUID | None
) -> Sequence[tuple[UUID, UUID]]:
    """(sign-up, position) of what has not begun, by position; of one organization or of all."""
    row, task = Signup, VolunteerTask
    statement = (
        select(row.id, row.position_id)
        .join(task, task.id == row.task_id)
        .where(
            row.volunteer_id == volunteer_id,
            row.state.in_(model.OPEN),
            func.lower(row.period) > now,
        )
        .order_by(row.position_id, row.id)
    )
    if organization_id is not None:
        statement = statement.where(task.organization_id == organization_id)
    return [(each.id, each.position_id) for each in await session.execute(statement)]


async def due_to_start(session: AsyncSession, now: datetime) -> Sequence[VolunteerTask]:
    """Published tasks whose start has come, locked, at most 200."""
    row = VolunteerTask
    found = await session.scalars(
        select(row)
        .where(
            row.state.in_((model.TaskState.PUBLISHED, model.TaskState.RECRUITING)),
            row.starts_at <= now,
        )
        .order_by(row.starts_at, row.id)
        .limit(SLICE)
        .with_for_update(skip_locked=True)
    )
    return found.all()


async def due_to_end(session: AsyncSession, now: datetime) -> Sequence[VolunteerTask]:
    """Tasks in progress whose end has come, locked, at most 200."""
    row = VolunteerTask
    found = await session.scalars(
        select(row)
        .where(row.state == model.TaskState.IN_PROGRESS, row.ends_at <= now)
        .order_by(row.ends_at, row.id)
        .limit(SLICE)
        .with_for_update(skip_locked=True)
    )
    return found.all()


def free_slots(row: Any) -> ColumnElement[int]:
    """SQL: what is left in a position."""
    return row.slots - row.taken  # type: ignore[no-any-return]


def is_full(row: Any) -> ColumnElement[bool]:
    """SQL: a recruiting task none of whose positions has a slot left."""
    position = aliased(TaskPosition)
    left = exists().where(position.task_id == row.id, position.taken < position.slots)
    recruiting: ColumnElement[bool] = row.state == model.TaskState.RECRUITING
    return recruiting & ~left


async def redeem_attendance_code(view: View, task_id: UUID, *, code: str, way: str) -> None:
    """WrongCode unless it is the task's code of this minute or the one before, for that way.

    For check-in and check-out: the caller has found the task and knows who comes.
    """
    kept = await view.session.get(model.AttendanceSecret, task_id)
    if kept is not None:
        secret = vault_of(view).unwrap(kept.wrapped, task_id)
        if rules.verify_code(secret, code, view.now, way):
            return
    raise WrongCode(
        "This is not the code of this minute: read the one on the organizer's screen again.",
        rule="attendance.code",
        field="code",
    )
