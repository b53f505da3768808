"""Where events reach, which phase they are in, and what is still unsettled."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor, View
from nexus.emergencies import model, policy
from nexus.obligations.model import Obligation, ObligationState


async def take_event(
    act: Act, row_id: UUID, expected_version: int | None = None
) -> model.EmergencyEvent:
    """The event, visible and locked."""
    return await act.take(
        model.EmergencyEvent, row_id, visible=policy.visible, expected_version=expected_version
    )


def areas_of(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """The divisions that the event covers, for a derived field."""
    area = aliased(model.EmergencyArea)
    chosen = select(area.area_code).where(area.event_id == row.id)
    return chosen.order_by(area.area_code).limit(limit)


def phases_of(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """The event's phases in their order, for a derived field."""
    period = aliased(model.EmergencyPeriod)
    name = func.upper(period.phase).label("phase")
    chosen = select(name, period.starts_on, period.ends_on).where(period.event_id == row.id)
    return chosen.order_by(period.starts_on).limit(limit)


def phase_on(event_id: Any, day: Any) -> ColumnElement[Any]:
    """SQL: the phase that the event is in on that day, or null."""
    period = aliased(model.EmergencyPeriod)
    found = select(period.phase).where(
        period.event_id == event_id,
        period.starts_on <= day,
        or_(period.ends_on.is_(None), period.ends_on > day),
    )
    return found.limit(literal_column("1")).correlate_except(period).scalar_subquery()


def reaches(row: Any, code: Any) -> ColumnElement[bool]:
    """SQL: the event covers the division, or a part of it; CN is everywhere."""
    area = aliased(model.EmergencyArea)
    return exists().where(
        area.event_id == row.id,
        or_(
            area.area_code == literal_column("'CN'"),
            code == literal_column("'CN'"),
            func.starts_with(code, area.area_code),
            func.starts_with(area.area_code, code),
        ),
    )


async def covers(session: AsyncSession, event_id: UUID, area_code: str) -> bool:
    """Whether the whole division lies in the event's."""
    area = model.EmergencyArea
    codes = await session.scalars(select(area.area_code).where(area.event_id == event_id))
    return any(code == "CN" or area_code.startswith(code) for code in codes)


async def unsettled_under(session: AsyncSession, event_id: UUID) -> int:
    """How many relaxations of the event are not settled."""
    row = model.Relaxation
    counted = select(func.count()).where(row.event_id == event_id, row.settled_at.is_(None))
    return int((await session.execute(counted)).scalar_one())


async def take_unsettled(session: AsyncSession, subject_id: UUID) -> Sequence[model.Relaxation]:
    """The subject's unsettled relaxations, locked. Take the subject first."""
    row = model.Relaxation
    found = await session.scalars(
        select(row)
        .where(row.subject_id == subject_id, row.settled_at.is_(None))
        .order_by(row.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


def is_unsettled(row: Any) -> ColumnElement[bool]:
    """SQL: what was relaxed is not made good yet."""
    return row.settled_at.is_(None)  # type: ignore[no-any-return]


async def phase_today(view: View, event_id: UUID) -> model.EmergencyPhase | None:
    """The phase that the event is in today."""
    found = await view.session.execute(select(phase_on(event_id, view.actor.today())))
    return found.scalar_one_or_none()


async def take_waiting(session: AsyncSession, event_id: UUID) -> Sequence[Obligation]:
    """The open obligations whose clock starts at the event's end, locked."""
    waiting = select(model.Relaxation.obligation_id).where(
        model.Relaxation.event_id == event_id, model.Relaxation.settled_at.is_(None)
    )
    found = await session.scalars(
        select(Obligation)
        .where(
            Obligation.id.in_(waiting),
            Obligation.state == ObligationState.OPEN,
            Obligation.due_at.is_(None),
        )
        .order_by(Obligation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()
