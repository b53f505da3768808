"""The published releases and records of one country, when NEXUS_REAL_DATA names the folder."""

import json
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.exchange.ocds.model import ContractingDocument, ContractingFinding, ContractingProcess
from tests.exchange.contracting.samples import read
from tests.making import making

pytestmark = pytest.mark.real_data
FOLDER = "ocds/uk-contracts-finder"


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")


async def codes(engine: AsyncEngine, source: str) -> dict[str, int]:
    async with AsyncSession(engine) as session:
        row = ContractingFinding
        return Counter(await session.scalars(select(row.code).where(row.source == source)))


async def test_twenty_one_releases_of_eleven_processes(
    engine: AsyncEngine, real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / FOLDER / "releases"
    report = await read(engine, folder, tmp_path, source="finder")
    assert (report.rows_read, report.created, report.rejected) == (21, 21, [])
    assert report.distinct_keys == 11
    assert await codes(engine, "finder") == {
        "release_id_repeated": 10,
        "two_buyers": 3,
        "buyer_id_changed": 7,
        "identifier_blank": 21,
    }
    assert any("two_buyers 3" in note for note in report.notes)
    async with AsyncSession(engine) as session:
        row = ContractingDocument
        kept = list(await session.scalars(select(row.original).where(row.source == "finder")))
        process = ContractingProcess
        processes = await session.scalars(select(process).where(process.source == "finder"))
        figures = sorted(one.documents for one in processes)
    texts = [path.read_text("utf-8").strip() for path in folder.glob("*.json")]
    assert sorted(kept) == sorted(texts)
    assert figures == [1] + [2] * 10


async def test_read_again_nothing_changes(
    engine: AsyncEngine, real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / FOLDER / "releases"
    first = await read(engine, folder, tmp_path, source="again")
    async with AsyncSession(engine) as session:
        row = ContractingProcess
        before = {one.ocid: one.version for one in await session.scalars(select(row))}
    second = await read(engine, folder, tmp_path, source="again")
    assert (second.unchanged, second.created) == (21, 0)
    assert second.warnings == first.warnings
    async with AsyncSession(engine) as session:
        assert {one.ocid: one.version for one in await session.scalars(select(row))} == before


async def test_records_hold_releases_that_are_known(
    engine: AsyncEngine, real_data: Path, tmp_path: Path
) -> None:
    """The folder as a whole: a record and its release each, then the releases themselves."""
    report = await read(engine, real_data / FOLDER, tmp_path, source="whole")
    assert (report.rows_read, report.created, report.duplicates) == (43, 32, 11)
    assert report.distinct_keys == 11
    async with AsyncSession(engine) as session:
        row = ContractingDocument
        found = await session.execute(select(row.kind, row.original).where(row.source == "whole"))
        kinds: Counter[str] = Counter()
        for kind, original in found:
            kinds[kind] += 1
            json.loads(original)
    assert kinds == {"release": 21, "record": 11}
    assert "record_disagrees" not in await codes(engine, "whole")
