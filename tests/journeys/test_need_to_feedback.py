"""The main story: recognise, consent, need, verify, publish, find, pledge, deliver, confirm."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from stdnum.cn import ric

from nexus.acting import Role
from nexus.worker import drain
from tests.journeys.teller import Teller
from tests.making import making, now, today

COUNTY, TOWN = "440103", "440103001"
SECRET_NAME, SECRET_ADDRESS = "欧阳示范", "示范路99号之九"
ID_STEMS = iter(f"4499{n:02d}19590101{n:03d}" for n in range(1, 99))
"""A county that does not exist: nobody's numbers."""


@dataclass
class Cast:
    """Five accounts and the rows they start from."""

    approver: Teller
    clerk: Teller
    worker: Teller
    lead: Teller
    charity: Teller
    stranger: Teller
    authority: Any
    station: Any
    id_number: str


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine) -> Cast:
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        agency = await m.organization()
        station = await m.station(agency, area_code=TOWN)
        people = {
            name: await m.account(role=role, organization=organization, area_code=area)
            for name, role, organization, area in (
                ("approver", Role.GOV_APPROVER, authority, COUNTY),
                ("clerk", Role.GOV_CLERK, authority, COUNTY),
                ("worker", Role.SOCIAL_WORKER, agency, TOWN),
                ("lead", Role.STATION_LEAD, agency, TOWN),
            )
        }
        charity = await m.account(
            role=Role.CHARITY_USER, organization=await m.organization(), area_code=None
        )
        other = await m.account(
            role=Role.CHARITY_USER, organization=await m.organization(), area_code=None
        )
    stem = next(ID_STEMS)
    tellers = {name: Teller(api, account) for name, account in people.items()}
    return Cast(
        **tellers,
        charity=Teller(api, charity),
        stranger=Teller(api, other),
        authority=authority,
        station=station,
        id_number=stem + str(ric.calc_check_digit(stem + "0")),
    )


def _global(kind: str, row: Any) -> str:
    import base64

    return base64.b64encode(f"{kind}:{row.id}".encode()).decode()


async def _recognised_recipient(cast: Cast) -> tuple[str, dict[str, Any]]:
    """A recipient with identity in the vault, an active recognition and a granted consent."""
    household = await cast.worker.do("createHousehold", size=2, areaCode=TOWN)
    recipient = await cast.worker.do(
        "createRecipient", householdId=household["id"], birthYear=1959, gender="FEMALE"
    )
    await cast.worker.do(
        "recordIdentity",
        recipientId=recipient["id"],
        name=SECRET_NAME,
        idNumber=cast.id_number,
        address=SECRET_ADDRESS,
    )
    recognition = await cast.approver.do(
        "recordRecognition",
        recipientId=recipient["id"],
        category="DB",
        authorityId=_global("Organization", cast.authority),
        level="COUNTY",
        decidedOn=today().isoformat(),
        validFrom=today().isoformat(),
        recheckClass="STABLE",
        ruleVersion="2026-01",
    )
    await cast.approver.move("confirmRecognition", recognition)
    consent = await cast.worker.do(
        "recordConsent",
        recipientId=recipient["id"],
        givenBy="SELF",
        purposes=["PUB", "MATCH", "DELIV"],
        dataClasses=["D1"],
        textVersion="2026-01",
        textHash=hashlib.sha256(b"text").hexdigest(),
        method="PAPER_SCAN",
        obtainedAt=(now() - timedelta(minutes=5)).isoformat(),
        expiresOn=(today() + timedelta(days=200)).isoformat(),
    )
    return recipient["id"], await cast.worker.move("grantConsent", consent)


async def _published_need(cast: Cast) -> dict[str, Any]:
    recipient_id, consent = await _recognised_recipient(cast)
    need = await cast.worker.do(
        "createNeed",
        subjectKind="RECIPIENT",
        recipientId=recipient_id,
        areaCode=TOWN,
        origin="station_visit",
        category="LIV",
        urgency="U2",
        lines=[
            {
                "kind": "GOODS",
                "item": "大米",
                "itemCode": "FOOD.RICE",
                "quantityRequired": "50",
                "unit": "KGM",
            }
        ],
        internalDescription=f"{SECRET_NAME}家中断粮",
        publicTitle="独居老人需要口粮",
        publicSummary="独居老人行动不便，需要粮食。",
        visibility="PARTNERS",
        consentId=consent["id"],
        stationId=_global("Station", cast.station),
        publisherId=_global("Organization", cast.authority),
    )
    need = await cast.worker.move("submitNeed", need)
    need = await cast.lead.move("verifyNeed", need, evidence="入户走访")
    return await cast.clerk.move("publishNeed", need)


async def _listed_offer(charity: Teller) -> str:
    offer = await charity.do(
        "createOffer",
        terms={
            "title": "爱心大米",
            "kind": "GOODS",
            "category": "LIV",
            "itemCode": "FOOD.RICE",
            "unit": "KGM",
            "areas": ["44"],
            "availableFrom": today().isoformat(),
        },
        capacityMaximum="1000",
    )
    offer = await charity.move("listOffer", offer)
    return str(offer["id"])


FIND = """query($area: String!) { needs(first: 20, filter: {area: $area, category: ["LIV"]}) {
  totalCount nodes { id no publicTitle shownArea { code } household { id } recipient { id }
    internalDescription redactions
    lines { nodes { id item openQuantity coverage suggestions(first: 3) {
      score reasons { code text points } offer { id } } } } } } }"""


async def test_a_need_is_met_and_everybody_hears_of_it(cast: Cast, engine: AsyncEngine) -> None:
    need = await _published_need(cast)
    offer_id = await _listed_offer(cast.charity)
    await drain(engine)

    found = (await cast.charity.see(FIND, area=COUNTY))["needs"]
    (shown,) = [node for node in found["nodes"] if node["id"] == need["id"]]
    assert shown["shownArea"]["code"] == COUNTY
    assert shown["recipient"] is shown["household"] is shown["internalDescription"] is None
    assert {"recipient", "household", "internalDescription"} <= set(shown["redactions"])
    (line,) = shown["lines"]["nodes"]
    (suggestion,) = line["suggestions"]
    assert suggestion["offer"]["id"] == offer_id
    assert sum(reason["points"] for reason in suggestion["reasons"]) == suggestion["score"] > 0

    pledge = await cast.charity.do(
        "offerPledge", lineId=line["id"], offerId=offer_id, quantity="50"
    )
    late = await cast.stranger.try_("offerPledge", lineId=line["id"], quantity="1")
    assert (late["code"], late["details"]["available"]) == ("CAPACITY_EXHAUSTED", "0")
    pledge = await cast.clerk.move("acceptPledge", pledge)
    delivery = await cast.charity.do(
        "recordDelivery", pledgeId=pledge["id"], quantity="50", deliveredOn=today().isoformat()
    )
    await cast.worker.move("acknowledgeDelivery", delivery, method="SIGNATURE")
    await cast.worker.do("giveFeedback", deliveryId=delivery["id"], rating=5, text="谢谢")
    await drain(engine)

    seen = await cast.clerk.see(
        """query($id: ID!) { node(id: $id) { ... on Need { coverage lines { nodes { coverage
           openQuantity } } feedback { nodes { rating text } } pledges { nodes { state } }
           deliveries { nodes { state acknowledgement } }
           history { nodes { kind } } } } }""",
        id=need["id"],
    )
    node = seen["node"]
    assert node["coverage"] == "CONFIRMED"
    assert [(one["coverage"], one["openQuantity"]) for one in node["lines"]["nodes"]] == [
        ("CONFIRMED", "0")
    ]
    assert [one["rating"] for one in node["feedback"]["nodes"]] == [5]
    assert [one["state"] for one in node["pledges"]["nodes"]] == ["FULFILLED"]
    assert [one["state"] for one in node["deliveries"]["nodes"]] == ["ACKNOWLEDGED"]

    need = (await cast.clerk.see("query($id: ID!) { node(id: $id) { ... on Need { id version } } }",
                                 id=need["id"]))["node"]  # fmt: skip
    closed = await cast.approver.move("closeNeed", need, closeReason="MET")
    assert closed["__typename"] == "Need"


EVERYTHING = """{ needs(first: 50) { nodes { no publicTitle publicSummary internalDescription
    evidence origin groupName state stateReason
    household { no livingCondition } recipient { no birthYear } consent { no } area { code }
    owner { name } history { nodes { kind facts } }
    lines { nodes { item specification } } pledges { nodes { no note } }
    feedback { nodes { text rating } } deliveries { nodes { no evidence } } } }
  households { totalCount } recipients { totalCount } recognitions { totalCount }
  consents { totalCount } reveals { totalCount } }"""


async def test_the_charity_never_sees_identity(cast: Cast, engine: AsyncEngine) -> None:
    await _published_need(cast)
    seen = await cast.charity.see(EVERYTHING)
    told = str(seen)
    for secret in (SECRET_NAME, cast.id_number, SECRET_ADDRESS, TOWN):
        assert secret not in told
    for name in ("households", "recipients", "recognitions", "consents", "reveals"):
        assert seen[name]["totalCount"] == 0


async def test_withdrawing_consent_ends_sight_at_once(cast: Cast, engine: AsyncEngine) -> None:
    need = await _published_need(cast)
    read = "query($id: ID!) { node(id: $id) { ... on Need { no version consent { id version } } } }"
    assert (await cast.charity.see(read, id=need["id"]))["node"] is not None
    consent = (await cast.worker.see(read, id=need["id"]))["node"]["consent"]
    await cast.worker.move("withdrawConsent", consent, reason="本人要求")
    assert (await cast.charity.see(read, id=need["id"]))["node"] is None
    await drain(engine)
    state = "query($id: ID!) { node(id: $id) { ... on Need { state } } }"
    assert (await cast.worker.see(state, id=need["id"]))["node"]["state"] == "PAUSED"


async def test_a_public_text_with_identity_is_refused_by_kind_not_value(cast: Cast) -> None:
    recipient_id, consent = await _recognised_recipient(cast)
    need = await cast.worker.do(
        "createNeed",
        subjectKind="RECIPIENT",
        recipientId=recipient_id,
        areaCode=TOWN,
        origin="station_visit",
        category="LIV",
        urgency="U3",
        lines=[{"kind": "GOODS", "item": "大米", "quantityRequired": "5", "unit": "KGM"}],
        publicTitle="需要口粮",
        publicSummary=f"身份证{cast.id_number}的老人需要口粮。",
        consentId=consent["id"],
        stationId=_global("Station", cast.station),
        publisherId=_global("Organization", cast.authority),
    )
    need = await cast.worker.move("submitNeed", need)
    need = await cast.lead.move("verifyNeed", need, evidence="入户走访")
    refused = await cast.clerk.try_("publishNeed", id=need["id"], expectedVersion=need["version"])
    assert refused["__typename"] == "Refusal"
    assert "ID_NUMBER" in str(refused).upper()
    assert cast.id_number not in str(refused)
    state = "query($id: ID!) { node(id: $id) { ... on Need { state version } } }"
    after = (await cast.clerk.see(state, id=need["id"]))["node"]
    assert after == {"state": "VERIFIED", "version": need["version"]}
