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
    """Within three months of its end (domain.md 10)."""
    row = await session.get_one(CharityProject, event.object_id)
    due = await due_after(session, FINAL_CLOCK, event.occurred_at, area_code=row.area_code)
    await oblige(
        Act(session, system(now)),
        kind=ObligationKind.DISCLOSURE,
        subject=row,
        organization_id=row.organization_id,
        area_code=row.area_code,
        due_at=due.at,
        rule=due.rule,
        details={"project": row.no},
    )


@hears("project.disclosed")
async def settle_disclosure(session: AsyncSession, event: Event, now: datetime) -> None:
    """It was told what became of the money."""
    await discharge(
        Act(session, system(now)),
        kind=ObligationKind.DISCLOSURE,
        subject_id=event.object_id,
        evidence="The final disclosure was recorded.",
    )
