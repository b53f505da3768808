"""The clock of running projects' disclosures."""

from datetime import datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import SHANGHAI, Act, system
from nexus.areas.queries import parameter
from nexus.charity.projects.disclosures import queries
from nexus.charity.projects.disclosures.rules import is_long, next_due
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import oblige

EVERY = "charity_disclosure_months"
LONG = "charity_disclosure_over_months"


async def owe_progress_disclosures(session: AsyncSession, now: datetime) -> int:
    """Every long project that runs owes its next disclosure, one at a time; how many are new."""
    act = Act(session, system(now))
    today = act.actor.today()
    opened = 0
    for row, last in (await session.execute(queries.without(today))).all():
        figure = {
            name: await parameter(session, name, on=today, area_code=row.area_code)
            for name in (EVERY, LONG)
        }
        if not is_long(row.starts_on, row.ends_on, figure[LONG].whole):
            continue
        day = next_due(row.starts_on, figure[EVERY].whole, last, today)
        if row.ends_on is not None and day > row.ends_on:
            continue
        await oblige(
            act,
            kind=ObligationKind.DISCLOSURE,
            subject=row,
            organization_id=row.organization_id,
            area_code=row.area_code,
            due_at=datetime.combine(day + timedelta(days=1), time(), SHANGHAI),
            rule=figure[EVERY].version,
            details={"project": row.no, "until": day.isoformat(), "final": False},
        )
        opened += 1
    await session.flush()
    return opened
