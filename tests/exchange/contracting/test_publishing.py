"""A purchase is released for every change the public sees; anybody reads the packages."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, system
from nexus.core.embedded import Database
from nexus.core.outbox import run_due
from nexus.exchange.ocds.exporting import write_package
from nexus.exchange.ocds.model import OWN, ContractingDocument, ContractingFinding
from nexus.exchange.ocds.publishing.operations import publish, publish_all
from nexus.purchasing.contracts.model import Contract
from nexus.purchasing.procurements.model import Procurement, ProcurementState
from tests.exchange.contracting.samples import read
from tests.exchange.contracting.validating import faults, schema_errors
from tests.making import making, now, today
from tests.purchasing.bought import Bought, bought
from tests.serving import serving

SIZE = 2
"""Documents a page, in the test of pages."""


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")


async def purchased(engine: AsyncEngine, **fields: Any) -> Bought:
    """A contract in force whose tender was public."""
    async with making(engine) as m:
        made = await bought(m, targets=[{"metric": "facts", "target_value": 100}], **fields)
        await m.session.execute(
            update(Procurement)
            .where(Procurement.id == made.contract.procurement_id)
            .values(
                published_at=now(),
                state=ProcurementState.CONTRACTED,
                tender_starts_on=today() - timedelta(days=120),
                tender_ends_on=today() - timedelta(days=110),
            )
        )
        await m.session.commit()
    return made


async def released(engine: AsyncEngine, procurement_id: UUID) -> list[str] | None:
    """Publish; the tags of the release, or None where there is nothing new."""
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        row = await publish(Act(session, system(now())), procurement_id)
        return None if row is None else row.tags


async def change(engine: AsyncEngine, made: Bought, **values: Any) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(
            update(Contract).where(Contract.id == made.contract.id).values(**values)
        )


async def own(engine: AsyncEngine) -> list[ContractingDocument]:
    async with AsyncSession(engine) as session:
        row = ContractingDocument
        return list(await session.scalars(select(row).where(row.source == OWN).order_by(row.id)))


async def test_a_change_has_one_release_and_the_earlier_ones_stay(engine: AsyncEngine) -> None:
    made = await purchased(engine)
    key = made.contract.procurement_id
    assert await released(engine, key) == [
        *("planning", "tender", "award", "contract", "implementation")
    ]
    first = {row.id: row.original for row in await own(engine)}
    assert await released(engine, key) is None
    await change(engine, made, title="社会救助探访服务（更名）")
    assert await released(engine, key) == ["contractUpdate"]
    assert await released(engine, key) is None
    after = {row.id: row.original for row in await own(engine)}
    assert first.items() <= after.items()
    assert len(after) == len(first) + 1
    dates = [row.released_at for row in await own(engine) if row.ocid == _ocid(after)]
    assert len(set(dates)) == len(dates)


def _ocid(texts: dict[Any, str]) -> str:
    return str(json.loads(next(iter(texts.values())))["ocid"])


async def test_what_is_not_public_is_in_no_release(engine: AsyncEngine) -> None:
    made = await purchased(engine, published_on=None)
    async with making(engine) as m:
        planned = await bought(m)
    assert await released(engine, planned.contract.procurement_id) is None
    assert await released(engine, made.contract.procurement_id) == ["planning", "tender", "award"]
    text = (await own(engine))[-1].original
    assert made.contract.no not in text
    assert made.manager.name not in text
    assert made.contract.data_protection_clause not in text
    await change(engine, made, published_on=today())
    tags = await released(engine, made.contract.procurement_id)
    assert tags == ["contract", "implementation"]


async def test_everything_is_caught_up_once(engine: AsyncEngine) -> None:
    await purchased(engine)
    for expected in (True, False):
        async with AsyncSession(engine) as session, session.begin():
            assert bool(await publish_all(Act(session, system(now())))) is expected


async def test_news_of_a_purchase_makes_the_release(engine: AsyncEngine) -> None:
    made = await purchased(engine)
    await released(engine, made.contract.procurement_id)
    before = len(await own(engine))
    for kind, row in (("contract.amended", made.contract), ("milestone.met", made.milestones[0])):
        title = f"社会救助探访服务（{kind}）"
        async with AsyncSession(engine) as session, session.begin():
            known = await session.get_one(Contract, made.contract.id)
            known.title = title
            Act(session, system(now())).record(kind, row)
        while await run_due(engine):
            pass
        assert title in (await own(engine))[-1].original
    assert len(await own(engine)) == before + 2


async def test_two_at_once_make_one_release(engine: AsyncEngine) -> None:
    made = await purchased(engine)
    key = made.contract.procurement_id
    told = await asyncio.gather(*(released(engine, key) for _ in range(4)))
    assert sum(tags is not None for tags in told) == 1


async def write(
    engine: AsyncEngine, path: Path, *, source: str = OWN, records: bool = False
) -> dict[str, Any]:
    written = await write_package(engine, path, now(), source=source, records=records, base=None)
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    assert written == len(found["records" if records else "releases"])
    return found


async def test_what_is_exported_is_valid_and_comes_back_the_same(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """import(export(x)) = x, to the letter; and exported again it is the same."""
    made = await purchased(engine)
    await released(engine, made.contract.procurement_id)
    await change(engine, made, title="改名")
    releases = await write(engine, tmp_path / "releases.json")
    records = await write(engine, tmp_path / "records.json", records=True)
    for package in (releases, records):
        assert schema_errors(package) == []
        assert faults(package) == {}
    assert any("contractUpdate" in one["tag"] for one in releases["releases"])

    for name in ("releases", "records"):
        report = await read(engine, tmp_path / f"{name}.json", tmp_path, source=f"back-{name}")
        assert (report.rejected, report.duplicates, report.warnings) == ([], 0, [])
        again = await write(engine, tmp_path / "again.json", source=f"back-{name}")
        by_id = {one["id"]: one for one in again["releases"]}
        assert by_id == {one["id"]: one for one in releases["releases"]}
        compiled = await write(engine, tmp_path / "once.json", source=f"back-{name}", records=True)
        assert _compiled(compiled) == _compiled(records)
    async with AsyncSession(engine) as session:
        row = ContractingDocument
        texts = {
            source: set(
                await session.scalars(
                    select(row.original).where(row.source == source, row.kind == "release")
                )
            )
            for source in (OWN, "back-releases", "back-records")
        }
        assert texts[OWN] == texts["back-releases"] == texts["back-records"]
        finding = ContractingFinding
        assert list(await session.scalars(select(finding).where(finding.source == OWN))) == []


async def test_where_there_is_nothing_no_file_is_written(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    path = tmp_path / "none.json"
    assert await write_package(engine, path, now(), source="none", records=True, base=None) == 0
    assert list(tmp_path.iterdir()) == []


def _compiled(package: dict[str, Any]) -> dict[str, Any]:
    return {one["ocid"]: one["compiledRelease"] for one in package["records"]}


@pytest.fixture(scope="module")
async def door(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database, public_url="https://nexus.example") as served:
        async with httpx.AsyncClient(base_url=f"http://{served.address}") as client:
            yield client


async def test_anybody_reads_the_packages(engine: AsyncEngine, door: httpx.AsyncClient) -> None:
    made = await purchased(engine)
    await released(engine, made.contract.procurement_id)
    ocid = (await own(engine))[-1].ocid
    for path, name in (
        ("/ocds/releases", "releases"),
        ("/ocds/records", "records"),
        (f"/ocds/releases/{ocid}", "releases"),
        (f"/ocds/records/{ocid}", "records"),
    ):
        answer = await door.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        package = answer.json()
        assert schema_errors(package) == []
        assert faults(package) == {}
        assert package["uri"] == f"https://nexus.example{path}"
        if path.endswith(str(ocid)):
            assert {one["ocid"] for one in package[name]} == {ocid}
    assert (await door.get("/ocds/records/ocds-nobody-1")).status_code == 404
    assert (await door.post("/ocds/records")).status_code == 405


async def test_pages_lead_to_the_end(
    engine: AsyncEngine, door: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        made = await purchased(engine)
        await released(engine, made.contract.procurement_id)
    for module in ("releases_after", "records_after"):
        monkeypatch.setattr(
            f"nexus.exchange.ocds.exporting.{module}.__kwdefaults__", {"ocid": None, "size": SIZE}
        )
    seen: dict[str, list[str]] = {}
    for name in ("releases", "records"):
        path: str | None = f"/ocds/{name}"
        while path:
            package = (await door.get(path)).json()
            assert len(package[name]) <= SIZE
            seen.setdefault(name, []).extend(one.get("id", one["ocid"]) for one in package[name])
            further = package.get("links", {}).get("next")
            path = further and further.removeprefix("https://nexus.example")
    expected = [row.release_no for row in await own(engine)]
    assert seen["releases"] == expected
    assert len(expected) > 2
    assert seen["records"] == sorted({row.ocid or "" for row in await own(engine)})


async def test_imported_releases_are_at_no_address(
    engine: AsyncEngine, door: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "one.json").write_text(
        json.dumps({"ocid": "ocds-213czf-else", "id": "1", "tag": ["tender"]}), "utf-8"
    )
    await read(engine, tmp_path / "one.json", tmp_path, source="strange")
    assert (await door.get("/ocds/releases/ocds-213czf-else")).status_code == 404
