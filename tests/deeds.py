"""Operations run as somebody, each in its own transaction, without the web around them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, text, union_all, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.accounts.queries import area_prefix
from nexus.acting import NOBODY, Act, Actor, Role
from nexus.core.outbox import Event, Job, JobState, run_due
from nexus.recipients.attestations.rules import session_info as attestor_info
from nexus.recipients.vault.rules import session_info
from tests.making import now

VAULT_KEY = bytes(range(32))


def actor_of(account: Account, at: datetime | None = None) -> Actor:
    """The account as an actor, now or at another moment."""
    return Actor(
        role=Role(account.role),
        account_id=account.id,
        organization_id=account.organization_id or NOBODY,
        area_prefix=area_prefix(account.area_code),
        now=at or now(),
    )


@asynccontextmanager
async def acting(engine: AsyncEngine, actor: Account | Actor) -> AsyncIterator[Act]:
    """One transaction of the actor; committed at the end, rolled back by a refusal."""
    who = actor if isinstance(actor, Actor) else actor_of(actor)
    info = session_info(VAULT_KEY) | attestor_info(VAULT_KEY)
    async with AsyncSession(engine, expire_on_commit=False, info=info) as session:
        async with session.begin():
            yield Act(session, who)


async def reread(engine: AsyncEngine, row: Any) -> Any:
    """The row as it stands in the database now."""
    async with AsyncSession(engine) as session:
        return await session.get_one(type(row), row.id)


async def events_of(engine: AsyncEngine, row: Any) -> list[str]:
    """The kinds of news about the row, oldest first."""
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Event.kind).where(Event.object_id == row.id).order_by(Event.position)
        )
        return list(found)


async def hear_all(engine: AsyncEngine) -> None:
    """Deliver all news, also what a clock told at a moment that is still to come."""
    while True:
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(
                update(Job).where(Job.state == JobState.PENDING).values(due_at=func.now())
            )
        if not await run_due(engine):
            return


async def count_of(engine: AsyncEngine, model: Any) -> int:
    """How many rows the table has."""
    async with AsyncSession(engine) as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


def every_check(checks: Mapping[str, Select[Any]]) -> Select[Any]:
    """All of these checks of `nexus verify` as one statement."""
    parts = []
    for name, check in checks.items():
        found = check.subquery()
        parts.append(select(found.c.id, found.c.what, text(f"'{name}'")))
    return select(text("*")).select_from(union_all(*parts).subquery())
