"""A cheap telephone on a slow line: the first full working set, and a long list from the disk."""

import sys
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest
from playwright.async_api import Browser, CDPSession
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.core.embedded import Database
from tests.casework.desk import Station1
from tests.exchange.test_syncing_measured import CASES, busy_desk
from tests.web.conftest import Phone, Service, make_phone
from tests.web.world import HASHED, PASSWORD

LINE = {
    "offline": False,
    "latency": 100,
    "downloadThroughput": 700_000 / 8,
    "uploadThroughput": 700_000 / 8,
}
"""Milliseconds, and bytes a second of 700 kbps."""
SLOWER = 4
FIRST_SYNC, LONG_LIST = 15.0, 2.0
"""Seconds."""


@pytest.fixture(scope="module")
async def desk(database: Database, engine: AsyncEngine) -> Station1:
    """One worker with 500 open cases, who has a password."""
    desk = await busy_desk(database, engine)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "UPDATE account SET password_hash = $1 WHERE id = $2", HASHED, desk.worker.id
    )
    await owner.close()
    return desk


@pytest.fixture(scope="module")
async def cheap(browser: Browser, service: Service) -> AsyncIterator[tuple[Phone, CDPSession]]:
    """A telephone a quarter as fast as this machine, on 700 kbps."""
    phone = await make_phone(browser, service)
    devtools = await phone.context.new_cdp_session(phone.page)
    await devtools.send("Network.enable")
    await devtools.send("Network.emulateNetworkConditions", LINE)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    yield phone, devtools
    await phone.context.close()


@pytest.fixture(scope="module", autouse=True)
def quiet(torture: bool) -> None:
    """A browser, a service and a database on a busy machine measure the machine: by --torture."""
    if not torture:
        pytest.skip("a measurement of seconds: run it alone with --torture")


async def test_the_first_full_sync(desk: Station1, cheap: tuple[Phone, CDPSession]) -> None:
    phone, _ = cheap
    page = phone.page
    page.set_default_timeout(90_000)
    await phone.go("/")
    await page.fill("#username", desk.worker.username)
    await page.fill("#password", PASSWORD)
    await page.click("button.main")
    await page.locator(".list button.row").first.wait_for()
    started = time.perf_counter()
    await page.locator(".list button.row").first.click()
    await phone.synced()
    taken = time.perf_counter() - started
    await phone.go("/cases")
    await page.locator("main a.row").nth(CASES - 1).wait_for()
    sys.stdout.write(f"first sync of {CASES} cases: {taken:.1f} s\n")
    assert taken <= FIRST_SYNC


async def test_a_long_list_from_a_cold_start(cheap: tuple[Phone, CDPSession]) -> None:
    phone, _ = cheap
    await phone.controlled()
    await phone.page.goto("about:blank")
    started = time.perf_counter()
    await phone.page.goto(phone.address + "/cases", wait_until="commit")
    await phone.page.locator("main a.row").nth(199).wait_for()
    await phone.page.fill("#search", "C-")
    taken = time.perf_counter() - started
    sys.stdout.write(f"a list of {CASES} rows, cold: {taken:.2f} s\n")
    assert taken <= LONG_LIST
