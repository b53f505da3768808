"""The door of pictures. A picture is small: it is read whole, then kept or refused."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.queries import acting_again
from nexus.acting import Act
from nexus.casework.visits.pictures import operations, rules
from nexus.core.signing import Signer
from nexus.exchange.answering import (
    HungUpError,
    Receive,
    Scope,
    Send,
    answer,
    answer_bytes,
    answer_error,
    id_in,
    pieces,
    refuse_method,
)
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.identifiers import encode

PATH = "/pictures/{id}"
AT_ONCE = 16
"""Pictures that come in at once in a process: 16 MiB of them."""


class PictureDoor:
    """An ASGI application."""

    def __init__(
        self,
        engine: AsyncEngine,
        album: rules.Album,
        signer: Signer,
        clock: Callable[[], datetime],
    ) -> None:
        self.engine, self.album, self.signer, self.clock = engine, album, signer, clock
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "PUT"):
            await refuse_method(send, "GET or PUT")
            return
        try:
            if scope["method"] == "PUT":
                await answer(send, 200, await self._put(scope, receive))
            else:
                content, kind = await self._get(scope)
                # The picture is for one look of one person: nothing on the way keeps it.
                await answer_bytes(send, 200, content, kind, {"content-disposition": "inline"})
        except HungUpError:
            return
        except Exception as error:
            await answer_error(send, error)

    async def _put(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        now = self.clock()
        account_id = self.signer.check("PUT", scope["path"], scope["query_string"], now)
        picture_id = id_in(scope["path"])
        if self._under_way >= AT_ONCE:
            message = "Too many pictures are coming in: try again in a moment."
            headers = {"Retry-After": "3"}
            raise RequestError(429, RequestCode.TOO_MANY_AT_ONCE, message, headers)
        self._under_way += 1
        try:
            await self._check(scope, picture_id, account_id, now)
            content = await read_whole(receive, rules.MAX_BYTES)
            return await self._keep(picture_id, account_id, content)
        finally:
            self._under_way -= 1

    async def _check(self, scope: Scope, picture_id: UUID, account_id: UUID, now: datetime) -> None:
        """What can be said before the bytes come."""
        async with AsyncSession(self.engine) as session:
            act = Act(session, await acting_again(session, account_id, None, now))
            row = await operations.announced(act, picture_id)
        headers = dict(scope["headers"])
        given = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
        if given.strip().lower() != row.content_type or b"content-encoding" in headers:
            message = f"Send this picture as Content-Type: {row.content_type}, not compressed."
            raise RequestError(415, RequestCode.UNSUPPORTED_MEDIA_TYPE, message)
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > rules.MAX_BYTES:
            raise too_large(rules.MAX_BYTES)

    async def _keep(self, picture_id: UUID, account_id: UUID, content: bytes) -> dict[str, Any]:
        now = self.clock()
        async with AsyncSession(self.engine) as session, session.begin():
            act = Act(session, await acting_again(session, account_id, None, now))
            row = await operations.keep_picture(act, picture_id, self.album, content)
            return {
                "id": encode("VisitPicture", row.id),
                "bytes": row.bytes,
                "sha256": row.sha256,
                "version": row.version,
            }

    async def _get(self, scope: Scope) -> tuple[bytes, str]:
        now, path = self.clock(), scope["path"]
        account_id = self.signer.check("GET", path, scope["query_string"], now)
        async with AsyncSession(self.engine) as session:
            act = Act(session, await acting_again(session, account_id, None, now))
            row, content = await operations.look(act, id_in(path), self.album)
            return content, row.content_type


async def read_whole(receive: Receive, most: int) -> bytes:
    """The body. RequestError 413 when too much comes, and as `pieces`."""
    body = bytearray()
    async for piece in pieces(receive):
        body += piece
        if len(body) > most:
            raise too_large(most)
    return bytes(body)


def too_large(most: int) -> RequestError:
    """413."""
    message = f"A picture has at most {most} bytes: make it smaller."
    return RequestError(413, RequestCode.BODY_TOO_LARGE, message, {"Connection": "close"})
