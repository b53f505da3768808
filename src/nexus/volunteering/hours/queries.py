"""What check-ins and judgements must know, read under the volunteer's lock."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.areas.queries import parameter
from nexus.volunteering.hours import model, rules
from nexus.volunteering.model import Volunteer
from nexus.volunteering.tasks.model import BUSY, TAKING, Signup, VolunteerTask

PARENT_HOURS = "volunteer_day_parent_hours"
PROVINCE_HOURS = "volunteer_day_province_hours"
MAKEUP_DAYS = "volunteer_makeup_days"
LAPSE_HOURS = "volunteer_check_in_lapses_hours"


async def day_figures(session: AsyncSession, *, on: date, area_code: str) -> rules.DayFigures:
    """The figures of that day in that area (domain.md 10)."""
    parent = await parameter(session, PARENT_HOURS, on=on, area_code=area_code)
    province = await parameter(session, PROVINCE_HOURS, on=on, area_code=area_code)
    return rules.DayFigures(
        parent_over=rules.minutes_of(parent.value),
        province_over=rules.minutes_of(province.value),
        rule=f"{parent.version} {province.version}",
    )


async def makeup_days(session: AsyncSession, *, on: date, area_code: str) -> int:
    """How many days back time may be entered afterwards."""
    return (await parameter(session, MAKEUP_DAYS, on=on, area_code=area_code)).whole


async def lock_volunteer(session: AsyncSession, volunteer_id: UUID) -> None:
    """Whoever counts a volunteer's day or opens a pair takes turns by this lock."""
    await session.execute(
        select(Volunteer.id).where(Volunteer.id == volunteer_id).with_for_update(key_share=True)
    )


async def signup_at(
    session: AsyncSession,
    task_id: UUID,
    volunteer_id: UUID,
    moment: datetime,
    *,
    late: bool = False,
) -> Signup | None:
    """The volunteer's sign-up for the task whose period is nearest to the moment, locked.

    Confirmed or attended; `late`: also one that was marked as missed.
    """
    middle = func.lower(Signup.period)
    found = await session.execute(
        select(Signup)
        .where(
            Signup.task_id == task_id,
            Signup.volunteer_id == volunteer_id,
            Signup.state.in_(TAKING if late else BUSY),
        )
        .order_by(
            ~Signup.period.op("@>")(moment),
            func.abs(func.extract("epoch", middle - moment)),
            Signup.id,
        )
        .limit(1)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def pairs_of(session: AsyncSession, task_id: UUID, volunteer_id: UUID, on: date) -> int:
    """How many pairs were begun at the task that day."""
    row = model.CheckIn
    counted = select(func.count()).where(
        row.task_id == task_id, row.volunteer_id == volunteer_id, row.day_on == on
    )
    return await session.scalar(counted) or 0


async def open_pair(session: AsyncSession, volunteer_id: UUID) -> model.CheckIn | None:
    """The pair the volunteer has not ended, at whatever organization."""
    row = model.CheckIn
    found = await session.execute(
        select(row).where(row.volunteer_id == volunteer_id, row.state == model.CheckInState.OPEN)
    )
    return found.scalar_one_or_none()


async def counted_minutes(session: AsyncSession, volunteer_id: UUID, on: date) -> int:
    """The day's minutes that count already, across all organizations. Lock the volunteer first."""
    row = model.ServiceRecord
    summed = select(func.coalesce(func.sum(row.minutes), 0)).where(
        row.volunteer_id == volunteer_id, row.day_on == on, row.state.in_(model.COUNTING)
    )
    return int(await session.scalar(summed) or 0)


async def by_reference(
    session: AsyncSession, organization_id: UUID, reference: str
) -> model.ServiceRecord | None:
    """The record an organization imported under this key."""
    row = model.ServiceRecord
    found = await session.execute(
        select(row).where(row.organization_id == organization_id, row.external_ref == reference)
    )
    return found.scalar_one_or_none()


async def take_forgotten(
    session: AsyncSession, now: datetime, limit: int
) -> list[tuple[model.CheckIn, VolunteerTask]]:
    """Open pairs of a day ago, or whose task ended longer ago than the country's figure, locked."""
    hours = await parameter(session, LAPSE_HOURS, on=now.date())
    row: Any = model.CheckIn
    ended = VolunteerTask.ends_at <= now - timedelta(hours=float(hours.value))
    found = await session.execute(
        select(row, VolunteerTask)
        .join(VolunteerTask, VolunteerTask.id == row.task_id)
        .where(
            row.state == model.CheckInState.OPEN,
            ended | (row.checked_in_at <= now - timedelta(days=1)),
        )
        .order_by(row.checked_in_at)
        .limit(limit)
        .with_for_update(of=row, skip_locked=True)
    )
    return [(pair, task) for pair, task in found]
