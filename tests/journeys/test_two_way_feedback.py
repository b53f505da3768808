"""Scenario 19: the authority's server fails for six hours, and nothing is lost, doubled or mixed.

And the way back: what the authority answers reaches the helper on the pledge and in the feed.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.exchange.messages.model import PartnerMode
from nexus.graph.identifiers import encode
from tests.exchange.messaging import URL, Authority
from tests.exchange.receiving import verified
from tests.journeys.teller import Teller
from tests.making import making, today

COUNTY, TOWN = "440103", "440103001"
ALERTS = """{ alerts(first: 100) { nodes { rule state
  subject { ... on ExchangePartner { id } ... on ExchangeMessage { partner { id } } } } } }"""
MESSAGES = """{ exchangeMessages(first: 50, filter: {direction: [OUT]}) {
  nodes { id kind sequence state attempts body version lastError } } }"""


class Cast:
    """An authority that hears, a charity that helps, a station between."""

    def __init__(self, tellers: dict[str, Teller], authority: Authority) -> None:
        self.tellers = tellers
        self.authority = authority

    def __getattr__(self, name: str) -> Teller:
        return self.tellers[name]


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine, tmp_path: Path) -> Cast:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        agency = await m.organization()
        people = {
            name: await m.account(role, organization=organization, area_code=area)
            for name, role, organization, area in (
                ("clerk", Role.GOV_CLERK, body, COUNTY),
                ("coordinator", Role.GOV_COORDINATOR, body, COUNTY),
                ("worker", Role.SOCIAL_WORKER, agency, TOWN),
                ("charity", Role.CHARITY_USER, await m.organization(), None),
                ("stranger", Role.CHARITY_USER, await m.organization(), None),
            )
        }
    authority = Authority(engine, PartnerMode.CALL_OUT, people["coordinator"], tmp_path)
    return Cast({name: Teller(api, one) for name, one in people.items()}, authority)


async def the_exchange(cast: Cast) -> None:
    """Set up through the API, as a coordinator would."""
    partner = await cast.coordinator.do("createExchangePartner", mode="CALL_OUT", url=URL)
    answer = await cast.coordinator.ask(
        """mutation($id: ID!) { rotateExchangeSecret(input: {id: $id, expectedVersion: 1}) {
           ... on IssuedExchangeSecret { secret } ... on Refusal { message } } }""",
        id=partner["id"],
    )
    cast.authority.secret = answer["data"]["rotateExchangeSecret"]["secret"]
    cast.authority.partner = await cast.authority.find_partner()


async def a_delivery(cast: Cast, engine: AsyncEngine, quantity: str = "5") -> dict[str, Any]:
    """A need is published, pledged and delivered, deed by deed through the API."""
    async with making(engine) as m:
        row = await m.need(
            state="verified", publisher_id=cast.authority.account.organization_id, area_code=TOWN
        )
    need = {"id": encode("Need", row.id), "version": row.version}
    await cast.clerk.move("publishNeed", need)
    line = encode("NeedLine", row.lines[0].id)
    pledge = await cast.charity.do("offerPledge", lineId=line, quantity=quantity)
    pledge = await cast.clerk.move("acceptPledge", pledge)
    delivery = await cast.charity.do(
        "recordDelivery",
        "no",
        pledgeId=pledge["id"],
        quantity=quantity,
        deliveredOn=today().isoformat(),
    )
    await cast.worker.move("acknowledgeDelivery", delivery, method="SIGNATURE")
    return {"need": row, "pledge": pledge, "delivery": delivery}


KINDS = [
    *("need.published", "pledge.offered", "pledge.accepted", "delivery.recorded"),
    *("pledge.partly_fulfilled", "delivery.acknowledged"),
]


async def alerts(cast: Cast) -> list[tuple[str, str]]:
    """Rule and state of each about this exchange that the coordinator sees."""
    partner = encode("ExchangePartner", cast.authority.partner.id)
    nodes = (await cast.coordinator.see(ALERTS))["alerts"]["nodes"]
    return [
        (node["rule"], node["state"])
        for node in nodes
        if node["subject"] in ({"id": partner}, {"partner": {"id": partner}})
    ]


async def test_six_hours_without_the_authority(cast: Cast, engine: AsyncEngine) -> None:
    await the_exchange(cast)
    cast.authority.down = True
    first = await a_delivery(cast, engine)
    await cast.authority.carry_for(hours=3)
    second = await a_delivery(cast, engine)
    await cast.authority.carry_for(hours=3)
    assert cast.authority.taken == []
    assert await alerts(cast) == [("partner.failing", "OPEN")]

    cast.authority.down = False
    await cast.authority.carry_for(minutes=40)
    for story in (first, second):
        told = [b for b in cast.authority.taken if b["data"]["need"]["no"] == story["need"].no]
        assert [body["sequence"] for body in told] == list(range(1, len(told) + 1))
        kinds = [body["type"] for body in told]
        assert sorted(kinds) == sorted(set(kinds))
        assert kinds[0] == "need.published"
        assert {"delivery.recorded", "delivery.acknowledged"} <= set(kinds)
        delivered = next(b for b in told if b["type"] == "delivery.recorded")
        assert delivered["data"]["object"]["no"] == story["delivery"]["no"]
        assert delivered["data"]["item"]["quantity"] == "5"
    ids = [body["id"] for body in cast.authority.taken]
    assert len(ids) == len(set(ids))
    assert await alerts(cast) == [("partner.failing", "RESOLVED")]
    taken = [p for p in cast.authority.poster.posts if json.loads(p.body) in cast.authority.taken]
    assert all(verified(post, cast.authority.secret) == [True] for post in taken)


async def test_a_message_that_is_refused_dies_and_is_replayed(
    cast: Cast, engine: AsyncEngine
) -> None:
    await the_exchange(cast)
    cast.authority.refuses = {"delivery.recorded"}
    await a_delivery(cast, engine)
    await cast.authority.carry_for(hours=2)
    (dead,) = [
        m
        for m in (await cast.coordinator.see(MESSAGES))["exchangeMessages"]["nodes"]
        if m["state"] == "DEAD"
    ]
    assert (dead["kind"], dead["lastError"]) == ("delivery.recorded", "HTTP_422")
    assert ("message.dead", "OPEN") in await alerts(cast)
    assert cast.authority.taken[-1]["type"] == "delivery.acknowledged"

    refused = await cast.clerk.try_("replayMessage", id=dead["id"], expectedVersion=dead["version"])
    assert refused["code"] == "FORBIDDEN"
    cast.authority.refuses = set()
    await cast.coordinator.move("replayMessage", dead)
    await cast.authority.carry()
    assert cast.authority.taken[-1]["id"] == json.loads(dead["body"])["id"]
    assert ("message.dead", "RESOLVED") in await alerts(cast)


CHANGES = """{ changes(types: [AUTHORITY_REPLY]) { entries { kind objectId node {
  ... on AuthorityReply { status reason late delivery { no } } } } } }"""
STANDING = "query($id: ID!) { node(id: $id) { ... on Pledge { authorityStatus need { state } } } }"


async def test_the_answer_reaches_the_helper_and_nobody_else(
    cast: Cast, engine: AsyncEngine
) -> None:
    await the_exchange(cast)
    story = await a_delivery(cast, engine)
    said = {"needNo": story["need"].no, "happenedAt": f"{today().isoformat()}T00:00:00+08:00"}
    key = "our-4711"
    word = {**said, "status": "CONFIRMED", "deliveryNo": story["delivery"]["no"], "sequence": 1}
    first = await cast.clerk.do("receiveMessage", "outcome", **word, idempotencyKey=key)
    again = await cast.coordinator.do("receiveMessage", "outcome", **word, idempotencyKey=key)
    assert again == first == {**first, "outcome": "APPLIED"}
    reused = await cast.coordinator.try_(
        "receiveMessage", **{**word, "sequence": 2}, idempotencyKey="our-4711"
    )
    assert reused["code"] == "IDEMPOTENCY_KEY_REUSED"
    pledge = story["pledge"]["id"]
    assert (await cast.charity.see(STANDING, id=pledge))["node"]["authorityStatus"] == "CONFIRMED"

    await cast.clerk.do(
        "receiveMessage", **said, status="CLOSED", reason="RESOURCED_ELSEWHERE", sequence=3
    )
    late = await cast.clerk.do("receiveMessage", "outcome", **said, status="ACCEPTED", sequence=2)
    assert late["outcome"] == "LATE"
    seen = (await cast.charity.see(STANDING, id=pledge))["node"]
    assert seen == {"authorityStatus": "CLOSED", "need": {"state": "PAUSED"}}
    entries = (await cast.charity.see(CHANGES))["changes"]["entries"]
    assert [(e["kind"], e["node"]["status"], e["node"]["late"]) for e in entries] == [
        ("authority_reply.recorded", "CONFIRMED", False),
        ("authority_reply.recorded", "CLOSED", False),
        ("authority_reply.recorded", "ACCEPTED", True),
    ]
    assert (await cast.stranger.see(CHANGES))["changes"]["entries"] == []
    assert (await cast.stranger.see(STANDING, id=pledge))["node"] is None


async def test_a_word_on_what_is_not_the_authoritys_own_is_refused(
    cast: Cast, engine: AsyncEngine
) -> None:
    await the_exchange(cast)
    async with making(engine) as m:
        foreign = await m.need(state="published")
    word: dict[str, Any] = {
        "status": "ACCEPTED",
        "sequence": 1,
        "happenedAt": f"{today().isoformat()}T00:00:00Z",
    }
    answers = [
        await cast.clerk.try_("receiveMessage", needNo=no, **word)
        for no in (foreign.no, "N-440103-2026-000000")
    ]
    assert answers[0] == answers[1]
    assert (answers[0]["code"], answers[0]["field"]) == ("NOT_FOUND", "needNo")
    by_charity = await cast.charity.try_("receiveMessage", needNo=foreign.no, **word)
    assert by_charity["code"] == "FORBIDDEN"
