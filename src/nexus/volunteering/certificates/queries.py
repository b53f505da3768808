"""The records a certificate may show, its lines, and what whoever holds a code is told."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Numeric, Select, cast, exists, false, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.areas.queries import parameter
from nexus.organizations.model import Organization
from nexus.volunteering.certificates import model
from nexus.volunteering.hours.model import RecordState, ServiceRecord
from nexus.volunteering.tasks.model import VolunteerTask

PUBLICITY = "certificate_publicity_days"


async def publicity_days(session: AsyncSession, *, on: date, area_code: str) -> int:
    """How many days a publicity lasts at least (domain.md 10)."""
    return (await parameter(session, PUBLICITY, on=on, area_code=area_code)).whole


async def hold_records(
    session: AsyncSession, organization_id: UUID, volunteer_id: UUID, from_on: date, until_on: date
) -> Sequence[ServiceRecord]:
    """The effective records of the organization in the period, held as they are to the commit."""
    row = ServiceRecord
    found = await session.scalars(
        select(row)
        .where(
            row.organization_id == organization_id,
            row.volunteer_id == volunteer_id,
            row.state == RecordState.EFFECTIVE,
            row.day_on >= from_on,
            row.day_on < until_on,
        )
        .order_by(row.id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def has_recorded(session: AsyncSession, organization_id: UUID, volunteer_id: UUID) -> bool:
    """Whether the organization keeps any record of the volunteer's hours."""
    row = ServiceRecord
    known = exists().where(row.organization_id == organization_id, row.volunteer_id == volunteer_id)
    return bool(await session.scalar(select(known)))


async def lines_of(session: AsyncSession, certificate_id: UUID) -> list[tuple[UUID, date, int]]:
    """(record, day, minutes) of each line."""
    line = model.CertificateLine
    found = await session.execute(
        select(line.record_id, line.day_on, line.minutes).where(
            line.certificate_id == certificate_id
        )
    )
    return [(record, day, minutes) for record, day, minutes in found]


async def printed_lines(session: AsyncSession, certificate_id: UUID) -> list[tuple[str, date, int]]:
    """(task, day, minutes) of each line, by day, as they are printed."""
    line = model.CertificateLine
    found = await session.execute(
        select(VolunteerTask.name, line.day_on, line.minutes)
        .join(VolunteerTask, VolunteerTask.id == line.task_id)
        .where(line.certificate_id == certificate_id)
        .order_by(line.day_on, line.record_id)
    )
    return [(name, day, minutes) for name, day, minutes in found]


def lines_shown(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """The lines of a certificate, by day. Nobody sees a certificate without them."""
    line: Any = aliased(model.CertificateLine)
    return (
        select(line.day_on, line.minutes, line.task_id, line.record_id)
        .where(line.certificate_id == row.id)
        .order_by(line.day_on, line.record_id)
        .limit(limit)
    )


def checked(actor: Actor, limit: Any, given: dict[str, Any]) -> Select[Any]:
    """SQL: what whoever holds a code is told. No row for one that was never given out."""
    return (
        _told()
        .where(false() if given.get("code") is None else model.Certificate.code == given["code"])
        .limit(1)
    )


def _told() -> Select[Any]:
    row, issuer = model.Certificate, Organization
    hours = func.trunc(cast(row.total_minutes, Numeric) / 60, 2, type_=Numeric())
    return (
        select(
            func.upper(row.state).label("standing"),
            row.total_minutes.label("total_minutes"),
            hours.label("total_hours"),
            row.no.label("no"),
            issuer.name.label("issuer"),
            cast(func.timezone("Asia/Shanghai", row.issued_at), Date).label("issued_on"),
            cast(func.timezone("Asia/Shanghai", row.ended_at), Date).label("ended_on"),
            row.from_on.label("from_on"),
            row.until_on.label("until_on"),
        )
        .join(issuer, issuer.id == row.organization_id)
        .where(row.issued_at.is_not(None))
    )


async def told_of(session: AsyncSession, code: str) -> Any:
    """The same for the plain page; None."""
    return (await session.execute(_told().where(model.Certificate.code == code))).one_or_none()


async def marked_by(session: AsyncSession, record: ServiceRecord) -> Sequence[model.Certificate]:
    """The certificates that ended because this record did."""
    row, line = model.Certificate, model.CertificateLine
    found = await session.scalars(
        select(row)
        .join(line, line.certificate_id == row.id)
        .where(line.record_id == record.id, row.ended_at == record.closed_at)
        .where(row.state_reason == f"record_{record.state.value}")
        .order_by(row.id)
    )
    return found.all()


async def prepared_no(
    session: AsyncSession, organization_id: UUID, volunteer_id: UUID
) -> str | None:
    """The serial of the one that the organization is preparing for the volunteer."""
    row = model.Certificate
    found = await session.execute(
        select(row.no).where(
            row.organization_id == organization_id,
            row.volunteer_id == volunteer_id,
            row.state == model.CertificateState.PREPARED,
        )
    )
    return found.scalar_one_or_none()
