"""A purchase from tender to payment and amendment, as anybody reads it in open contracting data."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.exchange.ocds.exporting import write_package
from nexus.exchange.ocds.model import OWN
from nexus.worker import drain
from tests.exchange.contracting.validating import faults, schema_errors
from tests.journeys.counselling import COUNTY, publish
from tests.journeys.teller import Teller
from tests.journeys.test_gap_to_contract import award, plan
from tests.journeys.test_gap_to_contract import move_day as move_day
from tests.journeys.test_gap_to_contract import people as people
from tests.journeys.test_gap_to_payment import (
    GAPS,
    PRICE,
    PROGRESS,
    accepted,
    contracted,
    delivered,
    paid,
)
from tests.making import making, now

AGAIN = "query($id: ID!) { node(id: $id) { ... on Contract { id version } } }"


async def package(engine: AsyncEngine, folder: Path, *, records: bool) -> dict[str, Any]:
    """What is published, valid by the schema and the validator."""
    path = folder / "package.json"
    base = "https://nexus.example"
    await write_package(engine, path, now(), source=OWN, records=records, base=base)
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    assert schema_errors(found) == []
    assert faults(found) == {}
    return found


async def test_every_step_of_a_purchase_is_released(
    api: Any, engine: AsyncEngine, people: dict[str, Any], move_day: Any, tmp_path: Path
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
    awarded = await award(people, procurement, move_day)
    await drain(engine)
    contract = await contracted(people, line, awarded)
    await delivered(engine, people, needs[:4])
    async with making(engine) as m:
        buyer = {"organization": people["authority"], "area_code": COUNTY}
        third = Teller(api, await m.account(Role.BUYER, **buyer))
        finance = [Teller(api, await m.account(Role.BUYER_FINANCE, **buyer)) for _ in range(2)]
    seen = (await people["charity"].see(PROGRESS, id=contract["id"]))["node"]
    milestone = seen["milestones"]["nodes"][0]["id"]
    await accepted(people, third, milestone)
    await drain(engine)
    fen = 4 * PRICE - 1_000
    await paid(people, finance, milestone, fen)
    await drain(engine)
    contract = (await people["buyer"].see(AGAIN, id=contract["id"]))["node"]
    change = {"position": 1, "quantity": "8", "unitPriceFen": PRICE}
    await people["buyer"].move(
        "amendContract", contract, rationale="减少一次", itemChanges=[change]
    )
    await drain(engine)

    releases = (await package(engine, tmp_path, records=False))["releases"]
    tags = [one["tag"] for one in releases]
    assert "tender" in tags[0]
    assert [tag for tag in tags if "award" in tag]
    assert [tag for tag in tags if "contract" in tag]
    assert tags[-1] == ["contractAmendment"]
    assert len({one["id"] for one in releases}) == len(releases) >= 5
    (record,) = (await package(engine, tmp_path, records=True))["records"]
    compiled = record["compiledRelease"]
    (told,) = compiled["contracts"]
    assert told["value"] == {"amount": 8 * PRICE / 100, "currency": "CNY"}
    assert told["amendments"][0]["rationale"] == "减少一次"
    (step,) = told["implementation"]["milestones"]
    assert step["status"] == "partiallyMet"
    (transfer,) = told["implementation"]["transactions"]
    assert transfer["value"]["amount"] == fen / 100
    roles = {party["name"]: party["roles"] for party in compiled["parties"]}
    assert roles[people["supplier"].name] == ["supplier", "payee"]
    assert roles[people["authority"].name] == ["buyer", "procuringEntity", "payer"]
    text = json.dumps(releases, ensure_ascii=False)
    for hidden in ("两名咨询师", "只为履约使用", people["buyer account"].name):
        assert hidden not in text
