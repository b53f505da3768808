"""Help first, explained afterwards: delivered within the hour, owed for weeks, closed at last."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, View, system
from nexus.graph.identifiers import encode
from nexus.supervision.operations import verify
from nexus.worker import strike
from tests.deeds import hear_all
from tests.journeys.teller import Teller
from tests.making import making, now, today

CITY, COUNTY, TOWN = "4401", "440103", "440103001"

NEED = """query($id: ID!) { node(id: $id) { ... on Need { id version state provisional coverage
    emergencyPhase emergency { no } allowedActions
    obligations { nodes { id no kind state dueAt overdue } }
    relaxations { nodes { rule ruleVersion reason settledAs } }
    lines { nodes { id confirmed } } } } }"""
REPORT = """query($event: ID) { relaxedRules(filter: {event: $event}, orderBy: OLDEST) { totalCount
    nodes { rule ruleVersion legalBasis reason relaxedAt settledAs event { name }
    need { id } obligation { state } } } }"""
OF_EVENT = """query($id: ID!) { node(id: $id) { ... on EmergencyEvent { state
    relaxations { nodes { rule settledAs } } } } }"""
ALERTS = "{ alerts { nodes { rule state subject { __typename id } } } }"


@dataclass
class Cast:
    """A supervisor of the city, an approver of the county, a station and a charity."""

    supervisor: Teller
    approver: Teller
    coordinator: Teller
    lead: Teller
    worker: Teller
    charity: Teller
    authority_id: str
    station_id: str


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine) -> Cast:
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        agency = await m.organization()
        station = await m.station(agency, area_code=TOWN)
        county: dict[str, Any] = {"organization": authority, "area_code": COUNTY}
        town: dict[str, Any] = {"organization": agency, "area_code": TOWN}
        people = [
            await m.account(Role.SUPERVISOR, area_code=CITY),
            await m.account(Role.GOV_APPROVER, **county),
            await m.account(Role.GOV_COORDINATOR, **county),
            await m.account(Role.STATION_LEAD, **town),
            await m.account(Role.SOCIAL_WORKER, **town),
            await m.account(Role.CHARITY_USER),
        ]
    tellers = [Teller(api, one) for one in people]
    supervisor, approver, coordinator, lead, worker, charity = tellers
    return Cast(
        supervisor=supervisor,
        approver=approver,
        coordinator=coordinator,
        lead=lead,
        worker=worker,
        charity=charity,
        authority_id=encode("Organization", authority.id),
        station_id=encode("Station", station.id),
    )


async def active_event(cast: Cast) -> dict[str, Any]:
    event = await cast.supervisor.do(
        "declareEmergency",
        name="台风示范",
        kind="NATURAL_DISASTER",
        level="II",
        legalBasis="City emergency plan, 2026",
        areas=[COUNTY],
        phases=[{"phase": "EMERGENCY", "startsOn": today().isoformat()}],
        relaxedRules=["PROVISIONAL_PUBLICATION", "CONSENT_LATER"],
    )
    return await cast.supervisor.move("activateEmergency", event)


async def urgent_draft(cast: Cast) -> tuple[str, dict[str, Any]]:
    """Somebody whose roof is gone; nobody had the time to ask for consent."""
    household = await cast.worker.do("createHousehold", size=1, areaCode=TOWN)
    recipient = await cast.worker.do("createRecipient", householdId=household["id"], birthYear=1959)
    need = await cast.worker.do(
        "createNeed",
        subjectKind="RECIPIENT",
        recipientId=recipient["id"],
        areaCode=TOWN,
        origin="station_visit",
        category="DIS",
        urgency="U1",
        lines=[{"kind": "GOODS", "item": "帐篷", "quantityRequired": "1", "unit": "C62"}],
        publicTitle="一顶帐篷",
        publicSummary="屋顶被风吹走，今晚无处可住。",
        visibility="PARTNERS",
        stationId=cast.station_id,
        publisherId=cast.authority_id,
    )
    return recipient["id"], need


async def help_at_once(cast: Cast, need: dict[str, Any]) -> None:
    """Seen, pledged, accepted, delivered and confirmed, all while nothing is verified."""
    (seen,) = (await cast.charity.see("{ needs { nodes { id lines { nodes { id } } } } }"))[
        "needs"
    ]["nodes"]
    assert seen["id"] == need["id"]
    (line,) = seen["lines"]["nodes"]
    pledge = await cast.charity.do("offerPledge", lineId=line["id"], quantity="1")
    pledge = await cast.lead.move("acceptPledge", pledge)
    delivery = await cast.charity.do(
        "recordDelivery", pledgeId=pledge["id"], quantity="1", deliveredOn=today().isoformat()
    )
    await cast.lead.move("acknowledgeDelivery", delivery, method="SIGNATURE")


async def closing(cast: Cast, need_id: str) -> dict[str, Any]:
    seen = (await cast.approver.see(NEED, id=need_id))["node"]
    return await cast.approver.try_(
        "closeNeed", "state", id=need_id, expectedVersion=seen["version"], closeReason="MET"
    )


async def granted_consent(cast: Cast, recipient_id: str) -> dict[str, Any]:
    consent = await cast.worker.do(
        "recordConsent",
        recipientId=recipient_id,
        givenBy="SELF",
        purposes=["PUB", "MATCH", "DELIV"],
        dataClasses=["D1"],
        textVersion="2026-01",
        textHash=hashlib.sha256(b"text").hexdigest(),
        method="PAPER_SCAN",
        obtainedAt=(now() - timedelta(minutes=5)).isoformat(),
        expiresOn=(today() + timedelta(days=200)).isoformat(),
    )
    return await cast.worker.move("grantConsent", consent)


async def alerts_about(cast: Cast, row_id: str) -> list[tuple[str, str]]:
    found = (await cast.coordinator.see(ALERTS))["alerts"]["nodes"]
    return [
        (one["rule"], one["state"])
        for one in found
        if one["subject"] and one["subject"]["id"] == row_id
    ]


async def test_helped_in_an_hour_closed_only_when_it_is_explained(
    engine: AsyncEngine, cast: Cast
) -> None:
    event = await active_event(cast)
    recipient_id, draft = await urgent_draft(cast)
    need = await cast.lead.move(
        "publishNeedProvisionally",
        draft,
        reason="the roof is gone, rain tonight",
        legalBasis="EMERGENCY",
        emergencyId=event["id"],
    )
    seen = (await cast.approver.see(NEED, id=need["id"]))["node"]
    assert (seen["state"], seen["provisional"]) == ("PUBLISHED", True)
    assert seen["emergencyPhase"] == "EMERGENCY"
    assert "verifyNeedLater" in seen["allowedActions"]
    (debt,) = seen["obligations"]["nodes"]
    assert (debt["kind"], debt["state"], debt["overdue"]) == ("SUPPLEMENT", "OPEN", False)

    await help_at_once(cast, need)
    refusal = await closing(cast, need["id"])
    assert (refusal["code"], refusal["details"]["rule"]) == ("GUARD_FAILED", "INV-05")
    assert refusal["details"]["obligations"] == [debt["no"]]
    assert debt["dueAt"][:10] in refusal["message"]

    await hear_all(engine)
    assert await alerts_about(cast, debt["id"]) == []
    told = [one["rule"] for one in (await cast.coordinator.see(ALERTS))["alerts"]["nodes"]]
    assert told.count("rule.relaxed") == 2, "an alert tells of every override"
    await strike(engine, now() + timedelta(days=40))
    await hear_all(engine)
    assert await alerts_about(cast, debt["id"]) == [("obligation.overdue", "OPEN")]
    assert (await closing(cast, need["id"]))["code"] == "GUARD_FAILED"

    consent = await granted_consent(cast, recipient_id)
    seen = (await cast.approver.see(NEED, id=need["id"]))["node"]
    bare = await cast.approver.try_(
        "verifyNeedLater", id=seen["id"], expectedVersion=seen["version"], evidence="visited"
    )
    assert bare["code"] == "CONSENT_MISSING"
    await cast.approver.move(
        "verifyNeedLater", seen, evidence="visited on the day after", consentId=consent["id"]
    )
    await hear_all(engine)
    assert await alerts_about(cast, debt["id"]) == [("obligation.overdue", "RESOLVED")]
    closed = await closing(cast, need["id"])
    assert (closed["__typename"], closed["state"]) == ("Need", "CLOSED")

    await told_afterwards(engine, cast, event, need["id"])


async def told_afterwards(
    engine: AsyncEngine, cast: Cast, event: dict[str, Any], need_id: str
) -> None:
    """The report lists what was relaxed; the event is reviewed once all of it is settled."""
    report = (await cast.supervisor.see(REPORT, event=event["id"]))["relaxedRules"]
    assert report["totalCount"] == 2
    told = {row["rule"]: row for row in report["nodes"]}
    assert told.keys() == {"PROVISIONAL_PUBLICATION", "CONSENT_LATER"}
    assert told["CONSENT_LATER"]["legalBasis"] == "EMERGENCY"
    for row in told.values():
        assert row["reason"] == "the roof is gone, rain tonight"
        assert (row["settledAs"], row["obligation"]["state"]) == ("SUPPLEMENTED", "DONE")
        assert (row["event"]["name"], row["need"]["id"]) == ("台风示范", need_id)
    assert (await cast.charity.see(REPORT, event=None))["relaxedRules"]["totalCount"] == 0
    event = await cast.supervisor.move("standDownEmergency", event, reason="the wind is over")
    event = await cast.supervisor.move("endEmergency", event, reason="all have a roof")
    event = await cast.supervisor.move("reviewEmergency", event, review="Tents came in an hour.")
    seen = (await cast.approver.see(OF_EVENT, id=event["id"]))["node"]
    assert seen["state"] == "REVIEWED"
    assert {row["settledAs"] for row in seen["relaxations"]["nodes"]} == {"SUPPLEMENTED"}
    assert (await cast.charity.see(OF_EVENT, id=event["id"]))["node"]["relaxations"]["nodes"] == []
    async with AsyncSession(engine) as session:
        assert await verify(View(session, system(now()))) == []
