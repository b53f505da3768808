"""Days on which nothing goes as it should: a full disk, an update under a form."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from playwright.async_api import expect
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.casework.cases.records.model import CaseNote, NoteState
from nexus.casework.visits.model import Visit, VisitKind, VisitState
from nexus.matching.referrals.model import Referral, ReferralState
from tests.web.conftest import Phone, Service
from tests.web.world import WORKER, World

FULL = """() => {
  const add = IDBObjectStore.prototype.add, put = IDBObjectStore.prototype.put;
  const refuse = function () { throw new DOMException("full", "QuotaExceededError"); };
  window.roomAgain = () => Object.assign(IDBObjectStore.prototype, {add, put});
  IDBObjectStore.prototype.add = IDBObjectStore.prototype.put = refuse;
}"""


async def _case(phone: Phone) -> None:
    """The case file of the world's household."""
    await phone.page.click("nav a[href$='/cases']")
    await phone.page.locator("main a.row").click()
    await phone.page.wait_for_selector(".timeline")


async def _note(phone: Phone, text: str) -> None:
    await phone.page.get_by_role("button", name="记一笔").click()
    await phone.page.fill("#note-text", text)
    await phone.page.click("dialog button.main")


async def _signed(world: World, *texts: str) -> int:
    """How many notes with these texts are signed."""
    async with AsyncSession(world.engine) as session:
        found = select(func.count()).where(
            CaseNote.text.in_(texts), CaseNote.state == NoteState.SIGNED
        )
        return int(await session.scalar(found) or 0)


async def test_a_full_disk_is_said_and_what_was_typed_stays(phone: Phone, world: World) -> None:
    text = "示范：磁盘已满时写下的一笔。"
    await phone.sign_in(WORKER)
    await _case(phone)
    await phone.page.evaluate(FULL)
    await _note(phone, text)
    await expect(phone.page.locator(".safety")).to_contain_text("本机存储已满")
    await expect(phone.page.locator("#note-text")).to_have_value(text)
    await expect(phone.page.locator(".safety")).not_to_contain_text("待上传 1 条")
    await phone.page.evaluate("() => window.roomAgain()")
    await phone.page.click("dialog button.main")
    await expect(phone.page.locator(".timeline")).to_contain_text(text)
    await expect(phone.page.locator(".safety")).to_contain_text("全部已上传")
    assert await _signed(world, text) == 1


async def test_a_form_on_a_full_disk_says_that_it_is_not_kept(phone: Phone, world: World) -> None:
    await phone.sign_in(WORKER)
    await _case(phone)
    await phone.page.get_by_role("link", name="临时走访").click()
    await phone.page.wait_for_selector("#q-minutes")
    await phone.page.evaluate(FULL)
    await phone.page.fill("#q-minutes", "25")
    await expect(phone.page.locator(".safety")).to_contain_text("本机存储已满")
    await expect(phone.page.locator(".day")).to_contain_text("正在保存")
    await expect(phone.page.locator("#q-minutes")).to_have_value("25")
    await phone.page.evaluate("() => window.roomAgain()")
    await phone.page.fill("#q-minutes", "26")
    await expect(phone.page.locator(".safety")).not_to_contain_text("本机存储已满")
    await phone.page.reload()
    await expect(phone.page.locator("#q-minutes")).to_have_value("26")


async def test_a_session_that_ends_with_twelve_unsent_items_loses_none(
    phone: Phone, world: World
) -> None:
    texts = [f"示范：第 {n} 笔，会话过期前写下。" for n in range(6)]
    await phone.sign_in(WORKER)
    await phone.controlled()
    await _case(phone)
    await phone.context.set_offline(True)
    for text in texts:
        await _note(phone, text)
        await expect(phone.page.locator("dialog[open]")).to_have_count(0)
    await expect(phone.page.locator(".safety")).to_contain_text("待上传 12 条")
    await phone.context.clear_cookies()
    await phone.context.set_offline(False)
    await phone.page.reload()
    await expect(phone.page.locator(".notice.warn")).to_contain_text("登录已过期")
    await expect(phone.page.locator(".safety")).to_contain_text("已存本机 12 条，待上传 12 条")
    await phone.go("/settings")
    await phone.page.get_by_role("button", name="退出登录").click()
    await expect(phone.page.get_by_role("alert").last).to_contain_text("不能退出")
    await phone.page.get_by_role("button", name="登录", exact=True).click()
    await phone.again(WORKER)
    await expect(phone.page.locator(".safety")).to_contain_text("全部已上传")
    assert await _signed(world, *texts) == 6


@asynccontextmanager
async def _another_edition(service: Service, site: Path) -> AsyncIterator[None]:
    """The service comes back with another client than the phone has."""
    worker = site / "worker.js"
    kept = worker.read_bytes()
    await service.kill()
    try:
        worker.write_bytes(kept + b"\n/* another edition */\n")
        await service.start()
        # It holds its files once it has served one.
        async with httpx.AsyncClient() as client:
            assert b"another edition" in (await client.get(service.address + "/worker.js")).content
    finally:
        worker.write_bytes(kept)
    yield


async def test_an_update_waits_while_a_form_is_open(
    phone: Phone, world: World, service: Service, site: Path
) -> None:
    page = phone.page
    await phone.sign_in(WORKER)
    await phone.controlled()
    await _case(phone)
    await page.get_by_role("link", name="临时走访").click()
    await page.fill("#q-minutes", "33")
    await page.evaluate("() => { window.stays = true; }")
    async with _another_edition(service, site):
        await page.evaluate(
            "async () => { await (await navigator.serviceWorker.getRegistration()).update(); }"
        )
        await expect(page.locator(".notice.info")).to_contain_text("新版本已就绪")
        await page.fill("#q-minutes", "34")
        await expect(page.locator(".day")).to_contain_text("已存本机")
        assert await page.evaluate("() => window.stays === true")
        await page.get_by_role("button", name="现在更新").click()
        await page.wait_for_function("() => !window.stays")
        await expect(page.locator("#q-minutes")).to_have_value("34")


async def test_a_visit_nobody_planned_is_recorded_without_signal(
    phone: Phone, world: World
) -> None:
    page = phone.page
    await phone.sign_in(WORKER)
    await phone.controlled()
    await _case(phone)
    await phone.context.set_offline(True)
    await page.get_by_role("link", name="临时走访").click()
    await page.get_by_text("电话回访").click()
    await page.fill("#q-minutes", "12")
    await phone.answer_all()
    await page.fill("#summary", "路过时看望，老人在家，一切安好。")
    await page.get_by_role("button", name="保存走访").click()
    await expect(page.locator(".safety")).to_contain_text("待上传 1 条")
    await phone.context.set_offline(False)
    await expect(page.locator(".safety")).to_contain_text("全部已上传")
    async with AsyncSession(world.engine) as session:
        made = (await session.scalars(select(Visit).where(Visit.minutes == 12))).one()
    assert (made.kind, made.state, made.plan_id) == (VisitKind.PHONE, VisitState.DONE, None)
    assert made.summary == "路过时看望，老人在家，一切安好。"


async def test_a_referral_is_drawn_up_without_signal_and_sent(phone: Phone, world: World) -> None:
    page = phone.page
    await phone.sign_in(WORKER)
    await phone.controlled()
    await phone.page.click("nav a[href$='/needs']")
    await page.get_by_text("独居老人需要口粮").click()
    await page.get_by_role("link", name="拟转介").click()
    await expect(page.get_by_text("有效至")).to_be_visible()
    await phone.context.set_offline(True)
    await page.select_option("#to", label="荔湾区民政局（示范）")
    await page.fill("#summary", "请核对是否符合临时救助条件。")
    await page.get_by_role("button", name="保存并发出").click()
    await expect(page.locator(".safety")).to_contain_text("待上传 2 条")
    await phone.context.set_offline(False)
    await expect(page.locator(".safety")).to_contain_text("全部已上传")
    async with AsyncSession(world.engine) as session:
        row = (
            await session.scalars(
                select(Referral).where(
                    Referral.need_id == world.needs[0].id,
                    Referral.from_station_id == world.station.id,
                )
            )
        ).one()
    assert row.state is ReferralState.REQUESTED
    assert row.summary == "请核对是否符合临时救助条件。"
