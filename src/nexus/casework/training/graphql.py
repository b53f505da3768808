"""Training records and grades in the graph."""

from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, and_, exists
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.casework.graphql import Worker, WorkerResult
from nexus.casework.model import WorkerGrade
from nexus.casework.training import model, operations, policy
from nexus.graph.declare import (
    Connection,
    computed,
    extend,
    mutation,
    node,
    result,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order


def _stands(actor: Actor, row: Any) -> ColumnElement[bool]:
    later = aliased(model.TrainingRecord)
    return and_(~row.void, ~exists().where(later.corrects_id == row.id))


@node(model.TrainingRecord, visible=policy.visible)
class TrainingRecord:
    """A course that a worker attended; heldOn is its last day."""

    worker: Worker | None = to_one(model.TrainingRecord.worker_id)
    title: str
    provider: str
    held_on: date
    minutes: int
    certificate_no: str | None
    corrects: "TrainingRecord | None" = to_one(model.TrainingRecord.corrects_id)
    void: bool
    reason: str | None
    stands: bool = computed(_stands, "It counts: no later record stands in its place.")
    recorded_at: datetime


@extend(Worker)
class WorkerTraining:
    certificate_no: str | None
    certified_on: date | None
    trainings: Connection[TrainingRecord] = to_many(
        model.TrainingRecord.worker_id, order=Order(("held_on",), descending=True)
    )


TrainingResult = result("TrainingRecord", TrainingRecord)


@strawberry.input
class RecordWorkerTrainingInput:
    worker_id: strawberry.ID
    title: str
    provider: str
    held_on: date
    minutes: int
    certificate_no: str | None = None
    idempotency_key: str


@mutation(TrainingResult)
async def record_worker_training(act, input: RecordWorkerTrainingInput):  # type: ignore[no-untyped-def]
    """A worker attended a course."""
    return await operations.record_training(
        act,
        worker_id=decode(input.worker_id, "Worker"),
        title=input.title,
        provider=input.provider,
        held_on=input.held_on,
        minutes=input.minutes,
        certificate_no=input.certificate_no,
    )


@strawberry.input
class CorrectWorkerTrainingInput:
    """The whole record as it should be. `void`: nothing stands in its place."""

    training_id: strawberry.ID
    title: str
    provider: str
    held_on: date
    minutes: int
    certificate_no: str | None = None
    void: bool = False
    reason: str
    idempotency_key: str


@mutation(TrainingResult)
async def correct_worker_training(act, input: CorrectWorkerTrainingInput):  # type: ignore[no-untyped-def]
    """A new record stands in the place of a wrong one, with a reason."""
    return await operations.correct_training(
        act,
        training_id=decode(input.training_id, "TrainingRecord"),
        title=input.title,
        provider=input.provider,
        held_on=input.held_on,
        minutes=input.minutes,
        certificate_no=input.certificate_no,
        void=input.void,
        reason=input.reason,
    )


@strawberry.input
class SetWorkerGradeInput:
    id: strawberry.ID
    expected_version: int
    grade: WorkerGrade
    certificate_no: str | None = None
    certified_on: date | None = None
    idempotency_key: str


@mutation(WorkerResult)
async def set_worker_grade(act, input: SetWorkerGradeInput):  # type: ignore[no-untyped-def]
    """The qualification a worker holds, with its certificate."""
    return await operations.set_grade(
        act,
        decode(input.id, "Worker"),
        expected_version=input.expected_version,
        grade=input.grade,
        certificate_no=input.certificate_no,
        certified_on=input.certified_on,
    )
