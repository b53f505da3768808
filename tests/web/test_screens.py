"""Every screen in every language and size: nothing serious for axe, nothing wider than 320 px.

`make screenshots` runs the same walk and keeps a picture of each screen, phone and desktop.
"""

import os
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page

from nexus.graph.identifiers import encode
from tests.web.conftest import NARROW, OFFICE, Phone, Service, faults_of, make_phone
from tests.web.world import WORKER, World, made_visit, running_task

TALL = {"width": 390, "height": 1100}
LANGUAGES = ("zh-CN", "zh-Hant", "en")
SIZES = ("normal", "large")
PICTURES = os.environ.get("NEXUS_SCREENSHOTS")
LISTS = (
    "",
    "inbox",
    "needs",
    "cases",
    "more",
    "outbox",
    "settings",
    "stations",
    "tasks",
    "contracts",
    "import",
    "papers",
)
OPENED = {"referral": "inbox", "need": "needs", "case": "cases", "task": "tasks"}
"""Screens of one row, and the list whose first row they show."""


@pytest.fixture(scope="module")
async def shown(browser: Browser, service: Service, world: World) -> AsyncIterator[Phone]:
    """A signed-in phone that is led through all screens."""
    made = await make_phone(browser, service, viewport=NARROW)
    await running_task(world)
    world.record = await made_visit(world)
    await made.sign_in(WORKER)
    yield made
    await made.context.close()
    assert made.troubles == []


@pytest.fixture(scope="module")
async def addresses(shown: Phone, world: World) -> dict[str, str]:
    """{screen: path}, with the first row of each list."""
    found = {name or "today": f"/{name}" for name in LISTS}
    for name, listed in OPENED.items():
        await shown.go(f"/{listed}")
        row = shown.page.locator("main a.row").first
        await row.wait_for()
        found[name] = str(await row.get_attribute("href")).removeprefix("/station")
    found["assess"] = found["case"] + "/assess"
    found["visit-unplanned"] = found["case"] + "/visit"
    found["refer"] = f"/needs/{quote(encode('Need', world.needs[0].id))}/refer"
    assert world.visit is not None
    assert world.record is not None
    found["visit"] = f"/visits/{quote(encode('Visit', world.visit.id))}"
    found["visit-record"] = f"/visits/{quote(encode('Visit', world.record.id))}"
    return found


async def _show(page: Page, path: str) -> None:
    """A screen, without loading the client anew."""
    await page.evaluate("path => history.pushState(null, '', path)", f"/station{path}")
    await page.wait_for_function("() => !document.querySelector('main p[role=status].pad')")
    await page.wait_for_selector("main :is(.row, .empty, .field, fieldset, .card)")
    if "/tasks/" in path:
        await page.wait_for_selector(".qr img")


async def _picture(page: Page, name: str, language: str, size: str) -> None:
    assert PICTURES is not None
    for where, viewport in (("phone", TALL), ("desktop", OFFICE)):
        await page.set_viewport_size(viewport)  # type: ignore[arg-type]
        path = Path(PICTURES) / f"{name}.{where}.{size}.{language}.png"
        await page.screenshot(path=path)
    await page.set_viewport_size(NARROW)  # type: ignore[arg-type]


async def _speak(page: Page, language: str, size: str) -> None:
    """The settings of this phone; they hold from the next load on."""
    await page.evaluate(
        "([language, size]) => localStorage.setItem("
        "'nexus.station.settings', JSON.stringify({language, size}))",
        [language, size],
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_nothing_serious_on_any_screen(
    shown: Phone, addresses: dict[str, str], axe: str, language: str, size: str
) -> None:
    page, faults = shown.page, {}
    await _speak(page, language, size)
    await shown.go("/")
    for name, path in addresses.items():
        await _show(page, path)
        if found := await faults_of(page, axe):
            faults[name] = found
        if PICTURES:
            await _picture(page, name, language, size)
    assert await page.evaluate("() => document.documentElement.lang") == language
    assert faults == {}


async def test_the_first_screens_are_as_good(browser: Browser, service: Service, axe: str) -> None:
    """Signing in, and a volunteer's telephone with a code, in all languages and sizes."""
    phone, faults = await make_phone(browser, service, viewport=NARROW), {}
    await phone.go("/")
    for language, size in product(LANGUAGES, SIZES):
        await _speak(phone.page, language, size)
        for name, path in (("sign-in", "/"), ("attend", "/attend#NEXUS-ATTEND:VT-1:in:12345678")):
            await phone.page.goto(phone.address + path)
            await phone.page.reload()
            await phone.page.wait_for_selector("#username")
            if found := await faults_of(phone.page, axe):
                faults[f"{name} {language} {size}"] = found
            if PICTURES:
                await _picture(phone.page, name, language, size)
    await phone.context.close()
    assert faults == {}


async def test_the_keyboard_alone_reaches_the_first_row(shown: Phone) -> None:
    await shown.go("/needs")
    await shown.page.wait_for_selector("main a.row")
    for _ in range(30):
        await shown.page.keyboard.press("Tab")
        if await shown.page.evaluate("() => document.activeElement.matches('main a.row')"):
            break
    await shown.page.keyboard.press("Enter")
    await shown.page.wait_for_url("**/needs/*")
