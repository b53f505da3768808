"""Scenario 23 as far as purchasing is absent: needs without any offer are counted, a purchase is
planned for the gaps, and the first delivery closes one.

Procurement and contract come with purchasing; until then the plan is the buyer's own reference, and
the purchased help is pledged and delivered like any other.
"""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.worker import drain
from tests.journeys.counselling import COUNTY, TOWN, publish
from tests.journeys.teller import Teller
from tests.making import making, today

GAPS = """query($after: [String!]) { gaps(first: 50, filter: {category: $after}) {
  nodes { id version state purchaseRef remedy addressedBy category need { id } } } }"""
REPORT = """query($area: String) { gapReport(area: $area) { cells {
  category kind withheld gaps planned area { code } } } }"""
FEED = "{ changes(types: [GAP]) { entries { kind objectId } } }"


@pytest.fixture
async def people(api: Any, engine: AsyncEngine) -> dict[str, Any]:
    async with making(engine) as m:
        await m.area(TOWN)
        authority = await m.authority(area_code=COUNTY)
        return {
            "authority": authority,
            **{
                name: Teller(api, await m.account(role, organization=body, area_code=area))
                for name, role, body, area in (
                    ("clerk", Role.GOV_CLERK, authority, COUNTY),
                    ("coordinator", Role.GOV_COORDINATOR, authority, COUNTY),
                    ("charity", Role.CHARITY_USER, await m.organization(), None),
                )
            },
        }


async def live(people: dict[str, Any]) -> list[dict[str, Any]]:
    nodes = (await people["coordinator"].see(GAPS, after=["PSY"]))["gaps"]["nodes"]
    return [node for node in nodes if node["state"] in ("OPEN", "ACKNOWLEDGED")]


async def cell(teller: Teller) -> dict[str, Any]:
    cells = (await teller.see(REPORT, area="4401"))["gapReport"]["cells"]
    found: dict[str, Any] = next(c for c in cells if c["area"]["code"] == COUNTY)
    return found


async def test_from_a_gap_to_the_first_delivery(
    engine: AsyncEngine, people: dict[str, Any]
) -> None:
    three = await publish(engine, people, 3)
    assert len(await live(people)) == 3
    counted = await people["coordinator"].see("{ gapCounts { category kind gaps area { code } } }")
    assert {"category": "PSY", "kind": "SERVICE", "gaps": 3, "area": {"code": COUNTY}} in counted[
        "gapCounts"
    ]
    assert (await cell(people["charity"]))["withheld"]
    heard = (await people["charity"].see(FEED))["changes"]["entries"]
    assert [entry["kind"] for entry in heard].count("gap.opened") >= 3

    await publish(engine, people, 4)
    shown = await cell(people["charity"])
    assert (shown["gaps"], shown["planned"], shown["withheld"]) == (7, 0, False)

    mine = encode("Need", three[0].id)
    (gap,) = [node for node in await live(people) if node["need"]["id"] == mine]
    refused = await people["clerk"].try_(
        "planGapPurchase", id=gap["id"], expectedVersion=gap["version"], reference="CG-2027-014"
    )
    assert refused["code"] == "FORBIDDEN"
    gap = await people["coordinator"].do(
        "planGapPurchase",
        "state purchaseRef",
        id=gap["id"],
        expectedVersion=gap["version"],
        reference="CG-2027-014",
    )
    assert (gap["state"], gap["purchaseRef"]) == ("ACKNOWLEDGED", "CG-2027-014")
    assert (await cell(people["charity"]))["planned"] == 1

    line = encode("NeedLine", three[0].lines[0].id)
    pledge = await people["charity"].do("offerPledge", lineId=line, quantity="2")
    pledge = await people["clerk"].move("acceptPledge", pledge)
    delivery = await people["charity"].do(
        "recordDelivery",
        "no",
        pledgeId=pledge["id"],
        quantity="1",
        deliveredOn=today().isoformat(),
    )
    await drain(engine)
    nodes = (await people["coordinator"].see(GAPS, after=["PSY"]))["gaps"]["nodes"]
    (closed,) = [node for node in nodes if node["id"] == gap["id"]]
    assert (closed["state"], closed["remedy"]) == ("ADDRESSED", "PURCHASE_PLAN")
    assert closed["addressedBy"] == delivery["no"]
    assert (await cell(people["charity"]))["gaps"] == 6
