"""The pages under /reports/: signing in, reading, downloading, keeping; and who may not."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.accounts.rules import hash_password
from nexus.acting import Role
from nexus.reports import operations
from nexus.reports.content import read
from nexus.reports.model import ReportSnapshot
from tests.conftest import Api
from tests.deeds import acting, count_of, events_of
from tests.making import making
from tests.reports import reading, world
from tests.reports.asking import ledger

PASSWORD = "correct-horse-battery"
PATH = "/reports/needs-pipeline"


@pytest_asyncio.fixture(scope="module")
async def reader(engine: AsyncEngine) -> Account:
    """A coordinator of a city who signs in with a password."""
    async with making(engine) as m:
        await world.needs_and_help(m, count=6)
        return await m.account(
            Role.GOV_COORDINATOR, area_code="4401", password_hash=hash_password(PASSWORD)
        )


@pytest_asyncio.fixture
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Someone's browser, without a session."""
    transport = httpx.ASGITransport(app=api.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://nexus.test") as client:
        yield client


async def enter(client: httpx.AsyncClient, account: Account, **more: Any) -> httpx.Response:
    """The form of the sign-in page, sent."""
    form = {
        "grant_type": "client_credentials",
        "client_id": account.username,
        "client_secret": PASSWORD,
    }
    return await client.post("/reports/session", data=form | more)


async def test_a_stranger_is_led_to_the_form(browser: httpx.AsyncClient) -> None:
    for path in ("/reports/", PATH, f"{PATH}?format=pdf"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (
            303,
            "/reports/sign-in?lang=zh-CN",
        )
    page = await browser.get("/reports/sign-in?lang=en")
    assert "Sign in to the reports" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_a_wrong_password_is_said_on_the_page(
    browser: httpx.AsyncClient, reader: Account
) -> None:
    answer = await enter(browser, reader, client_secret="wrong")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers


async def test_from_the_form_to_a_report_and_out(
    browser: httpx.AsyncClient, reader: Account
) -> None:
    answer = await enter(browser, reader)
    assert (answer.status_code, answer.headers["location"]) == (303, "/reports/?lang=zh-CN")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/reports/" in cookie
    index = await browser.get("/reports/")
    assert PATH in index.text
    page = await browser.get(PATH)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert reading.page_of(page.content).tables["cohorts"]
    for format_, begins in (("pdf", b"%PDF"), ("xlsx", b"PK"), ("csv", "\ufeff".encode())):
        file = await browser.get(PATH, params={"format": format_})
        assert file.content.startswith(begins), format_
        assert f".{format_}" in file.headers["content-disposition"]
    assert (await browser.post("/reports/sign-out")).status_code == 303
    assert (await browser.get(PATH)).status_code == 303


async def test_a_form_of_another_site_does_nothing(
    browser: httpx.AsyncClient, reader: Account, engine: AsyncEngine
) -> None:
    await enter(browser, reader)
    before = await count_of(engine, ReportSnapshot)
    answer = await browser.post(f"{PATH}/freeze", headers={"origin": "https://elsewhere.test"})
    assert answer.status_code == 403
    assert await count_of(engine, ReportSnapshot) == before


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"area": "44"}, 404),
        ({"area": "x"}, 404),
        ({"format": "docx"}, 400),
        ({"from": "yesterday"}, 400),
        ({"from": "2026-01-02", "until": "2026-01-01"}, 400),
        ({"column": "secret", "value": "1"}, 400),
        ({"format": "csv", "table": "nowhere"}, 400),
    ],
)
async def test_what_makes_no_sense_is_said(
    browser: httpx.AsyncClient, reader: Account, asked: dict[str, str], status: int
) -> None:
    await enter(browser, reader)
    answer = await browser.get(PATH, params=asked)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert (await browser.get("/reports/needs-pipelin")).status_code == 400


async def test_a_kept_report_is_issued_again_the_same(
    browser: httpx.AsyncClient, reader: Account, engine: AsyncEngine
) -> None:
    await enter(browser, reader)
    kept = await browser.post(f"{PATH}/freeze?lang=en")
    assert kept.status_code == 303
    path = kept.headers["location"].partition("?")[0]
    first = await browser.get(path)
    async with making(engine) as m:
        await world.needs_and_help(m, seed=5, count=3)
    again = await browser.get(path)
    assert again.content == first.content
    found = await ledger(engine, "SELECT no, hash FROM report_snapshot WHERE id = :id",
                         id=path.rpartition("/")[2])  # fmt: skip
    for value in found[0]:
        assert value in again.text
    pdf = await browser.get(path, params={"format": "pdf"})
    assert found[0][0] in reading.pdf_text(pdf.content)


async def test_another_city_does_not_see_what_was_kept(
    api: Api, engine: AsyncEngine, reader: Account
) -> None:
    async with acting(engine, reader) as act:
        row = await operations.freeze_report(act, "needs-pipeline")
    async with making(engine) as m:
        await m.area("4403")
        other = await m.account(Role.GOV_COORDINATOR, area_code="4403")
        buyer = await m.account(Role.BUYER, area_code="4401")
    ask = "{ reportSnapshots { nodes { no hash content } } }"
    mine = (await api(reader)(ask))["data"]["reportSnapshots"]["nodes"]
    assert row.no in {one["no"] for one in mine}
    for stranger in (other, buyer, None):
        told = (await api(stranger)(ask))["data"]["reportSnapshots"]["nodes"]
        assert row.no not in {one["no"] for one in told}
    assert await events_of(engine, row) == ["report_snapshot.frozen"]
    assert read(row.content).hash == row.hash


async def test_a_kept_report_of_a_buyer_is_for_the_buyer_and_oversight(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        mine, theirs = [
            await m.account(Role.BUYER, await m.authority(), area_code="4401") for _ in range(2)
        ]
        auditor = await m.account(Role.AUDITOR, area_code="4401")
        clerk = await m.account(Role.GOV_CLERK, await m.authority(), area_code="4401")
    async with acting(engine, mine) as act:
        row = await operations.freeze_report(act, "contract-performance")
    ask = "{ reportSnapshots { nodes { no } } }"
    for who, sees in ((mine, True), (auditor, True), (theirs, False), (clerk, False)):
        told = (await api(who)(ask))["data"]["reportSnapshots"]["nodes"]
        assert (row.no in {one["no"] for one in told}) is sees, who.role


FREEZE = """mutation($input: FreezeReportInput!) { freezeReport(input: $input) {
  __typename ... on ReportSnapshot { no name withRows hash } ... on Refusal { code field } } }"""


async def test_keeping_over_the_graph(api: Api, engine: AsyncEngine, reader: Account) -> None:
    given = {"name": "unmet-needs", "withRows": False, "idempotencyKey": "keep-1"}
    first = (await api(reader)(FREEZE, input=given))["data"]["freezeReport"]
    again = (await api(reader)(FREEZE, input=given))["data"]["freezeReport"]
    assert first == again
    assert first["withRows"] is False
    wrong = given | {"name": "unmet", "idempotencyKey": "keep-2"}
    told = (await api(reader)(FREEZE, input=wrong))["data"]["freezeReport"]
    assert (told["code"], told["field"]) == ("UNKNOWN_REPORT", "name")
    async with making(engine) as m:
        charity = await m.account(Role.CHARITY_USER)
        buyer = await m.account(Role.BUYER, area_code="4401")
    refused = (await api(charity)(FREEZE, input=given))["data"]["freezeReport"]
    assert refused["code"] == "FORBIDDEN"
    seen = (await api(buyer)("{ reportSnapshots { nodes { no } } }"))["data"]
    assert first["no"] in {one["no"] for one in seen["reportSnapshots"]["nodes"]}


async def test_nobody_changes_what_was_kept(
    engine: AsyncEngine, owner_engine: AsyncEngine, reader: Account
) -> None:
    async with acting(engine, reader) as act:
        row = await operations.freeze_report(act, "needs-pipeline")
    for who in (engine, owner_engine):
        for statement in ("UPDATE report_snapshot SET hash = hash", "DELETE FROM report_snapshot"):
            with pytest.raises(DBAPIError):
                async with who.begin() as connection:
                    await connection.execute(text(statement))
    assert await ledger(engine, "SELECT hash FROM report_snapshot WHERE id = :id", id=row.id) == [
        (row.hash,)
    ]
