"""A station with its people and a household, and case files in every state. All made up."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.casework.assessments.model import Assessment, AssessmentState, Instrument
from nexus.casework.cases.model import (
    Case,
    CaseCloseReason,
    CasePlan,
    CaseState,
    Goal,
    GoalState,
    PlanState,
)
from nexus.casework.model import RiskTier, Station, Worker
from nexus.organizations.model import Organization
from nexus.recipients.model import Household
from tests.making import Maker, making, now, number, today

TOWN, COUNTY, FAR = "440103001", "440103", "440304001"
ANSWERS: dict[str, Any] = {
    "members": 2,
    "dependants": 1,
    "carer": "partly",
    "illness": "chronic",
    "self_care": "partly",
    "mind": "strained",
    "able_members": 1,
    "employment": "casual",
    "hindrance": "care_duty",
    "share": 50,
    "debt": "bearable",
    "kind": "medical",
    "housing": "repair",
    "basics": "partly",
}
HEAVY = ANSWERS | {
    "self_care": "none",
    "illness": "critical",
    "mind": "at_risk",
    "able_members": 0,
    "employment": "none",
    "share": 90,
    "debt": "heavy",
    "carer": "none",
    "housing": "dangerous",
    "basics": "lacking",
}


class Station1:
    """The people of one station, and one more station far away."""

    organization: Organization
    station: Station
    lead: Account
    other_lead: Account
    worker: Account
    aide: Account
    clerk: Account
    approver: Account
    coordinator: Account
    stranger: Account
    """A social worker of another station in the same town."""
    post: Worker
    aide_post: Worker
    far_post: Worker


async def open_station(engine: AsyncEngine) -> Station1:
    made = Station1()
    async with making(engine) as m:
        made.station = await m.station()
        made.organization = await m.session.get_one(Organization, made.station.organization_id)
        own: dict[str, Any] = {"organization": made.organization, "area_code": TOWN}
        made.lead = await m.account(Role.STATION_LEAD, **own)
        made.other_lead = await m.account(Role.STATION_LEAD, **own)
        made.worker = await m.account(Role.SOCIAL_WORKER, **own)
        made.aide = await m.account(Role.AIDE, **own)
        made.clerk = await m.account(Role.GOV_CLERK, area_code=COUNTY)
        made.approver = await m.account(Role.GOV_APPROVER, area_code=COUNTY)
        made.coordinator = await m.account(Role.GOV_COORDINATOR, area_code=COUNTY)
        made.stranger = await m.account(Role.SOCIAL_WORKER, area_code=TOWN)
        made.post = await m.worker(made.worker, made.station)
        made.aide_post = await m.worker(made.aide, made.station)
        made.far_post = await m.worker(made.stranger)
    return made


async def instrument_id(m: Maker) -> UUID:
    found = await m.session.scalar(select(Instrument.id).where(Instrument.code == "WUWEI"))
    assert found is not None
    return found


async def assess(
    m: Maker, desk: Station1, home: Household, state: AssessmentState, **fields: Any
) -> Assessment:
    """An assessment in the state; of low risk unless said otherwise."""
    done: dict[str, Any] = {}
    if state is not AssessmentState.DRAFT:
        done = {
            "score": 20,
            "risk_tier": RiskTier.LOW,
            "dimension_scores": {},
            "rule_version": "WUWEI/1",
            "completed_at": now(),
            "completed_by": desk.worker.id,
        }
    row = Assessment(
        **{
            "no": number("A"),
            "household_id": home.id,
            "area_code": home.area_code,
            "station_id": desk.station.id,
            "worker_id": desk.post.id,
            "instrument_id": await instrument_id(m),
            "assessed_on": today(),
            "answers": ANSWERS,
            "state": state,
            "created_at": now(),
            "created_by": desk.worker.id,
        }
        | done
        | fields
    )
    await m.put(row)
    return row


async def plan(
    m: Maker, desk: Station1, file: Case, state: PlanState, n: int = 1, **fields: Any
) -> CasePlan:
    """A plan in the state, with one open goal; written by the worker, approved by the lead."""
    row: dict[str, Any] = {
        "case_id": file.id,
        "number": n,
        "summary": "每周探访,链接助餐",
        "state": PlanState.DRAFT,
        "created_at": now(),
        "created_by": desk.worker.id,
    }
    made = CasePlan(**row)
    await m.put(made)
    await m.put(Goal(case_id=file.id, plan_id=made.id, position=1, text="三餐有着落"))
    if state is not PlanState.DRAFT:
        made.submitted_at, made.submitted_by = now(), desk.worker.id
        made.state = PlanState.SUBMITTED
    if state in (PlanState.APPROVED, PlanState.SUPERSEDED):
        await m.session.flush()
        made.approved_at, made.approved_by, made.state = now(), desk.lead.id, state
    for name, value in fields.items():
        setattr(made, name, value)
    await m.session.commit()
    return made


PLANNED = (CaseState.INTERVENTION, CaseState.EVALUATION, CaseState.CLOSED)


async def case_in(m: Maker, desk: Station1, state: CaseState, **fields: Any) -> Case:
    """A case of a fresh household in the state, with what the state asks for."""
    home = await m.household(area_code=TOWN)
    held = fields.get("held_from")
    stage = held or state
    row: dict[str, Any] = {
        "no": number("C"),
        "household_id": home.id,
        "area_code": home.area_code,
        "station_id": desk.station.id,
        "worker_id": desk.post.id,
        "supervisor_id": desk.lead.id,
        "case_type": "individual",
        "opening": "邻居告知独居",
        "state": state,
        "stage_at": now(),
        "created_at": now() - timedelta(days=1),
        "created_by": desk.worker.id,
    }
    if stage in (CaseState.PLANNING, *PLANNED):
        found = await assess(m, desk, home, AssessmentState.COMPLETED)
        row |= {"assessment_id": found.id, "risk_tier": RiskTier.LOW}
    if stage in PLANNED:
        row |= {"plan_version": 1, "review_due_at": now() + timedelta(days=90)}
    match state:
        case CaseState.ON_HOLD:
            row |= {"held_from": CaseState.INTAKE, "state_reason": "住院"}
        case CaseState.REFERRED_OUT:
            row |= {"referred_to": "邻镇社工站", "state_reason": "搬迁"}
        case CaseState.REJECTED_AT_INTAKE:
            row |= {"state_reason": "已有他人跟进"}
        case CaseState.CLOSED:
            row |= {
                "evaluated_at": now(),
                "close_reason": CaseCloseReason.GOAL_MET,
                "client_told_at": now(),
                "closing_requested_at": now(),
                "closing_requested_by": desk.worker.id,
                "closed_at": now(),
                "closed_by": desk.lead.id,
            }
    file = Case(**row | fields)
    await m.put(file)
    if stage in PLANNED:
        await plan(m, desk, file, PlanState.APPROVED)
    return file


async def settle(m: Maker, file: Case) -> None:
    """The goals of the case are achieved."""
    for goal in await m.session.scalars(select(Goal).where(Goal.case_id == file.id)):
        goal.state, goal.settled_at = GoalState.ACHIEVED, now()
    await m.session.commit()
