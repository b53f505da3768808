"""News: one event row for every change, one job row for each listener, in the same transaction.

Events are the append-only history (facts are ids, codes and numbers, never free text). Jobs are
leased with SKIP LOCKED by the worker; a handler may run twice and must not mind.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 12


class Event(Base):
    """What happened: who did what to which row, when. Never updated, never deleted."""

    __tablename__ = "event"

    id: Mapped[Id]
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    kind: Mapped[str]
    object_type: Mapped[str]
    object_id: Mapped[UUID]
    object_version: Mapped[int | None]
    actor_id: Mapped[UUID]
    actor_role: Mapped[str]
    organization_id: Mapped[UUID]
    occurred_at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_event_object", "object_type", "object_id"),)


class JobState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    DEAD = "dead"


class Job(Base):
    """One listener's share of one event."""

    __tablename__ = "job"

    id: Mapped[Id]
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), index=True)
    listener: Mapped[str]
    state: Mapped[JobState] = mapped_column(default=JobState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        Index("ix_job_due", "due_at", postgresql_where="state = 'pending'"),
    )


Handler = Callable[[AsyncSession, Event, datetime], Awaitable[None]]


@dataclass(frozen=True)
class Listener:
    """A handler and the kind of news it hears."""

    name: str
    kind: str
    handle: Handler


LISTENERS: dict[str, Listener] = {}


def hears(kind: str) -> Callable[[Handler], Handler]:
    """Register a reaction to events of `kind`. The handler gets its own transaction."""

    def register(handle: Handler) -> Handler:
        name = f"{handle.__module__.split('.')[-2]}.{handle.__name__}"
        LISTENERS[name] = Listener(name, kind, handle)
        return handle

    return register


def jobs_for(event: Event, *, now: datetime) -> list[Job]:
    """The job rows an event needs: one for each listener of its kind."""
    return [
        Job(event_id=event.id, listener=listener.name, due_at=now)
        for listener in LISTENERS.values()
        if listener.kind == event.kind
    ]


async def _lease(engine: AsyncEngine, limit: int) -> list[tuple[UUID, UUID, str]]:
    async with AsyncSession(engine) as session, session.begin():
        now = (await session.execute(select(func.now()))).scalar_one()
        free = or_(Job.leased_until.is_(None), Job.leased_until < now)
        picked = (
            select(Job.id)
            .where(Job.state == JobState.PENDING, Job.due_at <= now, free)
            .order_by(Job.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = await session.execute(
            update(Job)
            .where(Job.id.in_(picked))
            .values(leased_until=now + LEASE, attempts=Job.attempts + 1)
            .returning(Job.id, Job.event_id, Job.listener)
        )
        return [(row.id, row.event_id, row.listener) for row in rows]


async def _run(engine: AsyncEngine, job_id: UUID, event_id: UUID, listener: str) -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        try:
            async with session.begin():
                now = (await session.execute(select(func.now()))).scalar_one()
                event = await session.get_one(Event, event_id)
                await LISTENERS[listener].handle(session, event, now)
                await session.execute(
                    update(Job).where(Job.id == job_id).values(state=JobState.DONE, leased_until=None)
                )
        except Exception as error:
            log.exception("job %s of %s failed", job_id, listener)
            await _postpone(engine, job_id, type(error).__name__)


async def _postpone(engine: AsyncEngine, job_id: UUID, error: str) -> None:
    async with AsyncSession(engine) as session, session.begin():
        job = await session.get_one(Job, job_id)
        now = (await session.execute(select(func.now()))).scalar_one()
        job.last_error = error
        job.leased_until = None
        job.due_at = now + timedelta(seconds=min(2**job.attempts, 3600))
        if job.attempts >= MAX_ATTEMPTS:
            job.state = JobState.DEAD


async def run_due(engine: AsyncEngine, *, limit: int = 50) -> int:
    """Lease and run what is due, oldest first; how many jobs were taken."""
    jobs = await _lease(engine, limit)
    for job_id, event_id, listener in jobs:
        await _run(engine, job_id, event_id, listener)
    return len(jobs)
