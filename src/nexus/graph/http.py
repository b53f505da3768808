"""The GraphQL door: GraphQL over HTTP, September 2026 edition.

422 for what cannot be executed, 400 for bad JSON or syntax, 405 with Allow, 406, 413, 415; never
200 for a request error. Logs carry codes and ids, never query text or variables.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from nexus.acting import Actor
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.graph.execution import Answer, Executor
from nexus.graph.plans import RequestError

log = logging.getLogger(__name__)

MAX_BODY = 128 * 1024
GRAPHQL_RESPONSE = "application/graphql-response+json"
OFFERED = (GRAPHQL_RESPONSE, "application/json")

Authenticate = Callable[[Request], Awaitable[Actor]]


class Unauthorized(Refusal):
    """A credential was given but is unknown, expired or revoked."""

    code = "UNAUTHORIZED"


class HttpError(Exception):
    """A request that is refused before GraphQL."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}


class GraphQLDoor:
    """An ASGI application for one executor. `ide` serves GraphiQL to browsers in development."""

    def __init__(self, executor: Executor, authenticate: Authenticate, *, ide: str | None) -> None:
        self.executor = executor
        self.authenticate = authenticate
        self.ide = ide

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        media_type = OFFERED[0]
        try:
            if request.method not in ("GET", "POST"):
                raise HttpError(405, "METHOD_NOT_ALLOWED", "Use POST.", {"Allow": "GET, POST"})
            if self.ide and request.method == "GET" and _wants_html(request):
                return HTMLResponse(self.ide)
            media_type = negotiate(request.headers.get("accept"))
            return await self._execute(request, media_type)
        except HttpError as error:
            errors = [_error(error.message, error.code)]
            return _response(error.status, errors, media_type, error.headers)
        except Unauthorized as refusal:
            headers = {"WWW-Authenticate": "Bearer"}
            return _response(401, [_error(refusal.message, refusal.code)], media_type, headers)
        except RequestError as error:
            headers = {"Allow": "POST"} if error.status == 405 else {}
            errors = [_with_code(e.formatted, error.code) for e in error.errors]
            return _response(error.status, errors, media_type, headers)
        except Exception as error:
            return self._masked(error, media_type)

    def _masked(self, error: Exception, media_type: str) -> Response:
        request_id = str(new_id())
        log.exception("request %s failed: %s", request_id, type(error).__name__)
        message = f"Something failed on our side; quote request {request_id} when you report it."
        return _response(500, [_error(message, "INTERNAL", requestId=request_id)], media_type, {})

    async def _execute(self, request: Request, media_type: str) -> Response:
        actor = await self.authenticate(request)
        reading = request.method == "GET"
        given = _from_url(request) if reading else await _from_body(request)
        answer: Answer = await self.executor.execute(
            given["query"],
            actor,
            variables=given.get("variables"),
            operation_name=given.get("operationName"),
            only_queries=reading,
        )
        return Response(answer.body(), media_type=f"{media_type}; charset=utf-8")


def negotiate(accept: str | None) -> str:
    """The media type to answer in, by the Accept header's q-values; 406 when none fits."""
    if not accept:
        return OFFERED[0]
    best: tuple[float, int, str] | None = None
    for rank, offered in enumerate(OFFERED):
        quality = _quality(accept, offered)
        if quality > 0 and (best is None or quality > best[0]):
            best = (quality, rank, offered)
    if best is None:
        raise HttpError(406, "NOT_ACCEPTABLE", f"Accept one of: {', '.join(OFFERED)}.")
    return best[2]


def _quality(accept: str, offered: str) -> float:
    """The q-value of the most specific range that matches."""
    kind = offered.split("/")[0]
    found: tuple[int, float] = (0, 0.0)
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        specific = {offered: 3, f"{kind}/*": 2, "*/*": 1}.get(name, 0)
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
            elif parameter.startswith("charset=") and parameter[8:].strip('"') != "utf-8":
                quality = 0.0
        if specific > found[0]:
            found = (specific, quality)
    return found[1]


def _wants_html(request: Request) -> bool:
    return "query" not in request.query_params and "text/html" in request.headers.get("accept", "")


def _from_url(request: Request) -> dict[str, Any]:
    given: dict[str, Any] = {
        name: value
        for name, value in request.query_params.items()
        if name in ("query", "operationName", "variables")
    }
    if given.get("variables"):
        given["variables"] = _json(given["variables"].encode())
    elif "variables" in given:
        del given["variables"]
    if not given.get("operationName"):
        given.pop("operationName", None)
    return _checked(given)


async def _from_body(request: Request) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "")
    name, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [p[8:].strip('"') for p in parameters if p.startswith("charset=")]
    if name != "application/json" or any(charset != "utf-8" for charset in charsets):
        raise HttpError(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json in UTF-8.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise HttpError(413, "BODY_TOO_LARGE", f"A request holds at most {MAX_BODY} bytes.")
    return _checked(_json(bytes(body)))


def _json(text: bytes) -> Any:
    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text.decode("utf-8"), parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise HttpError(400, "BAD_JSON", "The request is not well-formed JSON in UTF-8.") from None


def _checked(given: Any) -> dict[str, Any]:
    """The shape of a GraphQL request; unknown properties are ignored."""
    if not isinstance(given, dict):
        raise HttpError(422, "MALFORMED_REQUEST", "The request must be one JSON object.")
    if not isinstance(given.get("query"), str):
        raise HttpError(422, "MALFORMED_REQUEST", "`query` must be a string.")
    for name, kind in (("operationName", str), ("variables", dict), ("extensions", dict)):
        if given.get(name) is not None and not isinstance(given[name], kind):
            raise HttpError(422, "MALFORMED_REQUEST", f"`{name}` has the wrong type.")
    return given


def _error(message: str, code: str, **more: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code, **more}}


def _with_code(formatted: Any, code: str) -> dict[str, Any]:
    return {**formatted, "extensions": {**formatted.get("extensions", {}), "code": code}}


def _response(
    status: int, errors: list[dict[str, Any]], media_type: str, headers: dict[str, str]
) -> Response:
    body = json.dumps({"errors": errors}, ensure_ascii=False).encode()
    return Response(body, status, headers, media_type=f"{media_type}; charset=utf-8")
