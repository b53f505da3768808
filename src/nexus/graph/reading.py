"""The read path's connections: a statement's parameters in, finished JSON out."""

import asyncio
from time import monotonic
from typing import Any

import asyncpg

from nexus.graph.courses import Course
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.waiting import unavailable, waiting

STATEMENT_SECONDS = 5.0
SPARE = 2
"""Connections that requests do not keep at hand."""
KEPT_STATEMENTS = 256
"""Prepared statements of a connection; each holds a plan in its backend's memory."""

OWN_PLANS = "SET plan_cache_mode = force_custom_plan"
COMMON_PLANS = "SET plan_cache_mode = auto"

ATTEMPTS = 4
"""Of a read whose connection breaks: after a restart of the database several may be broken."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    OSError,
)
"""The connection is gone; a read may be tried on another."""
BAD_VALUES = (asyncpg.DataError, UnicodeEncodeError, OverflowError)


class Lanes(asyncpg.Pool):
    """A pool that keeps connections at hand between requests.

    Taking one from the pool and giving it back costs as much as a small statement: a proxy, a
    shielded task, the timers of both. A few stay with the pool, for those who use it as such.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._at_hand: dict[bool, list[Any]] = {False: [], True: []}
        """By whether they make a plan for every run."""
        self._kept = max(0, options["max_size"] - SPARE)
        self._waiting = 0

    async def borrow(self, own_plan: bool = False) -> Any:
        """A connection whose statements run on the common plan or on one of their own.

        RequestError 503 when none is free in time.
        """
        connection = await self._take(own_plan)
        if connection is not None:
            return connection
        connection = await self._take(not own_plan)
        if connection is None:
            connection = await self._acquire_in_time()
            if not own_plan:
                return connection
        await self._change_over(connection, own_plan)
        return connection

    async def _change_over(self, connection: Any, own_plan: bool) -> None:
        changed = False
        try:
            await connection.execute(OWN_PLANS if own_plan else COMMON_PLANS)
            changed = True
        finally:
            if not changed:
                await self._discard(connection)

    async def _discard(self, connection: Any) -> None:
        if _is_open(connection):
            connection.terminate()
        await self.release(connection)

    async def _take(self, own_plan: bool) -> Any:
        while self._at_hand[own_plan]:
            connection = self._at_hand[own_plan].pop()
            if _is_open(connection):
                return connection
            await self.release(connection)
        return None

    async def _acquire_in_time(self) -> Any:
        self._waiting += 1
        try:
            async with waiting():
                return await self.acquire()
        finally:
            self._waiting -= 1

    async def give_back(
        self, connection: Any, own_plan: bool = False, *, sound: bool = True
    ) -> None:
        """Keep it at hand, unless somebody waits for it or its statement did not end well."""
        kept = len(self._at_hand[True]) + len(self._at_hand[False])
        if sound and not self._waiting and kept < self._kept:
            self._at_hand[own_plan].append(connection)
            return
        if own_plan and not sound:
            await self._discard(connection)
            return
        if own_plan:
            await self._change_over(connection, False)
        await self.release(connection)

    async def doubt(self) -> None:
        """One connection broke: give up those at hand, for a restart breaks them all."""
        for connection in self._all_at_hand():
            await self._discard(connection)
        # Whatever else broke is noticed when the loop has read it.
        await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Close every connection, when those that are out have come back."""
        self._kept = 0
        for connection in self._all_at_hand():
            await self.release(connection)
        await super().close()

    def _all_at_hand(self) -> list[Any]:
        found = self._at_hand[True] + self._at_hand[False]
        self._at_hand = {False: [], True: []}
        return found


def _is_open(connection: Any) -> bool:
    """Whether it can be used; one whose server is gone has left the pool by itself."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False


class Reader:
    """Runs compiled statements on a pool."""

    def __init__(self, pool: Lanes) -> None:
        self.pool = pool

    async def fetch(self, sql: str, parameters: list[Any], course: Course | None = None) -> bytes:
        """The statement's JSON. RequestError: 503 without a connection or in time, 422 for a
        value that no column could hold."""
        for _ in range(ATTEMPTS):
            try:
                return await self._guarded(sql, parameters, course or Course())
            except LOST:
                await self.pool.doubt()
        raise unavailable("The database cannot be reached.")

    async def _guarded(self, sql: str, parameters: list[Any], course: Course) -> bytes:
        try:
            return await self._fetch(sql, parameters, course)
        except asyncpg.QueryCanceledError:
            message = "This took too long to read: narrow the filter or ask for a smaller page."
            raise RequestError(503, RequestCode.TIMEOUT, message, {"Retry-After": "1"}) from None
        except BAD_VALUES:
            message = "A value holds something that cannot be stored or searched, such as U+0000."
            raise RequestError(422, RequestCode.BAD_VALUE, message) from None

    async def _fetch(self, sql: str, parameters: list[Any], course: Course) -> bytes:
        own_plan = course.begin()
        connection = await self.pool.borrow(own_plan)
        sound = False
        started = monotonic()
        try:
            found = await connection.fetchval(sql, *parameters)
            sound = True
        except LOST:
            if _is_open(connection):
                connection.terminate()
            raise
        finally:
            course.end(own_plan, monotonic() - started)
            await self.pool.give_back(connection, own_plan, sound=sound)
        return found if found is not None else b"null"


async def make_pool(
    url: str, *, size: int = 10, seconds: float = STATEMENT_SECONDS, **options: Any
) -> Lanes:
    """The read path's pool: named prepared statements, no reset query, `seconds` a statement.

    `options` are asyncpg.create_pool's.
    """

    init = options.pop("init", None)

    async def no_reset(connection: Any) -> None:
        return None

    async def introduce(connection: Any) -> None:
        # The driver asks once a connection what an array of UUIDs is: not in a caller's time.
        await connection.fetchval("SELECT $1::uuid[]", [])
        if init is not None:
            await init(connection)

    lanes = Lanes(
        url,
        min_size=1,
        max_size=size,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        reset=no_reset,
        init=introduce,
        statement_cache_size=KEPT_STATEMENTS,
        max_cacheable_statement_size=0,
        server_settings={
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": str(int(seconds * 1000)),
            "default_transaction_read_only": "on",
        },
        **options,
    )
    await lanes
    return lanes
