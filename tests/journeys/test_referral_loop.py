"""A referral from the authority to a charity and back: scenarios 2 and 5 of the domain, and T5e."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from nexus.worker import drain
from tests.journeys.teller import Teller
from tests.making import making, today
from tests.referrals.referring import ADDRESS, ELSEWHERE, NAME, PHONE, Ground, prepare

SEEN = """
query($id: ID!) { node(id: $id) { ... on Referral {
  version state title summary category note openClasses recipientAlias birthYear gender
  householdSize livingCondition disability closedLoop outcome allowedActions
  lines(first: 5) { nodes { item quantity unit pledge { state quantity } line { item } } }
  need { id } consent { id } owner { id } redactions
} } }
"""
LISTED = """
query($filter: ReferralFilter) { referrals(filter: $filter) { totalCount nodes { id no state } } }
"""
IDENTITY = ("name", "idNumber", "phone", "address")


@pytest.fixture
async def ground(engine: AsyncEngine) -> Ground:
    return await prepare(engine, visibility="internal")


def tell(api: Any, ground: Ground, who: str) -> Teller:
    return Teller(api, ground.people[who])


async def seen(teller: Teller, row: dict[str, Any]) -> Any:
    return (await teller.see(SEEN, id=row["id"]))["node"]


async def drawn_up(api: Any, ground: Ground, **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "needId": encode("Need", ground.rows["need"].id),
        "toOrganizationId": encode("Organization", ground.rows["charity"].id),
        "dataClasses": ["D2", "D3", "D4"],
        "note": "上午去比较好。",
    }
    return await tell(api, ground, "clerk").do("createReferral", **(given | more))


async def sent(api: Any, ground: Ground, **more: Any) -> dict[str, Any]:
    row = await drawn_up(api, ground, **more)
    return await tell(api, ground, "clerk").move("sendReferral", row)


async def accepted(api: Any, ground: Ground) -> dict[str, Any]:
    return await tell(api, ground, "receiver").move(
        "acceptReferral", await sent(api, ground), plannedOn=today().isoformat()
    )


async def test_the_loop_closes(api: Any, engine: AsyncEngine, ground: Ground) -> None:
    clerk, charity = tell(api, ground, "clerk"), tell(api, ground, "receiver")
    row = await sent(api, ground)
    waiting = (await charity.see(LISTED, filter={"waitingForMe": True}))["referrals"]
    assert [one["id"] for one in waiting["nodes"]] == [row["id"]]
    assert (await clerk.see(LISTED, filter={"sentByMe": True}))["referrals"]["totalCount"] == 1
    assert (await clerk.see(LISTED, filter={"waitingForMe": True}))["referrals"]["nodes"] == []

    before = await seen(charity, row)
    assert before["title"] == "大米和食用油"
    assert before["openClasses"] == []
    for name in ("note", "recipientAlias", "birthYear", "householdSize", "need", "consent"):
        assert before[name] is None, name
    assert set(before["allowedActions"]) == {"acceptReferral", "rejectReferral"}

    row = await charity.move("acceptReferral", row, plannedOn=today().isoformat())
    after = await seen(charity, row)
    assert after["openClasses"] == ["D1", "D2", "D3", "D4"]
    assert after["note"] == "上午去比较好。"
    assert (after["birthYear"], after["gender"]) == (1950, "UNKNOWN")
    assert (after["householdSize"], after["livingCondition"]) == (3, "住房漏雨")
    assert after["disability"] is None
    assert after["recipientAlias"]
    assert after["lines"]["nodes"][0]["pledge"] == {"state": "ACCEPTED", "quantity": "10"}

    row = await charity.move("startReferral", row)
    refused = await charity.try_(
        "completeReferral", id=row["id"], expectedVersion=row["version"], outcome="got_help"
    )
    assert refused["code"] == "DELIVERY_MISSING"
    pledge = (await charity.see("{ pledges { nodes { id } } }"))["pledges"]["nodes"][0]
    await charity.do(
        "recordDelivery", pledgeId=pledge["id"], quantity="10", deliveredOn=today().isoformat()
    )
    row = await charity.move("completeReferral", row, outcome="got_help")
    ended = await seen(charity, row)
    assert ended["openClasses"] == []
    assert ended["recipientAlias"] is None
    assert not ended["closedLoop"]
    waiting = (await clerk.see(LISTED, filter={"waitingForMe": True}))["referrals"]
    assert [one["id"] for one in waiting["nodes"]] == [row["id"]]
    row = await clerk.move("confirmOutcome", row, contactedOn=today().isoformat())
    closed = await seen(charity, row)
    assert (closed["closedLoop"], closed["outcome"]) == (True, "got_help")
    told = await charity.see("{ changes(types: [REFERRAL], first: 50) { entries { kind } } }")
    kinds = [one["kind"] for one in told["changes"]["entries"]]
    assert kinds[-1] == "referral.outcome_confirmed"


async def test_identity_is_two_recorded_acts(api: Any, engine: AsyncEngine, ground: Ground) -> None:
    charity = tell(api, ground, "receiver")
    row = await sent(api, ground)
    asked = {"referralId": row["id"], "fields": ["NAME", "PHONE"]}
    early = await charity.try_("requestReferralReveal", **asked)
    assert early["code"] == "GUARD_FAILED"
    row = await charity.move("acceptReferral", row, plannedOn=today().isoformat())
    reveal = await charity.do("requestReferralReveal", **asked)
    opened = await charity.ask(
        "mutation($i: OpenReferralRevealInput!) { openReferralReveal(input: $i) {"
        " ... on RevealedIdentity { name idNumber phone address } ... on Refusal { code } } }",
        i={"referralId": row["id"], "revealId": reveal["id"]},
    )
    assert opened["data"]["openReferralReveal"] == {
        "name": NAME,
        "idNumber": None,
        "phone": PHONE,
        "address": None,
    }
    told = await tell(api, ground, "clerk").see(
        "query($id: ID!) { node(id: $id) { ... on Referral {"
        " history(first: 20) { nodes { kind facts } } } } }",
        id=row["id"],
    )
    read = [one for one in told["node"]["history"]["nodes"] if "identity" in one["kind"]]
    assert [one["kind"] for one in read] == [
        "referral.identity_requested",
        "referral.identity_read",
    ]
    assert NAME not in json.dumps(told, ensure_ascii=False)
    # The general reveal stays shut, and so does this one for everybody else.
    stranger = tell(api, ground, "stranger")
    assert (await stranger.try_("requestReferralReveal", **asked))["code"] == "NOT_FOUND"
    assert (
        await tell(api, ground, "client").ask(
            "mutation($i: OpenReferralRevealInput!) { openReferralReveal(input: $i) {"
            " ... on Refusal { code } } }",
            i={"referralId": row["id"], "revealId": reveal["id"]},
        )
    )["data"]["openReferralReveal"] == {"code": "NOT_FOUND"}


async def test_withdrawal_shuts_everything_at_once(
    api: Any, engine: AsyncEngine, ground: Ground
) -> None:
    charity, worker = tell(api, ground, "receiver"), tell(api, ground, "worker")
    row = await accepted(api, ground)
    reveal = await charity.do("requestReferralReveal", referralId=row["id"], fields=["NAME"])
    consent = {"id": encode("Consent", ground.rows["consent"].id), "version": 1}
    await worker.move("withdrawConsent", consent)
    shut = await seen(charity, row)
    assert shut["state"] == "ACCEPTED"
    assert shut["openClasses"] == []
    for name in ("title", "summary", "category", "note", "recipientAlias", "birthYear"):
        assert shut[name] is None, name
    assert shut["lines"]["nodes"][0]["item"] is None
    opened = await charity.ask(
        "mutation($i: OpenReferralRevealInput!) { openReferralReveal(input: $i) {"
        " ... on Refusal { code } } }",
        i={"referralId": row["id"], "revealId": reveal["id"]},
    )
    assert opened["data"]["openReferralReveal"] == {"code": "CONSENT_MISSING"}
    await drain(engine)
    assert (await seen(charity, row))["state"] == "ON_HOLD"


@pytest.mark.parametrize("deed", ["recallReferral", "markReferralError"])
async def test_the_end_shuts_the_package(
    api: Any, engine: AsyncEngine, ground: Ground, deed: str
) -> None:
    charity = tell(api, ground, "receiver")
    row = await accepted(api, ground)
    who = "clerk" if deed == "recallReferral" else "lead"
    row = await tell(api, ground, who).move(deed, row, reason="信息有误")
    shut = await seen(charity, row)
    assert (shut["openClasses"], shut["recipientAlias"]) == ([], None)
    refused = await charity.try_("requestReferralReveal", referralId=row["id"], fields=["NAME"])
    assert refused["code"] == "GUARD_FAILED"


async def test_two_clients_accept_at_once(api: Any, engine: AsyncEngine) -> None:
    """Scenario 2: one wins; the other is told that it has moved on, and sees nothing new."""
    for _ in range(5):
        ground = await prepare(engine, visibility="internal")
        row = await sent(api, ground)
        tellers = [tell(api, ground, who) for who in ("receiver", "client")]
        answers = await asyncio.gather(
            *(
                one.try_(
                    "acceptReferral",
                    "state recipientAlias",
                    id=row["id"],
                    expectedVersion=row["version"],
                    plannedOn=today().isoformat(),
                )
                for one in tellers
            )
        )
        won = [one for one in answers if one["__typename"] == "Referral"]
        lost = [one for one in answers if one["__typename"] == "Refusal"]
        assert len(won) == len(lost) == 1
        assert lost[0]["code"] == "VERSION_CONFLICT"
        assert set(lost[0]) == {"__typename", "code", "message", "field", "details"}
        told = json.dumps(lost[0], ensure_ascii=False)
        assert won[0]["recipientAlias"] not in told
        for secret in (NAME, PHONE, ADDRESS):
            assert secret not in told
        lines = (
            await tell(api, ground, "receiver").see("{ pledges { nodes { quantity state } } }")
        )["pledges"]["nodes"]
        assert lines == [{"quantity": "10", "state": "ACCEPTED"}]


MOVES: dict[str, dict[str, Any]] = {
    "sendReferral": {},
    "acceptReferral": {"plannedOn": today().isoformat()},
    "rejectReferral": {"code": "other"},
    "startReferral": {},
    "holdReferral": {},
    "resumeReferral": {},
    "completeReferral": {"outcome": "no_show"},
    "failReferral": {},
    "recallReferral": {},
    "markReferralError": {},
    "confirmOutcome": {"contactedOn": today().isoformat()},
    "reopenReferral": {},
    "referOnward": {},
}


async def test_a_foreign_referral_is_a_missing_one(
    api: Any, engine: AsyncEngine, ground: Ground
) -> None:
    """Scenario 5: all roles × all transitions, byte for byte as for an id that does not exist."""
    row = await accepted(api, ground)
    missing = encode("Referral", new_id())
    async with making(engine) as m:
        other = await m.organization()
        people = [
            await m.account(role, other, area_code=ELSEWHERE)
            for role in Role
            if role not in (Role.ANONYMOUS, Role.SYSTEM, Role.PLATFORM_ADMIN)
        ]
    to = encode("Organization", ground.rows["charity"].id)
    different = []
    for account in people:
        # One request each: every transition of the foreign one, then of the missing one.
        asked = []
        for one in (row["id"], missing):
            deeds = []
            given: dict[str, Any] = {}
            for name, more in MOVES.items():
                more = more | ({"toOrganizationId": to} if name == "referOnward" else {})
                reason = {} if name == "referOnward" else {"reason": "说明"}
                given[name] = {
                    "id": one,
                    "expectedVersion": 3,
                    "idempotencyKey": str(new_id()),
                    **reason,
                    **more,
                }
                kind = {
                    "acceptReferral": "AcceptReferralInput",
                    "rejectReferral": "RejectReferralInput",
                    "completeReferral": "CompleteReferralInput",
                    "confirmOutcome": "ConfirmOutcomeInput",
                    "referOnward": "ReferOnwardInput",
                }.get(name, "TransitionInput")
                deeds.append((name, kind))
            variables = ", ".join(f"${name}: {kind}!" for name, kind in deeds)
            fields = " ".join(
                f"{name}(input: ${name}) {{ __typename ... on Refusal "
                "{ code message field details } }"
                for name, _ in deeds
            )
            body = {"query": f"mutation({variables}) {{ {fields} }}", "variables": given}
            asked.append((await api.post(account, body)).content)
        if asked[0] != asked[1] or asked[0].count(b"NOT_FOUND") != len(MOVES):
            different.append((account.role, asked))
    assert different == []
    kept = await seen(tell(api, ground, "clerk"), row)
    assert (kept["state"], kept["version"]) == ("ACCEPTED", row["version"])


async def test_an_onward_chain_is_recalled_whole(
    api: Any, engine: AsyncEngine, ground: Ground
) -> None:
    charity, other = tell(api, ground, "receiver"), tell(api, ground, "stranger")
    row = await accepted(api, ground)
    child = await charity.move(
        "referOnward",
        row,
        toOrganizationId=encode("Organization", ground.rows["other"].id),
        dataClasses=["D2"],
    )
    child = await charity.move("sendReferral", child)
    later = (today() + timedelta(days=1)).isoformat()
    # What the first receiver had reserved is passed on with it.
    child = await other.move("acceptReferral", child, plannedOn=later)
    pledges = "{ pledges { nodes { quantity state } } }"
    for teller, state in ((charity, "RELEASED"), (other, "ACCEPTED")):
        held = (await teller.see(pledges))["pledges"]["nodes"]
        assert held == [{"quantity": "10", "state": state}]
    assert (await seen(other, child))["openClasses"] == ["D1", "D2"]
    await tell(api, ground, "clerk").move("recallReferral", row, reason="家属接走了")
    shut = await seen(other, child)
    assert (shut["state"], shut["openClasses"]) == ("CANCELLED", [])
    assert (await other.see(pledges))["pledges"]["nodes"][0]["state"] == "RELEASED"


PACKAGE = ("recipientAlias", "birthYear", "gender", "householdSize", "livingCondition")


async def test_the_package_is_the_receivers_alone(
    api: Any, engine: AsyncEngine, ground: Ground
) -> None:
    """Open for the receiver; for everybody else who sees the referral it holds nothing."""
    row = await accepted(api, ground)
    async with making(engine) as m:
        authority = ground.rows["authority"]
        others = [
            await m.account(role, authority, area_code="44")
            for role in (Role.GOV_COORDINATOR, Role.SUPERVISOR, Role.AUDITOR, Role.PLATFORM_ADMIN)
        ]
    names = ("clerk", "lead", "worker", "dpo")
    for account in (*others, *(ground.people[name] for name in names)):
        shown = await seen(Teller(api, account), row)
        assert shown["state"] == "ACCEPTED"
        assert shown["openClasses"] == []
        assert [shown[name] for name in PACKAGE] == [None] * len(PACKAGE), account.role
    shown = await seen(tell(api, ground, "receiver"), row)
    assert all(shown[name] is not None for name in PACKAGE)
    assert (await tell(api, ground, "stranger").see(SEEN, id=row["id"]))["node"] is None
