"""Acts of accounts in the tests of needs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import NOBODY, NOWHERE, Act, Actor
from nexus.core.outbox import Event
from nexus.needs.model import Need, NeedLine
from tests.making import now


def actor_of(account: Any, *, at: datetime | None = None) -> Actor:
    """The actor that signing in as the account makes."""
    area = account.area_code
    prefix = NOWHERE if area is None else "" if area == "CN" else area
    return Actor(account.role, account.id, account.organization_id or NOBODY, prefix, at or now())


@asynccontextmanager
async def acting(
    engine: AsyncEngine, who: Any, *, at: datetime | None = None
) -> AsyncIterator[Act]:
    """An act in a transaction of its own; `who` is an account or an actor."""
    actor = who if isinstance(who, Actor) else actor_of(who, at=at)
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        yield Act(session, actor)


async def do(
    engine: AsyncEngine,
    who: Any,
    deed: Callable[..., Awaitable[Any]],
    *args: Any,
    at: datetime | None = None,
    **given: Any,
) -> Any:
    """Run the deed and commit; what it returns. A refusal rolls it back."""
    async with acting(engine, who, at=at) as act:
        return await deed(act, *args, **given)


async def snapshot(engine: AsyncEngine, need_id: Any) -> tuple[Any, ...]:
    """Everything stored of a need: the row, its lines, how many events. For 'nothing changed'."""
    async with AsyncSession(engine) as session:
        need = (await session.execute(select(Need.__table__).where(Need.id == need_id))).one()
        lines = (
            await session.execute(
                select(NeedLine.__table__)
                .where(NeedLine.need_id == need_id)
                .order_by(NeedLine.position)
            )
        ).all()
        events = (await session.execute(select(Event.id).where(Event.object_id == need_id))).all()
    return (tuple(need), tuple(map(tuple, lines)), len(events))
