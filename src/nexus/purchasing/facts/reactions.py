"""What counts by itself when it happens, and leaves when it is undone where it comes from."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.outbox import Event, hears
from nexus.purchasing.contracts.model import FactKind
from nexus.purchasing.facts.operations import count_news, drop_news


@hears("visit.performed")
async def count_visit(session: AsyncSession, event: Event, now: datetime) -> None:
    """A visit was made."""
    await count_news(Act(session, system(now)), FactKind.VISIT, event.object_id)


@hears("case.closed")
async def count_case(session: AsyncSession, event: Event, now: datetime) -> None:
    """A case was closed."""
    await count_news(Act(session, system(now)), FactKind.CASE, event.object_id)


@hears("case.reopened")
async def drop_case(session: AsyncSession, event: Event, now: datetime) -> None:
    """The case goes on: it counts once it is closed again."""
    act = Act(session, system(now))
    await drop_news(act, FactKind.CASE, event.object_id, "case_reopened")


@hears("delivery.acknowledged")
async def count_delivery(session: AsyncSession, event: Event, now: datetime) -> None:
    """The recipient's word that it came."""
    await count_news(Act(session, system(now)), FactKind.DELIVERY, event.object_id)


@hears("delivery.upheld")
async def count_upheld_delivery(session: AsyncSession, event: Event, now: datetime) -> None:
    """The dispute was looked into, and it did come."""
    await count_news(Act(session, system(now)), FactKind.DELIVERY, event.object_id)


@hears("delivery.disputed")
async def drop_disputed_delivery(session: AsyncSession, event: Event, now: datetime) -> None:
    """Whether it came is in doubt."""
    act = Act(session, system(now))
    await drop_news(act, FactKind.DELIVERY, event.object_id, "delivery_disputed")


@hears("delivery.reversed")
async def drop_reversed_delivery(session: AsyncSession, event: Event, now: datetime) -> None:
    """It did not come."""
    act = Act(session, system(now))
    await drop_news(act, FactKind.DELIVERY, event.object_id, "delivery_reversed")


@hears("service_record.effective")
async def count_record(session: AsyncSession, event: Event, now: datetime) -> None:
    """Hours took effect."""
    await count_news(Act(session, system(now)), FactKind.SERVICE_RECORD, event.object_id)


@hears("service_record.upheld")
async def count_upheld_record(session: AsyncSession, event: Event, now: datetime) -> None:
    """The dispute was looked into, and the hours stand."""
    await count_news(Act(session, system(now)), FactKind.SERVICE_RECORD, event.object_id)


@hears("service_record.disputed")
async def drop_disputed_record(session: AsyncSession, event: Event, now: datetime) -> None:
    """Whether they were served is in doubt."""
    act = Act(session, system(now))
    await drop_news(act, FactKind.SERVICE_RECORD, event.object_id, "record_disputed")


@hears("service_record.corrected")
async def drop_corrected_record(session: AsyncSession, event: Event, now: datetime) -> None:
    """Another record took its place: that one counts when it takes effect."""
    act = Act(session, system(now))
    await drop_news(act, FactKind.SERVICE_RECORD, event.object_id, "record_corrected")


@hears("service_record.revoked")
async def drop_revoked_record(session: AsyncSession, event: Event, now: datetime) -> None:
    """It counts nowhere."""
    act = Act(session, system(now))
    await drop_news(act, FactKind.SERVICE_RECORD, event.object_id, "record_revoked")


@hears("task.ended")
async def count_session(session: AsyncSession, event: Event, now: datetime) -> None:
    """An activity took place."""
    await count_news(Act(session, system(now)), FactKind.SESSION, event.object_id)
