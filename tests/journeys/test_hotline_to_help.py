"""From a hotline's ticket to help: triage, visit, need, publication; every step answered back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, View, system
from nexus.graph.identifiers import encode
from nexus.supervision.operations import verify
from nexus.worker import drain, strike
from tests.journeys.teller import Teller
from tests.making import making, now, today

TOWN, COUNTY, FAR = "440103001", "440103", "440304001"
CALLER, PHONE = "欧阳示范", "19900000021"
WORDS = "示范路9号独居老人三天未出门"


@dataclass
class Cast:
    """The people of a town, of another city's town, and some who only tell."""

    authority: Any
    clerk: Teller
    approver: Teller
    lead: Teller
    worker: Teller
    worker_id: str
    far_lead: Teller
    volunteer: Teller
    charity: Teller
    officer: Teller


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine) -> Cast:
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        worker = await m.account(Role.SOCIAL_WORKER, authority, area_code=TOWN)
        people = {
            "clerk": await m.account(Role.GOV_CLERK, authority, area_code=COUNTY),
            "approver": await m.account(Role.GOV_APPROVER, authority, area_code=COUNTY),
            "lead": await m.account(Role.STATION_LEAD, authority, area_code=TOWN),
            "worker": worker,
            "far_lead": await m.account(Role.STATION_LEAD, area_code=FAR),
            "volunteer": await m.account(Role.VOLUNTEER, area_code=TOWN),
            "charity": await m.account(Role.CHARITY_USER),
            "officer": await m.account(Role.DPO, authority, area_code=COUNTY),
        }
    tellers = {name: Teller(api, account) for name, account in people.items()}
    return Cast(authority=authority, worker_id=encode("Account", worker.id), **tellers)


SEE = """query($id: ID!) { node(id: $id) { ... on DiscoveryReport {
  no state overdue situation findings redactions allowedActions custodyArea { code }
  owner { id } replies(first: 20) { nodes { code text } }
  custody(first: 20) { nodes { kind } } needs(first: 5) { nodes { id state } } } } }"""


async def seen(who: Teller, row: dict[str, Any]) -> Any:
    return (await who.see(SEE, id=row["id"]))["node"]


async def told(who: Teller, row: dict[str, Any]) -> list[str]:
    """The codes of the replies to its ticket."""
    node = await seen(who, row)
    return [one["code"] for one in node["replies"]["nodes"]]


async def ticket(who: Teller, number: str, **given: Any) -> dict[str, Any]:
    return await who.do(
        "recordHotlineTicket",
        ticketSystem="12345",
        ticketNo=number,
        areaCode=TOWN,
        situation=WORDS,
        reporterName=CALLER,
        reporterPhone=PHONE,
        **given,
    )


async def visited(cast: Cast, row: dict[str, Any]) -> dict[str, Any]:
    """Triaged by the lead, assigned to the worker, who was there."""
    row = await cast.lead.move("triageReport", row)
    row = await cast.lead.move("assignReport", row, workerId=cast.worker_id)
    row = await cast.worker.move("recordFirstContact", row)
    return await cast.worker.move(
        "verifyReport", row, visitedAt=now().isoformat(), findings="老人生病,需要口粮"
    )


async def no_findings(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        assert await verify(View(session, system(now()))) == []


async def test_a_ticket_becomes_a_need_and_the_hotline_hears_of_each_step(
    cast: Cast, engine: AsyncEngine
) -> None:
    row = await ticket(cast.clerk, "J-001")
    again = await ticket(cast.clerk, "j-001")
    assert again["id"] == row["id"]
    row = await visited(cast, row)
    need = await cast.worker.do(
        "createNeed",
        subjectKind="GROUP",
        groupName="某村",
        areaCode=TOWN,
        origin="hotline",
        category="LIV",
        urgency="U2",
        lines=[{"kind": "GOODS", "item": "大米", "quantityRequired": "50", "unit": "KGM"}],
        publicTitle="一村需要口粮",
        publicSummary="村中老人需要粮食。",
        visibility="PARTNERS",
        publisherId=encode("Organization", cast.authority.id),
        discoveryReportId=row["id"],
    )
    node = await seen(cast.lead, row)
    assert node["state"] == "CONVERTED"
    assert [one["id"] for one in node["needs"]["nodes"]] == [need["id"]]
    need = await cast.worker.move("submitNeed", need)
    need = await cast.lead.move("verifyNeed", need, evidence="入户走访")
    need = await cast.clerk.move("publishNeed", need)
    await drain(engine)
    need = await cast.approver.move("closeNeed", need, closeReason="NO_LONGER_NEEDED")
    await drain(engine)
    replies = (await seen(cast.clerk, row))["replies"]["nodes"]
    assert [one["code"] for one in replies] == [
        *("RECEIVED", "ACCEPTED", "ASSIGNED", "CONTACTED", "VISITED", "HELP_SOUGHT"),
        *("PUBLISHED", "ENDED"),
    ]
    assert replies[1]["text"] == "已受理并明确责任人。"
    shown = await cast.charity.see("{ discoveryReports(first: 5) { totalCount } }")
    assert shown["discoveryReports"]["totalCount"] == 0
    outside = await cast.charity.see(
        "query($id: ID!) { node(id: $id) { ... on Need { no discoveryReport { no } } } }",
        id=need["id"],
    )
    assert outside["node"]["discoveryReport"] is None
    await no_findings(engine)


async def test_who_tells_sees_where_it_stands_and_no_more(cast: Cast, engine: AsyncEngine) -> None:
    mine = await cast.volunteer.do(
        "createDiscoveryReport", source="volunteer", areaCode=TOWN, situation=WORDS
    )
    other = await ticket(cast.clerk, "J-002")
    row = await visited(cast, mine)
    row = await cast.lead.move("closeReport", row, reason="已当场解决")
    node = await seen(cast.volunteer, row)
    assert (node["state"], node["situation"]) == ("CLOSED", WORDS)
    assert node["findings"] is node["owner"] is node["needs"] is None
    assert (node["allowedActions"], node["custody"]["nodes"]) == ([], [])
    assert await seen(cast.volunteer, other) is None
    for who in (cast.far_lead, cast.charity):
        assert await seen(who, mine) is None
        refused = await who.try_("triageReport", id=other["id"], expectedVersion=1)
        assert refused["code"] == "NOT_FOUND"


async def test_danger_is_overdue_at_once(cast: Cast, engine: AsyncEngine) -> None:
    calm = await ticket(cast.clerk, "J-003")
    urgent = await ticket(cast.clerk, "J-004", danger=True)
    await strike(engine, now() + timedelta(minutes=1))
    late = await cast.lead.see(
        """{ discoveryReports(first: 50, orderBy: CONTACT_DUE, filter: {danger: true, open: true})
             { nodes { id overdue history(first: 9) { nodes { kind facts } } } } }"""
    )
    (found,) = [n for n in late["discoveryReports"]["nodes"] if n["id"] == urgent["id"]]
    assert found["overdue"] is True
    (news,) = [n for n in found["history"]["nodes"] if n["kind"] == "discovery.overdue"]
    assert news["facts"]["clock"] == "contact"
    assert (await seen(cast.lead, calm))["overdue"] is False
    urgent = await cast.worker.move("recordFirstContact", urgent)
    assert (await seen(cast.lead, urgent))["overdue"] is False


async def test_a_transfer_is_seen_at_first_only_as_such(cast: Cast, engine: AsyncEngine) -> None:
    row = await visited(cast, await ticket(cast.clerk, "J-005"))
    assert await seen(cast.far_lead, row) is None
    row = await cast.worker.move("transferReport", row, areaCode=FAR, reason="现住该街道")
    node = await seen(cast.far_lead, row)
    assert (node["state"], node["situation"], node["findings"]) == ("VERIFIED", None, None)
    assert {"situation", "findings", "owner"} <= set(node["redactions"])
    assert node["allowedActions"] == ["refuseTransfer", "takeOverReport"]
    assert WORDS not in str(node)
    assert (await seen(cast.worker, row))["situation"] == WORDS
    row = await cast.far_lead.move("takeOverReport", row)
    node = await seen(cast.far_lead, row)
    assert (node["state"], node["situation"]) == ("TRANSFERRED", WORDS)
    assert (await seen(cast.worker, row))["situation"] is None
    assert [one["kind"] for one in node["custody"]["nodes"]][-2:] == ["OFFERED", "TAKEN_OVER"]
    assert (await told(cast.clerk, row))[-1] == "TRANSFERRED"
    await no_findings(engine)


async def test_told_before_is_found_and_marked(cast: Cast, engine: AsyncEngine) -> None:
    first = await ticket(
        cast.clerk,
        "J-006",
    )
    second = await cast.lead.do(
        "createDiscoveryReport",
        selection="similar(first: 20) { score reasons report { id } }",
        source="grid",
        areaCode=TOWN,
        situation=WORDS,
        reporterPhone=PHONE,
    )
    likely = {one["report"]["id"]: one["reasons"] for one in second["similar"]}
    assert likely[first["id"]] == ["phone", "area"]
    document = """mutation($input: SimilarReportsInput!) { similarReports(input: $input) {
        ... on SimilarReports { ids reasons } } }"""
    found = (await cast.worker.see(document, input={"phone": PHONE}))["similarReports"]
    assert {first["id"], second["id"]} <= set(found["ids"])
    second = await cast.lead.move("markDuplicate", second, originalId=first["id"])
    seen_now = await seen(cast.lead, second)
    assert seen_now["state"] == "DUPLICATE_OF"
    assert PHONE not in str(seen_now) + str(found) + str(likely)


async def test_what_is_missing_is_told_once(cast: Cast, engine: AsyncEngine) -> None:
    row = await ticket(cast.clerk, "J-007")
    await cast.lead.move("triageReport", row)
    notice = await cast.worker.do(
        "recordMissingMaterial",
        selection="items late dueAt report { id }",
        reportId=row["id"],
        items=["INCOME", "IDENTITY"],
    )
    assert (notice["items"], notice["late"]) == (["IDENTITY", "INCOME"], False)
    refused = await cast.worker.try_(
        "recordMissingMaterial", reportId=row["id"], items=["RESIDENCE"]
    )
    assert (refused["code"], refused["details"]["givenOn"]) == (
        "NOTICE_GIVEN",
        today().isoformat(),
    )
    owed = await cast.clerk.see(
        "{ obligations(first: 50) { nodes { kind state subject { id } } } }"
    )
    assert {"kind": "MISSING_MATERIAL", "state": "OPEN", "subject": {"id": row["id"]}} in owed[
        "obligations"
    ]["nodes"]
    assert (await told(cast.clerk, row))[-1] == "MATERIAL_MISSING"


async def test_who_called_is_read_only_by_who_calls_back(cast: Cast, engine: AsyncEngine) -> None:
    row = await ticket(cast.clerk, "J-008")
    reveal = await cast.worker.do("requestReporter", reportId=row["id"], purpose="CASE")
    document = """mutation($input: OpenReporterInput!) { openReporter(input: $input) {
        __typename ... on RevealedReporter { name phone } ... on Refusal { code } } }"""
    opened = (await cast.worker.see(document, input={"id": reveal["id"]}))["openReporter"]
    assert (opened["name"], opened["phone"]) == (CALLER, PHONE)
    stranger = (await cast.lead.see(document, input={"id": reveal["id"]}))["openReporter"]
    assert stranger["code"] == "NOT_FOUND"
    await cast.officer.do("eraseReporter", reportId=row["id"], reason="本人要求")
    gone = (await cast.worker.see(document, input={"id": reveal["id"]}))["openReporter"]
    assert gone["code"] == "IDENTITY_ERASED"


async def test_a_repeated_request_is_one_report(cast: Cast, engine: AsyncEngine) -> None:
    given = {
        "source": "volunteer",
        "areaCode": TOWN,
        "situation": WORDS,
        "idempotencyKey": "told-once",
    }
    first = await cast.volunteer.do("createDiscoveryReport", **given)
    again = await cast.volunteer.do("createDiscoveryReport", **given)
    assert again["id"] == first["id"]
    other = await cast.volunteer.try_("createDiscoveryReport", **given | {"situation": "别的"})
    assert other["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_who_tells_follows_it_in_the_feed(cast: Cast, engine: AsyncEngine) -> None:
    """What was answered is news to who told it; how it is handled is not, nor others' reports."""
    row = await cast.volunteer.do(
        "createDiscoveryReport", source="volunteer", areaCode=TOWN, situation=WORDS
    )
    await ticket(cast.clerk, "J-009")
    row = await cast.worker.move("flagDanger", row)
    await cast.lead.move("triageReport", row)
    feed = await cast.volunteer.see(
        """{ changes(first: 1000, types: [DISCOVERY_REPORT]) { entries { kind objectId
             node { ... on DiscoveryReport { state situation owner { id } } } } } }"""
    )
    entries = feed["changes"]["entries"]
    mine = [one for one in entries if one["objectId"] == row["id"]]
    assert [one["kind"] for one in mine] == ["discovery.received", "discovery.triaged"]
    assert mine[-1]["node"] == {"state": "TRIAGED", "situation": WORDS, "owner": None}
    assert len(mine) == len(entries)
