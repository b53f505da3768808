"""Scenario 21: two records of one person are merged, then taken apart: everything is where it was.

Looked for before creating; suspected by name; proposed at the station, decided by the authority.
Volunteers' hours come with their slice.
"""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from stdnum.cn import ric

from nexus.acting import Role
from nexus.graph.identifiers import decode, encode
from nexus.recipients.model import Recipient
from nexus.worker import drain, strike
from tests.journeys.teller import Teller
from tests.making import making, now
from tests.recipients.test_merging import dump

COUNTY, TOWN = "440103", "440103001"
STEM = "44990119590101777"
ID_NUMBER = STEM + str(ric.calc_check_digit(STEM + "0"))
QUEUE = """query($of: ID!) { duplicates(filter: {recipient: $of}) { nodes {
  id version state ground allowedActions recipient { id } other { id } survivor { id } } } }"""
MERGED = "query($id: ID!) { node(id: $id) { ... on Recipient { id mergedInto { id } } } }"


@pytest.fixture
async def people(api: Any, engine: AsyncEngine) -> dict[str, Teller]:
    async with making(engine) as m:
        authority, agency = await m.authority(area_code=COUNTY), await m.organization()
        return {
            name: Teller(api, await m.account(role, body, area_code=area))
            for name, role, body, area in (
                ("approver", Role.GOV_APPROVER, authority, COUNTY),
                ("lead", Role.STATION_LEAD, agency, TOWN),
                ("worker", Role.SOCIAL_WORKER, agency, TOWN),
                ("charity", Role.CHARITY_USER, await m.organization(), None),
            )
        }


async def test_merge_and_unmerge(people: dict[str, Teller], engine: AsyncEngine) -> None:
    worker, lead, approver = people["worker"], people["lead"], people["approver"]
    one = await _recorded(worker, idNumber=ID_NUMBER)
    found = await _similar(worker, name="欧阳 示范", birthYear=1959, area=COUNTY)
    assert found["ids"] == [one["id"]]
    other = await _recorded(worker)
    await strike(engine, now())
    (pair,) = (await lead.see(QUEUE, of=one["id"]))["duplicates"]["nodes"]
    assert (pair["state"], pair["ground"]) == ("OPEN", "NAME_AND_BIRTH")
    assert {pair["recipient"]["id"], pair["other"]["id"]} == {one["id"], other["id"]}
    assert pair["allowedActions"] == ["proposeMerge", "keepApart"]

    await _helped(people, engine, one, other)
    await drain(engine)
    before = await dump(engine)
    pair = await lead.move("proposeMerge", pair, survivorId=one["id"])
    refused = await lead.try_("mergeRecipients", id=pair["id"], expectedVersion=pair["version"])
    assert refused["code"] == "FORBIDDEN"
    assert await dump(engine) == before
    pair = await approver.move("mergeRecipients", pair)
    seen = (await worker.see(MERGED, id=other["id"]))["node"]
    assert seen["mergedInto"] == {"id": one["id"]}
    between = await dump(engine)
    assert {table for table in before if before[table] != between[table]} == {
        "recipient", "household",
    }  # fmt: skip
    assert (await people["charity"].see(MERGED, id=other["id"]))["node"] is None

    pair = await approver.move("unmergeRecipients", pair, reason="身份证号不同")
    assert await dump(engine) == before
    (kept,) = (await lead.see(QUEUE, of=one["id"]))["duplicates"]["nodes"]
    assert (kept["state"], kept["allowedActions"]) == ("KEPT_APART", [])
    await strike(engine, now())
    assert len((await lead.see(QUEUE, of=one["id"]))["duplicates"]["nodes"]) == 1


async def _recorded(worker: Teller, **identity: str) -> dict[str, Any]:
    household = await worker.do("createHousehold", size=1, areaCode=TOWN)
    made = await worker.do("createRecipient", householdId=household["id"], birthYear=1959)
    await worker.do("recordIdentity", recipientId=made["id"], name="欧阳示范", **identity)
    return made


async def _similar(worker: Teller, **given: Any) -> dict[str, Any]:
    document = (
        "mutation($input: SimilarRecipientsInput!) { similarRecipients(input: $input) { "
        "... on SimilarRecipients { ids } } }"
    )
    found: dict[str, Any] = (await worker.see(document, input=given))["similarRecipients"]
    return found


async def _helped(
    people: dict[str, Teller], engine: AsyncEngine, *recipients: dict[str, Any]
) -> None:
    """A consent, a need and a pledge of rice for each."""
    for given in recipients:
        async with making(engine) as m:
            key = decode(given["id"], "Recipient")
            row = await m.session.scalar(select(Recipient).where(Recipient.id == key))
            assert row is not None
            need = await m.need(
                recipient_id=row.id,
                household_id=row.household_id,
                consent_id=(await m.consent(row)).id,
                area_code=TOWN,
                lines=[{"item_code": "FOOD.RICE", "quantity_required": Decimal(90)}],
            )
        line = encode("NeedLine", need.lines[0].id)
        await people["charity"].do("offerPledge", lineId=line, quantity="20")
