"""A household is visited by plan, without signal; danger and a change reach who must act."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.casework.visits.planning.operations import plan_due_visits
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from nexus.worker import drain
from tests.casework.visiting import TOWN, WHOLE, a_place
from tests.journeys.teller import Teller
from tests.making import making, now, today

WAITING = "{ waitingForMe(first: 100) { items { kind node { id } } } }"
PLAN = """query($id: ID!) { node(id: $id) { ... on VisitPlan {
    nextDueOn visits(first: 9) { nodes { id version state windowFrom dueOn followUp } } } } }"""
NEED = "query($id: ID!) { node(id: $id) { ... on Need { version changedAt state } } }"


@dataclass
class Cast:
    """The people of a station and its authority, and one household with a published need."""

    lead: Teller
    worker: Teller
    clerk: Teller
    home: str
    station: str
    post: str
    need: str


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine) -> Cast:
    place = await a_place(engine)
    async with making(engine) as m:
        person = await m.recipient(place.home)
        need = await m.need(recipient_id=person.id, household_id=place.home.id, area_code=TOWN)
    return Cast(
        lead=Teller(api, place.lead),
        worker=Teller(api, place.worker),
        clerk=Teller(api, place.clerk),
        home=encode("Household", place.home.id),
        station=encode("Station", place.station.id),
        post=encode("Worker", place.post.id),
        need=encode("Need", need.id),
    )


async def strike(engine: AsyncEngine) -> None:
    """The clock plans what is due, and all news is delivered."""
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await plan_due_visits(session, now())
    await drain(engine)


async def waiting(teller: Teller, node: str) -> set[str]:
    """The kinds of work about the row that wait for the teller."""
    items = (await teller.see(WAITING))["waitingForMe"]["items"]
    return {item["kind"] for item in items if item["node"] and item["node"]["id"] == node}


async def visits_of(teller: Teller, plan: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await teller.see(PLAN, id=plan))["node"]["visits"]["nodes"]
    return found


async def test_from_plan_to_verified_visit(cast: Cast, engine: AsyncEngine) -> None:
    plan = await cast.lead.do(
        "planVisits",
        householdId=cast.home,
        stationId=cast.station,
        workerId=cast.post,
        tier="HIGH",
    )
    await strike(engine)
    (visit,) = await visits_of(cast.worker, plan["id"])
    assert visit["dueOn"] == (today() + timedelta(days=7)).isoformat()
    assert "visit.perform" in await waiting(cast.worker, visit["id"])

    # Yesterday, without signal; sent twice.
    given = {
        "id": visit["id"],
        "expectedVersion": visit["version"],
        "performedAt": (now() - timedelta(days=1)).isoformat(),
        "minutes": 35,
        "findings": WHOLE,
        "danger": True,
        "change": {"changes": ["ILLNESS"], "note": "确诊,需长期服药"},
        "idempotencyKey": str(new_id()),
    }
    first = await cast.worker.do("performVisit", "state recordedAt", **given)
    again = await cast.worker.do("performVisit", "state recordedAt", **given)
    assert first == again
    assert first["state"] == "DONE"
    ahead = given | {
        "performedAt": (now() + timedelta(days=1)).isoformat(),
        "idempotencyKey": str(new_id()),
    }
    assert (await cast.worker.try_("performVisit", **ahead))["__typename"] == "Refusal"

    # Danger: on both desks before anything else happens.
    for teller in (cast.lead, cast.clerk):
        assert "visit.danger" in await waiting(teller, visit["id"])
    answered = await cast.clerk.move("answerDanger", first, reason="已送医并联系家属")
    assert "visit.danger" not in await waiting(cast.lead, visit["id"])

    # The change: the authority handles it, the open need is looked at, a visit follows soon.
    await strike(engine)
    reports = await cast.clerk.see(
        "{ changeReports(filter: {state: [REPORTED]}) { nodes { id version changes major } } }"
    )
    (report,) = [one for one in reports["changeReports"]["nodes"] if one["major"]]
    assert report["changes"] == ["ILLNESS"]
    await cast.clerk.move("handleChange", report, reason="已办理临时救助")
    need = (await cast.lead.see(NEED, id=cast.need))["node"]
    assert need["changedAt"] is not None
    assert need["state"] == "PUBLISHED"
    await cast.lead.do(
        "confirmNeedStillStands", id=cast.need, expectedVersion=need["version"], reason="仍需要"
    )
    assert (await cast.lead.see(NEED, id=cast.need))["node"]["changedAt"] is None
    soon = [one for one in await visits_of(cast.lead, plan["id"]) if one["followUp"]]
    assert len(soon) == 1
    assert soon[0]["dueOn"] <= (today() + timedelta(days=1)).isoformat()

    # A second person makes sure; the worker cannot.
    refused = await cast.worker.try_(
        "verifyVisit", id=visit["id"], expectedVersion=answered["version"], how="PHONE"
    )
    assert refused["code"] == "FORBIDDEN"
    verified = await cast.clerk.move("verifyVisit", answered, how="PHONE")
    assert verified["version"] == answered["version"] + 1
    coverage = await cast.clerk.see(
        'query($until: Date) { visitCoverage(area: "440103001", until: $until) '
        "{ cells { visited overdue station { id } } } }",
        until=(today() + timedelta(days=1)).isoformat(),
    )
    ours = [
        cell for cell in coverage["visitCoverage"]["cells"] if cell["station"]["id"] == cast.station
    ]
    yesterday = today() - timedelta(days=1)
    assert [cell["overdue"] for cell in ours] == [0] or yesterday.month != today().month


async def test_a_helper_is_paired_and_what_they_gave_is_counted(
    cast: Cast, api: Any, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        party = await m.organization()
        member = Teller(api, await m.account(Role.VOL_ORG, party))
    pairing = await cast.worker.do(
        "startPairing",
        householdId=cast.home,
        stationId=cast.station,
        helperKind="PARTY_ORGANIZATION",
        organizationId=encode("Organization", party.id),
        validFrom=today().isoformat(),
    )
    await member.do(
        "recordPairingContact",
        pairingId=pairing["id"],
        means="VISIT",
        performedAt=now().isoformat(),
        note="送米上门",
    )
    gift = await cast.worker.do(
        "recordContribution",
        pairingId=pairing["id"],
        gift={"kind": "HOURS", "minutes": 90, "givenOn": today().isoformat()},
    )
    await cast.lead.do(
        "correctContribution",
        contributionId=gift["id"],
        gift={"kind": "HOURS", "minutes": 60, "givenOn": today().isoformat()},
        reason="时长有误",
    )
    seen = await member.see(
        "{ contributionTotals { helpers { records minutes } } "
        "pairings { nodes { lastContactAt household { id } contributions { nodes { stands } } } } }"
    )
    assert seen["contributionTotals"]["helpers"] == [{"records": 1, "minutes": 60}]
    (mine,) = seen["pairings"]["nodes"]
    assert mine["household"] is None
    assert mine["lastContactAt"] is not None
    assert sorted(one["stands"] for one in mine["contributions"]["nodes"]) == [False, True]
    ended = await cast.lead.move(
        "endPairing", pairing, endsOn=today().isoformat(), reason="结对期满"
    )
    assert ended["version"] == 2
