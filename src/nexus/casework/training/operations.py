"""Recording and correcting what workers learned, and the grade they hold."""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act
from nexus.casework import policy as casework
from nexus.casework.model import Station, Worker, WorkerGrade
from nexus.casework.training import model, policy
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_reason

MOST_MINUTES = 60_000
"""A thousand hours: longer is a study, not a course."""
LONGEST = 200


class AlreadyCorrected(GuardFailed):
    """Another record stands in this one's place already."""

    code = "ALREADY_CORRECTED"


async def record_training(
    act: Act,
    *,
    worker_id: UUID,
    title: str,
    provider: str,
    held_on: date,
    minutes: int,
    certificate_no: str | None = None,
) -> model.TrainingRecord:
    """A course that was attended. `held_on` is its last day, `minutes` its length."""
    worker = await _worker(act, worker_id)
    return await _enter(
        act, worker.id, title, provider, held_on, minutes, certificate_no, corrects=None
    )


async def correct_training(
    act: Act,
    *,
    training_id: UUID,
    title: str,
    provider: str,
    held_on: date,
    minutes: int,
    reason: str,
    certificate_no: str | None = None,
    void: bool = False,
) -> model.TrainingRecord:
    """A record that stands in the place of another; `void`: in whose place nothing stands."""
    earlier = await act.find(model.TrainingRecord, training_id, visible=policy.visible)
    worker = await _worker(act, earlier.worker_id)
    said = check_reason(reason, most=LONGEST, impersonal=True)
    row = model.TrainingRecord
    found = await act.session.scalars(select(row.id).where(row.corrects_id == earlier.id))
    if found.first() is not None:
        raise AlreadyCorrected(
            "This record was corrected already: correct the one that stands in its place."
        )
    return await _enter(
        act,
        worker.id,
        title,
        provider,
        held_on,
        minutes,
        certificate_no,
        corrects=(earlier.id, said, void),
    )


async def _worker(act: Act, worker_id: UUID) -> Worker:
    """The posting, locked, if the actor keeps the records of its station."""
    worker = await act.take(Worker, worker_id, visible=casework.worker_visible)
    station = await act.find(Station, worker.station_id, visible=casework.visible)
    act.permit(policy.may_keep, station)
    return worker


async def _enter(
    act: Act,
    worker_id: UUID,
    title: str,
    provider: str,
    held_on: date,
    minutes: int,
    certificate_no: str | None,
    *,
    corrects: tuple[UUID, str, bool] | None,
) -> model.TrainingRecord:
    if held_on > act.actor.today():
        raise Invalid("heldOn lies in the future: record a course once it is over.", field="heldOn")
    if not 1 <= minutes <= MOST_MINUTES:
        raise Invalid(f"minutes is {minutes}; it is 1 to {MOST_MINUTES}.", field="minutes")
    corrects_id, reason, void = corrects or (None, None, False)
    row = model.TrainingRecord(
        id=act.row_id,
        worker_id=worker_id,
        title=_said(title, "title"),
        provider=_said(provider, "provider"),
        held_on=held_on,
        minutes=minutes,
        certificate_no=(certificate_no or "").strip() or None,
        corrects_id=corrects_id,
        void=void,
        reason=reason,
        recorded_at=act.now,
        recorded_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    kind = "training.recorded" if corrects is None else "training.corrected"
    act.record(kind, row, worker_id=worker_id, minutes=minutes, void=void)
    return row


def _said(text: str, field: str) -> str:
    kept = text.strip()
    if not 0 < len(kept) <= LONGEST:
        raise Invalid(f"{field} needs 1 to {LONGEST} characters.", field=field)
    return check_impersonal(kept, field=field)


async def set_grade(
    act: Act,
    worker_id: UUID,
    *,
    expected_version: int,
    grade: WorkerGrade,
    certificate_no: str | None = None,
    certified_on: date | None = None,
) -> Worker:
    """The qualification held now: 助理社会工作师, 社会工作师, 高级 or auxiliary (T19d)."""
    row = await act.take(
        Worker, worker_id, visible=casework.worker_visible, expected_version=expected_version
    )
    station = await act.find(Station, row.station_id, visible=casework.visible)
    act.permit(policy.may_keep, station)
    number = (certificate_no or "").strip() or None
    if (number is None) != (certified_on is None):
        raise Invalid("A certificate has a number and a day.", field="certificateNo")
    if certified_on is not None and certified_on > act.actor.today():
        raise Invalid("certifiedOn lies in the future.", field="certifiedOn")
    if number is not None and grade is WorkerGrade.AUXILIARY:
        raise Invalid("An auxiliary has no certificate of the examination.", field="grade")
    row.grade, row.certificate_no, row.certified_on = grade, number, certified_on
    row.version += 1
    act.record("worker.graded", row, grade=grade.value, station_id=row.station_id)
    return row
