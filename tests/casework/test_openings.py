"""Opening schedules: rules of days, the calendar, and whether a station is open now."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI, Actor, Role
from nexus.areas.calendar.rules import WorkingCalendar
from nexus.casework.model import Station, StationState
from nexus.casework.openings import model, operations, queries, rules
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, VersionConflict
from tests.deeds import acting, events_of, reread
from tests.making import making, now, today

WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("freq=weekly; byday=MO,WE", "FREQ=WEEKLY;BYDAY=MO,WE"),
        ("RRULE:FREQ=DAILY", "FREQ=DAILY"),
        ("FREQ=MONTHLY;BYDAY=1MO,-1FR", "FREQ=MONTHLY;BYDAY=1MO,-1FR"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15,-1", "FREQ=MONTHLY;BYMONTHDAY=1,15,-1"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=MO", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=MO"),
    ],
)
def test_rules_of_days(text: str, kept: str) -> None:
    assert rules.check_rule(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        *("", "BYDAY=MO", "FREQ=HOURLY", "FREQ=YEARLY", "FREQ=WEEKLY;BYDAY=XX"),
        *("FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20260101", "FREQ=DAILY;BYHOUR=3"),
        *("FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=53"),
        *("FREQ=DAILY;BYSETPOS=5", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY;BYMONTHDAY=32"),
        *("FREQ=DAILY\nDTSTART:20260101", "FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=MONTHLY;BYDAY=6MO"),
    ],
)
def test_what_is_no_rule_of_days(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check_rule(text)
    assert refused.value.field == "rrule"


@pytest.mark.parametrize(
    ("opens", "closes"),
    [("8:00", "12:00"), ("08:00", "08:00"), ("14:00", "12:00"), ("24:00", "24:00")],
)
def test_what_are_no_hours(opens: str, closes: str) -> None:
    with pytest.raises(Invalid):
        rules.check_hours(opens, closes)


def days(rule: str, *, start: date = MONDAY, length: int = 14, **more: Any) -> list[int]:
    """Days of March 2026 on which it opens."""
    given = {"begins": start, "calendar": None} | more
    found = rules.opening_days(rule, start=start, end=start + timedelta(days=length), **given)
    return [day.day for day in found]


def test_days_of_rules() -> None:
    assert days(WEEKDAYS) == [2, 3, 4, 5, 6, 9, 10, 11, 12, 13]
    assert days("FREQ=DAILY;INTERVAL=3") == [2, 5, 8, 11, 14]
    assert days("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU") == [3]
    assert days("FREQ=MONTHLY;BYDAY=2SA") == [14]
    assert days("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", begins=MONDAY - timedelta(days=7)) == [10]


def test_free_days_and_moved_workdays() -> None:
    """On a moved workday opens who is there all week, and nobody else."""
    calendar = WorkingCalendar({date(2026, 3, 4): False, date(2026, 3, 7): True})
    assert days(WEEKDAYS, length=7, calendar=calendar) == [2, 3, 5, 6, 7]
    assert days("FREQ=WEEKLY;BYDAY=TU", length=7, calendar=calendar) == [3]
    late = days(WEEKDAYS, start=date(2026, 3, 6), length=3, begins=MONDAY, calendar=calendar)
    assert late == [6, 7]


@given(
    start=st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    wanted=st.sets(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1),
)
def test_weekly_days_are_those_named(start: date, wanted: set[str]) -> None:
    names = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    rule = rules.check_rule(f"FREQ=WEEKLY;BYDAY={','.join(sorted(wanted))}")
    end = start + timedelta(days=30)
    found = rules.opening_days(rule, begins=start, start=start, end=end, calendar=None)
    every = [start + timedelta(days=count) for count in range(30)]
    assert found == [day for day in every if names[day.weekday()] in wanted]


async def add(engine: AsyncEngine, account: Any, station: Any, **fields: Any) -> Any:
    """A schedule of every day, from today on."""
    given: dict[str, Any] = {
        "rrule": "FREQ=DAILY",
        "opens": "09:00",
        "closes": "17:00",
        "valid_from": today(),
        "working_days": False,
    }
    async with acting(engine, account) as act:
        return await operations.add_schedule(act, station_id=station.id, **given | fields)


async def is_open(engine: AsyncEngine, station: Any, moment: datetime) -> tuple[Any, Any]:
    """(open, when it opens next) at a moment, as the graph computes it."""
    actor = Actor(Role.ANONYMOUS, new_id(), new_id(), "-", moment)
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(queries.open_now(actor, Station), queries.next_opens_at(actor, Station)).where(
                Station.id == station.id
            )
        )
        opened, following = found.one()
        return opened, following


async def test_open_now(engine: AsyncEngine) -> None:
    """From the minute it opens up to the one it closes; not while the station rests."""
    async with making(engine) as m:
        station, approver = await m.station(), await m.account(Role.GOV_APPROVER)
    await add(engine, approver, station)
    tomorrow = datetime.combine(today() + timedelta(days=1), datetime.min.time(), SHANGHAI)
    opens, closes = tomorrow + timedelta(hours=9), tomorrow + timedelta(hours=17)
    second = timedelta(seconds=1)
    assert await is_open(engine, station, opens - second) == (False, opens)
    assert await is_open(engine, station, opens) == (True, opens + timedelta(days=1))
    assert (await is_open(engine, station, closes - second))[0] is True
    assert (await is_open(engine, station, closes))[0] is False
    async with AsyncSession(engine) as session, session.begin():
        row = await session.get_one(Station, station.id)
        row.state, row.state_reason = StationState.PAUSED, "修缮"
    assert await is_open(engine, station, opens) == (False, None)


async def test_a_schedule_ends(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        station, approver = await m.station(), await m.account(Role.GOV_APPROVER)
    row = await add(engine, approver, station)
    ends = today() + timedelta(days=3)
    with pytest.raises(VersionConflict):
        async with acting(engine, approver) as act:
            await operations.end_schedule(act, row.id, expected_version=4, ends_on=ends)
    with pytest.raises(Invalid):
        async with acting(engine, approver) as act:
            await operations.end_schedule(
                act, row.id, expected_version=1, ends_on=today() - timedelta(days=1)
            )
    async with acting(engine, approver) as act:
        await operations.end_schedule(act, row.id, expected_version=1, ends_on=ends)
    async with AsyncSession(engine) as session:
        last = await session.scalar(
            select(func.max(model.StationOpening.opens_at)).where(
                model.StationOpening.schedule_id == row.id
            )
        )
    assert last is not None
    assert last.astimezone(SHANGHAI).date() == ends - timedelta(days=1)
    assert await events_of(engine, row) == ["schedule.added", "schedule.ended"]


async def test_who_sets_it(engine: AsyncEngine) -> None:
    """The approver of the territory, and the lead of the organization that runs the station."""
    async with making(engine) as m:
        station = await m.station()
        own = await m.account(Role.STATION_LEAD, organization_id=station.organization_id)
        far = await m.account(Role.GOV_APPROVER, area_code="440304")
        others = [await m.account(role) for role in (Role.STATION_LEAD, Role.SOCIAL_WORKER)]
        others += [far, await m.account(Role.GOV_CLERK), await m.account(Role.CHARITY_USER)]
    for account in others:
        with pytest.raises(Forbidden):
            await add(engine, account, station)
    row = await add(engine, own, station)
    with pytest.raises(Forbidden):
        async with acting(engine, far) as act:
            await operations.end_schedule(act, row.id, expected_version=1, ends_on=today())
    assert (await reread(engine, row)).valid_to is None


async def test_at_a_closed_or_missing_station_nothing_opens(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        station = await m.station(state=StationState.CLOSED)
        approver = await m.account(Role.GOV_APPROVER)
    with pytest.raises(GuardFailed):
        await add(engine, approver, station)
    station.id = new_id()
    with pytest.raises(NotFound):
        await add(engine, approver, station)


async def test_the_clock_computes_ahead_and_anew(engine: AsyncEngine) -> None:
    """When few days are left, and when the calendar changed; otherwise it writes nothing."""
    async with making(engine) as m:
        station, approver = await m.station(), await m.account(Role.GOV_APPROVER)
    row = await add(engine, approver, station, working_days=True, rrule=WEEKDAYS)

    async def strike(moment: datetime) -> int:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            return await operations.lay_openings(session, moment)

    await strike(now())
    assert await strike(now()) == 0
    later = now() + timedelta(days=20)
    assert await strike(later) >= 1
    fresh = await reread(engine, row)
    assert fresh.laid_until == (later.astimezone(SHANGHAI).date()) + timedelta(days=rules.AHEAD)
    assert fresh.version == 1
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(
            update(model.OpeningSchedule)
            .where(model.OpeningSchedule.id == row.id)
            .values(laid_by="another")
        )
    assert await strike(later) >= 1
    assert await strike(later) == 0
