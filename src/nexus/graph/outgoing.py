"""What waits to be sent on one connection: a bounded line. Who reads too slowly is dropped."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

MESSAGES = 100
BYTES = 1_000_000

Message = tuple[bytes, ...]
"""A message in parts: what is the same for all connections is held once."""


class Outgoing:
    """A line of messages and the one who sends them."""

    def __init__(self) -> None:
        self._line: deque[Message] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._last = False

    def put(self, *parts: bytes) -> bool:
        """Add a message; False when the line is full, and from then on."""
        if self._last:
            return False
        size = sum(map(len, parts))
        if self._line and (len(self._line) >= MESSAGES or self._bytes + size > BYTES):
            return False
        self._line.append(parts)
        self._bytes += size
        self._some.set()
        return True

    def finish(self, *, at_once: bool = False) -> None:
        """Nothing is added any more; with `at_once` what waits is forgotten."""
        self._last = True
        if at_once:
            self._line.clear()
        self._some.set()

    async def send_all(
        self,
        send: Callable[[bytes], Awaitable[None]],
        *,
        idle: float | None = None,
        idly: bytes = b"",
    ) -> None:
        """Send until finished; `idly` whenever there was nothing to send for `idle` seconds."""
        while True:
            while self._line:
                parts = self._line.popleft()
                self._bytes -= sum(map(len, parts))
                await send(b"".join(parts))
            if self._last:
                return
            self._some.clear()
            try:
                async with asyncio.timeout(idle):
                    await self._some.wait()
            except TimeoutError:
                await send(idly)
