"""Working days: weekends, public holidays, moved workdays; clocks by figures of law."""

import base64
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI
from nexus.areas import model
from nexus.areas.calendar.rules import BadCalendar, WorkingCalendar, months_after, read_calendar
from nexus.areas.operations import import_calendar, load_reference
from nexus.areas.queries import due_after, working_day_after
from nexus.core.embedded import Database

HEAD = "day,is_working,source"


@pytest.fixture
async def session(owner_engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    """The reference data in a transaction that is never committed."""
    async with AsyncSession(owner_engine) as opened:
        await load_reference(opened)
        yield opened


def shanghai(day: str, hour: int = 10) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        ("2026-03-02", 3, "2026-03-05"),
        ("2026-03-06", 1, "2026-03-09"),  # over a weekend
        ("2026-03-07", 1, "2026-03-09"),  # from a Saturday
        ("2026-03-07", 0, "2026-03-09"),
        ("2026-02-13", 2, "2026-02-24"),  # Saturday the 14th is worked, then the Spring Festival
        ("2026-09-30", 1, "2026-10-08"),  # National Day
        ("2026-10-09", 1, "2026-10-10"),  # a Saturday that is worked
        ("2025-09-26", 1, "2025-09-28"),  # a Sunday that is worked
        ("2025-12-31", 1, "2026-01-04"),  # over the year, onto a Sunday that is worked
    ],
)
async def test_working_days_are_counted_as_they_are_worked(
    session: AsyncSession, start: str, days: int, last: str
) -> None:
    found = await working_day_after(session, shanghai(start), days)
    assert found == shanghai(last, 0) + timedelta(days=1)


async def test_the_day_is_that_of_shanghai(session: AsyncSession) -> None:
    late = datetime(2026, 3, 2, 17, tzinfo=UTC)  # already the 3rd in Shanghai
    assert await working_day_after(session, late, 1) == shanghai("2026-03-05", 0)


async def test_a_year_without_a_notice_falls_back_and_says_so(
    session: AsyncSession, caplog: pytest.LogCaptureFixture
) -> None:
    found = await working_day_after(session, shanghai("2030-10-01"), 1)
    assert found == shanghai("2030-10-03", 0)
    assert "2030" in caplog.text
    due = await due_after(session, "supplement_working_days", shanghai("2030-10-01"))
    assert due.rule == "supplement_working_days@CN/2020-01-01/mon-fri:2030"


async def test_clocks_run_by_their_unit(session: AsyncSession) -> None:
    start = shanghai("2026-08-31")
    hours = await due_after(session, "referral_ack_u1_hours", start)
    assert (hours.at, hours.rule) == (
        start + timedelta(hours=4),
        "referral_ack_u1_hours@CN/2020-01-01",
    )
    assert (await due_after(session, "pledge_delivery_days", start)).at == shanghai("2026-09-08", 0)
    assert (await due_after(session, "taper_months", start)).at == shanghai("2027-03-01", 0)
    assert (await due_after(session, "withdrawal_acknowledgement_working_days", start)).at == (
        shanghai("2026-09-04", 0)
    )
    with pytest.raises(LookupError, match="ratio"):
        await due_after(session, "tekun_to_dibao_least", start)
    with pytest.raises(LookupError):
        await due_after(session, "no_such_clock", start)


async def test_the_narrowest_area_sets_the_clock(session: AsyncSession) -> None:
    session.add(
        model.Parameter(
            name="supplement_working_days",
            area_code="4401",
            value=7,
            unit="working_days",
            valid_from=date(2026, 1, 1),
            source="made up",
        )
    )
    await session.flush()
    session.info.clear()
    start = shanghai("2026-03-02")
    here = await due_after(session, "supplement_working_days", start, area_code="440103001")
    assert (here.at, here.rule) == (
        shanghai("2026-03-12", 0),
        "supplement_working_days@4401/2026-01-01",
    )
    elsewhere = await due_after(session, "supplement_working_days", start, area_code="4403")
    assert elsewhere.at == shanghai("2026-03-17", 0)


async def test_an_imported_year_replaces_the_shipped_one_for_good(session: AsyncSession) -> None:
    rows = [HEAD, "2027-01-01,false,notice", "2027-01-03,true,notice"]
    assert await import_calendar(session, rows) == {2027: 2}
    assert await import_calendar(session, rows) == {2027: 2}
    await load_reference(session)
    row = model.WorkingDayException
    found = await session.execute(
        select(row.day, row.imported).where(row.day >= date(2027, 1, 1)).order_by(row.day)
    )
    assert [tuple(each) for each in found] == [
        (date(2027, 1, 1), True),
        (date(2027, 1, 3), True),
    ]
    assert await working_day_after(session, shanghai("2027-01-01"), 1) == shanghai("2027-01-04", 0)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        (["date,works,source"], "first line"),
        ([HEAD, "1 October,false,notice"], "Line 2"),
        ([HEAD, "2026-10-01,maybe,notice"], "true or false"),
        ([HEAD, "2026-10-12,true,notice"], "anyway"),
        ([HEAD, "2026-10-01,false,"], "source"),
        ([HEAD, "2026-10-01,false,notice", "2026-10-01,false,notice"], "twice"),
    ],
)
def test_a_bad_row_is_named(rows: list[str], what: str) -> None:
    with pytest.raises(BadCalendar, match=what):
        list(read_calendar(rows))


def test_counting_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="forwards"):
        WorkingCalendar({}).after(date(2026, 3, 2), -1)


def test_months_end_where_the_month_does() -> None:
    assert months_after(date(2027, 8, 31), 6) == date(2028, 2, 29)
    assert months_after(date(2026, 12, 15), 1) == date(2027, 1, 15)


def nexus(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, over this module's database."""
    environment = os.environ | {
        "NEXUS_DATABASE_URL": database.owner_url,
        "NEXUS_APP_DATABASE_URL": database.app_url,
        "NEXUS_VAULT_KEY": base64.b64encode(bytes(range(32))).decode(),
    }
    return subprocess.run(
        [sys.executable, "-c", "from nexus.cli import main; main()", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_notice_is_imported_by_command(database: Database, tmp_path: Path) -> None:
    notice = tmp_path / "2028.csv"
    notice.write_text(f"{HEAD}\n2028-01-01,false,notice\n2028-01-08,true,notice\n", "utf-8-sig")
    done = nexus(database, "import-calendar", str(notice))
    assert (done.returncode, done.stdout.strip()) == (
        0,
        "2028: 2 days that are not what their weekday says.",
    )
    notice.write_text(f"{HEAD}\n2028-01-03,true,notice\n", "utf-8")
    refused = nexus(database, "import-calendar", str(notice))
    assert refused.returncode == 2
    assert "Line 2: 2028-01-03 is worked anyway." in refused.stderr
