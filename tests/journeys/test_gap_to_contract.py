"""Scenario 23, and the contract behind it: three needs without any offer make a gap, a procurement
is planned for them, tendered, awarded by two people and contracted; the supplier's first delivery
closes the gap; the contract is published, amended and terminated.
"""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.worker import drain
from tests.journeys.counselling import COUNTY, TOWN, publish
from tests.journeys.teller import Teller
from tests.making import making, today
from tests.purchasing.bought import catalogued

GAPS = """{ gaps(first: 50, filter: {category: ["PSY"]}) { nodes {
  id version state purchaseRef remedy addressedBy need { id }
  procurements { procurement { no state } } } } }"""
CELLS = """query($area: String) { gapReport(area: $area) { cells {
  category withheld gaps planned area { code } } } }"""
LINES = "{ budgetLines(first: 5) { nodes { id version reservedFen committedFen paidFen } } }"
PUBLIC = """query($id: ID!) { node(id: $id) { ... on Contract {
  no state valueFen edition redactions manager { id }
  items { nodes { quantity unitPriceFen valueFen factKind budgetLine { id } } }
  milestones { nodes { title valueFen state } } amendments { nodes { edition valueAfterFen } }
  procurement { ocid state method awards { nodes { state } } } } } }"""


@pytest.fixture
async def people(api: Any, engine: AsyncEngine) -> dict[str, Any]:
    async with making(engine) as m:
        await m.area(TOWN)
        authority = await m.authority(area_code=COUNTY)
        supplier = await m.organization(area_code=COUNTY)
        found: dict[str, Any] = {"authority": authority, "supplier": supplier}
        for name, role, body, area in (
            ("clerk", Role.GOV_CLERK, authority, COUNTY),
            ("coordinator", Role.GOV_COORDINATOR, authority, COUNTY),
            ("buyer", Role.BUYER, authority, COUNTY),
            ("second", Role.BUYER, authority, COUNTY),
            ("finance", Role.BUYER_FINANCE, authority, COUNTY),
            ("auditor", Role.AUDITOR, authority, COUNTY),
            ("charity", Role.CHARITY_USER, supplier, None),
        ):
            account = await m.account(role, organization=body, area_code=area)
            found[name], found[f"{name} account"] = Teller(api, account), account
        found["item"] = await catalogued(m)
    found["anybody"] = Teller(api, None)
    return found


async def sums(people: dict[str, Any]) -> tuple[int, int]:
    (line,) = (await people["finance"].see(LINES))["budgetLines"]["nodes"]
    return int(line["reservedFen"]), int(line["committedFen"])


async def plan(people: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """An approved line, and a procurement of ten units at 200 yuan from it."""
    item = encode("CatalogueItem", people["item"].id)
    line = await people["buyer"].do(
        "draftBudgetLine",
        title="社会救助工作经费",
        fiscalYear=today().year,
        area=COUNTY,
        fundingSource="F1",
        plannedFen=10_000_000,
        itemIds=[item],
    )
    line = await people["finance"].move("approveBudgetLine", line)
    procurement = await people["buyer"].do(
        "planProcurement",
        "no state",
        title="心理疏导服务",
        rationale="三户家庭需要,无人提供",
        method="OPEN",
        items=[
            {
                "catalogueItemId": item,
                "budgetLineId": line["id"],
                "quantity": "10",
                "unitPriceFen": 20_000,
            }
        ],
    )
    return line, procurement


async def award(
    people: dict[str, Any], procurement: dict[str, Any], move_day: Any
) -> dict[str, Any]:
    """Tendered, bid for, opened the day after, proposed and confirmed."""
    procurement = await people["buyer"].move(
        "publishProcurement",
        procurement,
        tenderStartsOn=today().isoformat(),
        tenderEndsOn=(today() + timedelta(days=1)).isoformat(),
    )
    bid = await people["charity"].do(
        "submitBid", procurementId=procurement["id"], valueFen=190_000, statement="两名咨询师"
    )
    seen = await people["buyer"].see("{ bids(first: 5) { nodes { id } } }")
    assert seen["bids"]["nodes"] == []
    await move_day(procurement["id"])
    bid = await people["buyer"].move("acceptBid", bid)
    proposed = await people["buyer"].do(
        "makeAward",
        procurementId=procurement["id"],
        expectedVersion=procurement["version"],
        supplierId=encode("Organization", people["supplier"].id),
        bidId=bid["id"],
        valueFen=190_000,
        rationale="唯一的有效报价",
    )
    refused = await people["buyer"].try_(
        "confirmAward", id=proposed["id"], expectedVersion=proposed["version"]
    )
    assert refused["code"] == "FORBIDDEN"
    return await people["second"].move("confirmAward", proposed)  # type: ignore[no-any-return]


@pytest.fixture
def move_day(owner_engine: AsyncEngine) -> Any:
    """The tender ends today: what the clock does, done to the row."""
    from sqlalchemy import text

    from nexus.graph.identifiers import decode

    async def moved(global_id: str) -> None:
        async with owner_engine.begin() as connection:
            for statement in (
                "UPDATE procurement SET tender_starts_on = tender_starts_on - 1, "
                "tender_ends_on = tender_ends_on - 1 WHERE id = :id",
                "UPDATE bid SET opens_on = opens_on - 1 WHERE procurement_id = :id",
            ):
                await connection.execute(text(statement), {"id": decode(global_id, "Procurement")})

    return moved


async def test_from_a_gap_to_a_contract(
    engine: AsyncEngine, people: dict[str, Any], move_day: Any
) -> None:
    needs = await publish(engine, people, 5)
    line, procurement = await plan(people)
    assert await sums(people) == (0, 0)

    gaps = (await people["coordinator"].see(GAPS))["gaps"]["nodes"]
    for gap in gaps[:3]:
        procurement = await people["coordinator"].do(
            "linkProcurementGap",
            "no gaps { gap { purchaseRef } }",
            id=procurement["id"],
            expectedVersion=procurement["version"],
            gapId=gap["id"],
            gapVersion=gap["version"],
        )
    assert {one["gap"]["purchaseRef"] for one in procurement["gaps"]} == {procurement["no"]}
    cells = (await people["charity"].see(CELLS, area="4401"))["gapReport"]["cells"]
    (cell,) = [one for one in cells if one["area"]["code"] == COUNTY]
    assert (cell["gaps"], cell["planned"]) == (5, 3)

    awarded = await award(people, procurement, move_day)
    assert await sums(people) == (200_000, 0)
    contract = await people["buyer"].do(
        "drawUpContract",
        "no state valueFen",
        awardId=awarded["id"],
        expectedVersion=awarded["version"],
        title="心理疏导服务合同",
        area=COUNTY,
        managerId=encode("Account", people["buyer account"].id),
        startsOn=today().isoformat(),
        endsOn=(today() + timedelta(days=200)).isoformat(),
        dataProtectionClause="只为履约使用,期满删除。",
        items=[
            {
                "catalogueItemId": encode("CatalogueItem", people["item"].id),
                "budgetLineId": line["id"],
                "quantity": "9",
                "unitPriceFen": 20_000,
                "factKind": "DELIVERY",
            }
        ],
        milestones=[
            {
                "kind": "DELIVERY",
                "title": "第一期",
                "dueOn": today().isoformat(),
                "valueFen": 100_000,
            }
        ],
        targets=[
            {"metric": "HOUSEHOLDS", "title": "服务户数", "targetValue": "3"},
        ],
    )
    assert (contract["state"], contract["valueFen"]) == ("PENDING", 180_000)
    hidden = await people["anybody"].see(PUBLIC, id=contract["id"])
    assert hidden["node"] is None
    contract = await people["second"].move("signContract", contract, signedOn=today().isoformat())
    assert await sums(people) == (0, 180_000)
    contract = await people["buyer"].move("publishContract", contract)
    shown = (await people["anybody"].see(PUBLIC, id=contract["id"]))["node"]
    assert (shown["state"], shown["procurement"]["state"]) == ("ACTIVE", "CONTRACTED")
    assert "manager" in shown["redactions"]
    assert shown["manager"] is None
    assert shown["items"]["nodes"][0]["budgetLine"] is None

    await deliver(engine, people, needs, gaps[0], procurement["no"])
    await amend(people, contract)


async def deliver(
    engine: AsyncEngine, people: dict[str, Any], needs: list[Any], gap: Any, no: str
) -> None:
    """The supplier helps on the line of the gap: the first delivery closes it."""
    (need,) = [one for one in needs if encode("Need", one.id) == gap["need"]["id"]]
    line = encode("NeedLine", need.lines[0].id)
    pledge = await people["charity"].do("offerPledge", lineId=line, quantity="1")
    pledge = await people["clerk"].move("acceptPledge", pledge)
    delivery = await people["charity"].do(
        "recordDelivery",
        "no",
        pledgeId=pledge["id"],
        quantity="1",
        deliveredOn=today().isoformat(),
    )
    await drain(engine)
    nodes = (await people["coordinator"].see(GAPS))["gaps"]["nodes"]
    (closed,) = [node for node in nodes if node["id"] == gap["id"]]
    assert (closed["state"], closed["remedy"]) == ("ADDRESSED", "PURCHASE_PLAN")
    assert (closed["purchaseRef"], closed["addressedBy"]) == (no, delivery["no"])
    assert closed["procurements"] == [{"procurement": {"no": no, "state": "CONTRACTED"}}]


async def amend(people: dict[str, Any], contract: dict[str, Any]) -> None:
    """Upwards within a tenth, then it is terminated and its money is free again."""
    change = {"position": 1, "quantity": "9.5", "unitPriceFen": 20_000}
    contract = await people["buyer"].move(
        "amendContract", contract, rationale="增加一次", itemChanges=[change]
    )
    assert await sums(people) == (0, 190_000)
    shown = (await people["auditor"].see(PUBLIC, id=contract["id"]))["node"]
    assert (shown["edition"], shown["valueFen"]) == (2, 190_000)
    assert shown["amendments"]["nodes"] == [{"edition": 2, "valueAfterFen": 190_000}]
    await people["buyer"].move("terminateContract", contract, reason="供应商停业")
    assert await sums(people) == (0, 0)
