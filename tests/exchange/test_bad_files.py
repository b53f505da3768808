"""Bad files and bad rows: each a clear error, and nothing of them imported."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.exchange.importing.model import ExternalRef, ImportRun
from nexus.exchange.importing.operations import run_import
from nexus.exchange.reading.tables import FileRefused
from nexus.needs.model import Need
from nexus.recipients.model import Household
from tests.exchange import writing as w
from tests.exchange.bad_files import REFUSED, ROWS
from tests.making import making

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
async def people(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")
        await m.station(area_code="440103002")


async def counted(engine: AsyncEngine) -> list[int]:
    async with AsyncSession(engine) as session:
        return [
            (await session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (Need, ExternalRef, Household)
        ]


def test_there_are_enough_of_them() -> None:
    assert len(REFUSED) + len(ROWS) >= 100


@pytest.mark.parametrize("name", REFUSED)
async def test_a_bad_file_is_refused_whole(name: str, engine: AsyncEngine, tmp_path: Path) -> None:
    make, reason = REFUSED[name]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(FileRefused) as caught:
        await run_import(
            engine, kind="needs", path=tmp_path / name, profile_path=w.TOWNSHIP, now=NOW
        )
    assert caught.value.details["reason"] == reason, caught.value.message
    assert caught.value.message.startswith(name)
    assert await counted(engine) == [0, 0, 0]
    async with AsyncSession(engine) as session:
        assert await session.scalar(select(func.count()).select_from(ImportRun)) == 0


async def test_one_bad_file_stops_the_whole_folder(engine: AsyncEngine, tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text(w.table(w.good()), "utf-8")
    (tmp_path / "2.json").write_bytes(b'[{"a": 1},')
    with pytest.raises(FileRefused, match=r"^2\.json: "):
        await run_import(engine, kind="needs", path=tmp_path, profile_path=w.TOWNSHIP, now=NOW)
    assert await counted(engine) == [0, 0, 0]


@pytest.mark.parametrize("name", [name for name in ROWS if ROWS[name][1] != "wrong_headers"])
async def test_a_bad_row_is_rejected_alone(name: str, engine: AsyncEngine, tmp_path: Path) -> None:
    make, code = ROWS[name]
    (tmp_path / name).write_bytes(make())
    report = await run_import(
        engine, kind="needs", path=tmp_path / name, profile_path=w.TOWNSHIP, now=NOW
    )
    assert [one.code for one in report.rejected] == [code], report.rejected
    assert report.rejected[0].message.endswith((".", "?"))
    assert (report.rows_read, report.created) == (1, 0)
    assert await counted(engine) == [0, 0, 0]


@pytest.mark.parametrize("name", ["id_as_key.csv", "phone_as_key.csv"])
async def test_a_refusal_does_not_repeat_personal_data(
    name: str, engine: AsyncEngine, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(ROWS[name][0]())
    report = await run_import(
        engine, kind="needs", path=tmp_path / name, profile_path=w.TOWNSHIP, now=NOW
    )
    assert "11010519491231002X" not in str(report.as_dict())
    assert "13800138000" not in str(report.as_dict())
