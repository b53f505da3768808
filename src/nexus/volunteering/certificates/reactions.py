"""The certificates that a record's end has marked: the mark came with the record, the news here."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.volunteering.certificates.queries import marked_by
from nexus.volunteering.hours.model import ServiceRecord


@hears("service_record.revoked")
async def tell_revoked_certificates(session: AsyncSession, event: Event, now: datetime) -> None:
    """INV-33: whoever follows the certificate hears that it is revoked."""
    await _tell(session, event, now)


@hears("service_record.corrected")
async def tell_superseded_certificates(session: AsyncSession, event: Event, now: datetime) -> None:
    """INV-33: … or superseded."""
    await _tell(session, event, now)


async def _tell(session: AsyncSession, event: Event, now: datetime) -> None:
    act = Act(session, system(now))
    record = await session.get_one(ServiceRecord, event.object_id)
    for row in await marked_by(session, record):
        act.record(
            f"certificate.{row.state.value}",
            row,
            volunteer_id=row.volunteer_id,
            organization_id=row.organization_id,
            record_id=record.id,
        )
