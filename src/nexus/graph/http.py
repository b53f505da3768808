"""The GraphQL door: GraphQL over HTTP, September 2026 edition.

422 for what cannot be executed, 400 for bad JSON or syntax, 405 with Allow, 406, 408, 413, 414,
415; 294 for data beside errors; never 200 for a request error. An answer that is not 2xx is
always application/graphql-response+json. Logs carry codes and ids, never query text or variables.

Every answer tells the caller's quota; a document of the manifest can be cached for anonymous GETs.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from nexus.acting import Actor, Role
from nexus.core.refusals import Refusal
from nexus.graph.errors import RequestCode, RequestError, as_bytes, masked, told
from nexus.graph.execution import Answer, Executor
from nexus.graph.messages import (
    GRAPHQL_RESPONSE,
    check_content_type,
    checked,
    from_url,
    negotiate,
    read_json,
    wants_html,
)
from nexus.graph.quotas import Purse, Quotas, address_of
from nexus.graph.trusted import TrustedDocuments
from nexus.graph.waiting import Gate, patience

MAX_BODY = 128 * 1024
MAX_URI = 16 * 1024
BODY_SECONDS = 20.0
"""How long a client may take to send its body."""
PASSED_BYTES = 4 * 1024 * 1024
PASSED_SECONDS = 1.0
PARTIAL_SUCCESS = 294
NOT_MODIFIED = 304
METHODS = "GET, HEAD, POST"
PURSE = "nexus.purse"
"""Where a request's scope holds its caller's purse."""

Authenticate = Callable[[Request], Awaitable[Actor]]
Headers = dict[bytes, bytes]


class Unauthorized(Refusal):
    """A credential was given but is unknown, expired or revoked."""

    code = "UNAUTHORIZED"


class HungUpError(Exception):
    """The client hung up: nobody is there to answer."""


class _Response:
    """What goes back: status, media type, body and the headers that are not always there."""

    __slots__ = ("body", "headers", "media_type", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        media_type: str = GRAPHQL_RESPONSE,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status, self.body, self.media_type, self.headers = status, body, media_type, headers

    async def send(self, send: Send, purse: Purse | None, *, with_body: bool) -> None:
        more = self.headers or {}
        headers = [
            (b"vary", b"accept, authorization"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if self.status != NOT_MODIFIED:
            headers.append((b"content-type", f"{self.media_type}; charset=utf-8".encode()))
            headers.append((b"content-length", str(len(self.body)).encode()))
        if "Cache-Control" not in more:
            headers.append((b"cache-control", b"no-store"))
        if purse is not None:
            headers += purse.headers(more.get("Retry-After") if self.status == 429 else None)
        for name, value in more.items():
            headers.append((name.lower().encode(), value.encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body if with_body else b""})


class GraphQLDoor:
    """An ASGI application for one executor. `ide` is the page that browsers get in development.

    Without `quotas` everybody may spend what they like.
    """

    def __init__(
        self,
        executor: Executor,
        authenticate: Authenticate,
        *,
        ide: str | None,
        quotas: Quotas | None = None,
        documents: TrustedDocuments | None = None,
    ) -> None:
        self.executor = executor
        self.authenticate = authenticate
        self.ide = ide
        self.quotas = quotas
        self.gate = Gate()
        self.documents = documents or TrustedDocuments()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with patience():
                response = await self._answer(scope, receive)
        except HungUpError:
            return
        purse: Purse | None = scope.get(PURSE)
        if purse is None and self.quotas is not None:
            purse = self.quotas.purse_of(address_of(scope))
        await response.send(send, purse, with_body=scope["method"] != "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> _Response:
        try:
            return await self._execute(scope, receive)
        except HungUpError:
            raise
        except Exception as error:
            return refused(error)

    async def _execute(self, scope: Scope, receive: Receive) -> _Response:
        method = scope["method"]
        reading = method in ("GET", "HEAD")
        if not reading and method != "POST":
            message = "Use POST, or GET for a query."
            raise RequestError(405, RequestCode.METHOD_NOT_ALLOWED, message, {"Allow": METHODS})
        headers: Headers = dict(scope["headers"])
        accept = headers.get(b"accept", b"")
        if self.ide and reading and wants_html(accept, scope["query_string"]):
            return _Response(200, self.ide.encode(), "text/html")
        media_type = negotiate(accept)
        if reading and len(scope["query_string"]) > MAX_URI:
            message = f"The URL is longer than {MAX_URI} bytes: use POST."
            raise RequestError(414, RequestCode.URI_TOO_LONG, message)
        if not reading:
            check_content_type(headers.get(b"content-type", b""), headers.get(b"content-encoding"))
        async with self.gate:
            actor = await self.authenticate(Request(scope, receive))
        if self.quotas is None:
            return await self._run(scope, headers, receive, actor, media_type, None)
        purse = scope[PURSE] = self.quotas.purse(actor, address_of(scope))
        if not purse.open:
            await purse.enter()
        with purse:
            return await self._run(scope, headers, receive, actor, media_type, purse)

    async def _run(
        self,
        scope: Scope,
        headers: Headers,
        receive: Receive,
        actor: Actor,
        media_type: str,
        purse: Purse | None,
    ) -> _Response:
        reading = scope["method"] != "POST"
        given = (
            from_url(scope["query_string"])
            if reading
            else checked(read_json(await read_body(headers, receive)))
        )
        async with self.gate:
            answer = await self.executor.execute(
                await self.documents.text(given, actor),
                actor,
                variables=given.get("variables"),
                operation_name=given.get("operationName"),
                only_queries=reading,
                purse=purse,
            )
        if "documentId" in given and reading and actor.role is Role.ANONYMOUS:
            return _cacheable(answer, media_type, headers.get(b"if-none-match"))
        return _Response(PARTIAL_SUCCESS if answer.errors else 200, answer.body(), media_type)


def _cacheable(answer: Answer, media_type: str, known: bytes | None) -> _Response:
    """What anybody would get: caches may keep it, and ask each time whether it still holds."""
    body = answer.body()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "public, no-cache"}
    if known is not None and etag.encode() in known:
        return _Response(NOT_MODIFIED, b"", media_type, headers)
    return _Response(200, body, media_type, headers)


async def read_body(headers: Headers, receive: Receive) -> bytes:
    """The whole body; 413 past the cap, 408 when it does not come."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > MAX_BODY:
        await _pass_over(receive)
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise HungUpError
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > MAX_BODY:
                    await _pass_over(receive)
                    raise _too_large()
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        text = f"The body did not arrive within {BODY_SECONDS:.0f} seconds."
        raise RequestError(
            408, RequestCode.REQUEST_TIMEOUT, text, {"Connection": "close"}
        ) from None


async def _pass_over(receive: Receive) -> None:
    """Let the rest of a body that is too large go by, within reason.

    A connection closed on data that nobody took is reset, and the answer lost with it.
    """
    passed = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PASSED_SECONDS):
            while passed < PASSED_BYTES:
                message = await receive()
                passed += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def refused(error: Exception) -> _Response:
    """The answer to a request that ended in this error."""
    if isinstance(error, RequestError):
        return _refusal(error.status, errors_of(error), error.headers)
    if isinstance(error, Unauthorized):
        return _refusal(401, errors_of(error), {"WWW-Authenticate": "Bearer"})
    return _refusal(500, errors_of(error))


def errors_of(error: Exception) -> list[dict[str, Any]]:
    """The GraphQL errors that tell of it: each with its code, a fault of ours masked."""
    if isinstance(error, RequestError):
        return [_with_code(e.formatted, error.code) for e in error.errors]
    if isinstance(error, Unauthorized):
        return [told(error.message, error.code)]
    return [masked(error)]


def _too_large() -> RequestError:
    message = f"A request holds at most {MAX_BODY} bytes."
    return RequestError(413, RequestCode.BODY_TOO_LARGE, message, {"Connection": "close"})


def _with_code(formatted: Any, code: str) -> dict[str, Any]:
    return {**formatted, "extensions": {**formatted.get("extensions", {}), "code": code}}


def _refusal(
    status: int, errors: list[dict[str, Any]], headers: dict[str, str] | None = None
) -> _Response:
    return _Response(status, as_bytes({"errors": errors}), headers=headers)
