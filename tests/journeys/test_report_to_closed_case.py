"""A report, a visit, a case: assessed, planned, helped through a need, evaluated, closed, told."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from tests.casework.desk import HEAVY
from tests.deeds import hear_all
from tests.journeys.teller import Teller
from tests.journeys.test_hotline_to_help import no_findings
from tests.making import making, now, today

TOWN, COUNTY = "440103001", "440103"
WORDS = "独居长者张示范,三天未出门"
SECRET = "与儿子多年不往来"


@dataclass
class Cast:
    """Who takes part."""

    ids: dict[str, str]
    worker: Teller
    lead: Teller
    clerk: Teller
    coordinator: Teller
    charity: Teller
    stranger: Teller


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine) -> Cast:
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        giver = await m.organization()
        station = await m.station()
        home = await m.household(area_code=TOWN)
        own: dict[str, Any] = {"organization_id": station.organization_id, "area_code": TOWN}
        worker = await m.account(Role.SOCIAL_WORKER, **own)
        people = {
            "worker": worker,
            "lead": await m.account(Role.STATION_LEAD, **own),
            "clerk": await m.account(Role.GOV_CLERK, authority, area_code=COUNTY),
            "coordinator": await m.account(Role.GOV_COORDINATOR, authority, area_code=COUNTY),
            "charity": await m.account(Role.CHARITY_USER, giver),
            "stranger": await m.account(Role.SOCIAL_WORKER, area_code=TOWN),
        }
        await m.worker(worker, station)
    ids = {
        "worker": encode("Account", worker.id),
        "station": encode("Station", station.id),
        "household": encode("Household", home.id),
        "authority": encode("Organization", authority.id),
        "giver": encode("Organization", giver.id),
    }
    return Cast(ids=ids, **{name: Teller(api, one) for name, one in people.items()})


SEE = """query($id: ID!) { node(id: $id) { ... on Case {
  id version no state riskTier opening redactions allowedActions planVersion reviewDueAt
  closeReason clientToldAt closedBySelf
  reports(first: 2) { nodes { id state } } needs(first: 2) { nodes { id state } }
  notes(first: 9) { nodes { level text } }
  steps(first: 30) { nodes { verb toState reason } }
  evaluations(first: 2) { nodes { outcome summary } }
  conferences(first: 2) { nodes { id state } } } } }"""


async def seen(who: Teller, row: dict[str, Any]) -> Any:
    return (await who.see(SEE, id=row["id"]))["node"]


async def fresh(who: Teller, row: dict[str, Any]) -> dict[str, Any]:
    """The case at the version it has now."""
    found = await seen(who, row)
    return {"id": found["id"], "version": found["version"]}


async def reported(cast: Cast) -> dict[str, Any]:
    row = await cast.clerk.do(
        "createDiscoveryReport", source="committee", areaCode=TOWN, situation=WORDS
    )
    row = await cast.lead.move("triageReport", row, householdId=cast.ids["household"])
    row = await cast.lead.move("assignReport", row, workerId=cast.ids["worker"])
    row = await cast.worker.move(
        "verifyReport", row, visitedAt=now().isoformat(), findings="行动不便,无人照料"
    )
    case = await cast.worker.move("openCaseFromReport", row)
    again = await cast.worker.try_(
        "openCaseFromReport", id=row["id"], expectedVersion=row["version"] + 1
    )
    assert again["code"] == "GUARD_FAILED"
    return case


async def assessed(cast: Cast, case: dict[str, Any]) -> dict[str, Any]:
    """High risk: the lead countersigns, or nothing can be planned."""
    case = await cast.worker.move("beginAssessment", case)
    found = await cast.worker.do(
        "createAssessment",
        householdId=cast.ids["household"],
        answers=HEAVY,
        measures=[{"category": "CAR", "channel": "VOLUNTEER", "measure": "每周陪伴"}],
    )
    found = await cast.worker.move("completeAssessment", found)
    given = {"id": case["id"], "expectedVersion": case["version"], "assessmentId": found["id"]}
    refused = await cast.worker.try_("beginPlanning", **given)
    assert refused["code"] == "NOT_ASSESSED"
    await cast.lead.move("countersignAssessment", found)
    return await cast.worker.do("beginPlanning", **given)


async def planned(cast: Cast, case: dict[str, Any]) -> dict[str, Any]:
    plan = await cast.worker.do(
        "createPlan",
        "goals(first: 9) { nodes { id version } }",
        caseId=case["id"],
        summary="每周探访,链接送餐",
        goals=[{"text": "三餐有着落", "measure": "链接送餐"}],
    )
    refused = await cast.worker.try_(
        "beginIntervention", id=case["id"], expectedVersion=case["version"]
    )
    assert refused["code"] == "PLAN_NOT_APPROVED"
    submitted = await cast.worker.move("submitPlan", plan)
    waiting = await cast.lead.see(
        "{ waitingForMe(first: 20) { items { kind node { ... on CasePlan { id } } } } }"
    )
    plans = [e for e in waiting["waitingForMe"]["items"] if e["kind"] == "plan.approve"]
    assert [entry["node"]["id"] for entry in plans] == [plan["id"]]
    await cast.lead.move("approvePlan", submitted)
    case = await cast.worker.move("beginIntervention", await fresh(cast.worker, case))
    return case | {"goal": plan["goals"]["nodes"][0]}


async def _helped(cast: Cast, case: dict[str, Any]) -> None:
    """A need of the case, a note at each level, and those who could help at one table."""
    need = await cast.worker.do(
        "createNeed",
        "case { id }",
        subjectKind="HOUSEHOLD",
        householdId=cast.ids["household"],
        caseId=case["id"],
        areaCode=TOWN,
        origin="discovery",
        category="LIV",
        urgency="U3",
        lines=[{"kind": "GOODS", "item": "大米", "quantityRequired": "10", "unit": "KGM"}],
        publisherId=cast.ids["authority"],
        stationId=cast.ids["station"],
    )
    assert need["case"]["id"] == case["id"]
    for level, text in (("TEAM", "已送首餐"), ("SUPERVISION", SECRET)):
        note = await cast.worker.do("createCaseNote", caseId=case["id"], level=level, text=text)
        await cast.worker.move("signCaseNote", note)
    meeting = await cast.coordinator.do(
        "conveneConference",
        caseId=case["id"],
        agenda="送餐与照料",
        meetsAt=now().isoformat(),
        organizationIds=[cast.ids["giver"]],
    )
    meeting = await cast.coordinator.move(
        "holdConference",
        meeting,
        minutes="由慈善组织送餐",
        attendedIds=[cast.ids["giver"], cast.ids["authority"]],
    )
    meeting = await cast.coordinator.move(
        "recordConferenceDecision",
        meeting,
        measure="每日送午餐",
        organizationId=cast.ids["giver"],
        dueOn=(today() + timedelta(days=7)).isoformat(),
    )
    owed = await cast.charity.see(
        "{ obligations(first: 5) { nodes { id version kind state "
        "subject { ... on ConferenceDecision { measure } } } } }"
    )
    (debt,) = [o for o in owed["obligations"]["nodes"] if o["kind"] == "CONFERENCE_FOLLOW_UP"]
    assert debt["subject"] == {"measure": "每日送午餐"}
    await cast.charity.move("dischargeObligation", debt, evidence="已开始送餐")
    meeting = await cast.coordinator.move("followUpConference", meeting)
    await cast.coordinator.move("closeConference", meeting)


async def closed(cast: Cast, case: dict[str, Any]) -> dict[str, Any]:
    row = await fresh(cast.worker, case)
    row = await cast.worker.move("beginEvaluation", row)
    refused = await cast.worker.try_(
        "evaluateCase", id=row["id"], expectedVersion=row["version"], outcome="MET", summary="好"
    )
    assert refused["details"]["open"] == 1
    await cast.worker.move("settleGoal", case["goal"], outcome="ACHIEVED")
    row = await cast.worker.move(
        "evaluateCase", row, outcome="MET", summary="三餐稳定", clientRating=5, clientWords="谢谢"
    )
    untold = await cast.worker.try_(
        "requestClosing", id=row["id"], expectedVersion=row["version"], closeReason="GOAL_MET"
    )
    assert untold["code"] == "NOT_READY_TO_CLOSE"
    row = await cast.worker.move(
        "requestClosing", row, closeReason="GOAL_MET", clientToldAt=now().isoformat()
    )
    own = await cast.worker.try_("closeCase", id=row["id"], expectedVersion=row["version"])
    assert own["code"] == "FORBIDDEN"
    return await cast.lead.move("closeCase", row)


async def test_from_a_report_to_a_closed_case(cast: Cast, engine: AsyncEngine) -> None:
    case = await reported(cast)
    case = await assessed(cast, case)
    case = await planned(cast, case)
    await _helped(cast, case)
    done = await closed(cast, case)

    mine = await seen(cast.worker, done)
    assert (mine["state"], mine["closeReason"], mine["riskTier"]) == ("CLOSED", "GOAL_MET", "HIGH")
    assert mine["opening"] == "行动不便,无人照料"
    assert [one["state"] for one in mine["reports"]["nodes"]] == ["CONVERTED"]
    assert len(mine["needs"]["nodes"]) == 1
    verbs = [step["verb"] for step in mine["steps"]["nodes"]]
    assert verbs == [
        *("create", "begin_assessment", "begin_planning", "begin_intervention"),
        *("begin_evaluation", "evaluate", "request_closing", "close"),
    ]
    assert {one["level"] for one in mine["notes"]["nodes"]} == {"TEAM", "SUPERVISION"}
    assert mine["conferences"]["nodes"][0]["state"] == "CLOSED"

    official = await seen(cast.clerk, done)
    assert (official["state"], official["evaluations"]["nodes"][0]["outcome"]) == ("CLOSED", "MET")
    assert "opening" in official["redactions"]
    told = json.dumps(official, ensure_ascii=False)
    assert not [one for one in ("无人照料", "已送首餐", SECRET, "三餐稳定") if one in told]
    for outsider in (cast.charity, cast.stranger):
        assert await seen(outsider, done) is None

    again = await cast.lead.move("reopenCase", done, reason="情况反复")
    assert (await seen(cast.worker, again))["steps"]["nodes"][-1]["reason"] == "情况反复"
    await hear_all(engine)
    await no_findings(engine)


async def test_a_plan_is_seen_by_its_load(cast: Cast) -> None:
    """A worker's caseload by tier, as the lead sees it."""
    case = await assessed(cast, await reported(cast))
    document = """query($id: ID!) { node(id: $id) { ... on Case {
      worker { caseLoad { tier cases } } station { caseLoad { tier cases } } } } }"""
    found = (await cast.lead.see(document, id=case["id"]))["node"]
    assert found["worker"]["caseLoad"] == [{"tier": "HIGH", "cases": 1}]
    assert found["station"]["caseLoad"] == [{"tier": "HIGH", "cases": 1}]
    none = (await cast.clerk.see(document, id=case["id"]))["node"]
    assert none["worker"]["caseLoad"] == [{"tier": "HIGH", "cases": 1}]
