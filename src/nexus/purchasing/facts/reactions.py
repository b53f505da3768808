"""What counts by itself when it happens, and leaves when it is undone where it comes from."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.purchasing.contracts.model import FactKind
from nexus.purchasing.facts.operations import count_news, drop_news

COUNTED = {
    "visit.performed": FactKind.VISIT,
    "case.closed": FactKind.CASE,
    "delivery.acknowledged": FactKind.DELIVERY,
    "delivery.upheld": FactKind.DELIVERY,
    "service_record.effective": FactKind.SERVICE_RECORD,
    "service_record.upheld": FactKind.SERVICE_RECORD,
    "task.ended": FactKind.SESSION,
}
"""It happened, or a dispute about it was looked into and it did."""
DROPPED = {
    "case.reopened": (FactKind.CASE, "case_reopened"),
    "delivery.disputed": (FactKind.DELIVERY, "delivery_disputed"),
    "delivery.reversed": (FactKind.DELIVERY, "delivery_reversed"),
    "service_record.disputed": (FactKind.SERVICE_RECORD, "record_disputed"),
    "service_record.corrected": (FactKind.SERVICE_RECORD, "record_corrected"),
    "service_record.revoked": (FactKind.SERVICE_RECORD, "record_revoked"),
}
"""It is in doubt, goes on, or never was; what takes its place counts by news of its own."""


async def count(session: AsyncSession, event: Event, now: datetime) -> None:
    """Under the one contract item that can take it."""
    await count_news(Act(session, system(now)), COUNTED[event.kind], event.object_id)


async def drop(session: AsyncSession, event: Event, now: datetime) -> None:
    """From whatever it counted for."""
    kind, reason = DROPPED[event.kind]
    await drop_news(Act(session, system(now)), kind, event.object_id, reason)


for _kind in COUNTED:
    hears(_kind, f"count_{_kind}")(count)
for _kind in DROPPED:
    hears(_kind, f"drop_{_kind}")(drop)
