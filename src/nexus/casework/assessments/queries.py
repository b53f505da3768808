"""Instruments in force, assessments by subject, and the posting somebody acts from."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act
from nexus.casework import policy as casework
from nexus.casework.assessments import model, policy
from nexus.casework.assessments.model import AssessmentState
from nexus.casework.model import Station, StationState, Worker
from nexus.core.refusals import GuardFailed, Invalid, NotFound

DEFAULT = "WUWEI"


async def instrument(session: AsyncSession, code: str | None, on: date) -> model.Instrument:
    """The latest revision in force on that day; Invalid where there is none of that code."""
    row = model.Instrument
    found = await session.scalar(
        select(row)
        .where(
            row.code == (code or DEFAULT),
            row.valid_from <= on,
            or_(row.valid_to.is_(None), row.valid_to > on),
        )
        .order_by(row.revision.desc())
        .limit(1)
    )
    if found is None:
        raise Invalid(
            f"No instrument {code or DEFAULT} is in force on {on}: `instruments` lists them.",
            field="instrument",
        )
    return found


async def posting(
    act: Act, worker_id: UUID | None, *, station_id: UUID | None = None
) -> tuple[Worker, Station]:
    """The posting somebody works from today: the named one, or the actor's own latest.

    Its station is active and one that the actor works at or leads. NotFound for a posting
    elsewhere; Invalid where the actor has none; GuardFailed at a station that is not open.
    """
    today = act.actor.today()
    row, station = Worker, Station
    found = (
        select(row, station)
        .join(station, station.id == row.station_id)
        .where(
            row.valid_from <= today,
            or_(row.valid_to.is_(None), row.valid_to > today),
            casework.serves(act.actor, row.station_id),
        )
        .order_by(row.valid_from.desc(), row.id)
        .limit(1)
    )
    if station_id is not None:
        found = found.where(row.station_id == station_id)
    mine = row.account_id == act.actor.account_id
    found = found.where(mine if worker_id is None else row.id == worker_id)
    held = (await act.session.execute(found)).one_or_none()
    if held is None and worker_id is not None:
        raise NotFound("No such Worker, or it is not yours to see.")
    if held is None:
        raise Invalid(
            "You hold no post at a station today: name the worker, or have one posted.",
            field="workerId",
        )
    worker, at = held
    if at.state is not StationState.ACTIVE:
        raise GuardFailed(f"Station {at.no} is {at.state.value}: work is done from an active one.")
    return worker, at


async def take(act: Act, row_id: UUID, expected_version: int | None = None) -> model.Assessment:
    """The assessment, visible and locked."""
    return await act.take(
        model.Assessment, row_id, visible=policy.visible, expected_version=expected_version
    )


async def take_current(act: Act, row: model.Assessment) -> model.Assessment | None:
    """The completed one about the same subject, locked."""
    other = model.Assessment
    subject = row.recipient_id or row.household_id
    return await act.session.scalar(
        select(other)
        .where(
            other.household_id == row.household_id,
            func.coalesce(other.recipient_id, other.household_id) == subject,
            other.state == AssessmentState.COMPLETED,
            other.id != row.id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


async def measures(session: AsyncSession, assessment_id: UUID) -> Sequence[model.ProposedMeasure]:
    """What an assessment proposes, in its order."""
    row = model.ProposedMeasure
    found = await session.scalars(
        select(row).where(row.assessment_id == assessment_id).order_by(row.position)
    )
    return found.all()
