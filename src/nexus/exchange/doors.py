"""The doors of files: what is downloaded and uploaded beside the graph, at signed addresses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.core.signing import Signer
from nexus.exchange.answering import Receive, Scope, Send
from nexus.exchange.exports.http import AT_ONCE, ExportDoor
from nexus.exchange.exports.queries import Exporter
from nexus.graph.execution import Executor, make_pool, utcnow
from nexus.graph.reading import SPARE

CHUNK_SECONDS = 30.0
"""What one chunk of an export may take: it is no page that somebody waits for."""
PATHS = ("/exports/{id}",)


class FileDoors:
    """An ASGI application over the paths."""

    def __init__(self, exports: ExportDoor) -> None:
        self.doors = {"exports": exports}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.doors[scope["path"].split("/")[1]](scope, receive, send)


@asynccontextmanager
async def file_doors(
    engine: AsyncEngine, executor: Executor, url: str, root: bytes
) -> AsyncIterator[FileDoors]:
    """The doors of one server process. Exports read on connections of their own."""
    pool = await make_pool(url, size=AT_ONCE + SPARE, seconds=CHUNK_SECONDS)
    exports = ExportDoor(engine, Exporter(executor, pool), Signer(root), utcnow)
    try:
        yield FileDoors(exports)
    finally:
        await pool.close()
