"""Scenario 14: a household gets the same item from two charities inside the window.

The second is told how much and not who; an approver's leave lets one more pledge pass.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.worker import drain
from tests.journeys.teller import Teller
from tests.making import making

COUNTY, TOWN = "440103", "440103001"
ASK = """query($line: ID!, $quantity: Decimal) { alreadyHelped(lineId: $line, quantity: $quantity) {
  blocked helped available most unit windowDays } }"""
ALERTS = """{ alerts { nodes { rule kind severity subject { __typename id } } } }"""
SUGGESTED = """query($id: ID!) { node(id: $id) { ... on NeedLine { suggestions {
  alreadyHelped offer { id } } } } }"""


class World:
    """A household with two needs of rice, two charities, an approver and a clerk."""

    def __init__(self, api: Any, rows: dict[str, Any]) -> None:
        self.rows = rows
        self.first, self.second, self.approver, self.clerk = (
            Teller(api, rows[name]) for name in ("first", "second", "approver", "clerk")
        )
        self.lines = [encode("NeedLine", need.lines[0].id) for need in rows["needs"]]

    def secrets(self) -> list[str]:
        """What the second charity may learn nowhere."""
        rows = self.rows
        return [
            *(rows["first"].name, str(rows["first"].organization_id), rows["giver"].name),
            *(rows["household"].no, str(rows["household"].id), rows["needs"][0].no),
        ]


@pytest.fixture
async def world(api: Any, engine: AsyncEngine) -> World:
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        giver = await m.organization()
        household = await m.household(area_code=TOWN)
        person = await m.recipient(household)
        consent = await m.consent(person)
        line = {"item_code": "FOOD.RICE", "quantity_required": Decimal(300)}
        needs = [
            await m.need(
                recipient_id=person.id,
                household_id=household.id,
                consent_id=consent.id,
                publisher_id=authority.id,
                area_code=TOWN,
                lines=[line],
            )
            for _ in range(2)
        ]
        second = await m.account(Role.CHARITY_USER)
        await m.offer(
            await m.session.get_one(type(giver), second.organization_id),
            item_code="FOOD.RICE",
            capacity_maximum=Decimal(900),
        )
        rows = {
            "giver": giver,
            "household": household,
            "needs": needs,
            "first": await m.account(Role.CHARITY_USER, giver),
            "second": second,
            "approver": await m.account(Role.GOV_APPROVER, authority, area_code=COUNTY),
            "clerk": await m.account(Role.GOV_CLERK, authority, area_code=COUNTY),
        }
    return World(api, rows)


async def test_helped_twice(world: World, engine: AsyncEngine) -> None:
    first, second, approver = world.first, world.second, world.approver
    one, other = world.lines
    await first.do("offerPledge", lineId=one, quantity="200")

    told = (await second.see(ASK, line=other, quantity="50"))["alreadyHelped"]
    assert told == {
        "blocked": True, "helped": "200", "available": "0", "most": "200", "unit": "KGM",
        "windowDays": 30,
    }  # fmt: skip
    shown = (await second.see(SUGGESTED, id=other))["node"]["suggestions"]
    assert [each["alreadyHelped"] for each in shown] == [True]
    refused = await second.try_("offerPledge", lineId=other, quantity="50")
    assert refused["code"] == "ALREADY_HELPED"
    assert refused["details"] == {
        "rule": "INV-10", "limit": "help_limit:FOOD.RICE@2020-01-01", "helped": "200",
        "most": "200", "unit": "KGM", "window_days": 30, "available": "0",
    }  # fmt: skip
    learned = json.dumps([told, shown, refused], ensure_ascii=False)
    assert [secret for secret in world.secrets() if secret in learned] == []

    for teller in (second, world.clerk):
        answer = await teller.try_(
            "overrideDuplicateHelp", lineId=other, quantity="50", reason="两代人同住"
        )
        assert answer["code"] == "FORBIDDEN"
    given = {"lineId": other, "quantity": "50", "reason": "两代人同住", "idempotencyKey": "once"}
    leave = await approver.do("overrideDuplicateHelp", "usedAt rule", **given)
    assert await approver.do("overrideDuplicateHelp", "usedAt rule", **given) == leave
    await drain(engine)
    raised = (await approver.see(ALERTS))["alerts"]["nodes"]
    assert {"rule": "help.twice", "kind": "OVERRIDE", "severity": "MINOR"}.items() <= next(
        each for each in raised if each["subject"] and each["subject"]["id"] == leave["id"]
    ).items()

    pledge = await second.do("offerPledge", "override { id }", lineId=other, quantity="50")
    assert pledge["override"] is None, "the reason is for the need's side"
    seen = await world.clerk.see(
        "query($id: ID!) { node(id: $id) { ... on Pledge { override { id reason usedAt } } } }",
        id=pledge["id"],
    )
    assert seen["node"]["override"]["id"] == leave["id"]
    assert seen["node"]["override"]["usedAt"] is not None
    again = await first.try_("offerPledge", lineId=other, quantity="1")
    assert again["code"] == "ALREADY_HELPED"
