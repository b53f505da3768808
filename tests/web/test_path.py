"""The whole path on a phone: sign in, see the day, answer without signal, and lose nothing."""

from playwright.async_api import expect
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.core.outbox import Event
from nexus.matching.pledges.model import Pledge, PledgeState
from nexus.matching.referrals.model import Referral, ReferralState
from tests.deeds import reread
from tests.web.conftest import Phone, Service
from tests.web.world import LEAD, World


async def _accepted(world: World, referral: Referral) -> int:
    """How often it was accepted, by history."""
    async with AsyncSession(world.engine) as session:
        told = select(func.count()).where(
            Event.object_id == referral.id, Event.kind == "referral.accepted"
        )
        return int(await session.scalar(told) or 0)


async def test_a_wrong_password_is_said_in_words(phone: Phone) -> None:
    await phone.go("/")
    await phone.page.fill("#username", LEAD)
    await phone.page.fill("#password", "nope-nope-nope")
    await phone.page.click("button.main")
    await expect(phone.page.locator("[role=alert]")).to_have_text("用户名或密码不对，请再试一次。")


async def test_the_token_is_out_of_reach_of_scripts(phone: Phone) -> None:
    await phone.sign_in()
    (cookie,) = await phone.context.cookies(phone.address + "/api/graphql")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["path"] == "/station/api/"
    kept = await phone.page.evaluate(
        "() => JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"
        " + document.cookie"
    )
    assert cookie["value"] not in kept


async def test_today_says_why_each_item_is_there(phone: Phone, world: World) -> None:
    await phone.sign_in()
    await expect(phone.page.get_by_text("有人认领，等待答复。").first).to_be_visible()
    await expect(phone.page.get_by_text("对方转介，等待您接收或退回。").first).to_be_visible()
    for raw in ("pledge.accept", "referral.answer", "U2", "KGM", "FOOD.RICE"):
        assert raw not in await phone.page.inner_text("main")


async def test_a_referral_accepted_without_signal_has_exactly_one_effect(
    phone: Phone, world: World, service: Service
) -> None:
    referral = world.referrals[0]
    await phone.sign_in()
    await phone.controlled()
    await phone.page.click("nav a[href$='/inbox']")
    await phone.page.get_by_text("请上门了解：低保家庭需要大米").click()
    await phone.context.set_offline(True)
    await phone.page.click(".actions button.main")
    await phone.page.click("dialog button.main")
    await expect(phone.page.locator(".safety")).to_contain_text("待上传 1 条")
    await service.kill()
    await phone.context.set_offline(False)
    await phone.page.reload()
    await expect(phone.page.locator(".safety")).to_contain_text("待上传 1 条")
    await expect(phone.page.locator(".safety")).to_contain_text("没有网络")
    assert (await reread(world.engine, referral)).state is ReferralState.REQUESTED
    await service.start()
    await phone.page.reload()
    await expect(phone.page.locator(".safety")).to_contain_text("全部已上传")
    assert (await reread(world.engine, referral)).state is ReferralState.ACCEPTED
    await phone.page.reload()
    await phone.synced()
    assert await _accepted(world, referral) == 1


async def test_a_referral_is_refused_with_its_reason(phone: Phone, world: World) -> None:
    await phone.sign_in()
    await phone.page.click("nav a[href$='/inbox']")
    await phone.page.get_by_text("请上门了解：留守儿童家庭需要大米").click()
    await phone.page.click(".actions button.danger")
    await phone.page.select_option("dialog select", label="无承接能力")
    await phone.page.click("dialog button.danger")
    await expect(phone.page.get_by_text("这一条已不在本机的工作清单里。")).to_be_visible()
    await expect(phone.page.locator(".safety")).to_contain_text("全部已上传")
    row = await reread(world.engine, world.referrals[1])
    assert (row.state, row.reject_reason) == (ReferralState.REJECTED, "no_capacity")


async def test_the_board_gives_reasons_and_a_pledge_is_accepted(phone: Phone, world: World) -> None:
    await phone.sign_in()
    await phone.page.click("nav a[href$='/needs']")
    await phone.page.get_by_text("独居老人需要口粮").click()
    await phone.page.click("summary")
    await expect(phone.page.get_by_text("物品或服务完全一致")).to_be_visible()
    await phone.page.get_by_role("button", name="接受认领").click()
    await expect(phone.page.get_by_text("接受认领 · 已上传")).to_be_visible()
    async with AsyncSession(world.engine) as session:
        state = await session.scalar(
            select(Pledge.state).where(Pledge.need_id == world.needs[0].id)
        )
    assert state is PledgeState.ACCEPTED


async def test_what_another_has_done_first_is_shown_side_by_side(
    phone: Phone, world: World
) -> None:
    await phone.sign_in()
    await phone.page.click("nav a[href$='/needs']")
    await phone.page.get_by_text("低保家庭需要大米").click()
    await expect(phone.page.get_by_role("button", name="谢绝认领")).to_be_visible()
    await phone.context.set_offline(True)
    await phone.page.get_by_role("button", name="接受认领").click()
    async with AsyncSession(world.engine) as session, session.begin():
        row = await session.get_one(Pledge, world.pledges[1].id)
        row.version += 1
    await phone.context.set_offline(False)
    await expect(phone.page.locator(".safety")).to_contain_text("冲突 1 条")
    await phone.page.click(".safety a")
    await expect(phone.page.get_by_text("我记录的")).to_be_visible()
    await phone.page.get_by_role("button", name="按我的再提交").click()
    await expect(phone.page.locator(".safety")).to_contain_text("全部已上传")
    assert (await reread(world.engine, world.pledges[1])).state is PledgeState.ACCEPTED


async def test_an_ended_session_deletes_nothing(phone: Phone, world: World) -> None:
    await phone.sign_in()
    await phone.page.click("nav a[href$='/needs']")
    await phone.page.get_by_text("留守儿童家庭需要大米").wait_for()
    await phone.context.clear_cookies()
    await phone.page.click("header button")
    await expect(phone.page.locator(".notice.warn")).to_contain_text("登录已过期")
    await expect(phone.page.get_by_text("留守儿童家庭需要大米")).to_be_visible()
