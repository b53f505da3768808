"""Setting and ending schedules, and computing the openings they make."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import working_calendar
from nexus.casework import policy as casework
from nexus.casework import rules as casework_rules
from nexus.casework.model import Station, StationState
from nexus.casework.openings import model, policy, queries, rules
from nexus.core.refusals import GuardFailed, Invalid

MOST = 200
"""Schedules that the clock computes in one transaction."""
KEPT = timedelta(days=7)
"""So long openings that are over stay."""


async def add_schedule(
    act: Act,
    *,
    station_id: UUID,
    rrule: str,
    opens: str,
    closes: str,
    valid_from: date,
    valid_to: date | None = None,
    working_days: bool = True,
) -> model.OpeningSchedule:
    """The station opens on the days of a rule; mornings and afternoons are two schedules."""
    station = await act.take(Station, station_id, visible=casework.visible)
    act.permit(policy.may_set, station)
    if station.state is StationState.CLOSED:
        raise GuardFailed("This station is closed: it opens no more.", field="stationId")
    rules.check_hours(opens, closes)
    casework_rules.check_period(valid_from, valid_to)
    row = model.OpeningSchedule(
        id=act.row_id,
        station_id=station.id,
        rrule=rules.check_rule(rrule),
        opens=opens,
        closes=closes,
        working_days=working_days,
        valid_from=valid_from,
        valid_to=valid_to,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    await _lay(act, row)
    act.record("schedule.added", row, station_id=station.id)
    return row


async def end_schedule(
    act: Act, schedule_id: UUID, *, expected_version: int, ends_on: date
) -> model.OpeningSchedule:
    """`ends_on` is the first day on which it opens no more; today or later."""
    row = await act.take(
        model.OpeningSchedule,
        schedule_id,
        visible=policy.visible,
        expected_version=expected_version,
    )
    station = await act.find(Station, row.station_id, visible=casework.visible)
    act.permit(policy.may_set, station)
    if ends_on < max(row.valid_from, act.actor.today()):
        raise Invalid(
            "endsOn is today or later, and not before the schedule begins.", field="endsOn"
        )
    if row.valid_to is not None and ends_on > row.valid_to:
        raise Invalid(f"The schedule ends on {row.valid_to} already.", field="endsOn")
    row.valid_to = ends_on
    row.version += 1
    await act.session.flush()
    await _lay(act, row)
    act.record("schedule.ended", row, station_id=row.station_id)
    return row


async def _lay(act: Act, row: model.OpeningSchedule) -> None:
    """Compute the openings of a schedule that is locked, from today some weeks ahead."""
    calendar = await working_calendar(act.session)
    today: date = act.actor.today()
    end = today + timedelta(days=rules.AHEAD)
    last = end if row.valid_to is None else min(end, row.valid_to)
    table = model.StationOpening
    midnight, _ = rules.opening_of(today, "00:00", "24:00")
    await act.session.execute(
        delete(table).where(
            table.schedule_id == row.id,
            or_(table.opens_at >= midnight, table.closes_at < midnight - KEPT),
        )
    )
    days = rules.opening_days(
        row.rrule,
        begins=row.valid_from,
        start=max(today, row.valid_from),
        end=last,
        calendar=calendar if row.working_days else None,
    )
    given = []
    for day in days:
        opens_at, closes_at = rules.opening_of(day, row.opens, row.closes)
        given.append(
            {
                "schedule_id": row.id,
                "station_id": row.station_id,
                "opens_at": opens_at,
                "closes_at": closes_at,
            }
        )
    if given:
        await act.session.execute(insert(table).values(given))
    row.laid_until, row.laid_by = end, queries.mark_of(calendar)


async def lay_openings(session: AsyncSession, now: datetime) -> int:
    """Compute ahead what comes due, and anew what another calendar changed; how many schedules."""
    act = Act(session, system(now))
    mark = queries.mark_of(await working_calendar(session))
    rows = await queries.take_stale(session, today=act.actor.today(), mark=mark, limit=MOST)
    for row in rows:
        await _lay(act, row)
    return len(rows)
