"""A hotline hears of its tickets by its own number, in order, once, whatever way it is reached."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, View, system
from nexus.checks import CHECKS
from nexus.discovery.intake.operations import Told, record_ticket
from nexus.discovery.model import DiscoveryReport
from nexus.discovery.operations import record_first_contact, triage_report
from nexus.discovery.rules import Ticket
from nexus.exchange.messages.model import PartnerMode
from nexus.supervision.operations import verify
from tests.deeds import acting
from tests.exchange.messaging import Authority
from tests.making import making, now, number

COUNTY, TOWN = "440103", "440103001"


@pytest.fixture(params=list(PartnerMode), ids=lambda mode: mode.value)
async def hotline(request: Any, engine: AsyncEngine, tmp_path: Path) -> Authority:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_COORDINATOR, organization=body, area_code=COUNTY)
    return await Authority(engine, request.param, account, tmp_path).open()


async def ticket(engine: AsyncEngine, who: Any, text: str = "独居老人断粮") -> DiscoveryReport:
    told = Told(source="12345", area_code=TOWN, situation=text)
    async with acting(engine, who) as act:
        return await record_ticket(act, told, Ticket("12345.gz", number("T").upper()))


async def triaged(engine: AsyncEngine, who: Any, row: DiscoveryReport) -> DiscoveryReport:
    async with acting(engine, who) as act:
        return await triage_report(act, row.id, expected_version=row.version)


async def test_each_step_is_answered_with_the_hotlines_own_number(hotline: Authority) -> None:
    row = await ticket(hotline.engine, hotline.account)
    row = await triaged(hotline.engine, hotline.account, row)
    async with acting(hotline.engine, hotline.account) as act:
        await record_first_contact(act, row.id, expected_version=row.version)
    await hotline.carry()
    told = [one["data"]["reply"]["code"] for one in hotline.taken]
    assert told == ["RECEIVED", "ACCEPTED", "CONTACTED"]
    assert [one["sequence"] for one in hotline.taken] == [1, 2, 3]
    first = hotline.taken[0]
    assert first["type"] == "discovery.replied"
    assert first["data"]["ticket"] == {
        "system": "12345.gz",
        "type": "ticket",
        "no": row.ticket_no,
    }
    assert first["data"]["object"]["no"] == row.no
    assert "断粮" not in json.dumps(hotline.taken, ensure_ascii=False)
    await hotline.carry_for(days=2)
    assert len(hotline.taken) == 3


async def test_order_of_a_ticket_is_kept_while_the_hotline_is_away(hotline: Authority) -> None:
    hotline.down = True
    row = await ticket(hotline.engine, hotline.account)
    await hotline.carry_for(hours=1)
    await triaged(hotline.engine, hotline.account, row)
    await hotline.carry_for(hours=1)
    assert hotline.taken == []
    hotline.down = False
    await hotline.carry_for(hours=26)
    assert [one["data"]["reply"]["code"] for one in hotline.taken] == ["RECEIVED", "ACCEPTED"]


async def test_the_nearest_authority_hears_of_what_a_station_entered(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with making(engine) as m:
        body = await m.authority(area_code="440106")
        account = await m.account(Role.GOV_COORDINATOR, organization=body, area_code="440106")
        lead = await m.account(Role.STATION_LEAD, area_code="440106001")
    near = await Authority(engine, PartnerMode.PULL, account, tmp_path).open()
    told = Told(source="12345", area_code="440106001", situation="断粮")
    async with acting(engine, lead) as act:
        row = await record_ticket(act, told, Ticket("12345.gz", number("T").upper()))
    await near.carry()
    assert [one["data"]["ticket"]["no"] for one in near.taken] == [row.ticket_no]


async def test_every_reply_is_accounted_for(hotline: Authority) -> None:
    await ticket(hotline.engine, hotline.account)
    await hotline.carry()
    async with AsyncSession(hotline.engine) as session:
        found = await verify(View(session, system(now())), checks=CHECKS)
    assert [one for one in found if one.rule.startswith(("INV-37", "INV-38"))] == []
