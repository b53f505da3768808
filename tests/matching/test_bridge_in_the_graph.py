"""Pledges, the ledger, deliveries and feedback through GraphQL: who sees what, by which edge."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.graph.identifiers import encode
from nexus.matching.feedback import operations as feedback
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import PledgeState
from tests.conftest import Api
from tests.making import today
from tests.matching.bridge import Bridge, build_bridge

EDGES = """
query ($id: ID!) {
  node(id: $id) {
    ... on Need {
      lines { nodes { reserved committed delivered confirmed pledges { totalCount } } }
      pledges { nodes {
        no state quantity allowedActions organization { id } offer { id } line { id }
        allocations { nodes {
          quantity committed delivered moves { nodes { fromBucket toBucket quantity } } } }
        deliveries { nodes { id quantity late state allowedActions } } } }
      deliveries { totalCount nodes { pledge { no } } }
      feedback { nodes { source rating text redactions } }
    }
  }
}
"""
ROOTS = """
query ($need: [ID!], $organization: [ID!]) {
  pledges(filter: {need: $need, organization: $organization}) { totalCount }
  late: pledges(filter: {need: $need, state: [PARTLY_FULFILLED]}) { totalCount }
  deliveries(filter: {need: $need, state: [RECORDED]}) { totalCount }
  feedback(filter: {need: $need, source: [RECIPIENT]}) { totalCount }
}
"""
RECORD = """
mutation ($input: RecordDeliveryInput!) {
  recordDelivery(input: $input) {
    __typename
    ... on Delivery { id version state pledge { state } }
    ... on Refusal { code field }
  }
}
"""
ACKNOWLEDGE = """
mutation ($input: AcknowledgeDeliveryInput!) {
  acknowledgeDelivery(input: $input) {
    __typename
    ... on Delivery { state acknowledgement need { lines { nodes { confirmed } } } }
    ... on Refusal { code }
  }
}
"""


@pytest.fixture(scope="module")
async def bridge(engine: AsyncEngine) -> Bridge:
    """5 kg pledged and 2 of them brought, the recipient's word on it; 2 kg of a rival."""
    made = await build_bridge(engine)
    pledge = await made.pledge_in(PledgeState.ACCEPTED)
    delivery = await made.deliver(pledge, "2")
    await made.act("rival", pledges.offer_pledge, made.line_id, quantity=pledge.quantity - 3)
    await made.act("worker", feedback.give_feedback, delivery_id=delivery.id, rating=5, text="谢谢")
    return made


async def need_as(api: Api, bridge: Bridge, who: str) -> Any:
    answer = await api(bridge.people[who])(EDGES, id=encode("Need", bridge.need.id))
    assert "errors" not in answer, answer
    return answer["data"]["node"]


async def test_the_territory_sees_every_pledge_down_to_its_moves(api: Api, bridge: Bridge) -> None:
    for who in ("worker", "publisher", "supervisor"):
        need = await need_as(api, bridge, who)
        rival, own = need["pledges"]["nodes"]
        assert (own["state"], own["quantity"], rival["state"]) == (
            "PARTLY_FULFILLED",
            "5",
            "OFFERED",
        )
        assert own["offer"]["id"] == encode("Offer", bridge.offer.id)
        (allocation,) = own["allocations"]["nodes"]
        assert (allocation["committed"], allocation["delivered"]) == ("3", "2")
        moves = allocation["moves"]["nodes"]
        assert [(m["fromBucket"], m["toBucket"], m["quantity"]) for m in moves] == [
            ("OPEN", "RESERVED", "5"),
            ("RESERVED", "COMMITTED", "5"),
            ("COMMITTED", "DELIVERED", "2"),
        ]
        (delivery,) = own["deliveries"]["nodes"]
        assert (delivery["quantity"], delivery["late"]) == ("2", False)
        assert need["deliveries"]["nodes"] == [{"pledge": {"no": own["no"]}}]
        (word,) = need["feedback"]["nodes"]
        assert (word["source"], word["text"], word["redactions"]) == ("RECIPIENT", "谢谢", [])


async def test_a_charity_sees_its_own_and_of_others_only_the_counters(
    api: Api, bridge: Bridge
) -> None:
    need = await need_as(api, bridge, "pledger")
    assert [row["state"] for row in need["pledges"]["nodes"]] == ["PARTLY_FULFILLED"]
    (word,) = need["feedback"]["nodes"]
    assert (word["rating"], word["text"]) == (5, None)
    assert "text" in word["redactions"]
    rival = await need_as(api, bridge, "rival")
    assert [row["quantity"] for row in rival["pledges"]["nodes"]] == ["2"]
    assert rival["deliveries"]["totalCount"] == 0
    assert rival["feedback"]["nodes"] == []
    for seen in (need, rival):
        (line,) = seen["lines"]["nodes"]
        assert (line["reserved"], line["committed"], line["delivered"]) == ("2", "3", "2")
        assert line["pledges"]["totalCount"] == 1


async def test_no_household_is_reached_through_a_pledge(api: Api, bridge: Bridge) -> None:
    document = """
    { pledges { nodes { need { household { no } recipient { no } internalDescription
        area { code } } } } }
    """
    answer = await api(bridge.people["pledger"])(document)
    assert "errors" not in answer, answer
    for row in answer["data"]["pledges"]["nodes"]:
        assert row["need"] == {
            "household": None,
            "recipient": None,
            "internalDescription": None,
            "area": None,
        }


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ("worker", (2, 1, 1, 1)),
        ("publisher", (2, 1, 1, 1)),
        ("pledger", (1, 1, 1, 1)),
        ("rival", (1, 0, 0, 0)),
        ("elsewhere", (0, 0, 0, 0)),
        ("vol_org", (1, 0, 0, 0)),
        ("volunteer", (0, 0, 0, 0)),
        ("nobody", (0, 0, 0, 0)),
    ],
)
async def test_root_collections_by_filter(
    api: Api, bridge: Bridge, who: str, counts: tuple[int, ...]
) -> None:
    need = [encode("Need", bridge.need.id), "bm9uc2Vuc2U=", encode("Offer", bridge.offer.id)]
    answer = await api(bridge.people[who])(ROOTS, need=need)
    assert "errors" not in answer, answer
    data = answer["data"]
    found = [data[name]["totalCount"] for name in ("pledges", "late", "deliveries", "feedback")]
    assert tuple(found) == counts
    other = bridge.people["rival"]
    assert other is not None
    organization = [encode("Organization", other.organization_id)]
    answer = await api(bridge.people[who])(ROOTS, need=need, organization=organization)
    mine = who in ("worker", "publisher", "rival", "vol_org")
    assert answer["data"]["pledges"]["totalCount"] == (1 if mine else 0)


async def test_allowed_actions_are_what_the_operations_allow(api: Api, bridge: Bridge) -> None:
    expected = {
        "worker": (
            ["requestRelease", "recordDelivery"],
            ["acknowledgeDelivery", "disputeDelivery"],
        ),
        "pledger": (["requestRelease", "recordDelivery"], []),
        "own_station": (["recordDelivery"], []),
        "aide": (["recordDelivery"], ["acknowledgeDelivery", "disputeDelivery"]),
        "supervisor": ([], []),
    }
    for who, (on_pledge, on_delivery) in expected.items():
        need = await need_as(api, bridge, who)
        own = next(row for row in need["pledges"]["nodes"] if row["quantity"] == "5")
        assert own["allowedActions"] == on_pledge, who
        assert own["deliveries"]["nodes"][0]["allowedActions"] == on_delivery, who


async def test_delivered_and_confirmed_through_the_door(api: Api, engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    given = {
        "pledgeId": encode("Pledge", pledge.id),
        "quantity": "5",
        "deliveredOn": today().isoformat(),
        "place": "home",
        "evidence": {"signature": "S-1"},
        "idempotencyKey": "deliver",
    }
    refused = given | {"evidence": [1], "idempotencyKey": "wrong"}
    answer = await api(bridge.people["pledger"])(RECORD, input=refused)
    assert answer["data"]["recordDelivery"]["field"] == "evidence"
    for _ in range(2):
        answer = await api(bridge.people["pledger"])(RECORD, input=given)
        row = answer["data"]["recordDelivery"]
        assert (row["state"], row["pledge"]["state"]) == ("RECORDED", "FULFILLED")
    assert await bridge.counters() == (0, 0, 5, 0)
    word = {
        "id": row["id"],
        "expectedVersion": row["version"],
        "method": "SIGNATURE",
        "idempotencyKey": "acknowledge",
    }
    answer = await api(bridge.people["worker"])(ACKNOWLEDGE, input=word)
    told = answer["data"]["acknowledgeDelivery"]
    assert (told["state"], told["acknowledgement"]) == ("ACKNOWLEDGED", "SIGNATURE")
    assert told["need"]["lines"]["nodes"] == [{"confirmed": "5"}]
    answer = await api(bridge.people["elsewhere"])(ACKNOWLEDGE, input=word)
    assert answer["data"]["acknowledgeDelivery"]["code"] == "NOT_FOUND"
