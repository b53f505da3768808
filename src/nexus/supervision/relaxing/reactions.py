"""Every rule that is relaxed is an override, and an alert tells of it (INV-22)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.conferences.model import ConferenceException
from nexus.core.outbox import Event, hears
from nexus.emergencies.model import Relaxation
from nexus.supervision.alerts.operations import raise_alert


@hears("relaxation.recorded")
async def raise_at_relaxation(session: AsyncSession, event: Event, now: datetime) -> None:
    """Somebody relaxed a rule: their reason is in the row, not in the alert."""
    row = await session.get_one(Relaxation, event.object_id)
    await raise_alert(
        Act(session, system(now)),
        rule="rule.relaxed",
        subject_type="relaxation",
        subject_id=row.id,
        area_code=row.area_code,
        caused_by=row.relaxed_by,
        evidence={
            "rule": row.rule.value,
            "rule_version": row.rule_version,
            "event_id": str(row.event_id) if row.event_id else None,
        },
    )


@hears("conference.exception_granted")
async def raise_at_exception(session: AsyncSession, event: Event, now: datetime) -> None:
    """A conference relaxed a rule for its case: as with one relaxed in an emergency (T15f)."""
    table = ConferenceException
    found = select(table).where(table.id == UUID(event.facts["exception_id"]))
    row = (await session.scalars(found)).one()
    await raise_alert(
        Act(session, system(now)),
        rule="rule.relaxed",
        subject_type=row.__tablename__,
        subject_id=row.id,
        area_code=row.area_code,
        caused_by=row.granted_by,
        evidence={"rule": row.rule.value, "case_id": str(row.case_id)},
    )
