"""Deeds' transactions, on connections that stay at hand between them.

A session that takes its connection from the pool, begins, commits and gives it back spends more
time on that than PostgreSQL on the deed. Here the transaction is begun by the first statement and
ended on the driver; the session takes part as soon as the deed uses it, and not before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from nexus.core.prepared import end, lend, lent
from nexus.graph.waiting import waiting

T = TypeVar("T")


class Transactions:
    """The transactions of one engine. `info` is what deeds find in `session.info`."""

    def __init__(self, engine: AsyncEngine, info: Mapping[str, Any]) -> None:
        self.engine = engine
        self.info = info
        self._at_hand: list[AsyncConnection] = []
        self._most: int | None = None

    async def run(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """The work's answer, committed; whatever it raises, with nothing done."""
        connection = await self._take()
        session = AsyncSession(connection, expire_on_commit=False, info=self.info)
        sound = False
        try:
            lend(session, connection)
            answer = await self._committed(session, work)
            sound = True
            return answer
        except Exception:
            sound = await _undone(session)
            raise
        finally:
            sound = sound and not connection.invalidated
            if sound and len(self._at_hand) < self._room():
                self._at_hand.append(connection)
            else:
                await asyncio.shield(_given_up(connection, sound))

    async def _committed(
        self, session: AsyncSession, work: Callable[[AsyncSession], Awaitable[T]]
    ) -> T:
        answer = await work(session)
        if session.in_transaction():
            await session.commit()
            await session.close()
        await end(session, commit=True)
        return answer

    async def _take(self) -> AsyncConnection:
        """RequestError 503 when none comes in time."""
        while self._at_hand:
            connection = self._at_hand.pop()
            if not lent(connection).is_closed():
                return connection
            await _given_up(connection, False)
        async with waiting():
            return await self.engine.connect()

    def _room(self) -> int:
        """How many may stay at hand: the pool keeps half for all others who use it."""
        if self._most is None:
            size = getattr(self.engine.pool, "size", int)
            self._most = int(size() // 2)
            event.listen(self.engine.sync_engine, "engine_disposed", self._forget)
        return self._most

    def _forget(self, engine: Any) -> None:
        """Whoever disposes of the engine closes these too."""
        while self._at_hand:
            plain = self._at_hand.pop().sync_connection
            if plain is not None and not plain.closed:
                plain.invalidate()
                plain.close()


async def _undone(session: AsyncSession) -> bool:
    """Whether the transaction could be rolled back."""
    try:
        if session.in_transaction():
            await session.rollback()
            await session.close()
        await end(session, commit=False)
    except Exception:
        return False
    return True


async def _given_up(connection: AsyncConnection, sound: bool) -> None:
    if not sound and not connection.closed:
        await connection.invalidate()
    await connection.close()
