"""The door of downloads: GET /exports/{id} with the signature that the export's `url` holds.

What fails before the first byte is told with a status; what fails later cuts the connection, so
that no reader takes a part for the whole.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.rules import allows
from nexus.acting import SHANGHAI
from nexus.core.refusals import Refusal
from nexus.core.signing import Signer
from nexus.exchange.answering import Receive, Scope, Send, answer_error, id_in, refuse_method
from nexus.exchange.exports import model, operations, rules
from nexus.exchange.exports.queries import Exporter
from nexus.exchange.exports.reactions import Download
from nexus.graph.errors import RequestCode, RequestError, masked
from nexus.graph.quotas import address_of

AT_ONCE = 4
"""Downloads of one process; each holds at most a chunk of rows."""
AT_ONCE_EACH = 2
GZIP_WINDOW = 16 + zlib.MAX_WBITS
GZIP_LEVEL = 5


class ExportDoor:
    """An ASGI application."""

    def __init__(
        self,
        engine: AsyncEngine,
        exporter: Exporter,
        signer: Signer,
        clock: Callable[[], datetime],
    ) -> None:
        self.engine, self.exporter, self.signer, self.clock = engine, exporter, signer, clock
        self._under_way: Counter[UUID] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await refuse_method(send, "GET")
            return
        try:
            download = await self._admitted(scope)
        except Exception as error:
            await answer_error(send, error)
            return
        account_id = download.export.account_id
        self._under_way[account_id] += 1
        try:
            await self._serve(download, scope, receive, send)
        finally:
            self._under_way[account_id] -= 1

    async def _admitted(self, scope: Scope) -> Download:
        now = self.clock()
        path = scope["path"]
        account_id = self.signer.check("GET", path, scope["query_string"], now)
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            export = await operations.find_export(session, id_in(path), account_id, now)
        if self._under_way.total() >= AT_ONCE or self._under_way[account_id] >= AT_ONCE_EACH:
            message = "Too many downloads are under way: try again when one has ended."
            headers = {"Retry-After": "5"}
            raise RequestError(429, RequestCode.TOO_MANY_AT_ONCE, message, headers)
        return Download(self.engine, self.exporter, export, self.clock)

    async def _serve(self, download: Download, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            actor = await download.actor()
            if actor.grant and not allows(actor.grant.networks, address_of(scope)):
                message = "This client may not come from this address."
                raise RequestError(403, RequestCode.ADDRESS_NOT_ALLOWED, message)
            expected = await download.begin()
        except Exception as error:
            await answer_error(send, error)
            return
        gone = asyncio.create_task(_disconnected(receive))
        failure: str | None = "INTERRUPTED"
        try:
            await self._stream(download, scope, send, gone, expected)
            failure = None
        except _GoneError:
            pass
        except (Refusal, RequestError) as error:
            failure = error.code
        except Exception as error:
            failure = RequestCode.INTERNAL.value
            masked(error)
        finally:
            gone.cancel()
            await asyncio.shield(download.end(failure))

    async def _stream(
        self,
        download: Download,
        scope: Scope,
        send: Send,
        gone: "asyncio.Task[None]",
        expected: int,
    ) -> None:
        packing = _accepts_gzip(scope)
        packer = zlib.compressobj(GZIP_LEVEL, wbits=GZIP_WINDOW) if packing else None
        headers = _headers(download.export, self.clock(), expected, packing=packing)
        await _sent(send, gone, type="http.response.start", status=200, headers=headers)
        async for piece in download.pieces():
            if packer is not None:
                # What stays in the packer would go out later than it may.
                piece = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
            await _sent(send, gone, type="http.response.body", body=piece, more_body=True)
        rest = packer.flush() if packer else b""
        await _sent(send, gone, type="http.response.body", body=rest)


class _GoneError(Exception):
    """Nobody reads any more."""


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _sent(send: Send, gone: "asyncio.Task[None]", **message: object) -> None:
    """Send, unless the reader has gone or takes nothing."""
    if gone.done():
        raise _GoneError
    try:
        async with asyncio.timeout(rules.STALLED_SECONDS):
            await send(message)
    except TimeoutError:
        raise _GoneError from None
    if gone.done():
        raise _GoneError


def _accepts_gzip(scope: Scope) -> bool:
    accepted = dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1").lower()
    for part in accepted.split(","):
        name, _, parameters = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _headers(
    export: model.Export, now: datetime, expected: int, *, packing: bool
) -> list[tuple[bytes, bytes]]:
    day = now.astimezone(SHANGHAI).date().isoformat()
    name = rules.file_name(export.dataset, export.format, day)
    found = [
        (b"content-type", rules.MEDIA_TYPES[export.format].encode()),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept-encoding"),
        (b"x-content-type-options", b"nosniff"),
        (b"nexus-rows-expected", str(expected).encode()),
    ]
    return [*found, (b"content-encoding", b"gzip")] if packing else found
