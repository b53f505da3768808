"""The door of papers: GET /printouts/{id} with the signature that its `url` holds."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.queries import acting_again
from nexus.acting import Act
from nexus.casework.visits.pictures.rules import Album
from nexus.core.refusals import NotFound
from nexus.core.signing import LinkRefused, Signer
from nexus.core.typesetting import fonts_in
from nexus.exchange.answering import (
    Receive,
    Scope,
    Send,
    answer_bytes,
    answer_error,
    id_in,
    refuse_method,
)
from nexus.exchange.printouts import operations, printing, queries

PATH = "/printouts/{id}"
AT_ONCE = 2
"""Pages typeset at once in a process; each takes a fifth of a second of a core."""


class PrintoutDoor:
    """An ASGI application. `fonts` None: the system's."""

    def __init__(
        self,
        engine: AsyncEngine,
        album: Album,
        signer: Signer,
        clock: Callable[[], datetime],
        *,
        fonts: Path | None,
    ) -> None:
        self.engine, self.album, self.signer, self.clock = engine, album, signer, clock
        self.fonts = fonts
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await refuse_method(send, "GET")
            return
        try:
            told, now = await self._told(scope)
            fonts = fonts_in(self.fonts)
            async with self._turn:
                content = await asyncio.to_thread(printing.as_pdf, told, fonts=fonts, made_at=now)
        except Exception as error:
            await answer_error(send, error)
            return
        name = {"content-disposition": f'inline; filename="{told["no"]}.pdf"'}
        await answer_bytes(send, 200, content, "application/pdf", name)

    async def _told(self, scope: Scope) -> tuple[dict[str, Any], datetime]:
        now, path = self.clock(), scope["path"]
        account_id = self.signer.check("GET", path, scope["query_string"], now)
        async with AsyncSession(self.engine) as session:
            act = Act(session, await acting_again(session, account_id, None, now))
            row = await operations.find_printout(act, id_in(path))
            try:
                return await queries.told(act, row, self.album), now
            except NotFound:
                raise LinkRefused("You see this no more: there is nothing to print.") from None
