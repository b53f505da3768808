"""An Excel file at a station: dry run, preview, commit, and its bad rows back as a workbook."""

import io
from datetime import timedelta
from itertools import count
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.exchange.importing.model import ExternalRef
from nexus.exchange.importing.requests import operations, sheets
from nexus.exchange.importing.requests.model import ImportSheet
from nexus.exchange.importing.requests.reactions import Importer
from nexus.exchange.importing.rules import Report
from nexus.exchange.profiles.bundled import builtin_text
from nexus.exchange.profiles.model import BuiltinProfile
from nexus.exchange.reading.tables import Cell, Fault, Row
from nexus.needs.model import Need, NeedState
from tests.conftest import Api
from tests.deeds import count_of
from tests.exchange import writing as w
from tests.exchange.test_imports_over_the_api import IMPORT, REQUEST, Platform
from tests.making import making, now

KEYS = count(1)
TOWN = "440103002"
READ = """
query($id: ID!) { node(id: $id) { ... on ImportRun {
  state failureMessage dryRun rowsRead created updated unchanged duplicates rejected problems
  problemsUrl problemsSheetUrl preview
} } }
"""
ACTIVE = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")')


@pytest.fixture(scope="module")
async def lead(engine: AsyncEngine) -> Account:
    """Of the only station of a town whose county has its authority."""
    async with making(engine) as m:
        await m.authority(area_code="440103")
        station = await m.station(area_code=TOWN)
        return await m.account(
            Role.STATION_LEAD,
            organization=None,
            organization_id=station.organization_id,
            area_code=TOWN,
        )


@pytest.fixture
def office(api: Api, client: httpx.AsyncClient, lead: Account) -> Platform:
    return Platform(api, client, lead)


async def run_of(
    office: Platform, importer: Importer, upload: dict[str, Any], **given: Any
) -> dict[str, Any]:
    """An import to its end."""
    wanted = {"kind": "NEEDS", "profile": {"builtin": "TOWNSHIP_NEEDS"}} | given
    run = await office.ask(IMPORT, uploadId=upload["id"], **wanted)
    assert "id" in run, run
    assert await importer.step()
    answer = await office.api(office.account)(READ, id=run["id"])
    found: dict[str, Any] = answer["data"]["node"] | {"id": run["id"]}
    return found


def cells_of(content: bytes) -> list[list[Any]]:
    with CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
        return list(book.get_sheet_by_index(0).to_python())


async def test_dry_run_preview_commit_and_again(
    engine: AsyncEngine, office: Platform, importer: Importer
) -> None:
    book = w.workbook(
        w.good(户编号="X1"),
        w.good(户编号="X2", 需求内容="护理床", 数量=1, 单位="张"),
        w.good(户编号=449900194001020017, 需求内容="面条"),
        w.good(户编号="X3", 需求类别="不存在的类别"),
        w.good(户编号="X1"),
    )
    upload = await office.put(book, "需求.xlsx")
    before = await count_of(engine, Need)
    dry = await run_of(office, importer, upload, dryRun=True)
    assert (dry["state"], dry["dryRun"]) == ("DONE", True)
    assert [dry[one] for one in ("rowsRead", "created", "rejected", "duplicates")] == [5, 2, 2, 1]
    assert await count_of(engine, Need) == before
    outcomes = {(one["row"], one["outcome"]) for one in dry["preview"]}
    assert outcomes == {
        *((2, "created"), (3, "created"), (4, "rejected"), (5, "rejected")),
        (6, "duplicate"),
    }
    shown = next(one for one in dry["preview"] if one["row"] == 3)
    assert shown["items"] == ["护理床×1"]
    assert (shown["area"], shown["category"]) == (TOWN, "LIV")
    real = await run_of(office, importer, upload)
    assert [real[one] for one in ("created", "rejected", "duplicates")] == [2, 2, 1]
    assert await count_of(engine, Need) == before + 2
    again = await run_of(office, importer, await office.put(book, "需求.xlsx"))
    assert [again[one] for one in ("created", "unchanged", "rejected")] == [0, 2, 2]
    assert await count_of(engine, Need) == before + 2


async def test_what_a_station_brings_waits_for_somebody_else(
    engine: AsyncEngine, office: Platform, importer: Importer
) -> None:
    upload = await office.put(w.workbook(w.good(户编号="W1", 审核状态="已审核")), "w.xlsx")
    await run_of(office, importer, upload)
    async with AsyncSession(engine) as session:
        need = await session.scalar(
            select(Need)
            .join(ExternalRef, ExternalRef.object_id == Need.id)
            .where(ExternalRef.value.like("%W1%"))
        )
    assert need is not None
    assert need.state is NeedState.SUBMITTED
    assert need.owner_id == office.account.id
    assert need.station_id is not None
    for kind in ("OFFERS", "RECOGNITIONS", "TICKETS"):
        other = await office.put(w.workbook(w.good(户编号="W2")), "o.xlsx")
        refused = await office.ask(
            IMPORT, uploadId=other["id"], kind=kind, profile={"builtin": "TOWNSHIP_NEEDS"}
        )
        assert refused["code"] == "FORBIDDEN"
    far = await office.put(w.workbook(w.good(户编号="W3", 镇街="440304001")), "far.xlsx")
    assert (await run_of(office, importer, far))["rejected"] == 1


@pytest.mark.parametrize("role", [Role.SOCIAL_WORKER, Role.AIDE, Role.BUYER, Role.RECIPIENT])
async def test_who_may_not_import(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, role: Role
) -> None:
    async with making(engine) as m:
        account = await m.account(role, area_code=TOWN)
    refused = await Platform(api, client, account).ask(REQUEST, fileName="list.xlsx")
    assert refused["code"] == "FORBIDDEN"


async def test_bad_rows_come_back_with_their_columns_and_what_is_wrong(
    office: Platform, importer: Importer, client: httpx.AsyncClient
) -> None:
    header = [*w.HEADER, "备注"]
    rows = [
        [*w.good(户编号="S1"), "好"],
        [*w.good(户编号=449900194001020017), "数字格式"],
        [*w.good(户编号="S3", 需求类别="外星类", 数量=20), "类别"],
    ]
    upload = await office.put(w.workbook(*rows, header=header), "s.xlsx")
    run = await run_of(office, importer, upload, dryRun=True)
    answer = await client.get(run["problemsSheetUrl"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == sheets.SHEET_TYPE
    assert "problems.xlsx" in answer.headers["content-disposition"]
    head, *found = cells_of(answer.content)
    assert head == [*header, "行", "问题"]
    assert len(found) == 2
    assert found[0][-2] == 3
    assert "digits" in found[0][-1]
    assert found[1][head.index("需求类别")] == "外星类"
    assert found[1][head.index("数量")] == 20
    # Corrected where it lies and sent again, with the two columns that nexus added.
    found[0][0], found[1][head.index("需求类别")] = "S2", "基本生活"
    mended = w.workbook(*found, header=head)
    done = await run_of(office, importer, await office.put(mended, "s2.xlsx"))
    assert (done["created"], done["rejected"]) == (2, 0)
    assert done["problemsSheetUrl"] is None or done["problems"] > 0


async def test_no_cell_is_a_formula(
    office: Platform, importer: Importer, client: httpx.AsyncClient
) -> None:
    rows = [w.good(户编号=f"F{at}", 需求类别=text) for at, text in enumerate(ACTIVE)]
    content = w.table(*([f'"{cell}"'.replace('"http', "http") for cell in row] for row in rows))
    upload = await office.put(content.replace('x")"', 'x)"').encode(), "f.csv")
    run = await run_of(office, importer, upload, dryRun=True)
    assert run["rejected"] == len(ACTIVE)
    sheet = (await client.get(run["problemsSheetUrl"])).content
    with ZipFile(io.BytesIO(sheet)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for part in parts.values():
        assert not any(mark in part for mark in (b"<f>", b"<f ", b"hyperlink"))
    assert b"=1+1" in parts["xl/sharedStrings.xml"]


async def test_a_workbook_is_one_persons_for_a_week_and_sealed(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, office: Platform, importer: Importer
) -> None:
    upload = await office.put(w.workbook(w.good(户编号="P1", 需求类别="谁家里")), "p.xlsx")
    run = await run_of(office, importer, upload, dryRun=True)
    async with AsyncSession(engine) as session:
        sealed = (await session.scalars(select(ImportSheet.ciphertext))).all()
    assert not any("谁家里".encode() in one or one.startswith(b"PK") for one in sealed)
    url = run["problemsSheetUrl"]
    assert (await client.get(url.replace("account=", "account=0"))).status_code == 403
    async with making(engine) as m:
        other = await m.account(Role.STATION_LEAD, area_code=TOWN)
    answer = await api(other)(READ, id=run["id"])
    assert answer["data"]["node"] is None
    async with AsyncSession(engine) as session, session.begin():
        assert await operations.forget_sheets(session, now() + timedelta(days=6)) == 0
    assert (await client.get(url)).status_code == 200
    async with AsyncSession(engine) as session, session.begin():
        assert await operations.forget_sheets(session, now() + timedelta(days=8)) > 0
    assert (await client.get(url)).status_code == 403


async def test_a_clean_file_has_no_workbook(
    office: Platform, importer: Importer, client: httpx.AsyncClient
) -> None:
    upload = await office.put(w.workbook(w.good(户编号="C1")), "c.xlsx")
    run = await run_of(office, importer, upload, dryRun=True)
    if run["problems"] == 0:
        assert run["problemsSheetUrl"] is None
        assert (await client.get(run["problemsUrl"] + "&format=xlsx")).status_code == 403


@pytest.mark.parametrize("name", BuiltinProfile)
def test_profiles_that_come_along_are_those_of_the_guide(name: BuiltinProfile) -> None:
    """One text, in the package and beside it: edit both."""
    beside = w.PROFILES / f"{name.value.replace('_', '-')}.toml"
    assert builtin_text(name) == beside.read_text("utf-8")


def test_any_cell_can_be_given_back() -> None:
    report = Report("needs", "x", True)
    values = ["=1", 20, 1.5, 10**17, True, None, "a\x00\ud800b", "长" * 40_000, now().date()]
    cells = {f"c{at}": Cell(value, name=f"C{at}") for at, value in enumerate(values)}
    row = Row("x.xlsx", 7, {}, cells)
    report.refuse(row, None, [Fault("X", "=不对")])
    made = sheets.problem_sheet(report)
    assert made is not None
    head, line = cells_of(made)
    assert head == [*(f"C{at}" for at in range(len(values))), "行", "问题"]
    assert line[:5] == ["=1", 20, "1.5", str(10**17), "是"]
    assert line[-2:] == [7, "=不对"]
    assert sheets.problem_sheet(Report("needs", "x", True)) is None
    assert "kept" not in report.as_dict()
