"""A browser, a server on a port that survives its own death, and a signed-in phone."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.core.embedded import Database
from tests.serving import free_port
from tests.web.building import FLAGS, WEB, builder, chromium, with_tools
from tests.web.world import LEAD, PASSWORD, World, make_world

PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 720}
OFFICE = {"width": 1280, "height": 800}
ZONE = "Asia/Shanghai"
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def site() -> Path:
    """The client, built from what is in web/ now."""
    return Path(builder().build())


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium without a screen."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield opened
        await opened.close()


@dataclass
class Service:
    """`nexus serve` on one port: it can be killed, and started again at the same address."""

    database: Database
    folder: Path
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where the client is."""
        return f"http://127.0.0.1:{self.port}/station"

    async def start(self) -> None:
        """Until it answers."""
        urls = {
            "NEXUS_DATABASE_URL": self.database.owner_url,
            "NEXUS_APP_DATABASE_URL": self.database.app_url,
            "NEXUS_COST_PER_MINUTE": "0",
        }
        self.process = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("nexus"),
            *("serve", "--port", str(self.port), "--data-dir", str(self.folder)),
            env={**os.environ, **urls},
        )
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                with suppress(httpx.TransportError):
                    health = await client.get(f"http://127.0.0.1:{self.port}/health")
                    if health.status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Without a farewell, as when the power goes."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


@pytest.fixture(scope="module")
async def service(
    site: Path, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """The service over this module's database."""
    running = Service(database, tmp_path_factory.mktemp("station"))
    await running.start()
    yield running
    await running.kill()


@pytest.fixture(scope="module")
async def world(engine: AsyncEngine) -> World:
    """The station and its work."""
    return await make_world(engine)


@dataclass
class Phone:
    """One browser context: its own storage, as another phone has."""

    context: BrowserContext
    page: Page
    address: str
    troubles: list[str]

    async def go(self, path: str) -> None:
        """A screen by its address, and what it shows."""
        await self.page.goto(self.address + path)
        await self.page.wait_for_selector("main")

    async def sign_in(self, username: str = LEAD) -> None:
        """By the form, and choose the station."""
        await self.go("/")
        await self.page.fill("#username", username)
        await self.page.fill("#password", PASSWORD)
        await self.page.click("button.main")
        await self.page.click(".list button.row")
        await self.page.wait_for_selector(".frame")
        await self.synced()

    async def again(self, username: str = LEAD) -> None:
        """In the dialog of a session that is over."""
        await self.page.fill("dialog #username", username)
        await self.page.fill("dialog #password", PASSWORD)
        await self.page.click("dialog form button.main")

    async def answer_all(self) -> None:
        """The pages of a visit's questions, the first answer to each, up to the last page."""
        while not await self.page.locator("#summary").count():
            fields = self.page.locator("main fieldset[id^=q-]")
            for place in range(await fields.count()):
                await fields.nth(place).locator("label").first.click()
            await self.page.get_by_role("button", name="下一页").click()

    async def synced(self) -> None:
        """Until the last update has a time."""
        await self.page.wait_for_function(
            "() => /\\d\\d:\\d\\d/.test(document.querySelector('.safety')?.textContent ?? '')"
        )

    async def safety(self) -> str:
        """What the one permanent line says."""
        return await self.page.inner_text(".safety")

    async def controlled(self) -> None:
        """Until the service worker keeps the client."""
        await self.page.evaluate("() => navigator.serviceWorker.ready")
        await self.page.reload()
        await self.page.wait_for_function("() => navigator.serviceWorker.controller")


async def make_phone(browser: Browser, service: Service, **options: object) -> Phone:
    """A fresh one."""
    given: dict[str, object] = {"viewport": PHONE, "locale": "zh-CN", "timezone_id": ZONE} | options
    context = await browser.new_context(**given)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    return Phone(context, page, service.address, troubles)


@pytest.fixture
async def phone(browser: Browser, service: Service, world: World) -> AsyncIterator[Phone]:
    """A phone of the test's own; whatever its page threw fails the test."""
    made = await make_phone(browser, service)
    yield made
    await made.context.close()
    assert made.troubles == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    with_tools()
    return (WEB / "node_modules/axe-core/axe.min.js").read_text("utf-8")


async def faults_of(page: Page, axe: str) -> list[str]:
    """What axe calls serious or critical, and what does not fit the width."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(axe)
    result: Any = await page.evaluate("() => axe.run({resultTypes: ['violations']})")
    faults = [
        f"{one['id']}: {one['nodes'][0]['html'][:160]}"
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    wide = await page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    return faults + ([f"{wide} px too wide"] if wide > 0 else [])
