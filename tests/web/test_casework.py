"""A day without signal: a visit, a note, an assessment, kept on the phone and each done once."""

from playwright.async_api import expect
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.casework.assessments.model import Assessment, AssessmentState
from nexus.casework.cases.records.model import CaseNote, NoteState
from nexus.casework.visits.model import VisitKind, VisitState
from nexus.casework.visits.operations import update_visit
from tests.deeds import acting, reread
from tests.web.conftest import Phone, Service
from tests.web.world import WORKER, World


async def test_two_values_for_one_field_are_shown_and_settled(phone: Phone, world: World) -> None:
    assert world.visit is not None
    base = world.visit.version
    for who, kind in ((world.worker, VisitKind.PHONE), (world.lead, VisitKind.VIDEO)):
        async with acting(world.engine, who) as act:
            await update_visit(act, world.visit.id, expected_version=base, changes={"kind": kind})
    await phone.sign_in(WORKER)
    await phone.page.click(".safety a")
    await expect(phone.page.get_by_text("同一项填了两个值 1 处")).to_be_visible()
    sides = phone.page.locator(".sides")
    await expect(sides).to_contain_text("电话回访")
    await expect(sides).to_contain_text("视频探访")
    await phone.page.get_by_role("button", name="采用后到的值").click()
    await expect(phone.page.get_by_text("同一项填了两个值 1 处")).to_have_count(0)
    assert (await reread(world.engine, world.visit)).kind is VisitKind.VIDEO


async def test_a_visit_without_signal_outlives_reload_and_a_dead_server(
    phone: Phone, world: World, service: Service
) -> None:
    page = phone.page
    await phone.sign_in(WORKER)
    await phone.controlled()
    await page.locator("main a[href*='/visits/']").click()
    await phone.context.set_offline(True)
    await page.fill("#q-minutes", "40")
    await page.get_by_role("button", name="下一页").click()
    await page.get_by_role("button", name="下一页").click()
    await expect(page.get_by_text("请回答这一题。").first).to_be_visible()
    for code in ("FOOD", "HEAT", "HOME"):
        await page.locator(f"#q-{code} label").first.click()
    await page.locator("#q-HEALTH label").nth(1).click()
    await expect(page.locator(".day")).to_contain_text("已存本机")
    await page.reload()
    await expect(page.locator("#q-FOOD input").first).to_be_checked()
    await page.get_by_role("button", name="下一页").click()
    await page.locator("#q-INCOME label").nth(1).click()
    for _ in range(3):
        if await page.locator("#summary").count():
            break
        await page.get_by_role("button", name="下一页").click()
    await page.fill("#summary", "两位老人身体尚可，送餐已落实。")
    await page.get_by_role("button", name="保存走访").click()
    await expect(page.locator(".safety")).to_contain_text("待上传 1 条")
    await service.kill()
    await phone.context.set_offline(False)
    await page.reload()
    await expect(page.locator(".safety")).to_contain_text("待上传 1 条")
    await service.start()
    await page.reload()
    await expect(page.locator(".safety")).to_contain_text("全部已上传")
    assert world.visit is not None
    made = await reread(world.engine, world.visit)
    assert (made.state, made.minutes) == (VisitState.DONE, 40)
    assert made.findings["FOOD"] is True
    assert made.summary == "两位老人身体尚可，送餐已落实。"


async def test_a_note_and_an_assessment_reach_the_case_file(phone: Phone, world: World) -> None:
    page = phone.page
    await phone.sign_in(WORKER)
    await page.click("nav a[href$='/cases']")
    await page.locator("main a.row").click()
    await expect(page.get_by_text("三餐有着落")).to_be_visible()
    await page.get_by_role("button", name="记一笔").click()
    await page.fill("#note-text", "已联系助餐点，从明天开始送餐。")
    await page.click("dialog button.main")
    await expect(page.locator(".timeline")).to_contain_text("已联系助餐点")
    await page.get_by_role("link", name="评估").click()
    for part in range(5):
        await page.locator("main button.row").nth(part).click()
        fields = page.locator("main fieldset")
        for place in range(await fields.count()):
            await fields.nth(place).locator("label").first.click()
        numbers = page.locator("main input[type=number]")
        for place in range(await numbers.count()):
            await numbers.nth(place).fill("2")
        await page.get_by_role("button", name="完成这一部分").click()
    await page.get_by_role("button", name="提交评估").click()
    await expect(page.locator(".safety")).to_contain_text("全部已上传")
    async with AsyncSession(world.engine) as session:
        signed = select(func.count()).where(CaseNote.state == NoteState.SIGNED)
        assert await session.scalar(signed) == 1
        states = list(await session.scalars(select(Assessment.state)))
    assert states == [AssessmentState.COMPLETED]
