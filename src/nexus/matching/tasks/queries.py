"""What booking hours must know, and which records wait to be booked."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.matching.pledges.model import Allocation, Delivery, Pledge, PledgeState
from nexus.matching.tasks import model
from nexus.matching.tasks.model import HoursBooking, TaskLink, TaskLinkState
from nexus.needs.model import NeedLine
from nexus.volunteering.hours.model import COUNTING, RecordState, ServiceRecord

TAKING = (PledgeState.ACCEPTED, PledgeState.PARTLY_FULFILLED)
"""States of a pledge that take deliveries."""


async def take_record(session: AsyncSession, record_id: UUID) -> ServiceRecord | None:
    """The record, locked: whoever books its hours takes turns by it."""
    found = await session.execute(
        select(ServiceRecord)
        .where(ServiceRecord.id == record_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def is_booked(session: AsyncSession, record_id: UUID) -> bool:
    """Whether the record's hours were booked, also as surplus."""
    row = HoursBooking
    return bool(await session.scalar(select(exists().where(row.record_id == record_id))))


async def take_links(
    session: AsyncSession, task_id: UUID
) -> Sequence[tuple[TaskLink, Pledge, bool]]:
    """Live links of the task with their pledges, locked, the oldest first; whether help may come.

    Pledges are locked by id, as by whoever moves many.
    """
    joined = (
        select(TaskLink, Pledge, NeedLine.published)
        .join(Pledge, Pledge.id == TaskLink.pledge_id)
        .join(NeedLine, NeedLine.id == TaskLink.line_id)
        .where(TaskLink.task_id == task_id, TaskLink.state == TaskLinkState.LINKED)
        .order_by(Pledge.id)
        .with_for_update(of=Pledge)
        .execution_options(populate_existing=True)
    )
    found = [(link, pledge, published) for link, pledge, published in await session.execute(joined)]
    return sorted(found, key=lambda each: (each[0].created_at, each[0].id))


async def allocations_of(
    session: AsyncSession, pledges: Sequence[Pledge]
) -> dict[UUID, Allocation]:
    """By pledge, as they stand. Lock the pledges first."""
    found = await session.scalars(
        select(Allocation)
        .where(Allocation.pledge_id.in_([pledge.id for pledge in pledges]))
        .execution_options(populate_existing=True)
    )
    return {row.pledge_id: row for row in found}


def unbooked(limit: int) -> Select[Any]:
    """Effective records of tasks that work on a pledge, whose hours nobody booked."""
    row, link = ServiceRecord, TaskLink
    return (
        select(row.id)
        .where(
            row.state.in_(COUNTING),
            exists().where(link.task_id == row.task_id, link.state == TaskLinkState.LINKED),
            ~exists().where(HoursBooking.record_id == row.id),
        )
        .order_by(row.id)
        .limit(limit)
    )


async def unbooked_of(session: AsyncSession, task_id: UUID) -> Sequence[UUID]:
    """The same of one task."""
    row = ServiceRecord
    found = await session.scalars(
        select(row.id)
        .where(
            row.task_id == task_id,
            row.state == RecordState.EFFECTIVE,
            ~exists().where(HoursBooking.record_id == row.id),
        )
        .order_by(row.id)
    )
    return found.all()


async def take_deliveries(session: AsyncSession, record_id: UUID) -> Sequence[Delivery]:
    """The deliveries that a record's hours made, locked by id."""
    found = await session.scalars(
        select(Delivery)
        .join(HoursBooking, HoursBooking.delivery_id == Delivery.id)
        .where(HoursBooking.record_id == record_id)
        .order_by(Delivery.id)
        .with_for_update(of=Delivery)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def live_link(session: AsyncSession, pledge_id: UUID) -> TaskLink | None:
    """The link by which a task works on the pledge now."""
    row = model.TaskLink
    found = await session.execute(
        select(row).where(row.pledge_id == pledge_id, row.state == TaskLinkState.LINKED)
    )
    return found.scalar_one_or_none()
