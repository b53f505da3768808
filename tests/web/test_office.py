"""Work at the office PC: Excel in, papers and lists out, milestones handed in."""

import asyncio
import hashlib
import io
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.async_api import FilePayload, Page, expect
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.needs.model import Need, NeedState
from nexus.purchasing.acceptance.model import Acceptance, AcceptanceState
from nexus.purchasing.facts import operations as facts
from tests.exchange import writing
from tests.making import making, today
from tests.purchasing import bought
from tests.web.conftest import NARROW, Phone, Service, faults_of
from tests.web.world import HASHED, LEAD, TOWN, WORKER, World, made_visit

DAY = timedelta(days=1)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
async def at_work(service: Service) -> AsyncIterator[None]:
    """`nexus worker` beside the service."""
    urls = {
        "NEXUS_DATABASE_URL": service.database.owner_url,
        "NEXUS_APP_DATABASE_URL": service.database.app_url,
    }
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("nexus"),
        *("worker", "--data-dir", str(service.folder)),
        env={**os.environ, **urls},
    )
    yield
    process.kill()
    await process.wait()


def _sheet() -> FilePayload:
    """Two good rows, an unknown category, an ID number that Excel has made a figure of."""
    book = writing.workbook(
        writing.good(户编号="X1", 镇街=TOWN),
        writing.good(户编号="X2", 镇街=TOWN, 需求内容="护理床", 数量=1, 单位="张"),
        writing.good(户编号="X3", 镇街=TOWN, 需求类别="不存在的类别"),
        writing.good(户编号=449900194001020017, 镇街=TOWN),
    )
    return {"name": "需求.xlsx", "mimeType": XLSX, "buffer": book}


async def _as_narrow(page: Page, axe: str) -> list[str]:
    """What axe and a width of 320 px find wrong with a screen that is filled."""
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    return await faults_of(page, axe)


async def _brought(world: World) -> int:
    async with AsyncSession(world.engine) as session:
        found = select(func.count()).where(Need.state == NeedState.SUBMITTED)
        return int(await session.scalar(found) or 0)


async def test_excel_is_tried_then_imported_and_its_errors_come_back_as_a_sheet(
    phone: Phone, world: World, at_work: None, axe: str
) -> None:
    page = phone.page
    await phone.sign_in(LEAD)
    await phone.go("/import")
    await page.set_input_files("#sheet", _sheet())
    await page.get_by_role("button", name="试导").click()
    await expect(page.get_by_text("读到 4 行，2 行有问题")).to_be_visible(timeout=40_000)
    await expect(page.get_by_text("护理床×1")).to_be_visible()
    assert await _brought(world) == 0
    assert await _as_narrow(page, axe) == []
    address = await page.get_by_role("link", name="下载问题表").get_attribute("href")
    async with httpx.AsyncClient(base_url=phone.address.removesuffix("/station")) as client:
        sheet = await client.get(str(address))
    rows = CalamineWorkbook.from_filelike(io.BytesIO(sheet.content)).get_sheet_by_index(0)
    head, *wrong = rows.to_python()
    assert "问题" in head
    assert len(wrong) == 2
    await page.get_by_role("button", name="正式导入").click()
    await expect(page.get_by_role("heading", name="导入结果")).to_be_visible(timeout=40_000)
    assert await _brought(world) == 2
    await page.set_input_files("#sheet", _sheet())
    await page.get_by_role("button", name="试导").click()
    await expect(page.get_by_role("heading", name="试导结果")).to_be_visible(timeout=40_000)
    await expect(page.get_by_role("button", name="正式导入")).to_have_count(0)


async def test_who_may_not_import_is_told_so(phone: Phone) -> None:
    await phone.sign_in(WORKER)
    await phone.go("/import")
    await expect(phone.page.get_by_text("您的岗位不能导入。")).to_be_visible()


async def test_a_record_is_printed_and_a_list_taken_along(phone: Phone, world: World) -> None:
    page = phone.page
    visit = await made_visit(world)
    await phone.sign_in(WORKER)
    await phone.go("/papers")
    row = page.locator("li", has_text=visit.no)
    async with phone.context.expect_page() as opened:
        await row.get_by_role("button", name="打印（PDF）").click()
    paper = await opened.value
    await paper.wait_for_url("**/printouts/*")
    async with httpx.AsyncClient() as client:
        answer = await client.get(paper.url)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="走访清单").click()
    told = Path(await (await download.value).path()).read_text("utf-8-sig")
    assert visit.no in told
    assert told.splitlines()[0].startswith('"编号","家庭"')


async def test_a_milestone_is_handed_in_with_its_evidence(
    phone: Phone, world: World, axe: str
) -> None:
    page = phone.page
    async with making(world.engine) as m:
        made = await bought.bought(m, title="社会救助探访服务（示范）")
        await bought.visits(m, made, 6)
        lead = await m.account("station_lead", made.supplier, area_code=TOWN, password_hash=HASHED)
    period = {"from_on": today() - 60 * DAY, "until_on": today() + DAY}
    await bought.do(world.engine, made.lead, facts.claim_period, made.items[0].id, **period)
    await phone.sign_in(lead.username)
    await phone.go("/contracts")
    await expect(page.get_by_text("计入 6 次，覆盖 1 户")).to_be_visible()
    assert await _as_narrow(page, axe) == []
    await page.get_by_role("button", name="提交验收").first.click()
    await page.fill("#from-on", str(today() - 60 * DAY))
    evidence = "走访汇总（示范）".encode()
    await page.set_input_files(
        "#evidence", {"name": "汇总.txt", "mimeType": "text/plain", "buffer": evidence}
    )
    await expect(page.get_by_text(hashlib.sha256(evidence).hexdigest()[:16])).to_be_visible()
    await page.locator("dialog button.main").click()
    await expect(page.get_by_text("已提交").first).to_be_visible()
    async with AsyncSession(world.engine) as session:
        found = select(Acceptance).where(Acceptance.milestone_id == made.milestones[0].id)
        row = (await session.scalars(found)).one()
    assert row.state is AcceptanceState.SUBMITTED
    assert row.documents[0]["sha256"] == hashlib.sha256(evidence).hexdigest()
