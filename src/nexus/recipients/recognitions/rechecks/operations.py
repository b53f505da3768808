"""The clock of re-checks that did not come in time."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import due_after
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import discharge, oblige
from nexus.recipients.recognitions.rechecks import queries

FOLLOW_UP_CLOCK = "recheck_follow_up_working_days"


async def follow_up_rechecks(session: AsyncSession, now: datetime) -> int:
    """The authority owes each re-check that is late; what has come since is settled; how many."""
    act = Act(session, system(now))
    today = act.actor.today()
    late = (await session.execute(queries.unowed(today))).all()
    for row, area_code in late:
        due = await due_after(session, FOLLOW_UP_CLOCK, now, area_code=area_code)
        await oblige(
            act,
            kind=ObligationKind.RECHECK_FOLLOW_UP,
            subject=row,
            organization_id=row.authority_id,
            area_code=area_code,
            due_at=due.at,
            rule=due.rule,
            details={"recognition": row.no, "recheckDueOn": str(row.recheck_due_on)},
        )
    come = list(await session.scalars(queries.settled(today)))
    for row_id in come:
        await discharge(
            act,
            kind=ObligationKind.RECHECK_FOLLOW_UP,
            subject_id=row_id,
            evidence="The re-check has come, or the recognition has ended.",
        )
    await session.flush()
    return len(late) + len(come)
