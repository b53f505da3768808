"""The courier: turns news into deliveries and carries them, many endpoints side by side."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.crypto import SealError
from nexus.exchange.webhooks.deliveries import operations, rules
from nexus.exchange.webhooks.deliveries.operations import Batch, Lease, Outcome, Parcel
from nexus.exchange.webhooks.rules import Mailroom, signed_headers
from nexus.integrations.http_out import Answer, Poster

log = logging.getLogger(__name__)

SLOTS = 32
"""Endpoints served at once."""
FAILING_SLOTS = 8
"""Of these, at most so many whose last attempt failed."""
PARALLEL = 8
"""Posts to one endpoint at once, each about another object."""
TURN_SECONDS = 5.0
"""After this an endpoint goes to the end of the queue."""
CONNECTIONS = 3
IDLE_SECONDS = 0.5


class Courier:
    """Carries deliveries over `poster`. Any number may work beside each other on one database.

    `clock` tells the time that leases, pauses and signatures go by.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        poster: Poster,
        mailroom: Mailroom,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.engine = engine
        self.poster = poster
        self.mailroom = mailroom
        self.clock = clock
        self.chance = chance
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self._turns: dict[UUID, tuple[bool, asyncio.Task[None]]] = {}

    async def run(self) -> None:
        """Carry until cancelled."""
        try:
            while True:
                try:
                    busy = await self.step()
                except Exception:
                    log.exception("the courier goes on after a failure")
                    busy = False
                if not busy:
                    await asyncio.sleep(IDLE_SECONDS)
        finally:
            for _, task in self._turns.values():
                task.cancel()

    async def run_until_idle(self) -> None:
        """Carry all that is due by the clock now."""
        while await self.step() or self._turns:
            if self._turns:
                tasks = [task for _, task in self._turns.values()]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    async def step(self) -> bool:
        """Turn news into deliveries and start turns; whether there was anything to do."""
        async with self._session() as session:
            moved = await operations.fan_out(session, self.clock())
        return bool(moved) | await self._start_turns()

    async def _start_turns(self) -> bool:
        self._turns = {key: turn for key, turn in self._turns.items() if not turn[1].done()}
        failing = sum(1 for slow, _ in self._turns.values() if slow)
        besides, free = list(self._turns), SLOTS - len(self._turns)
        started = 0
        for slow in (False, True):
            limit = min(free - started, FAILING_SLOTS - failing) if slow else free
            async with self._session() as session:
                leases = await operations.lease(
                    session, self.clock(), limit=limit, failing=slow, besides=besides
                )
            for lease in leases:
                task = asyncio.create_task(self._turn(lease))
                self._turns[lease.endpoint_id] = (slow, task)
            started += len(leases)
        return started > 0

    async def _turn(self, lease: Lease) -> None:
        """Send to one endpoint, batch after batch, until nothing is due or its time is over."""
        ends = time.monotonic() + TURN_SECONDS
        try:
            while await self._batch(lease) and time.monotonic() < ends:
                pass
            async with self._session() as session:
                await operations.release(session, lease, self.clock())
        except Exception as error:
            # The lease runs out by itself. The message may quote a row.
            log.error("a turn of endpoint %s failed: %s", lease.endpoint_id, type(error).__name__)

    async def _batch(self, lease: Lease) -> bool:
        """One round: take, send, settle; whether to go on."""
        async with self._session() as session:
            batch = await operations.take_batch(session, lease, self.clock(), size=PARALLEL)
        if batch is None or not (batch.parcels or batch.withheld):
            return False
        keys = self._keys(lease, batch)
        outcomes = await asyncio.gather(
            *(self._send(batch.url, parcel, keys) for parcel in batch.parcels)
        )
        async with self._session() as session:
            return await operations.settle(
                session, lease, self.clock(), outcomes, batch.withheld, self.chance()
            )

    def _keys(self, lease: Lease, batch: Batch) -> list[bytes]:
        """The live secrets in clear; none when one cannot be opened: nothing is sent then."""
        try:
            return [self.mailroom.open(c, lease.endpoint_id, key) for key, c in batch.sealed]
        except SealError:
            log.error("a secret of endpoint %s cannot be opened", lease.endpoint_id)
            return []

    async def _send(self, url: str, parcel: Parcel, keys: list[bytes]) -> Outcome:
        if not keys:
            return Outcome(parcel, None, "NO_SECRET", 0, accepted=False)
        message_id = rules.message_id(parcel.delivery_id)
        headers = signed_headers(keys, message_id, int(self.clock().timestamp()), parcel.body)
        try:
            answer = await self.poster.post(url, parcel.body, headers)
        except Exception as error:
            log.error("a post failed: %s", type(error).__name__)
            answer = Answer(None, "FAILED", 0)
        return Outcome(
            parcel,
            answer.status,
            answer.error,
            answer.duration_ms,
            answer.accepted,
            answer.retry_after,
        )

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        """A transaction of the courier's own. It never holds more than a few connections."""
        async with self._connections:
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                async with session.begin():
                    yield session
