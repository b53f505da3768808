"""The doors of files: what is downloaded and uploaded beside the graph, at signed addresses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.casework.visits.pictures.rules import Album
from nexus.core import signing
from nexus.exchange.answering import Receive, Scope, Send
from nexus.exchange.exports.http import AT_ONCE, ExportDoor
from nexus.exchange.exports.queries import Exporter
from nexus.exchange.importing.requests.http import ProblemsDoor
from nexus.exchange.pictures.http import PATH as PICTURES
from nexus.exchange.pictures.http import PictureDoor
from nexus.exchange.printouts.http import PATH as PRINTOUTS
from nexus.exchange.printouts.http import PrintoutDoor
from nexus.exchange.uploads import rules as uploads
from nexus.exchange.uploads.http import UploadDoor
from nexus.graph.execution import Executor, make_pool, utcnow
from nexus.graph.reading import SPARE

CHUNK_SECONDS = 30.0
"""What one chunk of an export may take: it is no page that somebody waits for."""
PATHS = ("/exports/{id}", "/uploads/{id}", "/imports/{id}/problems", PICTURES, PRINTOUTS)


class FileDoors:
    """An ASGI application over the paths."""

    def __init__(
        self,
        exports: ExportDoor,
        uploads: UploadDoor,
        imports: ProblemsDoor,
        pictures: PictureDoor,
        printouts: PrintoutDoor,
    ) -> None:
        self.exports, self.uploads, self.imports = exports, uploads, imports
        self.pictures, self.printouts = pictures, printouts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["path"].split("/")[1]:
            case "exports":
                await self.exports(scope, receive, send)
            case "uploads":
                await self.uploads(scope, receive, send)
            case "pictures":
                await self.pictures(scope, receive, send)
            case "printouts":
                await self.printouts(scope, receive, send)
            case _:
                await self.imports(scope, receive, send)


def session_info(root: bytes) -> dict[str, Any]:
    """What sessions carry so that operations can give out addresses and open files."""
    return signing.session_info(root) | uploads.session_info(root)


@asynccontextmanager
async def file_doors(
    engine: AsyncEngine, executor: Executor, url: str, root: bytes, fonts: Path | None
) -> AsyncIterator[FileDoors]:
    """The doors of one server process. Exports read on connections of their own.

    `fonts` is the folder that papers are set from; None: the system's.
    """
    pool = await make_pool(url, size=AT_ONCE + SPARE, seconds=CHUNK_SECONDS)
    signer, album = signing.Signer(root), Album(root)
    try:
        yield FileDoors(
            ExportDoor(engine, Exporter(executor, pool), signer, utcnow),
            UploadDoor(engine, uploads.Chest(root), signer, utcnow),
            ProblemsDoor(engine, signer, utcnow, uploads.Chest(root)),
            PictureDoor(engine, album, signer, utcnow),
            PrintoutDoor(engine, album, signer, utcnow, fonts=fonts),
        )
    finally:
        await pool.close()
