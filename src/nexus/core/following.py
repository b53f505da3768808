"""Follows the events in an order in which none is skipped: (xact, position).

An event is told once every transaction that could still write an earlier one is over, so a
transaction that stays open holds back what was written since it began.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from nexus.core.db import TransactionId
from nexus.core.outbox import Event


class Place(NamedTuple):
    """Where a reader of the events stands: behind this one."""

    xact: int
    position: int


class News(NamedTuple):
    """What a follower needs of an event to decide whom it concerns."""

    kind: str
    object_id: UUID
    facts: dict[str, Any]


def settled(event: Any = Event) -> ColumnElement[bool]:
    """SQL: no transaction is open that could still write an event before this one."""
    return event.xact < func.pg_snapshot_xmin(func.pg_current_snapshot())  # type: ignore[no-any-return]


async def here(connection: AsyncConnection) -> Place:
    """The place behind every event that is settled now."""
    lowest = await connection.execute(select(func.pg_snapshot_xmin(func.pg_current_snapshot())))
    return Place(lowest.scalar_one(), 0)


async def news_after(
    connection: AsyncConnection, place: Place, *, limit: int
) -> tuple[Sequence[News], Place]:
    """At most `limit` settled events behind the place, and the place behind them: one statement."""
    stood = tuple_(literal(place.xact, TransactionId()), literal(place.position, BigInteger()))
    found = await connection.execute(
        select(Event.xact, Event.position, Event.kind, Event.object_id, Event.facts)
        .where(tuple_(Event.xact, Event.position) > stood, settled())
        .order_by(Event.xact, Event.position)
        .limit(limit)
    )
    rows = found.all()
    behind = Place(rows[-1].xact, rows[-1].position) if rows else place
    return [News(row.kind, row.object_id, row.facts) for row in rows], behind
