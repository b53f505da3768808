"""News of a purchase: what the public sees anew is released."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.exchange.changes.rules import kinds
from nexus.exchange.ocds.publishing.operations import publish
from nexus.exchange.ocds.publishing.queries import procurement_behind

TABLES = ("procurement", "award", "contract", "milestone", "payment", "evaluation")


async def release(session: AsyncSession, event: Event, now: datetime) -> None:
    """The purchase behind the news, where the public sees what it is about."""
    found = await procurement_behind(session, event.object_type, event.object_id)
    if found is not None:
        await publish(Act(session, system(now)), found)


for _table in TABLES:
    for _kind in kinds(_table):
        hears(_kind, f"release_{_kind}")(release)
