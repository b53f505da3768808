"""News: one event row for every change, one job row for each listener, in the same transaction.

Events are the append-only history (facts are ids, codes and numbers, never free text). A worker
leases one job, then runs its handler in a transaction that also marks it done, under the job's row
lock: no two workers run one job at once. What fails is tried again later and is dead after twelve
attempts; so is what kills its worker. What a handler does outside its transaction may happen twice.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    and_,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id, TransactionId

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""No handler runs longer; what a killed worker had leased is free again after it."""
MAX_ATTEMPTS = 12
LONGEST_PAUSE = timedelta(hours=1)


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
    xact: Mapped[int] = mapped_column(TransactionId(), server_default=text("pg_current_xact_id()"))
    """The transaction that wrote it, or that of the object's last event if that is later.

    Once every transaction up to it is over, no event comes before this one in (xact, position):
    the order to follow events in. A trigger keeps both, so that an object's events stand in the
    order in which they happened.
    """
    sequence: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    """Counts the events of the object, from 1."""

    __table_args__ = (
        Index("ix_event_object", "object_type", "object_id", "sequence"),
        Index("ix_event_feed", "xact", "position"),
    )


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

    __table_args__ = (Index("ix_job_due", "due_at", postgresql_where="state = 'pending'"),)


Handler = Callable[[AsyncSession, Event, datetime], Awaitable[None]]


@dataclass(frozen=True)
class Listener:
    """A handler and the kind of news it hears."""

    name: str
    kind: str
    handle: Handler


LISTENERS: dict[str, Listener] = {}


def hears(kind: str, name: str | None = None) -> Callable[[Handler], Handler]:
    """Register a reaction to events of `kind`. The handler gets its own transaction.

    Jobs know it by its name; who hears many kinds is told apart by `name`, dots as underscores.
    """

    def register(handle: Handler) -> Handler:
        own = (name or handle.__name__).replace(".", "_")
        whole = f"{handle.__module__.split('.')[-2]}.{own}"
        if whole in LISTENERS:
            raise ValueError(f"Two listeners are called {whole}; jobs know them by that name.")
        LISTENERS[whole] = Listener(whole, kind, handle)
        return handle

    return register


def jobs_for(event: Event, *, now: datetime) -> list[Job]:
    """The job rows an event needs: one for each listener of its kind."""
    return [
        Job(event_id=event.id, listener=listener.name, due_at=now)
        for listener in LISTENERS.values()
        if listener.kind == event.kind
    ]


@dataclass(frozen=True)
class _Lease:
    """One attempt at one job: it holds while the job counts no later attempt."""

    job_id: UUID
    attempt: int


async def _lease(engine: AsyncEngine) -> _Lease | None:
    """Count an attempt at the job that has been due for longest, and commit that."""
    async with AsyncSession(engine) as session, session.begin():
        now = (await session.execute(select(func.now()))).scalar_one()
        free = or_(Job.leased_until.is_(None), Job.leased_until < now)
        due = (
            select(Job)
            .where(Job.state == JobState.PENDING, Job.due_at <= now, free)
            .order_by(Job.due_at, Job.id)
            .with_for_update(skip_locked=True)
        )
        while job := await session.scalar(due.limit(1)):
            if job.attempts < MAX_ATTEMPTS:
                job.attempts += 1
                job.leased_until = now + LEASE
                return _Lease(job.id, job.attempts)
            # Its last attempt never came back: it took its worker with it.
            job.state, job.leased_until = JobState.DEAD, None
        return None


async def _run(engine: AsyncEngine, lease: _Lease) -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        try:
            async with asyncio.timeout(LEASE.total_seconds()), session.begin():
                job = await session.scalar(
                    select(Job).where(_held(lease)).with_for_update(skip_locked=True)
                )
                if job is None:
                    return
                now = (await session.execute(select(func.now()))).scalar_one()
                event = await session.get_one(Event, job.event_id)
                await LISTENERS[job.listener].handle(session, event, now)
                await session.execute(
                    update(Job).where(_held(lease)).values(state=JobState.DONE, leased_until=None)
                )
        except Exception as error:
            # Where and what kind, but not the message: it may quote a row.
            where = "".join(traceback.format_tb(error.__traceback__))
            name = type(error).__name__
            log.error("job %s failed with %s\n%s", lease.job_id, name, where)
            await _postpone(engine, lease, name)


async def _postpone(engine: AsyncEngine, lease: _Lease, error: str) -> None:
    """Try again after 2, 4, 8, … seconds; after the last attempt never."""
    pause = min(timedelta(seconds=2**lease.attempt), LONGEST_PAUSE)
    last = lease.attempt >= MAX_ATTEMPTS
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(
            update(Job)
            .where(_held(lease))
            .values(
                state=JobState.DEAD if last else JobState.PENDING,
                due_at=func.now() + pause,
                leased_until=None,
                last_error=error,
            )
        )


def _held(lease: _Lease) -> ColumnElement[bool]:
    return and_(
        Job.id == lease.job_id, Job.state == JobState.PENDING, Job.attempts == lease.attempt
    )


async def run_due(engine: AsyncEngine, *, limit: int = 50) -> int:
    """Run what is due, that which has waited longest first; how many attempts were made."""
    for taken in range(limit):
        lease = await _lease(engine)
        if lease is None:
            return taken
        await _run(engine, lease)
    return limit
