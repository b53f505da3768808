"""What raises alerts and what clears them: news of lower slices."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.matching.helped.model import HelpOverride
from nexus.needs.model import NeedLine
from nexus.obligations.model import Obligation
from nexus.organizations.model import Organization
from nexus.supervision.alerts.operations import clear_alert, raise_alert


@hears("obligation.overdue")
async def raise_at_overdue(session: AsyncSession, event: Event, now: datetime) -> None:
    """Somebody has not done what they owe; what was done meanwhile raises nothing."""
    await _raise(session, event, now, "obligation.overdue")


@hears("obligation.done")
async def clear_at_done(session: AsyncSession, event: Event, now: datetime) -> None:
    """Late, but done."""
    act = Act(session, system(now))
    await clear_alert(act, rule="obligation.overdue", subject_id=event.object_id)


@hears("obligation.waived")
async def raise_at_waived(session: AsyncSession, event: Event, now: datetime) -> None:
    """It is late no longer; but somebody let it go, and that is told (INV-22)."""
    act = Act(session, system(now))
    await clear_alert(act, rule="obligation.overdue", subject_id=event.object_id)
    await _raise(session, event, now, "obligation.waived")


@hears("organization.qualification_lapsed")
async def raise_at_lapse(session: AsyncSession, event: Event, now: datetime) -> None:
    """It raised funds in public, and may no longer: its projects stand still."""
    row = await session.get_one(Organization, event.object_id)
    await raise_alert(
        Act(session, system(now)),
        rule="qualification.lapsed",
        subject_type="organization",
        subject_id=row.id,
        area_code=row.area_code,
        evidence={"organization": row.no, "project_id": event.facts["project_id"]},
    )


@hears("organization.reinstated")
async def clear_at_reinstatement(session: AsyncSession, event: Event, now: datetime) -> None:
    """The authority has looked at it."""
    act = Act(session, system(now))
    await clear_alert(act, rule="qualification.lapsed", subject_id=event.object_id)


@hears("helped.overridden")
async def raise_at_override(session: AsyncSession, event: Event, now: datetime) -> None:
    """Somebody lets a household be helped beyond the limit (INV-22)."""
    row = await session.get_one(HelpOverride, event.object_id)
    line = await session.get_one(NeedLine, row.line_id)
    await raise_alert(
        Act(session, system(now)),
        rule="help.twice",
        subject_type="help_override",
        subject_id=row.id,
        area_code=line.area_code,
        caused_by=row.created_by,
        evidence={"limit": row.rule, "line_id": str(row.line_id), **row.snapshot},
    )


async def _raise(session: AsyncSession, event: Event, now: datetime, rule: str) -> None:
    row = await session.get_one(Obligation, event.object_id)
    if rule == "obligation.overdue" and row.closed_at is not None:
        return
    await raise_alert(
        Act(session, system(now)),
        rule=rule,
        subject_type="obligation",
        subject_id=row.id,
        area_code=row.area_code,
        caused_by=row.closed_by,
        evidence={
            "obligation": row.no,
            "kind": row.kind.value,
            "organization_id": str(row.organization_id),
            "due_at": row.due_at.isoformat(),
        },
    )
