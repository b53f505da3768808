"""What the doors of files share: plain ASGI, errors as JSON, the id at the end of a path."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from uuid import UUID

from sqlalchemy.exc import TimeoutError as PoolTimeout

from nexus.core.refusals import Refusal
from nexus.core.signing import LinkRefused
from nexus.graph.errors import RequestCode, RequestError, masked, told
from nexus.graph.http import Unauthorized
from nexus.graph.identifiers import as_uuid
from nexus.graph.waiting import unavailable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
WAIT_SECONDS = 30.0
"""How long a sender may send nothing."""


class HungUpError(Exception):
    """The sender hung up: nobody is there to answer."""


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes. RequestError 408 when nothing comes for long; HungUpError."""
    while True:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                message = await receive()
        except TimeoutError:
            text = f"Nothing came for {WAIT_SECONDS:.0f} seconds."
            raise RequestError(
                408, RequestCode.REQUEST_TIMEOUT, text, {"Connection": "close"}
            ) from None
        if message["type"] == "http.disconnect":
            raise HungUpError
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def id_in(path: str, place: int = 2) -> UUID:
    """The id that stands in this part of the path. LinkRefused."""
    parts = path.split("/")
    found = as_uuid(parts[place]) if len(parts) > place else None
    if found is None:
        raise LinkRefused("There is nothing at this address.")
    return found


async def answer(send: Send, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    """A JSON answer."""
    content = json.dumps(body, ensure_ascii=False).encode()
    await answer_bytes(send, status, content, "application/json", headers or {})


async def answer_bytes(
    send: Send, status: int, content: bytes, content_type: str, headers: dict[str, str]
) -> None:
    """A whole answer, not to be kept on the way."""
    given = {
        "content-type": content_type,
        "content-length": str(len(content)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **headers,
    }
    raw = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


async def answer_error(send: Send, error: Exception) -> None:
    """The error as GraphQL tells it, with a status: 403 for the address, 409 for a guard."""
    match error:
        case RequestError():
            errors = [told(one.message, error.code) for one in error.errors]
            await answer(send, error.status, {"errors": errors}, error.headers)
        case LinkRefused() | Unauthorized():
            await answer(send, 403, {"errors": [told(error.message, error.code)]})
        case PoolTimeout():
            await answer_error(send, unavailable("Too many requests are at work."))
        case Refusal():
            details = {"details": error.details} if error.details else {}
            await answer(send, 409, {"errors": [told(error.message, error.code, **details)]})
        case _:
            await answer(send, 500, {"errors": [masked(error)]})


async def refuse_method(send: Send, allowed: str) -> None:
    """405."""
    error = told(f"Use {allowed}.", RequestCode.METHOD_NOT_ALLOWED)
    await answer(send, 405, {"errors": [error]}, {"Allow": allowed})
