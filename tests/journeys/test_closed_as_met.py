"""Scenario 13: a need is closed as met only when every line is confirmed; the line is named."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.needs.model import Need
from tests.journeys.teller import Teller
from tests.making import making, today

COUNTY, TOWN = "440103", "440103001"
NOW = """query($id: ID!) { node(id: $id) { ... on Need { id version state closeReason coverage
  lines(first: 5) { nodes { item coverage } } history { nodes { kind } } } } }"""


@pytest.fixture
async def need(engine: AsyncEngine) -> Need:
    """Rice and blankets, published."""
    lines: list[dict[str, Any]] = [
        {"quantity_required": Decimal(10)},
        {"item": "棉被", "unit": "C62", "quantity_required": Decimal(2)},
    ]
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        return await m.need(publisher_id=authority.id, visibility="partners", lines=lines)


@pytest.fixture
async def people(api: Any, engine: AsyncEngine, need: Need) -> dict[str, Teller]:
    """The need's authority and station, a charity, and an approver from elsewhere."""
    async with making(engine) as m:
        cast = {
            "approver": await m.account(Role.GOV_APPROVER, area_code=COUNTY),
            "worker": await m.account(Role.SOCIAL_WORKER, area_code=TOWN),
            "elsewhere": await m.account(Role.GOV_APPROVER, area_code="445102"),
            "charity": await m.account(Role.CHARITY_USER),
        }
    return {name: Teller(api, account) for name, account in cast.items()}


async def now_of(teller: Teller, need: Need) -> dict[str, Any]:
    found: dict[str, Any] = (await teller.see(NOW, id=encode("Need", need.id)))["node"]
    return found


async def close(people: dict[str, Teller], need: Need, who: str = "approver") -> dict[str, Any]:
    row = await now_of(people["approver"], need)
    return await people[who].try_(
        "closeNeed", id=row["id"], expectedVersion=row["version"], closeReason="MET"
    )


async def brought(people: dict[str, Teller], line: Any, quantity: str) -> dict[str, Any]:
    """Pledged, accepted and delivered."""
    pledge = await people["charity"].do(
        "offerPledge", lineId=encode("NeedLine", line.id), quantity=quantity
    )
    pledge = await people["worker"].move("acceptPledge", pledge)
    return await people["charity"].do(
        "recordDelivery",
        pledgeId=pledge["id"],
        quantity=quantity,
        deliveredOn=today().isoformat(),
    )


async def test_not_before_the_last_line_is_confirmed(people: dict[str, Teller], need: Need) -> None:
    rice, blankets = need.lines
    delivery = await brought(people, rice, "10")
    refused = await close(people, need)
    assert (refused["code"], refused["field"]) == ("GUARD_FAILED", "closeReason")
    assert refused["details"]["rule"] == "INV-05"
    assert refused["details"]["lines"] == ["1", "2"]

    await people["worker"].move("acknowledgeDelivery", delivery, method="SIGNATURE")
    delivery = await brought(people, blankets, "2")
    before = await now_of(people["approver"], need)
    refused = await close(people, need)
    assert refused["details"]["lines"] == ["2"]
    assert "line 2 (棉被)" in refused["message"]
    assert "line 1" not in refused["message"]
    assert await now_of(people["approver"], need) == before
    assert (before["state"], before["closeReason"]) == ("PUBLISHED", None)

    assert (await close(people, need, "elsewhere"))["code"] == "NOT_FOUND"
    await people["worker"].move("acknowledgeDelivery", delivery, method="SIGNATURE")
    assert (await close(people, need))["__typename"] == "Need"
    closed = await now_of(people["approver"], need)
    assert (closed["state"], closed["closeReason"]) == ("CLOSED", "MET")
    assert [line["coverage"] for line in closed["lines"]["nodes"]] == ["CONFIRMED"] * 2


async def test_a_disputed_delivery_is_no_confirmation(
    people: dict[str, Teller], need: Need
) -> None:
    rice, blankets = need.lines
    for line, quantity in ((rice, "10"), (blankets, "2")):
        delivery = await brought(people, line, quantity)
        if line is rice:
            await people["worker"].move("acknowledgeDelivery", delivery, method="SIGNATURE")
    disputed = await people["worker"].move("disputeDelivery", delivery, reason="没有收到")
    assert (await close(people, need))["details"]["lines"] == ["2"]
    await people["approver"].move("reverseDelivery", disputed, reason="核实未送达")
    refused = await close(people, need)
    assert refused["details"]["lines"] == ["2"]
    assert "0 of 2" in refused["message"]


async def test_closed_once_however_often_it_is_asked(people: dict[str, Teller], need: Need) -> None:
    for line, quantity in zip(need.lines, ("10", "2"), strict=True):
        delivery = await brought(people, line, quantity)
        await people["worker"].move("acknowledgeDelivery", delivery, method="SIGNATURE")
    row = await now_of(people["approver"], need)
    given = {
        "id": row["id"],
        "expectedVersion": row["version"],
        "idempotencyKey": "close-once",
        "closeReason": "MET",
    }
    for _ in range(2):
        assert (await people["approver"].try_("closeNeed", **given))["__typename"] == "Need"
    closed = await now_of(people["approver"], need)
    assert [one["kind"] for one in closed["history"]["nodes"]].count("need.closed") == 1
