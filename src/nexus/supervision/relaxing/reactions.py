"""Every rule that is relaxed is an override, and an alert tells of it (INV-22)."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
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
