"""The door of uploads: PUT /uploads/{id} with the signature that the upload's `url` holds."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.queries import acting_again
from nexus.accounts.clients.rules import allows
from nexus.core.signing import Signer
from nexus.exchange.answering import (
    HungUpError,
    Receive,
    Scope,
    Send,
    answer,
    answer_error,
    id_in,
    pieces,
    refuse_method,
)
from nexus.exchange.uploads import operations, rules
from nexus.exchange.uploads.operations import Reception
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.quotas import address_of

AT_ONCE = 4


class UploadDoor:
    """An ASGI application."""

    def __init__(
        self,
        engine: AsyncEngine,
        chest: rules.Chest,
        signer: Signer,
        clock: Callable[[], datetime],
    ) -> None:
        self.engine, self.chest, self.signer, self.clock = engine, chest, signer, clock
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "PUT":
            await refuse_method(send, "PUT")
            return
        self._under_way += 1
        try:
            size, sha256 = await self._take(scope, receive)
        except HungUpError:
            return
        except Exception as error:
            await answer_error(send, error)
        else:
            await answer(send, 200, {"bytes": size, "sha256": sha256})
        finally:
            self._under_way -= 1

    async def _take(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        now = self.clock()
        account_id = self.signer.check("PUT", scope["path"], scope["query_string"], now)
        if self._under_way > AT_ONCE:
            message = "Too many files are coming in: try again in a moment."
            headers = {"Retry-After": "5"}
            raise RequestError(429, RequestCode.TOO_MANY_AT_ONCE, message, headers)
        await self._check_sender(scope, account_id, now)
        headers_ = dict(scope["headers"])
        _check_length(headers_.get(b"content-length", b"0"))
        reception = await operations.receive(
            self.engine, self.chest, id_in(scope["path"]), account_id, now
        )
        try:
            _check_type(headers_, reception.upload.content_type)
            return await self._write(reception, receive)
        except BaseException:
            await asyncio.shield(reception.interrupt(self.clock()))
            raise

    async def _check_sender(self, scope: Scope, account_id: UUID, now: datetime) -> None:
        async with AsyncSession(self.engine) as session:
            actor = await acting_again(session, account_id, None, now)
        if actor.grant and not allows(actor.grant.networks, address_of(scope)):
            message = "This client may not come from this address."
            raise RequestError(403, RequestCode.ADDRESS_NOT_ALLOWED, message)

    async def _write(self, reception: Reception, receive: Receive) -> tuple[int, str]:
        digest, size, waiting = hashlib.sha256(), 0, bytearray()
        async for piece in pieces(receive):
            size += len(piece)
            if size > rules.MAX_BYTES:
                raise _too_large()
            digest.update(piece)
            waiting += piece
            while len(waiting) >= rules.CHUNK_BYTES:
                await reception.take(bytes(waiting[: rules.CHUNK_BYTES]), self.clock())
                del waiting[: rules.CHUNK_BYTES]
        if not size:
            raise RequestError(400, RequestCode.BAD_VALUE, "The file is empty.")
        if waiting:
            await reception.take(bytes(waiting), self.clock())
        await reception.complete(size, digest.hexdigest(), self.clock())
        return size, digest.hexdigest()


def _check_length(declared: bytes) -> None:
    if declared.isdigit() and int(declared[:20]) > rules.MAX_BYTES:
        raise _too_large()


def _check_type(headers: dict[bytes, bytes], wanted: str) -> None:
    given = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    packed = headers.get(b"content-encoding", b"identity").lower() != b"identity"
    if given != wanted or packed:
        message = f"Send this file as Content-Type: {wanted}, not compressed."
        raise RequestError(415, RequestCode.UNSUPPORTED_MEDIA_TYPE, message)


def _too_large() -> RequestError:
    message = f"A file has at most {rules.MAX_BYTES} bytes: split it."
    return RequestError(413, RequestCode.BODY_TOO_LARGE, message, {"Connection": "close"})
