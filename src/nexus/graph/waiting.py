"""How long a request waits for connections, all its waits together, before it is turned away."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from time import monotonic

from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from nexus.graph.errors import RequestCode, RequestError

WAIT_SECONDS = 2.0
AT_ONCE = 40
"""Requests of a process that are worked on at a time: some more than there are connections."""
_left: ContextVar[float | None] = ContextVar("left", default=None)


@contextmanager
def patience() -> Iterator[None]:
    """One request: inside, all waits together are no longer than one wait outside may be."""
    before = _left.set(WAIT_SECONDS)
    try:
        yield
    finally:
        _left.reset(before)


@asynccontextmanager
async def waiting() -> AsyncIterator[None]:
    """A wait for a connection. RequestError 503 when it has been long enough."""
    began, left = monotonic(), _left.get()
    try:
        async with asyncio.timeout(WAIT_SECONDS if left is None else left):
            yield
    except (TimeoutError, PoolTimeout):
        raise unavailable("Too many requests are at work.") from None
    finally:
        if left is not None:
            _left.set(max(0.0, left - (monotonic() - began)))


class Gate:
    """Lets so many requests work at a time, in the order they came.

    A burst of requests is then worked off in small parts, and whoever need not pass the gate, as
    health, gets between them. Who reads a body must not stand in it.
    """

    def __init__(self, most: int = AT_ONCE) -> None:
        self._free = most
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._free > 0 and not self._queue:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with waiting():
                await turn
        except BaseException:
            if not turn.cancelled() and turn.done():
                # It was let in at the very moment that it gave up.
                self._let_in()
            turn.cancel()
            raise

    async def __aexit__(self, *error: object) -> None:
        self._let_in()

    def _let_in(self) -> None:
        """The one who leaves hands the place to who has waited longest."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


async def connected(session: AsyncSession) -> None:
    """Have the session take its connection in time."""
    async with waiting():
        await session.connection()


@asynccontextmanager
async def connection_of(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that comes in time."""
    async with waiting():
        connection = await engine.connect()
    try:
        yield connection
    finally:
        await connection.close()


def unavailable(message: str) -> RequestError:
    """503: try again in a moment."""
    message = f"{message} Try again in a moment."
    return RequestError(503, RequestCode.UNAVAILABLE, message, {"Retry-After": "1"})
