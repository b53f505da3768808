"""Scenario 22: an offer nobody confirmed for six months gives no suggestions until it is."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.charity.model import Offer
from nexus.graph.identifiers import encode
from nexus.worker import drain, strike
from tests.journeys.teller import Teller
from tests.making import making, now, today

COUNTY = "440103"
MATCHES = """query($line: ID!) { node(id: $line) { ... on NeedLine {
  suggestions(first: 20) { score offer { id } } } } }"""
STANDS = """query($id: ID!) { node(id: $id) { ... on Offer {
  id version state stale reviewDueOn allowedActions } } }"""


@pytest.fixture
async def people(api: Any, engine: AsyncEngine) -> dict[str, Any]:
    """A need, the offer that fits it, the offer's owner, a coordinator and another charity."""
    async with making(engine) as m:
        need = await m.need(visibility="public", lines=[{"quantity_required": Decimal(10)}])
        charity = await m.organization()
        offer = await m.offer(charity)
        return {
            "line": encode("NeedLine", need.lines[0].id),
            "offer": encode("Offer", offer.id),
            "row": offer,
            "owner": Teller(api, await m.account(Role.CHARITY_USER, charity)),
            "other": Teller(api, await m.account(Role.CHARITY_USER)),
            "coordinator": Teller(api, await m.account(Role.GOV_COORDINATOR, area_code=COUNTY)),
        }


async def is_suggested(people: dict[str, Any]) -> bool:
    found = await people["coordinator"].see(MATCHES, line=people["line"])
    return people["offer"] in {one["offer"]["id"] for one in found["node"]["suggestions"]}


async def stands(people: dict[str, Any], who: str = "owner") -> dict[str, Any]:
    found: dict[str, Any] = (await people[who].see(STANDS, id=people["offer"]))["node"]
    return found


async def let_it_age(engine: AsyncEngine, offer: Offer, days: int) -> None:
    """As if its review had been due so many days ago; then the clocks strike."""
    async with AsyncSession(engine) as session, session.begin():
        due = today() - timedelta(days=days)
        await session.execute(update(Offer).where(Offer.id == offer.id).values(review_due_on=due))
    await strike(engine, now())
    await drain(engine)


async def test_a_stale_offer_returns_with_its_owners_word(
    people: dict[str, Any], engine: AsyncEngine
) -> None:
    assert await is_suggested(people)
    await let_it_age(engine, people["row"], 0)
    assert await is_suggested(people), "on its last day it still stands"

    await let_it_age(engine, people["row"], 1)
    assert not await is_suggested(people)
    marked = await stands(people, "coordinator")
    assert (marked["state"], marked["stale"]) == ("LISTED", True)

    for who in ("other", "coordinator"):
        version = marked["version"]
        refused = await people[who].try_(
            "confirmOffer", id=people["offer"], expectedVersion=version
        )
        assert refused["code"] == "FORBIDDEN"
        assert not await is_suggested(people)

    row = await stands(people)
    assert "confirmOffer" in row["allowedActions"]
    key = "still-stands"
    given = {"id": row["id"], "expectedVersion": row["version"], "idempotencyKey": key}
    for _ in range(2):
        await people["owner"].do("confirmOffer", **given)
    fresh = await stands(people)
    assert (fresh["stale"], fresh["version"]) == (False, row["version"] + 1)
    assert fresh["reviewDueOn"] > (today() + timedelta(days=178)).isoformat()
    assert await is_suggested(people)


async def test_a_pause_is_no_way_around_it(people: dict[str, Any], engine: AsyncEngine) -> None:
    """Whether or not it is resumed: it is as stale as before."""
    await let_it_age(engine, people["row"], 10)
    row = await people["owner"].move("pauseOffer", await stands(people))
    await people["owner"].try_("resumeOffer", id=row["id"], expectedVersion=row["version"])
    assert not await is_suggested(people)
