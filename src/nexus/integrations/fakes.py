"""Fakes of the foreign systems, for tests and for trying things out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from nexus.integrations.http_out import Answer


@dataclass(frozen=True)
class Posted:
    """One post as the other side saw it."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass
class FakePoster:
    """Keeps what is posted and answers by a function: a status, or None for a refused connection.

    Or a whole Answer, where its body counts.

    `seconds` is how long an answer takes, by URL.
    """

    reply: Callable[[Posted], int | Answer | Awaitable[int | None] | None] = lambda posted: 204
    seconds: Mapping[str, float] = field(default_factory=dict)
    posts: list[Posted] = field(default_factory=list)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Keep it, and answer."""
        posted = Posted(url, body, dict(headers))
        self.posts.append(posted)
        await asyncio.sleep(self.seconds.get(url, 0))
        status = self.reply(posted)
        if isinstance(status, Answer):
            return status
        if not isinstance(status, int | None):
            status = await status
        return Answer(status, None if status is not None else "CONNECT", 1)
