"""What an offer would match, seen before it is listed: the same as after, and nothing happens."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.charity import operations as charity
from nexus.charity.model import Offer, OfferState
from nexus.core.outbox import Event
from nexus.graph.identifiers import encode
from tests.conftest import Api
from tests.deeds import acting
from tests.making import making

PREVIEW = """
query ($id: ID!) { node(id: $id) { ... on Offer {
  previewLines(first: 50) { score line { id } reasons { code points } }
  matchingLines(first: 50) { score line { id } reasons { code points } } } } }
"""


async def seen(api: Api, account: Any, offer: Offer) -> dict[str, Any]:
    answer = await api(account)(PREVIEW, id=encode("Offer", offer.id))
    assert "errors" not in answer
    found: dict[str, Any] = answer["data"]["node"] or {}
    return found


async def make_world(engine: AsyncEngine, state: OfferState) -> tuple[Any, Offer]:
    """A charity's account and its offer; a line that it fits, and one that it does not."""
    async with making(engine) as m:
        giver = await m.organization(state="verified")
        account = await m.account(role=Role.CHARITY_USER, organization=giver)
        offer = await m.offer(giver, ["440103"], state=state, category="HOU", created_by=account.id)
        for category in ("HOU", "EDU"):
            await m.need(area_code="440103", group_name="某村", lines=[{"category": category}])
    return account, offer


async def events(engine: AsyncEngine) -> int:
    async with AsyncSession(engine) as session:
        return int(await session.scalar(select(func.count()).select_from(Event)) or 0)


async def test_a_draft_is_shown_what_it_will_match_once_listed(
    engine: AsyncEngine, api: Api
) -> None:
    account, offer = await make_world(engine, OfferState.DRAFT)
    before = await events(engine)
    draft = await seen(api, account, offer)
    assert len(draft["previewLines"]) == 1
    assert draft["matchingLines"] == []
    assert await events(engine) == before, "looking is no deed"
    async with acting(engine, account) as act:
        await charity.list_offer(act, offer.id, expected_version=offer.version)
    listed = await seen(api, account, offer)
    assert listed["matchingLines"] == draft["previewLines"]
    assert listed["previewLines"] == []


@pytest.mark.parametrize(
    ("state", "lines"),
    [
        (OfferState.DRAFT, 1),
        (OfferState.PAUSED, 1),
        (OfferState.LISTED, 0),
        (OfferState.BLOCKED, 0),
        (OfferState.WITHDRAWN, 0),
        (OfferState.EXPIRED, 0),
    ],
)
async def test_only_what_can_be_listed_is_previewed(
    engine: AsyncEngine, api: Api, state: OfferState, lines: int
) -> None:
    account, offer = await make_world(engine, state)
    # Other tests of this module have left lines of the category: one each.
    found = (await seen(api, account, offer))["previewLines"]
    assert bool(found) == bool(lines)


async def test_a_stranger_sees_no_preview(engine: AsyncEngine, api: Api) -> None:
    _, offer = await make_world(engine, OfferState.DRAFT)
    async with making(engine) as m:
        rival = await m.organization(state="verified")
        stranger = await m.account(role=Role.CHARITY_USER, organization=rival)
    assert (await seen(api, stranger, offer)).get("previewLines", []) == []
    assert (await seen(api, None, offer)).get("previewLines", []) == []


async def test_an_organization_that_is_not_verified_learns_nothing(
    engine: AsyncEngine, api: Api
) -> None:
    async with making(engine) as m:
        giver = await m.organization(state="submitted")
        account = await m.account(role=Role.CHARITY_USER, organization=giver)
        offer = await m.offer(giver, ["440103"], state=OfferState.DRAFT, category="HOU")
        await m.need(area_code="440103", group_name="某村", lines=[{"category": "HOU"}])
    assert (await seen(api, account, offer)).get("previewLines", []) == []
