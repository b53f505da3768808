"""The published files of wuhan2020, when NEXUS_REAL_DATA names the folder that holds them."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.charity.model import Offer, OfferState
from nexus.exchange.importing.operations import Report, run_import
from nexus.needs.model import Need, NeedState
from tests.exchange import writing as w
from tests.making import making

pytestmark = pytest.mark.real_data

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = count(1)


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")


async def read(engine: AsyncEngine, path: Path, profile: Path) -> Report:
    kind = "needs" if profile == w.HOSPITALS else "offers"
    now = START + timedelta(hours=next(HOURS))
    report = await run_import(engine, kind=kind, path=path, profile_path=profile, now=now)
    figures = report.figures()
    parts = ("created", "updated", "unchanged", "duplicates", "rejected")
    assert figures["rows_read"] == sum(figures[name] for name in parts)
    return report


async def states(engine: AsyncEngine, table: type[Need] | type[Offer]) -> dict[str, int]:
    async with AsyncSession(engine) as session:
        found = await session.execute(select(table.state, func.count()).group_by(table.state))
        return {str(state): number for state, number in found}


async def test_two_snapshots_of_hospitals(engine: AsyncEngine, real_data: Path) -> None:
    first = await read(engine, real_data / "wuhan2020/s1_20200201", w.HOSPITALS)
    assert (first.rows_read, first.created, first.duplicates) == (171, 151, 2)
    assert (first.keyless, {one.code for one in first.rejected}) == (18, {"NO_KEY"})
    assert first.distinct_keys + 1 == 152
    assert any("they would make 152" in note for note in first.notes)

    second = await read(engine, real_data / "wuhan2020/s2_20200205a", w.HOSPITALS)
    assert (second.rows_read, second.distinct_keys, second.rejected) == (171, 169, [])
    assert (second.created, second.updated, second.unchanged) == (33, 36, 100)
    assert (second.duplicates, second.withdrawn, second.changed["lines"]) == (2, 15, 25)
    assert any("they would make 16" in note for note in second.notes)

    again = await read(engine, real_data / "wuhan2020/s2_20200205a", w.HOSPITALS)
    assert (again.unchanged, again.duplicates) == (169, 2)
    assert (again.created, again.updated, again.withdrawn, again.rejected) == (0, 0, 0, [])

    back = await read(engine, real_data / "wuhan2020/s1_20200201", w.HOSPITALS)
    assert (back.resumed, back.withdrawn, back.keyless) == (15, 0, 18)
    assert any(note.startswith("33 known rows are absent, and kept") for note in back.notes)
    assert set(await states(engine, Need)) == {NeedState.PUBLISHED}


async def test_factories_and_clinics(engine: AsyncEngine, real_data: Path) -> None:
    folder = real_data / "wuhan2020/s5_20200219"
    made = await read(engine, folder / "factory", w.FACTORIES)
    assert (made.rows_read, made.created, made.duplicates) == (21, 20, 1)
    assert made.lines == {"read": 24, "open_ended": 21, "blank": 0}
    assert (await read(engine, folder / "factory", w.FACTORIES)).unchanged == 20
    assert await states(engine, Offer) == {OfferState.LISTED: 23}

    consulted = await read(engine, folder / "clinic", w.CLINICS)
    assert (consulted.rows_read, consulted.created) == (59, 58)
    assert [one.code for one in consulted.rejected] == ["NOT_TAKEN"]
    assert (await read(engine, folder / "clinic", w.CLINICS)).unchanged == 58
