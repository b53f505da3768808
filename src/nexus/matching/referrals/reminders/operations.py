"""The clock of reminders. At the whole of the time `tell_overdue_referrals` speaks."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import parameter
from nexus.matching.referrals.reminders.queries import to_remind

SHARES = ("reminder_first_ratio", "reminder_second_ratio")


async def remind_referrals(session: AsyncSession, now: datetime) -> int:
    """News, once for each share of the time to the outcome that is over; how many.

    After a stop of the worker only the last of them is told: one reminder says enough.
    """
    act = Act(session, system(now))
    today = act.actor.today()
    figures = [await parameter(session, name, on=today) for name in SHARES]
    found = (await session.execute(to_remind(now, [float(one.value) for one in figures]))).all()
    for row, passed in found:
        row.reminders = passed
        figure = figures[passed - 1]
        act.record(
            "referral.reminded",
            row,
            need_id=row.need_id,
            from_organization_id=row.from_organization_id,
            to_organization_id=row.to_organization_id,
            share=f"{figure.value.normalize():f}",
            rule=figure.version,
            due_at=row.outcome_due_at,
        )
    await session.flush()
    return len(found)
