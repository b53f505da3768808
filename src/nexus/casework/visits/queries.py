"""Taking visits and plans, what is asked at a visit, and who may be sent."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Actor
from nexus.areas.queries import parameter
from nexus.areas.rules import Figure
from nexus.casework import policy as casework
from nexus.casework.model import RiskTier, Station, StationLevel, StationState, Worker
from nexus.casework.visits import model, policy
from nexus.core.refusals import Invalid
from nexus.recipients import policy as recipients
from nexus.recipients.model import Household, Recipient, Recognition, RecognitionState


async def take_visit(act: Act, visit_id: UUID, expected_version: int | None) -> model.Visit:
    """The visit, visible and locked."""
    return await act.take(
        model.Visit, visit_id, visible=policy.visible, expected_version=expected_version
    )


async def take_plan(act: Act, plan_id: UUID, expected_version: int | None) -> model.VisitPlan:
    """The plan, visible and locked."""
    return await act.take(
        model.VisitPlan, plan_id, visible=policy.visible, expected_version=expected_version
    )


async def lock_plan(session: AsyncSession, plan_id: UUID) -> model.VisitPlan:
    """The plan that a visit belongs to, locked."""
    row = model.VisitPlan
    found = await session.execute(
        select(row)
        .where(row.id == plan_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


async def station_near(session: AsyncSession, area_code: str) -> Station | None:
    """The active station of the narrowest area around a division, towns before village points."""
    row = Station
    found = await session.scalars(
        select(row)
        .where(
            row.state == StationState.ACTIVE,
            func.starts_with(area_code, row.area_code),
            row.level != StationLevel.VILLAGE_POINT,
        )
        .order_by(func.length(row.area_code).desc(), row.created_at, row.id)
        .limit(1)
    )
    return found.first()


async def active_plan(session: AsyncSession, household_id: UUID) -> model.VisitPlan | None:
    """The household's plan, locked."""
    row = model.VisitPlan
    found = await session.scalars(
        select(row)
        .where(row.household_id == household_id, row.state == model.VisitPlanState.ACTIVE)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def take_open(session: AsyncSession, household_id: UUID) -> Sequence[model.Visit]:
    """The open visits of a household, locked."""
    row = model.Visit
    found = await session.scalars(
        select(row)
        .where(row.household_id == household_id, row.state.in_(model.OPEN))
        .order_by(row.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def find_household(act: Act, household_id: UUID) -> Household:
    """The household, if the actor sees it. NotFound."""
    return await act.find(Household, household_id, visible=recipients.visible)


async def check_station(act: Act, station_id: UUID) -> Station:
    """A station that is active, and where the actor works. NotFound."""
    station = await act.find(Station, station_id, visible=policy.station_served)
    if station.state is not StationState.ACTIVE:
        raise Invalid(
            f"The station is {station.state.value}: name one that is active.", field="stationId"
        )
    return station


async def check_worker(
    act: Act, worker_id: UUID, station_id: UUID, *, field: str = "workerId"
) -> Worker:
    """A posting at the station that holds today."""
    worker = await act.find(Worker, worker_id, visible=casework.worker_visible)
    today = act.actor.today()
    holds = worker.valid_from <= today and (worker.valid_to is None or today < worker.valid_to)
    if worker.station_id != station_id or not holds:
        raise Invalid(
            "This posting is not held at the station today: name one of its workers.", field=field
        )
    return worker


async def posting_of(act: Act, station_id: UUID) -> UUID | None:
    """The actor's own posting at the station today, if there is one."""
    row, today = Worker, act.actor.today()
    found = await act.session.scalars(
        select(row.id).where(
            row.account_id == act.actor.account_id,
            row.station_id == station_id,
            row.valid_from <= today,
            or_(row.valid_to.is_(None), row.valid_to > today),
        )
    )
    return found.first()


async def checklist(
    session: AsyncSession, on: date, checklist_id: UUID | None = None
) -> model.VisitChecklist | None:
    """That one, or the latest that was in force on the day."""
    row = model.VisitChecklist
    if checklist_id is not None:
        return await session.get(row, checklist_id)
    found = await session.scalars(
        select(row)
        .where(row.valid_from <= on)
        .order_by(row.valid_from.desc(), row.list_version.desc())
        .limit(1)
    )
    return found.first()


async def interval_of(session: AsyncSession, tier: RiskTier, *, on: date, area_code: str) -> Figure:
    """How often a household of this tier is visited, in force on the day."""
    return await parameter(session, f"visit_interval_{tier.value}", on=on, area_code=area_code)


async def last_seen(session: AsyncSession, plan: model.VisitPlan) -> tuple[date, bool]:
    """(the day to count from, whether it is the plan's first): the last visit that settles it.

    A visit that was made counts by its day; one that was excused by the end of its window.
    """
    row = model.Visit
    local = func.timezone("Asia/Shanghai", row.performed_at)
    found = await session.execute(
        select(func.max(func.coalesce(func.date(local), row.due_on))).where(
            row.plan_id == plan.id,
            row.state.in_((*model.PERFORMED, model.VisitState.EXCUSED)),
        )
    )
    last: date | None = found.scalar_one()
    return (last, False) if last is not None else (plan.starts_on, True)


async def authority_of(session: AsyncSession, household_id: UUID) -> UUID | None:
    """Who recognised the household or one of its people, latest first; of what still holds."""
    row, person = Recognition, Recipient
    of_home = row.household_id == household_id
    of_person = row.recipient_id.in_(
        select(person.id).where(person.household_id == household_id).scalar_subquery()
    )
    ended = (RecognitionState.ENDED, RecognitionState.ENTERED_IN_ERROR)
    found = await session.scalars(
        select(row.authority_id)
        .where(of_home | of_person, row.state.not_in(ended))
        .order_by(row.valid_from.desc(), row.id)
        .limit(1)
    )
    return found.first()


def overdue(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: the window is over and nothing was settled."""
    return and_(row.state.in_(model.OPEN), row.window_to <= actor.today())


def next_due(actor: Actor, row: Any) -> ColumnElement[date]:
    """SQL of a plan: the last day in time of its open visit."""
    visit = model.Visit
    found = select(func.min(visit.due_on)).where(
        visit.plan_id == row.id, visit.state == model.VisitState.SCHEDULED
    )
    return found.correlate_except(visit).scalar_subquery()


async def take_overdue(session: AsyncSession, today: date, limit: int) -> Sequence[model.Visit]:
    """Visits whose window is over and of which that was not told yet, locked."""
    row = model.Visit
    found = await session.scalars(
        select(row)
        .where(
            row.state == model.VisitState.SCHEDULED,
            row.overdue_told_at.is_(None),
            row.due_on < today,
        )
        .order_by(row.due_on)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return found.all()


def day_of(moment: datetime, actor: Actor) -> date:
    """The business day in Asia/Shanghai of a moment."""
    day: date = actor.at(moment).today()
    return day
