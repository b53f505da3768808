"""Files of every form come in: packages, records, lines, other people's wrappers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.exchange.ocds.model import ContractingDocument, ContractingFinding, ContractingProcess
from nexus.exchange.profiles.loading import ProfileRefused
from nexus.exchange.reading.tables import FileRefused
from tests.conftest import Api
from tests.exchange.contracting.samples import OCID, bring, package, read, release
from tests.making import making


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")


async def kept(engine: AsyncEngine, source: str) -> list[ContractingDocument]:
    async with AsyncSession(engine) as session:
        row = ContractingDocument
        return list(await session.scalars(select(row).where(row.source == source).order_by(row.id)))


async def processes(engine: AsyncEngine, source: str) -> dict[str, ContractingProcess]:
    async with AsyncSession(engine) as session:
        row = ContractingProcess
        found = await session.scalars(select(row).where(row.source == source))
        return {one.ocid: one for one in found}


async def codes(engine: AsyncEngine, source: str) -> list[str]:
    async with AsyncSession(engine) as session:
        row = ContractingFinding
        return sorted(await session.scalars(select(row.code).where(row.source == source)))


async def totals(engine: AsyncEngine) -> list[int | None]:
    tables = (ContractingDocument, ContractingProcess, ContractingFinding)
    async with AsyncSession(engine) as session:
        return [await session.scalar(select(func.count()).select_from(table)) for table in tables]


ONE, TWO = release(), release("r2", date="2026-02-05T00:00:00Z", tag=["tenderUpdate"])
RECORD = {"ocid": OCID, "releases": [ONE, TWO], "compiledRelease": {"ocid": OCID}}
FORMS: list[tuple[str, Any, int]] = [
    ("one", ONE, 1),
    ("array", [ONE, TWO], 2),
    ("package", package(ONE, TWO), 2),
    ("packages", [package(ONE), package(TWO)], 2),
    ("record", RECORD, 3),
    ("records", {"version": "1.1", "records": [RECORD]}, 3),
    ("wrapped", {"count": 2, "results": [package(ONE), package(TWO)]}, 2),
    ("lines", f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n", 2),
    ("both", {"releases": [ONE], "records": [RECORD]}, 4),
]


@pytest.mark.parametrize(("source", "content", "rows"), FORMS, ids=[form[0] for form in FORMS])
async def test_every_form_is_read(
    engine: AsyncEngine, tmp_path: Path, source: str, content: Any, rows: int
) -> None:
    report = await bring(engine, tmp_path, content, source=source)
    assert (report.rows_read, report.rejected) == (rows, [])
    found = [one for one in await kept(engine, source) if one.kind == "release"]
    assert {one.release_no for one in found} <= {"r1", "r2"}
    assert list(await processes(engine, source)) == [OCID]


async def test_the_text_is_kept_to_the_letter(engine: AsyncEngine, tmp_path: Path) -> None:
    odd = (
        '{ "ocid":"ocds-213czf-odd",  "id": "\\u0041", "date":"2026-02-01T08:00:00Z",'
        ' "tag":["tender"],\n\t"tender": {"id":"t","value":{"amount":1.50,"currency":"CNY"},'
        '"x":1e400, "y":0.1234567890123456789012, "title":"nul \\u0000 half \\ud800 \\/"},'
        ' "buyer":{"id":"1","name":"A"}, "language":"en", "language":"zh"}'
    )
    around = '{"uri":"https://example.org/1","publisher":{"name":"Ä"},"releases":['
    report = await bring(engine, tmp_path, f"\ufeff{around}{odd} ]}}", source="odd")
    assert report.created == 1
    (row,) = await kept(engine, "odd")
    assert row.original == odd
    assert json.loads(row.package or "")["publisher"] == {"name": "Ä"}
    process = (await processes(engine, "odd"))["ocds-213czf-odd"]
    assert process.compiled["tender"]["title"] == "nul \ufffd half \ufffd /"
    assert process.compiled["language"] == "zh"
    assert await codes(engine, "odd") == ["key_repeated"]


async def test_two_releases_under_one_id_are_both_kept(engine: AsyncEngine, tmp_path: Path) -> None:
    other = release(language="en")
    report = await bring(engine, tmp_path, [ONE, other], source="twice")
    assert (report.created, report.duplicates) == (2, 0)
    assert [row.release_no for row in await kept(engine, "twice")] == ["r1", "r1"]
    assert await codes(engine, "twice") == ["release_id_repeated"]
    assert [warning.code for warning in report.warnings] == ["RELEASE_ID_REPEATED"]


async def test_whatever_order_they_come_in(engine: AsyncEngine, tmp_path: Path) -> None:
    """The process is the same, all at once or one after the other."""
    three = [ONE, TWO, release("r3", date="2026-02-07T00:00:00Z", language="en")]
    await bring(engine, tmp_path, three, source="together")
    for one in reversed(three):
        await bring(engine, tmp_path, one, source="apart")
    together = (await processes(engine, "together"))[OCID]
    apart = (await processes(engine, "apart"))[OCID]
    assert together.compiled == apart.compiled
    assert (together.version, apart.version) == (1, 3)


async def test_read_again_nothing_changes(engine: AsyncEngine, tmp_path: Path) -> None:
    content = package(ONE, release(language="en"), {"id": "nobody's", "tag": ["tender"]})
    first = await bring(engine, tmp_path, content, source="again")
    before = await totals(engine)
    version = (await processes(engine, "again"))[OCID].version
    reordered = {key: ONE[key] for key in sorted(ONE)}
    content["releases"][0] = reordered
    second = await bring(engine, tmp_path, content, source="again")
    assert (first.created, second.created, second.unchanged) == (3, 0, 3)
    assert await totals(engine) == before
    assert (await processes(engine, "again"))[OCID].version == version
    assert first.warnings == second.warnings


async def test_without_an_ocid_it_is_kept_and_belongs_to_none(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    lost = release()
    del lost["ocid"]
    report = await bring(engine, tmp_path, [lost], source="lost")
    assert (report.created, report.distinct_keys) == (1, 0)
    assert await processes(engine, "lost") == {}
    assert await codes(engine, "lost") == ["ocid_missing"]


async def test_what_is_neither_is_rejected_with_the_reason(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    deep: Any = []
    for _ in range(80):
        deep = [deep]
    content = [
        ONE,
        7,
        {"name": "a person"},
        {"ocid": "ocds-213czf-deep", "id": "1", "x": deep},
        {"ocid": "ocds-213czf-" + "x" * 500, "id": "1"},
    ]
    report = await bring(engine, tmp_path, content, source="neither")
    assert (report.rows_read, report.created) == (5, 1)
    assert [note.code for note in report.rejected] == [
        *("NO_OBJECT", "NO_RELEASE", "TOO_DEEP", "TOO_LONG")
    ]


@pytest.mark.parametrize(
    "content",
    ['{"releases": [{"ocid": "ocds-213czf-1"', "<html>", "[1, NaN]", '{"a": 1} x', "[" * 5000],
)
async def test_what_is_no_json_is_refused_as_a_whole(
    engine: AsyncEngine, tmp_path: Path, content: str
) -> None:
    before = await totals(engine)
    with pytest.raises(FileRefused):
        await bring(engine, tmp_path, content, source="broken")
    assert await totals(engine) == before


async def test_a_dry_run_says_the_same_and_changes_nothing(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    before = await totals(engine)
    content = package(ONE, release(language="en"))
    dry = await bring(engine, tmp_path, content, source="dry", dry_run=True)
    assert await totals(engine) == before
    real = await bring(engine, tmp_path, content, source="dry")
    assert real.figures() == dry.figures()
    assert real.warnings == dry.warnings


async def test_two_imports_at_once_keep_each_document_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.json").write_text(json.dumps(package(ONE, TWO)), "utf-8")
    reports = await asyncio.gather(
        *(read(engine, tmp_path / name, tmp_path, source="race") for name in ("a", "b"))
    )
    assert sorted(report.created for report in reports) == [0, 2]
    assert len(await kept(engine, "race")) == 2


async def test_a_document_is_never_changed(engine: AsyncEngine, tmp_path: Path) -> None:
    await bring(engine, tmp_path, ONE, source="fixed")
    for statement in (
        "UPDATE contracting_document SET original = '{}' WHERE source = 'fixed'",
        "DELETE FROM contracting_document WHERE source = 'fixed'",
        "DELETE FROM contracting_process WHERE source = 'fixed'",
    ):
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError, match=r"permission denied|append-only"):
                await connection.execute(text(statement))


async def test_nobody_imports_in_nexus_own_name(engine: AsyncEngine, tmp_path: Path) -> None:
    with pytest.raises(ProfileRefused):
        await bring(engine, tmp_path, ONE, source="nexus")


READ = """
query ($source: [String!]) {
  contractingProcesses(filter: {source: $source}) { nodes {
    ocid title buyerName amount currency documentCount findingCount compiled
    findings(first: 5) { nodes { code path message } }
  } }
  contractingDocuments(filter: {source: $source}) { nodes { releaseNo kind original } }
  contractingFindings(filter: {source: $source}) { nodes { code process { ocid } } }
}
"""


async def test_processes_are_read_through_the_graph(
    engine: AsyncEngine, api: Api, tmp_path: Path
) -> None:
    await bring(engine, tmp_path, [ONE, release(language="en")], source="graph")
    async with making(engine) as m:
        readers = [await m.account(role=role) for role in ("gov_clerk", "auditor", "buyer")]
        others = [await m.account(role=role) for role in ("charity_user", "social_worker")]
    for reader in readers:
        data = (await api(reader)(READ, source=["graph"]))["data"]
        (process,) = data["contractingProcesses"]["nodes"]
        assert (process["amount"], process["currency"]) == (1200.5, "CNY")
        assert (process["title"], process["buyerName"]) == ("Home visits", "Example Town")
        assert process["compiled"]["tag"] == ["compiled"]
        assert [one["code"] for one in process["findings"]["nodes"]] == ["RELEASE_ID_REPEATED"]
        assert data["contractingFindings"]["nodes"][0]["process"]["ocid"] == OCID
        originals = [json.loads(d["original"]) for d in data["contractingDocuments"]["nodes"]]
        assert len(originals) == 2
        assert ONE in originals
    for other in [*others, None]:
        data = (await api(other)(READ, source=["graph"]))["data"]
        assert all(connection["nodes"] == [] for connection in data.values())
