"""Photos and signatures of a visit: kept without signal, sent apart, seen by the station."""

import base64

from playwright.async_api import Route, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.casework.visits.model import Visit, VisitState
from nexus.casework.visits.pictures.model import PictureState, VisitPicture
from tests.web.conftest import Phone
from tests.web.world import WORKER, World

PHOTO = """() => {
  const canvas = document.createElement("canvas");
  canvas.width = 3000; canvas.height = 2000;
  const ink = canvas.getContext("2d");
  for (let n = 0; n < 400; n += 1) {
    ink.fillStyle = `hsl(${n * 37} 70% 50%)`;
    ink.fillRect((n * 97) % 3000, (n * 61) % 2000, 220, 160);
  }
  return canvas.toDataURL("image/jpeg", 0.95).split(",")[1];
}"""


async def _fill(phone: Phone, minutes: str) -> None:
    """A visit that nobody planned, up to its last page, with a photo and a signature."""
    page = phone.page
    await phone.go("/cases")
    await page.locator("main a.row").click()
    await page.get_by_role("link", name="临时走访").click()
    await page.fill("#q-minutes", minutes)
    await phone.answer_all()
    taken = base64.b64decode(await page.evaluate(PHOTO))
    photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": taken}
    await page.set_input_files("input[type=file]", photo)  # type: ignore[arg-type]
    await expect(page.locator(".thumbs li")).to_have_count(1)
    await page.get_by_role("button", name="签名").click()
    await expect(page.locator(".pad")).to_be_visible()
    box = await page.locator(".pad").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 40, box["y"] + 40)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 160, box["y"] + 90, steps=4)
    await page.mouse.up()
    await page.click("dialog button.main")
    await expect(page.locator(".thumbs li")).to_have_count(2)


async def _kept(world: World, minutes: int) -> tuple[Visit, list[VisitPicture]]:
    async with AsyncSession(world.engine) as session:
        visit = (await session.scalars(select(Visit).where(Visit.minutes == minutes))).one()
        found = select(VisitPicture).where(VisitPicture.visit_id == visit.id)
        return visit, list(await session.scalars(found))


async def test_photo_and_signature_go_up_once_after_a_day_without_signal(
    phone: Phone, world: World
) -> None:
    page = phone.page
    await phone.sign_in(WORKER)
    await phone.controlled()
    await phone.go("/cases")
    await phone.context.set_offline(True)
    await _fill(phone, "21")
    await page.reload()
    await expect(page.locator(".thumbs img")).to_have_count(2)
    await page.get_by_role("button", name="保存走访").click()
    await expect(page.locator(".safety")).to_contain_text("待上传 3 条")
    await phone.context.set_offline(False)
    await expect(page.locator(".safety")).to_contain_text("全部已上传")
    _, kept = await _kept(world, 21)
    assert sorted((one.kind.value, one.state) for one in kept) == [
        ("photo", PictureState.KEPT),
        ("signature", PictureState.KEPT),
    ]
    assert all(one.bytes <= 1_048_576 and (one.width or 0) <= 1600 for one in kept)
    left = await page.evaluate(
        "async () => (await Promise.all((await indexedDB.databases()).map(({name}) => "
        "new Promise((done) => { const open = indexedDB.open(name); open.onsuccess = () => { "
        "const all = open.result.transaction('pictures').objectStore('pictures').count(); "
        "all.onsuccess = () => { open.result.close(); done(all.result); }; }; })))).join()"
    )
    assert left == "0"
    await phone.go("/cases")
    await page.locator("main a.row").click()
    await page.get_by_role("link", name="查看记录").first.click()
    await page.get_by_role("button", name="照片").click()
    image = page.locator("dialog img.whole")
    await expect(image).to_be_visible()
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1600


async def test_a_photo_that_will_not_go_up_keeps_nobody_waiting(phone: Phone, world: World) -> None:
    page = phone.page
    await phone.sign_in(WORKER)
    await _fill(phone, "22")

    async def broken(route: Route) -> None:
        await route.fulfill(status=503, body="{}")

    await phone.context.route("**/pictures/*", broken)
    await page.get_by_role("button", name="保存走访").click()
    await expect(page.locator(".safety")).to_contain_text("待上传 2 条")
    await expect(page.get_by_text("上传未成，稍后再试").first).to_be_visible()
    visit, kept = await _kept(world, 22)
    assert visit.state is VisitState.DONE
    assert {one.state for one in kept} == {PictureState.REQUESTED}
    await phone.context.unroute("**/pictures/*", broken)
    again = page.get_by_role("button", name="再试一次")
    for left in (1, 0):
        await again.first.click()
        await expect(again).to_have_count(left)
    await expect(page.locator(".safety")).to_contain_text("全部已上传")
    _, kept = await _kept(world, 22)
    assert [one.state for one in kept] == [PictureState.KEPT] * 2
