"""A plan, visits in the states that deeds need, a change, a pairing and what was given."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from nexus.acting import Role
from nexus.casework.model import RiskTier
from nexus.casework.openings.model import OpeningSchedule
from nexus.casework.pairing.model import (
    ContactMeans,
    Contribution,
    ContributionKind,
    HelperKind,
    Pairing,
    PairingContact,
)
from nexus.casework.training.model import TrainingRecord
from nexus.casework.visits.model import (
    ChangeReport,
    ChangeState,
    Visit,
    VisitCheck,
    VisitChecklist,
    VisitKind,
    VisitPlan,
    VisitState,
)
from tests.house.matrix_cases import edit_late
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today

S = VisitState


async def visit_homes(m: Maker, place: Place) -> None:
    """All of it, of one station and its charity."""
    other = await m.account(Role.AIDE, place.authority, area_code=place.town)
    place.rows["Account/aide"] = other
    place.rows["Worker/aide"] = await m.worker(other, place["Station"])
    place.rows["VisitChecklist"] = await m.session.scalar(select(VisitChecklist))
    await _plan(m, place)
    await _visits(m, place)
    await _changes(m, place)
    await _pairing(m, place)
    await _station(m, place)
    await edit_late(m, place, "FieldEdit/visit", place["Visit"], "summary")


async def _plan(m: Maker, place: Place) -> None:
    place.rows["VisitPlan"] = row = VisitPlan(
        no=number("VP"),
        household_id=place["Household"].id,
        case_id=place["Case"].id,
        station_id=place["Station"].id,
        worker_id=place["Worker"].id,
        tier=RiskTier.HIGH,
        starts_on=today(),
        awaits_window=False,
        state_reason=place.says("VisitPlan.stateReason"),
        created_at=now(),
        created_by=place.staff.id,
    )
    await m.put(row)


async def _put(m: Maker, place: Place, key: str, state: S, **fields: Any) -> Visit:
    made = {"performed_at": now(), "recorded_at": now(), "performed_by": place["Account/aide"].id}
    row = Visit(
        **{
            "no": number("V"),
            "household_id": place["Household"].id,
            "station_id": place["Station"].id,
            "worker_id": place["Worker"].id,
            "kind": VisitKind.HOME,
            "window_from": today(),
            "window_to": today() + timedelta(days=7),
            "due_on": today() + timedelta(days=6),
            "findings": {},
            "state": state,
            "created_at": now(),
            "created_by": place.staff.id,
        }
        | (made if state in (S.DONE, S.VERIFIED) else {})
        | fields
    )
    await m.put(row)
    place.rows[f"Visit{key}"] = row
    return row


async def _visits(m: Maker, place: Place) -> None:
    """The one that shows most was verified, and stands in the place of another."""
    before = await _put(m, place, "/before", S.RESCHEDULED)
    await _put(
        m,
        place,
        "",
        S.VERIFIED,
        plan_id=place["VisitPlan"].id,
        case_id=place["Case"].id,
        kind=VisitKind.JOINT,
        with_worker_id=place["Worker/aide"].id,
        tier=RiskTier.HIGH,
        rule="visit_interval_high@CN/2020-01-01",
        previous_id=before.id,
        minutes=30,
        checklist_id=place["VisitChecklist"].id,
        findings={"HELP": place.says("Visit.findings")},
        summary=place.says("Visit.summary"),
        located_in=place.county,
        located_near=True,
        change_reported=True,
        danger=True,
        to_verify=True,
        danger_answered_at=now(),
        danger_answered_by=place.clerk.id,
        danger_answer=place.says("Visit.dangerAnswer"),
        verified_at=now(),
        verified_by=place.clerk.id,
        verified_how=VisitCheck.PHONE,
        state_reason=place.says("Visit.stateReason"),
    )
    await _put(m, place, "/scheduled", S.SCHEDULED)
    await _put(m, place, "/missed", S.MISSED)
    await _put(m, place, "/done", S.DONE)
    await _put(m, place, "/danger", S.DONE, danger=True)


async def _changes(m: Maker, place: Place) -> None:
    for key, more in (
        (
            "",
            {
                "visit_id": place["Visit"].id,
                "follow_up_id": place["Visit/scheduled"].id,
                "major": True,
                "note": place.says("ChangeReport.note"),
                "state": ChangeState.HANDLED,
                "state_reason": place.says("ChangeReport.stateReason"),
                "handled_at": now(),
                "handled_by": place["Account/lead"].id,
            },
        ),
        ("/open", {"major": False}),
    ):
        place.rows[f"ChangeReport{key}"] = row = ChangeReport(
            **{
                "no": number("CH"),
                "household_id": place["Household"].id,
                "station_id": place["Station"].id,
                "authority_id": place.authority.id,
                "changes": ["OTHER"],
                "happened_on": today(),
                "reported_at": now(),
                "recorded_at": now(),
                "reported_by": place["Account/aide"].id,
            }
            | more
        )
        await m.put(row)


async def _pairing(m: Maker, place: Place) -> None:
    helper: dict[str, Any] = {
        "station_id": place["Station"].id,
        "helper_kind": HelperKind.VOLUNTEER_ORGANIZATION,
        "organization_id": place.charity.id,
    }
    by_post = helper | {
        "helper_kind": HelperKind.WORKER,
        "organization_id": None,
        "worker_id": place["Worker/aide"].id,
    }
    for key, who in (("", helper), ("/worker", by_post)):
        place.rows[f"Pairing{key}"] = pairing = Pairing(
            no=number("PA"),
            household_id=place["Household"].id,
            valid_from=today() - timedelta(days=30),
            last_contact_at=now(),
            state_reason=place.says("Pairing.stateReason"),
            created_at=now(),
            created_by=place.staff.id,
            **who,
        )
        await m.put(pairing)
    place.rows["PairingContact"] = contact = PairingContact(
        pairing_id=place["Pairing"].id,
        means=ContactMeans.VISIT,
        performed_at=now(),
        recorded_at=now(),
        recorded_by=place.staff.id,
        note=place.says("PairingContact.note"),
    )
    await m.put(contact)
    for key, who, more in (
        ("/first", helper, {}),
        ("", helper, {"reason": place.says("Contribution.reason"), "unit": "KGM"}),
        ("/worker", by_post, {}),
    ):
        if key == "":
            more = more | {"corrects_id": place["Contribution/first"].id}
        place.rows[f"Contribution{key}"] = row = Contribution(
            no=number("CN"),
            pairing_id=place["Pairing/worker" if who is by_post else "Pairing"].id,
            kind=ContributionKind.SERVICE,
            minutes=30,
            quantity=Decimal(1),
            given_on=today(),
            void=False,
            recorded_at=now(),
            recorded_by=place["Account/aide"].id,
            **{"unit": "E48"} | who | more,
        )
        await m.put(row)


async def _station(m: Maker, place: Place) -> None:
    place.rows["OpeningSchedule"] = OpeningSchedule(
        station_id=place["Station"].id,
        rrule="FREQ=DAILY",
        opens="09:00",
        closes="17:00",
        working_days=False,
        valid_from=today(),
        created_at=now(),
        created_by=place.staff.id,
    )
    course: dict[str, Any] = {
        "worker_id": place["Worker"].id,
        "title": "个案管理",
        "provider": "省社工协会",
        "held_on": today(),
        "minutes": 480,
        "void": False,
        "recorded_at": now(),
        "recorded_by": place.staff.id,
    }
    place.rows["TrainingRecord/first"] = first = TrainingRecord(**course)
    await m.put(place["OpeningSchedule"], first)
    place.rows["TrainingRecord"] = TrainingRecord(
        **course, corrects_id=first.id, reason=place.says("TrainingRecord.reason")
    )
    await m.put(place["TrainingRecord"])
