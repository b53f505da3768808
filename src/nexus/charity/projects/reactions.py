"""What is owed about projects: once completed, they are disclosed in time."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import due_after
from nexus.charity.model import CharityProject
from nexus.core.outbox import Event, hears
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import discharge, oblige

FINAL_CLOCK = "charity_final_disclosure_months"


@hears("project.completed")
async def owe_disclosure(session: AsyncSession, event: Event, now: datetime) -> None:
    """Within three months of its end (domain.md 10); what was owed while it ran is part of it."""
    row = await session.get_one(CharityProject, event.object_id)
    await _settle(session, event, now, "The project is completed: its final disclosure is owed.")
    due = await due_after(session, FINAL_CLOCK, event.occurred_at, area_code=row.area_code)
    await oblige(
        Act(session, system(now)),
        kind=ObligationKind.DISCLOSURE,
        subject=row,
        organization_id=row.organization_id,
        area_code=row.area_code,
        due_at=due.at,
        rule=due.rule,
        details={"project": row.no, "final": True},
    )


@hears("project.disclosed")
async def settle_disclosure(session: AsyncSession, event: Event, now: datetime) -> None:
    """It was told what became of the money."""
    await _settle(session, event, now, "The final disclosure was recorded.")


@hears("project.cancelled")
async def end_disclosure(session: AsyncSession, event: Event, now: datetime) -> None:
    """What does not run has nothing to tell."""
    await _settle(session, event, now, "The project was cancelled.")


async def _settle(session: AsyncSession, event: Event, now: datetime, evidence: str) -> None:
    act, kind = Act(session, system(now)), ObligationKind.DISCLOSURE
    await discharge(act, kind=kind, subject_id=event.object_id, evidence=evidence)
