"""Whether a station is open, when it opens next, and which schedules are to be computed anew."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.areas.calendar.rules import WorkingCalendar
from nexus.casework.model import Station, StationState
from nexus.casework.openings import model, rules


def open_now(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: the station works, and an opening is under way."""
    opening = aliased(model.StationOpening)
    now = actor.now
    under_way = exists().where(
        opening.station_id == row.id, opening.opens_at <= now, opening.closes_at > now
    )
    return and_(row.state == StationState.ACTIVE, under_way)


def next_opens_at(actor: Actor, row: Any) -> ColumnElement[datetime]:
    """SQL: the beginning of the station's next opening, of those computed ahead."""
    opening = aliased(model.StationOpening)
    found = select(func.min(opening.opens_at)).where(
        opening.station_id == row.id,
        opening.closes_at > actor.now,
        opening.opens_at > actor.now,
        row.state == StationState.ACTIVE,
    )
    return found.correlate_except(opening).scalar_subquery()


def mark_of(calendar: WorkingCalendar) -> str:
    """A mark of what the calendar says: another calendar, another mark."""
    told = "".join(f"{day}{works}" for day, works in sorted(calendar.exceptions.items()))
    return blake2b(told.encode(), digest_size=8).hexdigest()


async def take_stale(
    session: AsyncSession, *, today: date, mark: str, limit: int
) -> Sequence[model.OpeningSchedule]:
    """Schedules whose openings end too soon or follow another calendar, locked."""
    row = model.OpeningSchedule
    found = await session.scalars(
        select(row)
        .join(Station, Station.id == row.station_id)
        .where(
            or_(row.valid_to.is_(None), row.valid_to > today),
            Station.state != StationState.CLOSED,
            or_(
                row.laid_until.is_(None),
                row.laid_until < today + timedelta(days=rules.LEAST_AHEAD),
                (row.working_days) & (row.laid_by != mark),
            ),
        )
        .order_by(row.id)
        .limit(limit)
        .with_for_update(of=row, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return found.all()
