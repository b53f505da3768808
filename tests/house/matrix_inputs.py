"""For every mutation one input that succeeds for whoever may: the deed itself is the question.

An input is what a client would send, but for the idempotency key. `was` brings rows into the state
that the verb starts from, inside the transaction that is rolled back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, text

from nexus.acting import SHANGHAI, Role
from nexus.graph.identifiers import encode
from tests.house.matrix_acceptance import acceptances
from tests.house.matrix_contracts_inputs import purchases
from tests.house.matrix_money import spendings
from tests.house.matrix_world import Place
from tests.making import credit_code, now, today

ROOT = Path(__file__).parents[2]
Given = Callable[[Place], dict[str, Any]]


@dataclass(frozen=True)
class Sample:
    """An input for one place, and what must be true of its rows before."""

    given: Given
    was: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Row key → column values."""


def move(key: str, *, was: Mapping[str, Any] | None = None, **more: Any) -> Sample:
    """A deed on the row of this key at its version; values may ask for the place."""

    def given(place: Place) -> dict[str, Any]:
        filled = {name: _filled(value, place) for name, value in more.items()}
        return {"id": place.id(key), "expectedVersion": place[key].version, **filled}

    return Sample(given, {key: was} if was else {})


def with_reason(key: str, **more: Any) -> Sample:
    """A deed that says why."""
    return move(key, reason="说明", **more)


def make(**given: Any) -> Sample:
    """A deed that is not about a version of a row."""
    return Sample(lambda place: {name: _filled(value, place) for name, value in given.items()})


def of(key: str) -> Given:
    """The id of a row of the place."""
    return lambda place: place.id(key)  # type: ignore[return-value]


def _filled(value: Any, place: Place) -> Any:
    if callable(value):
        return value(place)
    if isinstance(value, dict):
        return {name: _filled(one, place) for name, one in value.items()}
    return [_filled(one, place) for one in value] if isinstance(value, list) else value


def _authority(place: Place) -> str:
    return encode("Organization", place.authority.id)


def _other_side(place: Place) -> str:
    other = place.charity if place.side == "need" else place.authority
    return encode("Organization", other.id)


def _clerk(place: Place) -> str:
    return encode("Account", place.clerk.id)


def _day(days: int) -> Callable[[Place], str]:
    return lambda _: (today() + timedelta(days=days)).isoformat()


def _town(place: Place) -> str:
    return place.town


def _county(place: Place) -> str:
    return place.county


TERMS = {
    "title": "大米",
    "kind": "GOODS",
    "category": "LIV",
    "unit": "KGM",
    "areas": [_county],
    "availableFrom": _day(0),
}
PROJECT = {
    "name": "暖冬行动",
    "field": "poverty",
    "area": _county,
    "startsOn": _day(0),
    "budgetFen": 1_000,
}
LINE = {"kind": "GOODS", "item": "大米", "quantityRequired": "5", "unit": "KGM"}

ACCOUNTS = {
    "createAccount": make(
        username="someone.new",
        name="测试员",
        role=Role.GOV_CLERK.name,
        organizationId=_authority,
        areaCode=_town,
    ),
    "resetPassword": move("Account"),
    "resetSecondFactor": move("Account"),
    "revokeAccessToken": make(id=of("AccessToken")),
    "suspendAccount": with_reason("Account"),
    "reinstateAccount": with_reason("Account", was={"state": "suspended"}),
    "closeAccount": with_reason("Account"),
}
ORGANIZATIONS = {
    "createOrganization": make(
        name="新机构", orgType="FOUNDATION", areaCode=_county, uscc=credit_code()
    ),
    "updateOrganization": move("Organization", website="https://example.org"),
    "submitOrganization": with_reason("Organization[draft]"),
    "verifyOrganization": with_reason("Organization[submitted]"),
    "rejectOrganization": with_reason("Organization[submitted]"),
    "suspendOrganization": with_reason("Organization"),
    "reinstateOrganization": with_reason("Organization[suspended]"),
    "deregisterOrganization": with_reason("Organization"),
    "addQualification": make(
        organizationId=of("Organization"), kind="TAX_EXEMPT", validFrom=_day(0)
    ),
}
CASEWORK = {
    "createStation": make(
        name="新站", level="TOWN_STATION", areaCode=_town, organizationId=_authority
    ),
    "postWorker": make(
        stationId=of("Station"),
        accountId=of("Account/candidate"),
        grade="SOCIAL_WORKER",
        validFrom=_day(0),
    ),
    "endPosting": move("Worker", endsOn=_day(1)),
    "openStation": with_reason("Station", was={"state": "planned"}),
    "pauseStation": with_reason("Station"),
    "resumeStation": with_reason("Station", was={"state": "paused"}),
    "closeStation": with_reason("Station"),
}
CHARITY = {
    "createProject": make(terms=PROJECT),
    "updateProject": move("CharityProject[draft]", terms=PROJECT),
    "fileProject": move("CharityProject[draft]", filingNo="备案1号"),
    "recordProjectFunds": move("CharityProject", receivedFen=2, spentFen=1),
    "startProject": with_reason("CharityProject[filed]"),
    "pauseProject": with_reason("CharityProject"),
    "resumeProject": with_reason("CharityProject[paused]"),
    "completeProject": with_reason("CharityProject"),
    "discloseProject": with_reason("CharityProject[completed]"),
    "archiveProject": with_reason("CharityProject[disclosed]"),
    "cancelProject": with_reason("CharityProject[filed]"),
    "createOffer": make(terms=TERMS, capacityMaximum="5"),
    "updateOffer": move("Offer[draft]", terms=TERMS),
    "setCapacity": move("Offer", maximum="20000"),
    "setOfferAreas": move("Offer", areas=[_county]),
    "approveOffer": with_reason("Offer", approved=True),
    "listOffer": with_reason("Offer[draft]"),
    "pauseOffer": with_reason("Offer"),
    "resumeOffer": with_reason("Offer[paused]"),
    "withdrawOffer": with_reason("Offer[paused]"),
    "blockOffer": with_reason("Offer"),
    "unblockOffer": with_reason("Offer[blocked]"),
    "confirmOffer": with_reason("Offer"),
}
RECIPIENTS = {
    "createHousehold": make(size=2, areaCode=_town),
    "updateHousehold": move("Household", size=4),
    "createRecipient": make(householdId=of("Household"), birthYear=1980),
    "updateRecipient": move("Recipient", gender="FEMALE"),
    "moveRecipient": move(
        "Recipient",
        was={"merged_into_id": None, "merged_at": None},
        householdId=of("Household/other"),
        householdRole="relative",
    ),
    "recordConsent": make(
        recipientId=of("Recipient"),
        givenBy="SELF",
        purposes=["PUB"],
        dataClasses=["D1"],
        textVersion="1",
        textHash="0" * 64,
        method="PAPER_SCAN",
        obtainedAt=(now() - timedelta(hours=1)).isoformat(),
        expiresOn=_day(100),
    ),
    "grantConsent": with_reason("Consent", was={"state": "requested"}),
    "refuseConsent": with_reason("Consent", was={"state": "requested"}),
    "withdrawConsent": with_reason("Consent"),
    "supersedeConsent": with_reason("Consent"),
    "confirmConsent": with_reason("Consent", was={"kind": "assertion"}),
    "recordRecognition": make(
        recipientId=of("Recipient"),
        category="GX",
        authorityId=_authority,
        level="COUNTY",
        decidedOn=_day(0),
        validFrom=_day(0),
        ruleVersion="2026-1",
    ),
    "upholdRecognition": with_reason("Recognition", was={"state": "under_review"}),
    "confirmRecognition": with_reason("Recognition", was={"state": "pending"}),
    "reviewRecognition": with_reason("Recognition"),
    "taperRecognition": with_reason("Recognition"),
    "suspendRecognition": with_reason("Recognition"),
    "reinstateRecognition": with_reason("Recognition", was={"state": "suspended"}),
    "endRecognition": with_reason("Recognition", endReason="OTHER"),
    "changeRecheckClass": move("Recognition", recheckClass="CHANGEABLE"),
    "prolongRecognition": move("Recognition", validTo=None),
    "markRecognitionError": with_reason("Recognition"),
    "issueAttestation": make(
        recognitionId=of("Recognition"),
        organizationId=lambda place: encode("Organization", place.charity.id),
        purpose="MATCH",
        consentId=of("Consent"),
    ),
    "revokeAttestation": with_reason("Attestation"),
    "recordIdentity": make(recipientId=of("Recipient"), phone="19900000000"),
    "findRecipientByIdNumber": make(idNumber=lambda place: place.id_number),
    "similarRecipients": make(idNumber=lambda place: place.id_number),
    "suspectDuplicate": make(recipientId=of("Recipient"), otherId=of("Recipient/same")),
    "proposeMerge": move("DuplicateSuspicion", survivorId=of("Recipient/survivor")),
    "mergeRecipients": with_reason("DuplicateSuspicion"),
    "keepApart": with_reason("DuplicateSuspicion"),
    "unmergeRecipients": with_reason("DuplicateSuspicion/merged"),
    "requestReveal": make(recipientId=of("Recipient"), fields=["NAME"], purpose="DELIV"),
    "openReveal": make(id=of("Reveal")),
    "eraseIdentity": make(recipientId=of("Recipient"), reason="本人要求"),
}
NEEDS = {
    "createNeed": make(
        subjectKind="RECIPIENT",
        recipientId=of("Recipient"),
        areaCode=_town,
        origin="committee",
        category="LIV",
        urgency="U3",
        lines=[LINE],
        stationId=of("Station"),
        consentId=of("Consent"),
        ownerId=_clerk,
        publisherId=_authority,
    ),
    "updateNeed": move("Need[draft]", urgency="U2"),
    "addNeedLine": move("Need[draft]", line=LINE),
    "removeNeedLine": make(lineId=of("NeedLine[draft]"), expectedVersion=1),
    "submitNeed": with_reason("Need[draft]"),
    "returnNeed": with_reason("Need[submitted]"),
    "rejectNeed": with_reason("Need[submitted]"),
    "verifyNeed": move("Need[submitted]", evidence="入户走访"),
    "publishNeed": move(
        "Need[verified]", publicTitle="大米", publicSummary="一户家庭需要两个月的口粮。"
    ),
    "pauseNeed": with_reason("Need[partners]"),
    "resumeNeed": with_reason(
        "Need[paused]", was={"public_title": "大米", "public_summary": "一户家庭需要口粮。"}
    ),
    "changeQuantity": make(lineId=of("NeedLine[partners]"), expectedVersion=1, quantity="8"),
    "closeNeed": with_reason("Need[partners]", closeReason="NO_LONGER_NEEDED"),
    "reopenNeed": with_reason("Need[closed]"),
    "confirmNeedStillStands": with_reason("Need/frozen"),
    "cancelNeed": with_reason("Need[partners]"),
}
EMERGENCIES = {
    "declareEmergency": make(
        name="台风", kind="NATURAL_DISASTER", level="II", legalBasis="预案", areas=[_county]
    ),
    "amendEmergency": with_reason("EmergencyEvent", level="I"),
    "activateEmergency": with_reason("EmergencyEvent", was={"state": "declared"}),
    "standDownEmergency": with_reason("EmergencyEvent"),
    "endEmergency": with_reason("EmergencyEvent", was={"state": "standing_down"}),
    "reviewEmergency": move(
        "EmergencyEvent", was={"state": "ended", "ends_at": now()}, review="总结"
    ),
    "publishNeedProvisionally": with_reason(
        "Need[draft]", was={"urgency": "u1"}, publicTitle="大米", publicSummary="一户家庭需要口粮。"
    ),
    "verifyNeedLater": move("Need/provisional", evidence="入户走访"),
    "releaseTranche": with_reason("Need/staged"),
}
DISCOVERY = {
    "createDiscoveryReport": make(source="committee", areaCode=_town, situation="独居老人"),
    "recordHotlineTicket": make(
        ticketSystem="12349", ticketNo="SAMPLE-1", areaCode=_town, situation="独居老人"
    ),
    "similarReports": make(phone="19900009999"),
    "triageReport": move("DiscoveryReport/received", ownerId=_clerk),
    "assignReport": move("DiscoveryReport/triaged", workerId=of("Account/candidate")),
    "recordFirstContact": move("DiscoveryReport/received"),
    "flagDanger": move("DiscoveryReport/received"),
    "verifyReport": move(
        "DiscoveryReport/assigned", visitedAt=lambda _: now().isoformat(), findings="屋顶漏水"
    ),
    "dismissReport": with_reason("DiscoveryReport/verified"),
    "closeReport": with_reason("DiscoveryReport/verified"),
    "markDuplicate": move("DiscoveryReport/triaged", originalId=of("DiscoveryReport")),
    "transferReport": with_reason("DiscoveryReport/verified", areaCode="440306"),
    "recallTransfer": with_reason("DiscoveryReport"),
    "refuseTransfer": with_reason("DiscoveryReport[incoming]"),
    "takeOverReport": move("DiscoveryReport[incoming]"),
    "recordMissingMaterial": make(reportId=of("DiscoveryReport/triaged"), items=["INCOME"]),
    "requestReporter": make(reportId=of("DiscoveryReport"), purpose="DELIV"),
    "openReporter": make(id=of("ContactReveal")),
    "eraseReporter": make(reportId=of("DiscoveryReport"), reason="本人要求"),
}
MATCHING = {
    "offerPledge": make(lineId=of("NeedLine[partners]"), quantity="1"),
    "overrideDuplicateHelp": make(lineId=of("NeedLine/limited"), quantity="201", reason="两户合住"),
    "acceptPledge": with_reason("Pledge/offered"),
    "rejectPledge": with_reason("Pledge/offered"),
    "withdrawPledge": with_reason("Pledge/offered"),
    "requestRelease": with_reason("Pledge"),
    "releasePledge": with_reason("Pledge/leaving"),
    "keepPledge": with_reason("Pledge/leaving"),
    "recordDelivery": make(pledgeId=of("Pledge"), quantity="1", deliveredOn=_day(0)),
    "acknowledgeDelivery": move("Delivery/recorded", method="SIGNATURE"),
    "disputeDelivery": with_reason("Delivery/recorded"),
    "upholdDelivery": with_reason("Delivery/disputed"),
    "reverseDelivery": with_reason("Delivery/disputed"),
    "verifyDelivery": with_reason("Delivery"),
    "giveFeedback": make(deliveryId=of("Delivery"), rating=5),
    "readFeedback": with_reason("Feedback"),
    "handleFeedback": with_reason("Feedback", was={"state": "read"}),
    "addressGap": with_reason("Gap", addressedBy="采购1号"),
    "acknowledgeGap": with_reason("Gap"),
    "planGapPurchase": move("Gap", reference="CG-2027-014"),
    "waiveGap": with_reason("Gap"),
}
SAID: dict[str, Any] = {"title": "大米", "summary": "一户家庭需要口粮。"}
REFERRALS = {
    "createReferral": make(needId=of("Need[partners]"), toOrganizationId=_other_side, **SAID),
    "sendReferral": with_reason("Referral[draft]"),
    "acceptReferral": move("Referral/requested", plannedOn=_day(0)),
    "rejectReferral": move("Referral/requested", code="other"),
    "startReferral": with_reason("Referral/accepted"),
    "holdReferral": with_reason("Referral"),
    "resumeReferral": with_reason("Referral/held"),
    "completeReferral": move("Referral", outcome="no_show"),
    "failReferral": with_reason("Referral"),
    "recallReferral": with_reason("Referral"),
    "markReferralError": with_reason("Referral"),
    "confirmOutcome": move("Referral/completed", contactedOn=_day(0)),
    "reopenReferral": with_reason("Referral/completed"),
    "referOnward": move("Referral", toOrganizationId=_authority, **SAID),
    "requestReferralReveal": make(referralId=of("Referral"), fields=["NAME"]),
    "openReferralReveal": make(referralId=of("Referral"), revealId=of("Reveal/referred")),
}
CLIENTS = {
    "registerApiClient": make(name="客户端", scopes=["needs:read"]),
    "activateApiClient": with_reason("ApiClient", was={"state": "pending"}),
    "suspendApiClient": with_reason("ApiClient"),
    "reinstateApiClient": with_reason("ApiClient", was={"state": "suspended"}),
    "revokeApiClient": with_reason("ApiClient"),
    "addClientKey": move("ApiClient"),
    "retireClientKey": make(id=of("ClientKey")),
    "setClientQuota": move("ApiClient", costPerMinute=2000),
    "setClientScopes": move("ApiClient", scopes=["needs:read"]),
    "restrictApiClient": move("ApiClient", networks=["198.51.100.0/24"], documentsOnly=True),
    "registerDocuments": move("ApiClient", documents=["{ __typename }"]),
}
PROFILE = (ROOT / "examples/profiles/wuhan2020-factories.toml").read_text("utf-8")
MESSAGES = {
    "createExchangePartner": Sample(
        lambda place: {
            "organizationId": encode("Organization", place.authority.id),
            "mode": "PULL",
        },
        {"ExchangePartner": {"state": "closed"}},
    ),
    "updateExchangePartner": move("ExchangePartner", mode="PULL"),
    "rotateExchangeSecret": move("ExchangePartner"),
    "pauseExchangePartner": with_reason("ExchangePartner"),
    "resumeExchangePartner": with_reason("ExchangePartner", was={"state": "paused"}),
    "closeExchangePartner": with_reason("ExchangePartner"),
    "acknowledgeMessages": Sample(
        lambda place: {"ids": [place.id("ExchangeMessage/dead")]},
        {"ExchangeMessage/dead": {"state": "sent", "finished_at": None}},
    ),
    "replayMessage": move("ExchangeMessage/dead"),
    "receiveMessage": make(
        needNo=lambda place: place["Need"].no,
        status="ACCEPTED",
        sequence=7,
        happenedAt=lambda _: now().isoformat(),
    ),
}
EXCHANGE = {
    "createWebhookEndpoint": make(url="https://hooks.example.org/nexus"),
    "updateWebhookEndpoint": move("WebhookEndpoint", label="新标签"),
    "rotateWebhookSecret": move("WebhookEndpoint"),
    "pauseWebhookEndpoint": with_reason("WebhookEndpoint"),
    "resumeWebhookEndpoint": with_reason("WebhookEndpoint", was={"state": "paused"}),
    "deleteWebhookEndpoint": with_reason("WebhookEndpoint"),
    "requestExport": make(dataset="NEEDS"),
    "freezeReport": make(name="needs-pipeline", area=lambda place: place.county),
    "requestUpload": make(fileName="供给.csv"),
    "registerImportProfile": make(name="我的供给", toml=PROFILE),
    "importUploaded": make(uploadId=of("Upload"), kind="OFFERS", profile={"toml": PROFILE}),
    "redeliverWebhook": make(id=of("WebhookDelivery")),
    "redeliverFailed": make(
        id=of("WebhookEndpoint"), since=(now() - timedelta(hours=1)).isoformat()
    ),
}
DUTIES = {
    "dischargeObligation": move("Obligation", evidence="不再使用，副本已删除"),
    "waiveObligation": with_reason("Obligation"),
    "acknowledgeAlert": with_reason("Alert"),
    "handleAlert": with_reason("Alert", was={"state": "acknowledged"}),
    "resolveAlert": with_reason("Alert", was={"state": "handling"}),
    "dismissAlert": with_reason("Alert"),
    "reopenAlert": with_reason("Alert", was={"state": "resolved", "closed_at": now()}),
}
ABILITIES = {"area": _town, "skills": ["elderly"], "languages": ["yue"]}


def _in_days(days: int) -> Callable[[Place], str]:
    return lambda _: (now() + timedelta(days=days)).isoformat()


TASK: dict[str, Any] = {
    "name": "周末探访",
    "category": "elderly",
    "area": _town,
    "place": "示范社区服务中心",
    "startsAt": _in_days(2),
    "endsAt": _in_days(3),
    "expected": 9,
    "positions": [{"role": "陪伴", "slots": 9}],
}
VOLUNTEERS = {
    "registerVolunteer": Sample(
        make(name="张示范", birthYear=1980, abilities=ABILITIES).given,
        {"Volunteer": {"account_id": None}},
    ),
    "updateVolunteer": move("Volunteer", abilities=ABILITIES),
    "recordTraining": move("Volunteer", training="GD.FIRST-AID"),
    "verifyVolunteer": with_reason("Volunteer/registered"),
    "activateVolunteer": with_reason("Volunteer", was={"state": "verified"}),
    "suspendVolunteer": with_reason("Volunteer"),
    "reinstateVolunteer": with_reason("Volunteer", was={"state": "suspended"}),
    "leaveVolunteering": with_reason("Volunteer"),
    "recordGuardianConsent": make(
        volunteerId=of("Volunteer/minor"),
        givenBy="PARENT",
        name="张家长",
        textVersion="1",
        textHash="0" * 64,
        method="PAPER_SCAN",
    ),
    "withdrawGuardianConsent": with_reason("GuardianConsent"),
    "requestVolunteerIdentity": make(volunteerId=of("Volunteer"), purpose="DELIV"),
    "openVolunteerIdentity": make(id=of("ContactReveal/volunteer")),
    "eraseVolunteer": make(volunteerId=of("Volunteer/left"), reason="本人要求"),
    "joinRoster": make(organizationId=_authority),
    "blockVolunteer": with_reason("RosterEntry"),
    "unblockVolunteer": with_reason("RosterEntry", was={"state": "blocked"}),
    "createTeam": make(name="邻里队", area=_town),
    "dissolveTeam": with_reason("Team"),
    "addTeamMember": make(teamId=of("Team"), volunteerId=of("Volunteer/helper")),
    "endTeamMembership": with_reason("TeamMembership"),
    "createVolunteerTask": make(terms=TASK),
    "updateVolunteerTask": move("VolunteerTask[draft]", terms=TASK),
    "submitVolunteerTask": with_reason("VolunteerTask[draft]"),
    "returnVolunteerTask": with_reason("VolunteerTask[submitted]"),
    "publishVolunteerTask": with_reason("VolunteerTask[submitted]"),
    "openRecruitment": with_reason("VolunteerTask/published"),
    "changeSlots": make(positionId=of("TaskPosition"), expectedVersion=1, slots=9),
    "startVolunteerTask": with_reason("VolunteerTask/due"),
    "endVolunteerTask": with_reason("VolunteerTask/now"),
    "confirmTaskHours": with_reason("VolunteerTask/over"),
    "closeVolunteerTask": with_reason("VolunteerTask/over", was={"state": "hours_confirmed"}),
    "cancelVolunteerTask": with_reason("VolunteerTask"),
    "attendanceCode": make(taskId=of("VolunteerTask/now")),
    "signUp": make(positionId=of("TaskPosition/open"), volunteerId=of("Volunteer")),
    "confirmSignup": with_reason("Signup/applied"),
    "declineSignup": with_reason("Signup/applied"),
    "cancelSignup": with_reason("Signup"),
    "markAttended": with_reason("Signup/past"),
    "markNoShow": with_reason("Signup/past"),
}


def _served(key: str, *, hours: float = 0) -> Callable[[Place], str]:
    """A moment within the task, on one day with the half hour after it."""

    def at(place: Place) -> str:
        begun = place[key].starts_at + timedelta(minutes=5)
        if (begun + timedelta(minutes=40)).astimezone(SHANGHAI).date() != begun.astimezone(
            SHANGHAI
        ).date():
            begun += timedelta(hours=1)
        return (begun + timedelta(hours=hours)).isoformat()  # type: ignore[no-any-return]

    return at


def _of_record(name: str) -> Callable[[Place], str]:
    return lambda place: getattr(place["ServiceRecord"], name).isoformat()


SERVED: dict[str, Any] = {
    "taskId": of("VolunteerTask/past"),
    "volunteerId": of("Volunteer"),
    "startedAt": _served("VolunteerTask/past"),
    "endedAt": _served("VolunteerTask/past", hours=0.5),
}
HOURS = {
    "checkIn": Sample(
        make(taskId=of("VolunteerTask/large"), volunteerId=of("Volunteer"), area=_town).given,
        {"CheckIn": {"state": "lapsed"}},
    ),
    "checkOut": move("CheckIn", area=_town),
    "recordHours": make(**SERVED, reason="签到设备故障"),
    "importHours": make(**SERVED, externalRef="i-1"),
    "confirmHours": with_reason("ServiceRecord/recorded"),
    "approveHours": with_reason("ServiceRecord/parent"),
    "approveLongDay": with_reason("ServiceRecord/province"),
    "rejectHours": with_reason("ServiceRecord/recorded"),
    "disputeHours": with_reason("ServiceRecord"),
    "upholdHours": with_reason("ServiceRecord/disputed"),
    "correctHours": with_reason(
        "ServiceRecord",
        startedAt=_of_record("started_at"),
        endedAt=_of_record("ended_at"),
        minutes=60,
    ),
    "revokeHours": with_reason("ServiceRecord"),
    "prepareCertificate": make(
        volunteerId=of("Volunteer"),
        fromOn=lambda _: (today() - timedelta(days=40)).isoformat(),
        untilOn=lambda _: today().isoformat(),
    ),
    "issueCertificate": with_reason("Certificate/prepared"),
    "dropCertificate": with_reason("Certificate/prepared"),
    "revokeCertificate": with_reason("Certificate"),
    "printCertificate": make(id=of("Certificate")),
    "linkTask": Sample(
        make(taskId=of("VolunteerTask/past"), pledgeId=of("Pledge")).given,
        {"NeedLine": {"kind": "hours", "unit": "HUR"}},
    ),
    "unlinkTask": with_reason("TaskLink"),
    "pledgeStationHelp": make(lineId=of("NeedLine/hours"), quantity="1"),
}


def _moment(place: Place) -> str:
    return now().isoformat()


GOALS = [{"text": "三餐有着落"}]
CASES = {
    "createAssessment": make(householdId=of("Household/caseless"), workerId=of("Worker")),
    "updateAssessment": move("Assessment/draft", remarks="补充"),
    "completeAssessment": with_reason("Assessment/draft"),
    "countersignAssessment": with_reason("Assessment/unsigned"),
    "createCase": make(householdId=of("Household/caseless"), workerId=of("Worker"), opening="独居"),
    "openCaseFromReport": move(
        "DiscoveryReport/verified",
        householdId=of("Household/caseless"),
        workerId=of("Worker"),
    ),
    "updateCase": move("Case", opening="独居,行动不便"),
    "assignCase": move("Case", workerId=of("Worker")),
    "rejectCase": with_reason("Case/intake"),
    "beginAssessment": with_reason("Case/intake"),
    "beginPlanning": move("Case/assessed", assessmentId=of("Assessment")),
    "createPlan": make(caseId=of("Case/planning"), summary="探访", goals=GOALS),
    "updatePlan": move("CasePlan/draft", summary="每周探访"),
    "submitPlan": with_reason("CasePlan/draft"),
    "returnPlan": with_reason("CasePlan/submitted"),
    "approvePlan": with_reason("CasePlan/submitted"),
    "beginIntervention": with_reason("Case/planned"),
    "settleGoal": move("Goal", outcome="ACHIEVED"),
    "reviewPlan": move("Case", outcome="GO_ON", remarks="有起色"),
    "beginEvaluation": with_reason("Case"),
    "evaluateCase": move("Case/evaluated", outcome="MET", summary="稳定"),
    "requestClosing": move("Case/evaluated", closeReason="CLIENT_WITHDREW", clientToldAt=_moment),
    "declineClosing": with_reason("Case/asked"),
    "closeCase": with_reason("Case/asked"),
    "reopenCase": with_reason("Case/closed"),
    "holdCase": with_reason("Case"),
    "resumeCase": with_reason("Case/held"),
    "referOutCase": with_reason("Case", referredTo="邻镇社工站"),
    "grantSelfApproval": make(
        stationId=of("Station"),
        accountId=of("Account/lead"),
        validFrom=_day(0),
        validTo=_day(30),
        reason="只有一名督导",
    ),
    "revokeSelfApproval": with_reason("SelfApproval"),
    "createCaseNote": make(caseId=of("Case"), level="TEAM", text="探访"),
    "updateCaseNote": move("CaseNote/draft", text="探访两次"),
    "signCaseNote": with_reason("CaseNote/draft"),
    "amendCaseNote": move("CaseNote", text="更正"),
    "addCaseParticipant": make(
        caseId=of("Case"),
        party="COMMUNITY",
        organizationId=of("Organization"),
        contribution="每周走访",
    ),
    "endParticipation": move("CaseParticipant", leftOn=_day(1)),
    "recordContactAttempt": make(caseId=of("Case"), channel="PHONE", reached=False),
    "conveneConference": make(
        caseId=of("Case"),
        agenda="住房与照料",
        meetsAt=_moment,
        organizationIds=[of("Organization")],
    ),
    "inviteParties": move("CaseConference/convened", organizationIds=[of("Organization")]),
    "holdConference": move("CaseConference/convened", minutes="达成一致", attendedIds=[_authority]),
    "recordConferenceDecision": move(
        "CaseConference", measure="每月送米", organizationId=_authority, dueOn=_day(9)
    ),
    "grantConferenceException": with_reason(
        "CaseConference", rule="RESIDENCE", ruleVersion="T3b", validTo=_day(30)
    ),
    "followUpConference": with_reason("CaseConference/settled"),
    "closeConference": with_reason("CaseConference/followed"),
    "cancelConference": with_reason("CaseConference/convened"),
    "adoptEdit": with_reason("FieldEdit"),
    "setEditAside": with_reason("FieldEdit/assessment"),
    "linkNeedToCase": move("Need/caseless", caseId=of("Case")),
}
GIFT = {"kind": "HOURS", "givenOn": _day(0), "minutes": 60}
COURSE = {"title": "个案管理", "provider": "省社工协会", "heldOn": _day(0), "minutes": 240}
VISITS = {
    "planVisits": make(householdId=of("Household/caseless"), stationId=of("Station"), tier="HIGH"),
    "changeVisitPlan": move("VisitPlan", tier="LOW"),
    "endVisitPlan": with_reason("VisitPlan"),
    "recordVisit": make(
        householdId=of("Household"),
        stationId=of("Station"),
        kind="HOME",
        performedAt=_moment,
        change={"changes": ["OTHER"]},
    ),
    "performVisit": move("Visit/scheduled", performedAt=_moment, danger=True),
    "updateVisit": move("Visit/scheduled", kind="PHONE"),
    "missVisit": with_reason("Visit/scheduled"),
    "rescheduleVisit": with_reason("Visit/missed", days=3),
    "excuseVisit": with_reason("Visit/missed"),
    "cancelVisit": with_reason("Visit/scheduled"),
    "requestPicture": make(
        visitId=of("Visit/done"),
        kind="PHOTO",
        contentType="image/jpeg",
        bytes=9,
        sha256="e" * 64,
        takenAt=_moment,
    ),
    "openPicture": make(pictureId=of("VisitPicture")),
    "removePicture": with_reason("VisitPicture"),
    "printPaper": make(subject={"caseId": of("Case")}),
    "verifyVisit": move("Visit/done", how="PHONE"),
    "answerDanger": with_reason("Visit/danger"),
    "reportChange": make(
        householdId=of("Household"), stationId=of("Station"), change={"changes": ["OTHER"]}
    ),
    "handleChange": with_reason("ChangeReport/open"),
    "addVisitChecklist": make(
        code="VISIT",
        title="探访核查表",
        items=[{"code": "FOOD", "label": "食物", "kind": "yes_no", "required": True}],
        validFrom=_day(1),
    ),
    "startPairing": make(
        householdId=of("Household"),
        stationId=of("Station"),
        helperKind="WORKER",
        workerId=of("Worker"),
        validFrom=_day(0),
    ),
    "endPairing": with_reason("Pairing", endsOn=_day(0)),
    "recordPairingContact": make(pairingId=of("Pairing"), means="VISIT", performedAt=_moment),
    "recordContribution": make(pairingId=of("Pairing"), gift=GIFT),
    "correctContribution": make(contributionId=of("Contribution"), gift=GIFT, reason="时长有误"),
    "addOpeningSchedule": make(
        stationId=of("Station"),
        rrule="FREQ=DAILY",
        opens="09:00",
        closes="12:00",
        validFrom=_day(0),
    ),
    "endOpeningSchedule": move("OpeningSchedule", endsOn=_day(1)),
    "recordWorkerTraining": make(workerId=of("Worker"), **COURSE),
    "correctWorkerTraining": make(trainingId=of("TrainingRecord"), reason="学时有误", **COURSE),
    "setWorkerGrade": move("Worker", grade="SENIOR"),
}
_SOMEBODY = text("(SELECT min(id::text)::uuid FROM account)")
_SUPPLIER = text("(SELECT min(id::text)::uuid FROM account WHERE role = 'charity_user')")
_SOMEBODY_ELSE = text("(SELECT max(id::text)::uuid FROM account)")
_DRAFTED = {"state": "draft", "report": "草稿", "drafted_at": func.now()}
_HEARD = {
    **_DRAFTED,
    "state": "response_period",
    "response_due_at": text("now() - interval '1 day'"),
    "response_rule": "made",
}
_GRADED = {
    **_HEARD,
    "state": "published",
    "total": 80,
    "body_scores": {"buyer": "80.00"},
    "grade": "good",
    "effect": "normal",
    "scheme_version": "M/1",
    "finalized_at": func.now(),
    "finalized_by": _SOMEBODY,
    "published_at": func.now(),
    "published_by": _SOMEBODY_ELSE,
}
_UNRELEASED = {"state": "final", "published_at": None, "published_by": None}
_RECTIFIED = {
    "state": "submitted",
    "action": "已补录",
    "submitted_at": func.now(),
    "submitted_by": _SUPPLIER,
}
_SETTLED = {
    **_RECTIFIED,
    "state": "verified",
    "verified_at": func.now(),
    "verified_by": _SOMEBODY_ELSE,
}
_NO_SAMPLE = {"state": "void", "state_reason": "重抽", "drawn_at": None, "drawn_by": None}


def _about(key: str, was: Mapping[str, Mapping[str, Any]] | None = None, **more: Any) -> Sample:
    """A deed about an evaluation at its version, which makes another row."""

    def given(place: Place) -> dict[str, Any]:
        version = {"evaluationId": place.id(key), "expectedVersion": place[key].version}
        return version | {name: _filled(value, place) for name, value in more.items()}

    return Sample(given, was or {})


EVALUATION = {
    "createScheme": make(
        code="MATRIX",
        title="探访服务评价",
        source="合同附件",
        leastAnswers=1,
        templateId=encode("EvaluationScheme", UUID("01900000-0000-7000-8000-000000000025")),
    ),
    "changeScheme": move("EvaluationScheme[draft]", title="探访服务评价(修订)"),
    "adoptScheme": move("EvaluationScheme[draft]"),
    "retireScheme": with_reason("EvaluationScheme"),
    "declareTie": make(
        organizationId=_authority,
        otherId=of("Organization/evaluator"),
        kind="OWNERSHIP",
        fromOn=_day(-9),
        note="同一出资人",
    ),
    "planEvaluation": make(
        contractId=of("Contract/evaluated"),
        schemeId=of("EvaluationScheme"),
        evaluatorId=of("Organization/evaluator"),
        fromOn=_day(-9),
        untilOn=_day(0),
    ),
    "startEvaluation": move("Evaluation/assessed", was={"state": "planned"}),
    "scoreIndicator": move("Evaluation/assessed", indicator="D1", score="50", evidence="查看资料"),
    "draftEvaluation": move("Evaluation/assessed", report="服务基本达标。"),
    "openEvaluationResponse": move("Evaluation/assessed", was=_DRAFTED),
    "respondToEvaluation": move("Evaluation/answering", response="无异议。"),
    "redraftEvaluation": with_reason("Evaluation/assessed", was=_HEARD),
    "finalizeEvaluation": move("Evaluation/assessed", was=_HEARD),
    "publishEvaluation": move("Evaluation", was=_UNRELEASED),
    "closeEvaluation": Sample(move("Evaluation").given, {"Rectification": _SETTLED}),
    "commitSample": _about("Evaluation/assessed", {"EvaluationSample": _NO_SAMPLE}, size=1),
    "drawSample": move("EvaluationSample/committed"),
    "voidSample": with_reason("EvaluationSample/committed"),
    "recordSampleFinding": move("EvaluationSample", position=2, finding="CONFIRMED"),
    "giveClientFeedback": make(factId=of("ServiceFact/voiced"), satisfaction=4),
    "askSampledClients": move("Evaluation/assessed"),
    "answerClientFeedback": move("ClientFeedback/asked", satisfaction=4),
    "declineClientFeedback": move("ClientFeedback/asked"),
    "missClientFeedback": move("ClientFeedback/asked"),
    "tallyClientVoice": move("Evaluation/assessed"),
    "proposeAddendum": _about(
        "Evaluation/assessed", {"Evaluation/assessed": _GRADED}, statement="更正"
    ),
    "releaseAddendum": move("EvaluationAddendum/proposed"),
    "dropAddendum": with_reason("EvaluationAddendum/proposed"),
    "openRectification": _about("Evaluation", finding="记录不全"),
    "submitRectification": move("Rectification", action="已补录"),
    "sendBackRectification": with_reason("Rectification", was=_RECTIFIED),
    "verifyRectification": move("Rectification", was=_RECTIFIED),
}
SAMPLES: dict[str, Sample] = {
    **EVALUATION,
    **ACCOUNTS,
    **ORGANIZATIONS,
    **CASEWORK,
    **CHARITY,
    **RECIPIENTS,
    **NEEDS,
    **DISCOVERY,
    **EMERGENCIES,
    **MATCHING,
    **REFERRALS,
    **DUTIES,
    **CLIENTS,
    **EXCHANGE,
    **MESSAGES,
    **VOLUNTEERS,
    **HOURS,
    **CASES,
    **VISITS,
    **purchases(move, with_reason, make, of),
    **spendings(move, with_reason, make, of, _day),
    **acceptances(move, with_reason, make, of, _day),
}
