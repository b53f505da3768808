"""What only time brings about on the worklists."""

from datetime import datetime

from sqlalchemy import DateTime, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession


async def turn_worklists(session: AsyncSession, now: datetime) -> int:
    """The clock: what comes due appears, what was not done in time turns late; how many moved."""
    turned = func.work_tick(literal(now, DateTime(timezone=True)))
    return int((await session.execute(select(turned))).scalar_one())
