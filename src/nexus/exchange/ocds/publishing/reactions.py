"""News of a purchase: what the public sees anew is released."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.exchange.changes.rules import NOUNS, kinds
from nexus.exchange.ocds.publishing.operations import publish
from nexus.exchange.ocds.publishing.queries import procurement_behind

TABLES = ("procurement", "award", "contract", "milestone", "payment", "evaluation")


def _listen(kind: str) -> None:
    async def handler(session: AsyncSession, event: Event, now: datetime) -> None:
        found = await procurement_behind(session, event.object_type, event.object_id)
        if found is not None:
            await publish(Act(session, system(now)), found)

    handler.__name__ = "release_" + kind.replace(".", "_")
    hears(kind)(handler)


for _table in TABLES:
    if _table in NOUNS:
        for _kind in kinds(_table):
            _listen(_kind)
