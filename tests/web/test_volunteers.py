"""A volunteer at the door: the code on the station's screen, read by a telephone of their own."""

import json
import re
from datetime import timedelta

from playwright.async_api import Browser, expect
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.organizations.model import Organization
from nexus.volunteering.hours.model import CheckIn, CheckInState, HoursSource
from tests.making import making, now
from tests.volunteering import made
from tests.web.building import run_node
from tests.web.conftest import Phone, Service, make_phone
from tests.web.world import PASSWORD, World, running_task

PIXELS = """async (image) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 400;
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, 400, 400);
  paper.drawImage(image, 0, 0, 400, 400);
  return Array.from(paper.getImageData(0, 0, 400, 400).data).filter((_, at) => at % 4 === 0);
}"""


async def _read(phone: Phone) -> str:
    """What a camera reads from the picture on the screen."""
    image = phone.page.locator(".qr img")
    await image.wait_for()
    pixels = await image.evaluate(PIXELS)
    return run_node("tests/decode.mjs", stdin=json.dumps(pixels)).strip()


async def test_a_volunteer_comes_and_goes_by_the_code_on_the_screen(
    phone: Phone, world: World, browser: Browser, service: Service
) -> None:
    task, person, username = await running_task(world)
    page = phone.page
    await phone.sign_in()
    await page.click("nav a[href$='/more']")
    await page.get_by_text("志愿任务").click()
    await page.get_by_text("陪老人散步（示范）").click()
    address = await _read(phone)
    assert re.fullmatch(
        rf"http://127.0.0.1:\d+/station/attend#NEXUS-ATTEND:{task.no}:in:\d{{8}}", address
    )
    other = await make_phone(browser, service)
    await other.page.goto(address)
    await other.page.fill("#username", username)
    await other.page.fill("#password", PASSWORD)
    await other.page.click("button.main")
    await other.page.get_by_role("button", name="确认签到").click()
    await expect(other.page.get_by_role("alert")).to_have_text("签到成功，谢谢您来。")
    await page.reload()
    await expect(page.get_by_text("在场")).to_be_visible()
    assert await page.get_by_text(person.no).count() > 0
    await page.get_by_role("button", name="签退").click()
    await other.page.goto(await _read(phone))
    await other.page.reload()
    await other.page.get_by_role("button", name="确认签退").click()
    await expect(other.page.get_by_role("alert")).to_have_text("签退成功，工时已记录。")
    await other.context.close()
    assert other.troubles == []
    async with AsyncSession(world.engine) as session:
        came = (await session.scalars(select(CheckIn).where(CheckIn.task_id == task.id))).one()
    assert (came.volunteer_id, came.state) == (person.id, CheckInState.CLOSED)
    assert (came.in_source, came.out_source) == (HoursSource.CODE, HoursSource.CODE)


async def test_an_old_code_and_a_stranger_record_nothing(
    world: World, browser: Browser, service: Service
) -> None:
    task, _, username = await running_task(world)
    phone = await make_phone(browser, service)
    await phone.page.goto(f"{phone.address}/attend#NEXUS-ATTEND:{task.no}:in:00000000")
    await phone.page.fill("#username", username)
    await phone.page.fill("#password", PASSWORD)
    await phone.page.click("button.main")
    await phone.page.get_by_role("button", name="确认签到").click()
    await expect(phone.page.get_by_role("alert")).to_contain_text("二维码已过期")
    await phone.page.goto(f"{phone.address}/attend#anything")
    await phone.page.reload()
    await expect(phone.page.get_by_text("请用手机相机扫描")).to_be_visible()
    await phone.context.close()
    async with AsyncSession(world.engine) as session:
        assert not await session.scalar(select(func.count()).where(CheckIn.task_id == task.id))


async def test_before_its_time_there_is_no_code(phone: Phone, world: World) -> None:
    async with making(world.engine) as m:
        agency = await m.session.get_one(Organization, world.lead.organization_id)
        start = now() + timedelta(days=3)
        await made.task(
            m, agency, name="周末送餐（示范）", starts_at=start, ends_at=start + timedelta(hours=2)
        )
    await phone.sign_in()
    await phone.go("/tasks")
    await phone.page.get_by_text("周末送餐（示范）").click()
    await expect(phone.page.get_by_role("heading", name="报名")).to_be_visible()
    await expect(phone.page.locator(".qr")).to_have_count(0)
