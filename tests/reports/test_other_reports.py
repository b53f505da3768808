"""Stations, hours, charities, supervision, coordination: every number against the ledgers."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.casework.visits.model import VisitState
from nexus.core.ids import new_id
from nexus.needs.model import Urgency
from nexus.reports.defined.catalogue import DEFINITIONS
from nexus.reports.rules import months_before
from nexus.supervision.alerts.model import Alert, AlertClass, AlertState, Severity, Stage
from nexus.volunteering.hours.model import RecordState
from tests.casework import visiting
from tests.making import Maker, making, now, number, today
from tests.reports import world
from tests.reports.asking import ask, columns, ledger
from tests.reports.formats import check_formats
from tests.volunteering import keeping

AREA = "4401"
ELSEWHERE = {"needs-pipeline", "unmet-needs", "contract-performance"}
"""Whose formats are read in modules of their own."""
FORMATS_HERE = sorted({one.name for one in DEFINITIONS} - ELSEWHERE)


@pytest_asyncio.fixture(scope="module", autouse=True)
async def all_of_it(engine: AsyncEngine) -> AsyncIterator[None]:
    """Something of everything that the reports count."""
    async with making(engine) as m:
        needs = await world.needs_and_help(m, seed=3, count=16)
        await world.gaps(m, needs)
        await m.need(urgency=Urgency.U1, area_code="440103001", published_at=now())
        await m.project(area_code="440103", received_fen=5_000, spent_fen=1_234)
        for days, state in enumerate((*RecordState,), 3):
            await keeping.record(m, None, None, state, started_at=keeping.morning(days))
        await _alerts(m)
    place = await visiting.a_place(engine)
    plan = await visiting.put_plan(engine, place, household_id=place.home.id)
    late = today() - timedelta(days=1)
    for state, window_to in (
        (VisitState.DONE, today() + timedelta(days=1)),
        (VisitState.VERIFIED, today() + timedelta(days=1)),
        (VisitState.MISSED, late),
        (VisitState.CANCELLED, late),
    ):
        await visiting.put_visit(
            engine,
            place,
            state,
            plan_id=plan.id,
            window_from=late - timedelta(days=3),
            window_to=window_to,
            **({"state_reason": "moved"} if state is VisitState.CANCELLED else {}),
        )
    yield


async def _alerts(m: Maker) -> None:
    person = await m.account(Role.GOV_COORDINATOR)
    for at, state in enumerate(AlertState):
        closed = state in (AlertState.RESOLVED, AlertState.DISMISSED)
        row = Alert(
            no=number("AL"),
            rule=("offer.stale", "visit.overdue")[at % 2],
            rule_version=1,
            kind=AlertClass.LAPSE,
            stage=Stage.IN,
            severity=Severity.MAJOR if at < 3 else Severity.MINOR,
            subject_type="need",
            subject_id=new_id(),
            evidence={},
            area_code="440103001",
            owner_id=None if state is AlertState.OPEN else person.id,
            due_at=now() + timedelta(days=1),
            escalated_at=now() if at == 1 else None,
            state=state,
            state_reason="checked" if closed else None,
            opened_at=now() - timedelta(days=1),
            closed_at=now() if closed else None,
        )
        await m.put(row)


@pytest.fixture
async def supervisor(engine: AsyncEngine) -> Account:
    """Of the city."""
    async with making(engine) as m:
        return await m.account(Role.SUPERVISOR, area_code=AREA)


@pytest.mark.parametrize("name", FORMATS_HERE)
async def test_each_format_has_the_numbers(
    engine: AsyncEngine, supervisor: Account, name: str
) -> None:
    await check_formats(await ask(engine, supervisor, name))


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.name)
async def test_a_report_is_for_its_readers(engine: AsyncEngine, definition: object) -> None:
    one = next(each for each in DEFINITIONS if each is definition)
    async with making(engine) as m:
        for role in one.readers - {Role.SYSTEM}:
            reader = await m.account(role, area_code=AREA)
            report = await ask(engine, reader, one.name)
            details = [table for table in report.tables if table.detail]
            assert bool(details) == (role in one.rows_for), role


@pytest.mark.parametrize("name", [one.name for one in DEFINITIONS])
async def test_what_a_number_leads_to_is_as_many_rows(engine: AsyncEngine, name: str) -> None:
    async with making(engine) as m:
        reader = await m.account(Role.GOV_COORDINATOR, area_code=AREA)
    report = await ask(engine, reader, name)
    details = {column.key for table in report.tables if table.detail for column in table.columns}
    for table in report.tables:
        if table.drill is None or name == "unmet-needs":
            continue
        assert table.drill in details
        behind = {
            "contract-performance": None,
            "charity-contribution": "pledges",
            "station-caseload": "late",
            "volunteer-hours": "records",
            "supervision": "raised",
            "needs-pipeline": "published",
        }[name]
        if behind is None:
            continue
        whole: dict[str, int] = {}
        for value, count in columns(table, table.drill, behind):
            whole[value] = whole.get(value, 0) + count
        for value, count in whole.items():
            narrowed = await ask(engine, reader, name, only=(table.drill, value))
            assert sum(len(one.rows) for one in narrowed.tables if one.detail) == count


async def test_stations_are_as_the_ledgers_say(engine: AsyncEngine, supervisor: Account) -> None:
    report = await ask(engine, supervisor, "station-caseload")
    found = await ledger(
        engine,
        """SELECT s.no, s.posts,
             (SELECT count(*) FROM worker w WHERE w.station_id = s.id AND valid_from <= :today
                AND (valid_to IS NULL OR valid_to > :today)),
             (SELECT count(*) FROM case_file f WHERE f.station_id = s.id
                AND closed_at IS NULL),
             (SELECT count(DISTINCT household_id) FROM visit v WHERE v.station_id = s.id
                AND plan_id IS NOT NULL AND state NOT IN ('cancelled', 'rescheduled', 'excused')
                AND due_on >= :since AND due_on < :until),
             (SELECT count(DISTINCT household_id) FROM visit v WHERE v.station_id = s.id
                AND plan_id IS NOT NULL AND state IN ('done', 'verified')
                AND due_on >= :since AND due_on < :until),
             (SELECT count(DISTINCT household_id) FROM visit v WHERE v.station_id = s.id
                AND state IN ('scheduled', 'missed') AND window_to <= :today)
           FROM station s WHERE s.state IN ('active', 'paused') AND s.area_code LIKE '4401%'""",
        today=today(),
        since=report.from_on,
        until=report.until_on,
    )
    keys = ("no", "posts", "filled", "cases", "due", "seen", "late")
    assert sorted(columns(report.table("stations"), *keys)) == sorted(found)
    assert report.from_on == months_before(today() + timedelta(days=1), 1)


async def test_hours_are_as_the_ledgers_say(engine: AsyncEngine, supervisor: Account) -> None:
    report = await ask(engine, supervisor, "volunteer-hours")
    statement = """SELECT {key}, count(DISTINCT volunteer_id) FILTER (WHERE counts),
        count(*) FILTER (WHERE counts), coalesce(sum(minutes) FILTER (WHERE counts), 0),
        round(coalesce(sum(minutes) FILTER (WHERE counts), 0) / 60.0, 1),
        count(*) FILTER (WHERE NOT counts)
      FROM (SELECT r.volunteer_id, r.minutes, t.category, o.name AS organization,
          to_char(r.day_on, 'YYYY-MM') AS month, r.state IN ('effective', 'disputed') AS counts
        FROM service_record r JOIN volunteer_task t ON t.id = r.task_id
        JOIN organization o ON o.id = r.organization_id
        WHERE r.state IN ('effective', 'disputed', 'recorded', 'pending_parent',
            'pending_province')
          AND r.area_code LIKE '4401%' AND r.day_on >= :since) x GROUP BY 1"""
    keys = ("volunteers", "records", "minutes", "hours", "waiting")
    for table, key in (("months", "month"), ("categories", "category"),
                       ("organizations", "organization")):  # fmt: skip
        found = await ledger(engine, statement.format(key=key), since=report.from_on)
        assert found
        assert sorted(columns(report.table(table), key, *keys)) == sorted(found)


async def test_charities_are_as_the_ledgers_say(engine: AsyncEngine, supervisor: Account) -> None:
    report = await ask(engine, supervisor, "charity-contribution")
    statement = """SELECT {key}, count(*),
        count(*) FILTER (WHERE p.state IN ('accepted', 'partly_fulfilled', 'fulfilled')),
        count(*) FILTER (WHERE EXISTS (SELECT FROM delivery d WHERE d.pledge_id = p.id
          AND d.state <> 'reversed')),
        count(*) FILTER (WHERE EXISTS (SELECT FROM delivery d WHERE d.pledge_id = p.id
          AND d.state IN ('acknowledged', 'verified'))),
        count(*) FILTER (WHERE p.state IN ('withdrawn', 'expired', 'released'))
      FROM pledge p JOIN need n ON n.id = p.need_id JOIN organization o ON o.id = p.organization_id
      WHERE n.area_code LIKE '4401%' AND (p.created_at AT TIME ZONE 'Asia/Shanghai')::date >= :since
      GROUP BY 1"""
    figures = ("pledges", "kept", "delivered", "confirmed", "broken")
    for table, key, name in (
        ("organizations", "o.name", "organization"),
        ("categories", "n.category", "category"),
    ):
        found = await ledger(engine, statement.format(key=key), since=report.from_on)
        assert sorted(columns(report.table(table), name, *figures)) == sorted(found)
    projects = await ledger(
        engine,
        """SELECT no, received_fen, spent_fen FROM charity_project
           WHERE state IN ('active', 'paused', 'completed') AND area_code LIKE '4401%'""",
    )
    assert sorted(columns(report.table("projects"), "no", "received", "spent")) == sorted(projects)


async def test_supervision_is_as_the_ledgers_say(engine: AsyncEngine, supervisor: Account) -> None:
    report = await ask(engine, supervisor, "supervision")
    found = await ledger(
        engine,
        """SELECT rule, severity, count(*),
             count(*) FILTER (WHERE state IN ('open', 'acknowledged', 'handling')),
             count(escalated_at), count(*) FILTER (WHERE state = 'resolved'),
             count(*) FILTER (WHERE state = 'dismissed')
           FROM alert WHERE area_code LIKE '4401%' GROUP BY 1, 2""",
    )
    keys = ("rule", "severity", "raised", "open", "escalated", "resolved", "dismissed")
    assert sorted(columns(report.table("rules"), *keys)) == sorted(found)


async def test_the_meeting_has_the_lists_of_its_pack(
    engine: AsyncEngine, supervisor: Account
) -> None:
    report = await ask(engine, supervisor, "coordination")
    listed = {table.key: len(table.rows) for table in report.tables if table.detail}
    assert dict(columns(report.table("counts"), "kind", "rows")) == listed
    assert listed["urgent"] == 1
    (gaps,) = await ledger(
        engine,
        "SELECT count(*) FROM gap WHERE state IN ('open', 'acknowledged') "
        "AND area_code LIKE '4401%'",
    )
    assert listed["gaps"] == gaps[0]
