"""Visits against their plans and their word; contributions, contacts, openings against theirs."""

from typing import Any

from sqlalchemy import Select, and_, exists, func, or_
from sqlalchemy.orm import aliased

from nexus.casework.openings.model import OpeningSchedule, StationOpening
from nexus.casework.pairing.model import Contribution, Pairing, PairingContact
from nexus.casework.training.model import TrainingRecord
from nexus.casework.visits.model import (
    OPEN,
    PERFORMED,
    ChangeReport,
    Visit,
    VisitPlan,
    VisitPlanState,
    VisitState,
)
from nexus.casework.visits.pictures.model import PictureContent, PictureState, VisitPicture
from nexus.core.outbox import Event
from nexus.supervision.ledger.queries import finding


def _plan_goes_on() -> Select[Any]:
    """An active plan has an open visit, or waits for the clock: never both, nor none."""
    visit = aliased(Visit)
    open_ = exists().where(
        visit.plan_id == VisitPlan.id, visit.state.in_(OPEN), visit.follow_up.is_(False)
    )
    return finding(VisitPlan.id, "a plan is stuck, or plans twice").where(
        VisitPlan.state == VisitPlanState.ACTIVE, VisitPlan.awaits_window == open_
    )


def _of_its_household() -> Select[Any]:
    return (
        finding(Visit.id, "a visit is to another household than its plan's")
        .join(VisitPlan, VisitPlan.id == Visit.plan_id)
        .where(VisitPlan.household_id != Visit.household_id)
    )


def _second_person() -> Select[Any]:
    return finding(Visit.id, "a visit was verified by who made it").where(
        Visit.verified_by == Visit.performed_by
    )


def _put_off_goes_on() -> Select[Any]:
    """What was put off has one visit in its place, and nothing else has."""
    later = aliased(Visit)
    followed = exists().where(later.previous_id == Visit.id)
    return finding(Visit.id, "a visit put off has none in its place, or another has").where(
        (Visit.state == VisitState.RESCHEDULED) != followed
    )


def _change_is_told() -> Select[Any]:
    report = aliased(ChangeReport)
    told = exists().where(report.visit_id == Visit.id)
    return finding(Visit.id, "a visit and its report of a change differ").where(
        Visit.change_reported != told
    )


def _danger_is_news() -> Select[Any]:
    event = aliased(Event)
    told = exists().where(
        event.object_type == "visit",
        event.object_id == Visit.id,
        event.kind == "visit.danger_flagged",
    )
    return finding(Visit.id, "a visit found danger that nobody was told of").where(
        Visit.danger, ~told
    )


def _performed_is_history() -> Select[Any]:
    event = aliased(Event)
    told = exists().where(
        event.object_type == "visit",
        event.object_id == Visit.id,
        event.kind == "visit.performed",
    )
    return finding(Visit.id, "a visit was made without a trace").where(
        Visit.state.in_(PERFORMED), ~told
    )


def _contacts_within() -> Select[Any]:
    day = func.date(func.timezone("Asia/Shanghai", PairingContact.performed_at))
    return (
        finding(PairingContact.id, "a contact lies outside its pairing")
        .join(Pairing, Pairing.id == PairingContact.pairing_id)
        .where(day < Pairing.valid_from)
    )


def _corrected_as_itself() -> Select[Any]:
    """A correction is of the same helper and station, by somebody else."""
    earlier = aliased(Contribution)
    same = and_(
        Contribution.worker_id.is_not_distinct_from(earlier.worker_id),
        Contribution.organization_id.is_not_distinct_from(earlier.organization_id),
        Contribution.pairing_id.is_not_distinct_from(earlier.pairing_id),
        Contribution.station_id == earlier.station_id,
        Contribution.recorded_by != earlier.recorded_by,
    )
    return (
        finding(Contribution.id, "a contribution was corrected as another's, or by who recorded it")
        .join(earlier, earlier.id == Contribution.corrects_id)
        .where(~same)
    )


def _training_of_its_worker() -> Select[Any]:
    earlier = aliased(TrainingRecord)
    return (
        finding(TrainingRecord.id, "a training record was corrected as another worker's")
        .join(earlier, earlier.id == TrainingRecord.corrects_id)
        .where(TrainingRecord.worker_id != earlier.worker_id)
    )


def _openings_follow() -> Select[Any]:
    row = StationOpening
    day = func.date(func.timezone("Asia/Shanghai", row.opens_at))
    return (
        finding(OpeningSchedule.id, "an opening lies outside its schedule", opensAt=row.opens_at)
        .join(row, row.schedule_id == OpeningSchedule.id)
        .where(
            or_(
                day < OpeningSchedule.valid_from,
                # What is over stays a week, also of a schedule that ended meanwhile.
                and_(day >= OpeningSchedule.valid_to, row.opens_at > func.now()),
                row.station_id != OpeningSchedule.station_id,
            )
        )
    )


def _pictures_whole() -> Select[Any]:
    content = aliased(PictureContent)
    there = exists().where(content.picture_id == VisitPicture.id)
    return finding(VisitPicture.id, "a picture and its bytes are not both kept").where(
        (VisitPicture.state == PictureState.KEPT) != there
    )


def _pictures_leave_history() -> Select[Any]:
    event = aliased(Event)
    told = exists().where(
        event.object_type == "visit_picture",
        event.object_id == VisitPicture.id,
        event.kind == "visit_picture.kept",
    )
    return finding(VisitPicture.id, "a picture is kept without a trace").where(
        VisitPicture.kept_at.is_not(None), ~told
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-17 a plan of visits goes on": _plan_goes_on(),
    "INV-17 visits are of their plan's household": _of_its_household(),
    "INV-18 visits have a second person": _second_person(),
    "INV-21 a visit put off goes on": _put_off_goes_on(),
    "INV-21 contributions are corrected as themselves": _corrected_as_itself(),
    "INV-21 training is corrected as itself": _training_of_its_worker(),
    "INV-37 a change is told": _change_is_told(),
    "INV-37 danger is news": _danger_is_news(),
    "INV-39 visits leave history": _performed_is_history(),
    "INV-39 pictures leave history": _pictures_leave_history(),
    "D8 a picture is whole": _pictures_whole(),
    "contacts lie in their pairing": _contacts_within(),
    "openings follow their schedule": _openings_follow(),
}
