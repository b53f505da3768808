"""The read path's connections: a statement's parameters in, finished JSON out."""

from typing import Any

import asyncpg

from nexus.graph.errors import RequestCode, RequestError

WAIT_SECONDS = 2.0
"""How long a request waits for a connection before it is turned away."""
STATEMENT_SECONDS = 5.0
KEPT_STATEMENTS = 256
"""Prepared statements of a connection; each holds a plan in its backend's memory."""

ATTEMPTS = 3
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


class Reader:
    """Runs compiled statements on a pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def fetch(self, sql: str, parameters: list[Any]) -> bytes:
        """The statement's JSON. RequestError: 503 without a connection or in time, 422 for a
        value that no column could hold."""
        for _ in range(ATTEMPTS):
            try:
                return await self._guarded(sql, parameters)
            except LOST:
                continue
        raise unavailable("The database cannot be reached.")

    async def _guarded(self, sql: str, parameters: list[Any]) -> bytes:
        try:
            return await self._fetch(sql, parameters)
        except asyncpg.QueryCanceledError:
            message = "This took too long to read: narrow the filter or ask for a smaller page."
            raise RequestError(503, RequestCode.TIMEOUT, message, {"Retry-After": "1"}) from None
        except BAD_VALUES:
            message = "A value holds something that cannot be stored or searched, such as U+0000."
            raise RequestError(422, RequestCode.BAD_VALUE, message) from None

    async def _fetch(self, sql: str, parameters: list[Any]) -> bytes:
        try:
            connection = await self.pool.acquire(timeout=WAIT_SECONDS)
        except TimeoutError:
            raise unavailable("Too many requests are at work.") from None
        try:
            found = await connection.fetchval(sql, *parameters)
        except LOST:
            connection.terminate()
            raise
        finally:
            await self.pool.release(connection)
        return bytes(found) if found is not None else b"null"


def unavailable(message: str) -> RequestError:
    """503: try again in a moment."""
    message = f"{message} Try again in a moment."
    return RequestError(503, RequestCode.UNAVAILABLE, message, {"Retry-After": "1"})


async def make_pool(
    url: str, *, size: int = 10, seconds: float = STATEMENT_SECONDS, **options: Any
) -> asyncpg.Pool:
    """The read path's pool: named prepared statements, no reset query, `seconds` a statement.

    `options` go to asyncpg.create_pool as they are.
    """

    async def no_reset(connection: Any) -> None:
        return None

    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        reset=no_reset,
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
