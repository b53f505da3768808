"""Assessments, a case with everything that hangs on one, a conference; and others for deeds."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from nexus.acting import Role
from nexus.casework.assessments.model import Assessment, Channel, Instrument, ProposedMeasure
from nexus.casework.cases.model import (
    Case,
    CasePlan,
    CaseState,
    CaseStep,
    Goal,
    PlanReview,
    PlanState,
    SelfApproval,
)
from nexus.casework.cases.records.model import (
    CaseEvaluation,
    CaseNote,
    CaseParticipant,
    ContactAttempt,
)
from nexus.casework.conferences.model import (
    CaseConference,
    ConferenceDecision,
    ConferenceException,
    ConferenceParty,
)
from nexus.casework.editing.model import EditState, FieldEdit
from nexus.core.outbox import Event
from nexus.discovery.model import ReportState
from nexus.needs.model import NeedState, SubjectKind
from tests.casework.desk import ANSWERS
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today

S = CaseState


async def file_cases(m: Maker, place: Place) -> None:
    """All of it, of one station."""
    place.rows["Account/lead"] = await m.account(
        Role.STATION_LEAD, place.authority, area_code=place.town
    )
    place.rows["Household/caseless"] = await m.household(area_code=place.town)
    await _assessments(m, place)
    await _case(m, place)
    await _records(m, place)
    await _others(m, place)
    await _conference(m, place)
    await _linked(m, place)


async def _linked(m: Maker, place: Place) -> None:
    """A need of the case and one of none; the report it was opened from; edits of late devices."""
    need = place["Need"]
    need.case_id, need.changed_at = place["Case"].id, now()
    for key, case_id in (("caseless", None), ("of_case", place["Case"].id)):
        place.rows[f"Need/{key}"] = await m.need(
            NeedState.DRAFT,
            area_code=place.town,
            subject_kind=SubjectKind.HOUSEHOLD,
            recipient_id=None,
            household_id=place["Household"].id,
            publisher_id=place.authority.id,
            owner_id=place.clerk.id,
            created_by=place.clerk.id,
            case_id=case_id,
            changed_at=now() if case_id else None,
        )
    place.rows["DiscoveryReport/cased"] = await m.report(
        ReportState.CONVERTED,
        area_code=place.town,
        owner_id=place.staff.id,
        created_by=place.staff.id,
        case_id=place["Case"].id,
    )
    await edit_late(m, place, "FieldEdit", place["Case"], "opening")
    await edit_late(m, place, "FieldEdit/assessment", place["Assessment"], "remarks")


async def edit_late(m: Maker, place: Place, key: str, row: Any, field: str) -> None:
    """A late value beside the one that stands."""
    place.rows[key] = edit = FieldEdit(
        subject_type=row.__tablename__,
        subject_id=row.id,
        field=field,
        before=None,
        after="晚到的一句",
        base_version=1,
        row_version=1,
        state=EditState.CONFLICTING,
        made_at=now(),
        created_at=now(),
        created_by=place.staff.id,
    )
    await m.put(edit)


def _done(place: Place) -> dict[str, Any]:
    return {
        "state": "completed",
        "score": 70,
        "risk_tier": "high",
        "dimension_scores": {},
        "rule_version": "WUWEI/1",
        "completed_at": now(),
        "completed_by": place["Account/candidate"].id,
        "countersign_needed": True,
    }


async def _assess(m: Maker, place: Place, key: str, **fields: Any) -> Assessment:
    row = Assessment(
        **{
            "no": number("A"),
            "household_id": place["Household/caseless"].id,
            "area_code": place.town,
            "station_id": place["Station"].id,
            "worker_id": place["Worker"].id,
            "instrument_id": place["Instrument"].id,
            "assessed_on": today(),
            "answers": ANSWERS,
            "remarks": place.says("Assessment.remarks"),
            "state_reason": place.says("Assessment.stateReason"),
            "created_at": now(),
            "created_by": place.staff.id,
        }
        | fields
    )
    await m.put(row)
    place.rows[key] = row
    return row


async def _assessments(m: Maker, place: Place) -> None:
    place.rows["Instrument"] = await m.session.scalar(select(Instrument))
    signed = {"countersigned_at": now(), "countersigned_by": place["Account/lead"].id}
    of_home: dict[str, Any] = {"household_id": place["Household"].id}
    old = await _assess(
        m, place, "Assessment/old", **of_home, **_done(place) | {"state": "superseded"}, **signed
    )
    of_person = of_home | {"recipient_id": place["Recipient"].id}
    row = await _assess(m, place, "Assessment", **of_person, supersedes_id=old.id)
    place.rows["ProposedMeasure"] = measure = ProposedMeasure(
        assessment_id=row.id,
        position=1,
        category="LIV",
        channel=Channel.CHARITY,
        measure=place.says("ProposedMeasure.measure"),
    )
    await m.put(measure)
    for name, value in (_done(place) | signed).items():
        setattr(row, name, value)
    await m.put(row)
    await _assess(m, place, "Assessment/draft")
    await _assess(m, place, "Assessment/unsigned", **_done(place))


async def _put_case(m: Maker, place: Place, key: str, state: CaseState, **fields: Any) -> Case:
    """A case in a state, of a fresh household unless another is named."""
    home = fields.pop("household_id", None) or (await m.household(area_code=place.town)).id
    row: dict[str, Any] = {
        "no": number("C"),
        "household_id": home,
        "area_code": place.town,
        "station_id": place["Station"].id,
        "worker_id": place["Worker"].id,
        "case_type": "individual",
        "opening": place.says(f"{key}.opening") if key == "Case" else "独居",
        "state": state,
        "stage_at": now(),
        "created_at": now(),
        "created_by": place.staff.id,
    }
    if state not in (S.INTAKE, S.ASSESSMENT, S.ON_HOLD):
        row |= {"assessment_id": place["Assessment"].id, "risk_tier": "high"}
    if state in (S.INTERVENTION, S.EVALUATION, S.CLOSED):
        row |= {"plan_version": 1}
    place.rows[key] = made = Case(**row | fields)
    await m.put(made)
    return made


async def _put_plan(
    m: Maker, place: Place, key: str, file: Case, state: PlanState, number_: int = 1
) -> CasePlan:
    other = place["Account/candidate"].id
    row = CasePlan(
        case_id=file.id,
        number=number_,
        summary=place.says("CasePlan.summary") if key == "CasePlan" else "探访",
        state_reason=place.says("CasePlan.stateReason") if key == "CasePlan" else None,
        state=PlanState.DRAFT,
        created_at=now(),
        created_by=other,
    )
    await m.put(row)
    place.rows[key] = row
    for at, given in enumerate((place.says("Goal.text"), "第二个"), start=1):
        goal = Goal(case_id=file.id, plan_id=row.id, position=at, text=given)
        place.rows["Goal" if key == "CasePlan" and at == 1 else f"Goal/{key}{at}"] = goal
        if key == "CasePlan" and at == 1:
            goal.carried_from_id = place["Goal/CasePlan/old1"].id
            goal.measure = place.says("Goal.measure")
            goal.state_reason = place.says("Goal.stateReason")
            goal.target_on = today()
        await m.put(goal)
    if state is not PlanState.DRAFT:
        row.state = PlanState.SUBMITTED
        row.submitted_at, row.submitted_by = now(), other
        await m.put(row)
    if state in (PlanState.APPROVED, PlanState.SUPERSEDED):
        row.approved_at, row.approved_by = now(), place["Account/lead"].id
        row.state = state
        await m.put(row)
    return row


async def _case(m: Maker, place: Place) -> None:
    """The one that shows most: in intervention, about a person, with its trail."""
    row = await _put_case(
        m,
        place,
        "Case",
        S.INTERVENTION,
        household_id=place["Household"].id,
        recipient_id=place["Recipient"].id,
        supervisor_id=place["Account/lead"].id,
        state_reason=place.says("Case.stateReason"),
        review_due_at=now() + timedelta(days=90),
        plan_version=2,
    )
    await _put_plan(m, place, "CasePlan/old", row, PlanState.SUPERSEDED)
    plan = await _put_plan(m, place, "CasePlan", row, PlanState.APPROVED, 2)
    place.rows["PlanReview"] = PlanReview(
        case_id=row.id,
        plan_id=plan.id,
        outcome="go_on",
        remarks=place.says("PlanReview.remarks"),
        reviewed_at=now(),
        reviewed_by=place.staff.id,
    )
    place.rows["CaseStep"] = CaseStep(
        case_id=row.id,
        position=1,
        verb="create",
        to_state=S.INTAKE,
        reason=place.says("CaseStep.reason"),
        by_id=place.staff.id,
        happened_at=now(),
    )
    place.rows["CaseEvent"] = Event(
        kind="case.created",
        object_type="case_file",
        object_id=row.id,
        object_version=1,
        actor_id=place.staff.id,
        actor_role="social_worker",
        organization_id=place.authority.id,
        occurred_at=now(),
        facts={},
    )
    place.rows["SelfApproval"] = SelfApproval(
        account_id=place["Account/lead"].id,
        station_id=place["Station"].id,
        reason=place.says("SelfApproval.reason"),
        valid_from=today(),
        valid_to=today() + timedelta(days=30),
        granted_at=now(),
        granted_by=place["Account/candidate"].id,
    )
    await m.put(*(place[key] for key in ("PlanReview", "CaseStep", "CaseEvent", "SelfApproval")))


async def _records(m: Maker, place: Place) -> None:
    file = place["Case"]
    own: dict[str, Any] = {"case_id": file.id, "author_id": place.staff.id, "created_at": now()}
    signed = {"state": "signed", "signed_at": now(), "happened_at": now()}
    first = CaseNote(**own, **signed, level="team", text="首次探访")
    await m.put(first)
    place.rows["CaseNote"] = CaseNote(
        **own, **signed, level="team", text=place.says("CaseNote.text"), amends_id=first.id
    )
    place.rows["CaseNote/draft"] = CaseNote(**own, level="team", text="草稿", happened_at=now())
    other = own | {"author_id": place["Account/candidate"].id}
    for level in ("restricted", "supervision"):
        place.rows[f"CaseNote[{level}]"] = CaseNote(
            **other, **signed, level=level, text=place.says(f"CaseNote[{level}].text")
        )
    place.rows["CaseNote[unsigned]"] = CaseNote(
        **other, level="team", text=place.says("CaseNote[unsigned].text"), happened_at=now()
    )
    place.rows["CaseParticipant"] = CaseParticipant(
        case_id=file.id,
        party="charitable_resource",
        organization_id=place.charity.id,
        account_id=place.staff.id,
        contribution=place.says("CaseParticipant.contribution"),
        joined_on=today(),
    )
    place.rows["ContactAttempt"] = ContactAttempt(
        case_id=file.id,
        channel="home",
        reached=False,
        remarks=place.says("ContactAttempt.remarks"),
        attempted_at=now(),
        attempted_by=place.staff.id,
    )
    place.rows["CaseEvaluation"] = CaseEvaluation(
        case_id=file.id,
        outcome="met",
        summary=place.says("CaseEvaluation.summary"),
        client_rating=5,
        client_words=place.says("CaseEvaluation.clientWords"),
        evaluated_at=now(),
        evaluated_by=place.staff.id,
    )
    keys = ("CaseParticipant", "ContactAttempt", "CaseEvaluation")
    await m.put(*(row for key, row in place.rows.items() if key.startswith("CaseNote")))
    amendment = CaseNote(**own, **signed, level="team", text="补", amends_id=place["CaseNote"].id)
    await m.put(*(place[key] for key in keys), amendment)


async def _others(m: Maker, place: Place) -> None:
    """Cases in the states that deeds start from."""
    home = {"household_id": place["Household"].id}
    asked: dict[str, Any] = {
        "evaluated_at": now(),
        "close_reason": "client_withdrew",
        "client_told_at": now(),
        "closing_requested_at": now(),
        "closing_requested_by": place["Account/candidate"].id,
    }
    closed = asked | {"closed_at": now(), "closed_by": place["Account/lead"].id}
    held = {"held_from": S.INTAKE, "state_reason": "住院"}
    out = {"referred_to": place.says("Case.referredTo"), "state_reason": "搬迁"}
    await _put_case(m, place, "Case/intake", S.INTAKE)
    await _put_case(m, place, "Case/assessed", S.ASSESSMENT, **home)
    await _put_case(m, place, "Case/planning", S.PLANNING)
    await _put_case(m, place, "Case/evaluated", S.EVALUATION, evaluated_at=now())
    await _put_case(m, place, "Case/asked", S.EVALUATION, **asked)
    await _put_case(m, place, "Case/closed", S.CLOSED, **closed)
    await _put_case(m, place, "Case/held", S.ON_HOLD, **held)
    await _put_case(m, place, "Case/out", S.REFERRED_OUT, **out)
    for key, state in (
        ("draft", PlanState.DRAFT),
        ("submitted", PlanState.SUBMITTED),
        ("planned", PlanState.APPROVED),
    ):
        version = int(state is PlanState.APPROVED)
        file = await _put_case(m, place, f"Case/{key}", S.PLANNING, plan_version=version)
        await _put_plan(m, place, f"CasePlan/{key}", file, state)


async def _conference(m: Maker, place: Place) -> None:
    for key, state in (
        ("", "held"),
        ("/convened", "convened"),
        ("/settled", "held"),
        ("/followed", "followed_up"),
    ):
        held = {} if state == "convened" else {"held_at": now(), "minutes": "已议"}
        row = CaseConference(
            no=number("CC"),
            case_id=place["Case"].id,
            area_code=place.town,
            organization_id=place.authority.id,
            agenda=place.says("CaseConference.agenda") if not key else "议程",
            meets_at=now(),
            state=state,
            state_reason=place.says("CaseConference.stateReason") if not key else None,
            created_at=now(),
            created_by=place.clerk.id,
            **held,
        )
        if not key:
            row.minutes = place.says("CaseConference.minutes")
        place.rows[f"CaseConference{key}"] = row
        await m.put(row)
        for at, one in (("", place.charity), ("/authority", place.authority)):
            place.rows[f"ConferenceParty{key}{at}"] = party = ConferenceParty(
                conference_id=row.id,
                organization_id=one.id,
                attended=state != "convened",
                invited_at=now(),
            )
            await m.put(party)
    meeting = place["CaseConference"]
    place.rows["ConferenceDecision"] = ConferenceDecision(
        conference_id=meeting.id,
        position=1,
        measure=place.says("ConferenceDecision.measure"),
        organization_id=place.charity.id,
        due_on=today(),
        obligation_id=place["Obligation"].id,
        decided_at=now(),
        decided_by=place.clerk.id,
    )
    place.rows["ConferenceException"] = ConferenceException(
        conference_id=meeting.id,
        case_id=place["Case"].id,
        area_code=place.town,
        rule="income_limit",
        rule_version="margin_to_dibao_most@CN/2020-01-01",
        reason=place.says("ConferenceException.reason"),
        valid_to=today() + timedelta(days=90),
        granted_at=now(),
        granted_by=place.clerk.id,
    )
    await m.put(place["ConferenceDecision"], place["ConferenceException"])
