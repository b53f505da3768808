"""A whole contract through the door: a gap, a procurement, a contract, deliveries that count by
themselves, an acceptance that leads down to them, an invoice, and money that was paid once.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.worker import drain
from tests.journeys.counselling import COUNTY, publish
from tests.journeys.teller import Teller
from tests.journeys.test_gap_to_contract import award, plan
from tests.journeys.test_gap_to_contract import move_day as move_day
from tests.journeys.test_gap_to_contract import people as people
from tests.making import making, today

PRICE = 20_000
GAPS = '{ gaps(first: 50, filter: {category: ["PSY"]}) { nodes { id version state need { id } } } }'
PROGRESS = """query($id: ID!) { node(id: $id) { ... on Contract {
  items { nodes { id } } milestones { nodes { id state acceptedFen paidFen openFen } }
  progress { quantityCounted factsCounted householdsReached ratio item { id } }
  targetProgress { reached met } serviceFacts { nodes { id factKind claim state
    delivery { no } } } } } }"""
DOWN = """query($id: ID!) { node(id: $id) { ... on Acceptance { state acceptedFen sampleSize
  deductions { nodes { fen reason } }
  lines { nodes { claimed counted accepted facts { nodes { id version sampled quantity
    fact { happenedOn delivery { no quantity } } } } } } history { nodes { kind } } } } }"""
LINE = """{ budgetLines(first: 5) { nodes { reservedFen committedFen paidFen } } }"""


async def contracted(people: dict[str, Any], line: Any, awarded: Any) -> dict[str, Any]:
    """Nine units at 200 yuan, counted by deliveries, half of them due today."""
    contract = await people["buyer"].do(
        "drawUpContract",
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
                "unitPriceFen": PRICE,
                "factKind": "DELIVERY",
            }
        ],
        milestones=[
            {"kind": "DELIVERY", "title": "第一期", "dueOn": today().isoformat(),
             "valueFen": 5 * PRICE},
        ],
        targets=[{"metric": "HOUSEHOLDS", "title": "服务户数", "targetValue": "3"}],
    )  # fmt: skip
    contract = await people["second"].move("signContract", contract, signedOn=today().isoformat())
    return await people["buyer"].move("publishContract", contract)  # type: ignore[no-any-return]


async def delivered(engine: AsyncEngine, people: dict[str, Any], needs: list[Any]) -> None:
    """Pledged, delivered and acknowledged for each need."""
    for need in needs:
        line = encode("NeedLine", need.lines[0].id)
        pledge = await people["charity"].do("offerPledge", lineId=line, quantity="1")
        pledge = await people["clerk"].move("acceptPledge", pledge)
        delivery = await people["charity"].do(
            "recordDelivery",
            pledgeId=pledge["id"],
            quantity="1",
            deliveredOn=today().isoformat(),
        )
        await people["clerk"].move("acknowledgeDelivery", delivery, method="SIGNATURE")
    await drain(engine)


async def accepted(people: dict[str, Any], third: Teller, milestone: str) -> dict[str, Any]:
    """Submitted by the supplier; reviewed by who neither manages nor claimed; one part deducted."""
    terms = {
        "fromOn": today().isoformat(),
        "untilOn": (today() + timedelta(days=1)).isoformat(),
    }
    row = await people["charity"].do("submitAcceptance", milestoneId=milestone, terms=terms)
    for who in ("buyer", "finance", "charity", "auditor"):
        refused = await people[who].try_(
            "reviewAcceptance", id=row["id"], expectedVersion=row["version"]
        )
        assert refused["code"] == "FORBIDDEN", who
    row = await third.move("reviewAcceptance", row)
    shown = (await third.see(DOWN, id=row["id"]))["node"]
    (line,) = shown["lines"]["nodes"]
    for fact in line["facts"]["nodes"]:
        assert fact["fact"]["delivery"] is None
        if fact["sampled"]:
            await third.move("checkSample", fact, finding="CONFIRMED")
    fresh = await third.see(
        "query($id: ID!) { node(id: $id) { ... on Acceptance { id version } } }", id=row["id"]
    )
    cut = {"reason": "LATE", "note": "报告迟交一周", "fen": 1_000}
    return await third.move("acceptWithDeduction", fresh["node"], deductions=[cut])


async def paid(
    people: dict[str, Any], finance: list[Teller], milestone: str, fen: int
) -> dict[str, Any]:
    """Invoiced, matched by the buyer, approved, requested, approved by another, executed."""
    too_much = {"milestoneId": milestone, "amountFen": fen + 1, "issuedOn": today().isoformat()}
    refused = await people["charity"].try_("submitInvoice", number="FP-000", **too_much)
    assert refused["__typename"] == "Refusal"
    invoice = await people["charity"].do(
        "submitInvoice",
        milestoneId=milestone,
        number="FP-001",
        amountFen=fen,
        issuedOn=today().isoformat(),
    )
    invoice = await people["second"].move("matchInvoice", invoice)
    invoice = await finance[0].move("approveInvoice", invoice)
    payment = await people["second"].do(
        "requestPayment", id=invoice["id"], expectedVersion=invoice["version"]
    )
    payment = await finance[0].move("approvePayment", payment)
    return await finance[1].move("executePayment", payment, bankReference="ZF20260001")


async def test_from_a_gap_to_a_payment(
    api: Any, engine: AsyncEngine, people: dict[str, Any], move_day: Any
) -> None:
    needs = await publish(engine, people, 5)
    line, procurement = await plan(people)
    gap = (await people["coordinator"].see(GAPS))["gaps"]["nodes"][0]
    procurement = await people["coordinator"].do(
        "linkProcurementGap",
        id=procurement["id"],
        expectedVersion=procurement["version"],
        gapId=gap["id"],
        gapVersion=gap["version"],
    )
    contract = await contracted(people, line, await award(people, procurement, move_day))
    await delivered(engine, people, needs[:4])

    async with making(engine) as m:
        buyer = {"organization": people["authority"], "area_code": COUNTY}
        third = Teller(api, await m.account(Role.BUYER, **buyer))
        finance = [Teller(api, await m.account(Role.BUYER_FINANCE, **buyer)) for _ in range(2)]
    seen = (await people["charity"].see(PROGRESS, id=contract["id"]))["node"]
    facts = seen["serviceFacts"]["nodes"]
    assert {(one["factKind"], one["claim"], one["state"]) for one in facts} == {
        ("DELIVERY", "AUTO", "COUNTED")
    }
    assert all(one["delivery"]["no"] for one in facts)
    (progress,), (target,) = seen["progress"], seen["targetProgress"]
    assert (progress["factsCounted"], progress["householdsReached"]) == (4, 4)
    assert target["met"]
    milestone = seen["milestones"]["nodes"][0]["id"]

    row = await accepted(people, third, milestone)
    shown = (await people["charity"].see(DOWN, id=row["id"]))["node"]
    assert (shown["state"], shown["acceptedFen"]) == ("ACCEPTED_WITH_DEDUCTION", 4 * PRICE - 1_000)
    (kept,) = shown["lines"]["nodes"]
    behind = [one["fact"]["delivery"] for one in kept["facts"]["nodes"]]
    assert float(kept["accepted"]) == sum(float(one["quantity"]) for one in behind) == 4

    await paid(people, finance, milestone, 4 * PRICE - 1_000)
    (after,) = (await people["finance"].see(LINE))["budgetLines"]["nodes"]
    assert (after["committedFen"], after["paidFen"]) == (9 * PRICE, 4 * PRICE - 1_000)
    for who in ("auditor", "second", "charity"):
        found = (await people[who].see(PROGRESS, id=contract["id"]))["node"]
        step = found["milestones"]["nodes"][0]
        assert (step["state"], step["paidFen"]) == ("PARTIALLY_MET", 4 * PRICE - 1_000)
    hidden = (await people["anybody"].see(PROGRESS, id=contract["id"]))["node"]
    assert (hidden["progress"], hidden["serviceFacts"]["nodes"]) == ([], [])
