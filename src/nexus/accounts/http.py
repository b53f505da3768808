"""The doors for secrets: OAuth 2.0 tokens (RFC 6749, 4.4; RFC 7009) and one's own new password.

Outside the graph, because what they answer must never be stored, replayed or planned. People are
answered here; machines, whose identifiers look different, by what the composition hands in.
"""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qsl, unquote_plus

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from nexus.accounts import operations
from nexus.accounts.rules import check_scopes
from nexus.acting import Act, anonymous
from nexus.core.refusals import Invalid
from nexus.graph.execution import utcnow

MAX_BODY = 16 * 1024
AT_ONCE = 2
"""Password checks in flight: each takes 46 MiB and a core."""
WAITING = 50
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
FORM = "application/x-www-form-urlencoded"

Deed = Callable[[Act, str, str], Awaitable[Response]]


class OAuthError(Exception):
    """An answer of RFC 6749, 5.2."""

    def __init__(
        self, status: int, error: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status, self.error, self.message = status, error, message
        self.headers = headers or {}

    def response(self) -> Response:
        """The JSON error, not to be stored."""
        body = {"error": self.error, "error_description": self.message}
        return JSONResponse(body, self.status, {**NO_STORE, **self.headers})


class Machines(Protocol):
    """What answers API clients at the same doors."""

    def knows(self, client_id: str) -> bool:
        """Whether the identifier is a machine's."""

    async def token(
        self, engine: AsyncEngine, request: Request, form: dict[str, str], client_id: str
    ) -> Response:
        """Grant a token."""

    async def revoke(
        self, engine: AsyncEngine, request: Request, form: dict[str, str], client_id: str
    ) -> Response:
        """End a token."""


class SignInDoor:
    """An ASGI application: `token` grants, `revoke` ends a token, `password` changes.

    Uses `app.state.engine`, and `app.state.machines` if it is there.
    """

    def __init__(self, action: str) -> None:
        self.action = action
        self.answer = {
            "token": self._token,
            "revoke": self._revoke,
            "password": self._password,
        }[action]
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except OAuthError as error:
            response = error.response()
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        if request.method != "POST":
            raise OAuthError(405, "invalid_request", "Use POST.", {"Allow": "POST"})
        form = await _form(request)
        basic = _basic(request)
        if basic and "client_secret" in form:
            raise OAuthError(400, "invalid_request", "Send the secret once: in header or form.")
        username, password = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if not username or not password or "\0" in username:
            raise OAuthError(
                400, "invalid_request", "Send client_id (username) and client_secret (password)."
            )
        machines: Machines | None = getattr(request.app.state, "machines", None)
        if machines is not None and machines.knows(username) and self.action != "password":
            deed = machines.token if self.action == "token" else machines.revoke
            return await deed(request.app.state.engine, request, form, username)
        return await self._person(request, form, username, password, with_header=basic is not None)

    async def _person(
        self,
        request: Request,
        form: dict[str, str],
        username: str,
        password: str,
        *,
        with_header: bool,
    ) -> Response:
        """One password check at a time, or two."""
        if self._waiting >= WAITING:
            raise OAuthError(
                503, "temporarily_unavailable", "Too many sign-ins at once.", {"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            async with self._turns:
                engine: AsyncEngine = request.app.state.engine
                return await self.answer(engine, form, username, password)
        except operations.SignInRefused as refusal:
            headers = {"WWW-Authenticate": 'Basic realm="nexus"'} if with_header else {}
            raise OAuthError(401, "invalid_client", refusal.message, headers) from None
        except operations.AccountInactive as refusal:
            raise OAuthError(401, "invalid_client", refusal.message) from None
        except operations.SignInLocked as refusal:
            wait = {"Retry-After": str(refusal.details["retryAfterSeconds"])}
            raise OAuthError(429, "temporarily_unavailable", refusal.message, wait) from None
        except Invalid as refusal:
            raise OAuthError(400, "invalid_request", refusal.message) from None
        finally:
            self._waiting -= 1

    async def _token(
        self, engine: AsyncEngine, form: dict[str, str], username: str, password: str
    ) -> Response:
        if form.get("grant_type") != "client_credentials":
            raise OAuthError(
                400, "unsupported_grant_type", "grant_type must be client_credentials."
            )
        scopes = _scopes(form)
        await _count(engine, username)
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            act = Act(session, anonymous(utcnow()))
            granted = await operations.grant_token(act, username, password, scopes=scopes)
        answer = {
            "access_token": granted.token,
            "token_type": "Bearer",
            "expires_in": int((granted.expires_at - act.now).total_seconds()),
        }
        if scopes is not None:
            answer["scope"] = " ".join(scopes)
        return JSONResponse(answer, headers=NO_STORE)

    async def _revoke(
        self, engine: AsyncEngine, form: dict[str, str], username: str, password: str
    ) -> Response:
        token = form.get("token")
        if not token:
            raise OAuthError(400, "invalid_request", "Send the token.")
        await _count(engine, username)
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            act = Act(session, anonymous(utcnow()))
            await operations.end_own_token(act, username, password, token)
        return Response(headers=NO_STORE)

    async def _password(
        self, engine: AsyncEngine, form: dict[str, str], username: str, password: str
    ) -> Response:
        await _count(engine, username)
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            act = Act(session, anonymous(utcnow()))
            await operations.change_password(act, username, password, form.get("new_password", ""))
        return Response(status_code=204, headers=NO_STORE)


def _scopes(form: dict[str, str]) -> list[str] | None:
    """What the token is to be narrowed to; None: all that the person may."""
    asked = form.get("scope", "").split()
    if not asked:
        return None
    try:
        return check_scopes(asked, field="scope")
    except Invalid as refusal:
        raise OAuthError(400, "invalid_scope", refusal.message) from None


async def _count(engine: AsyncEngine, username: str) -> None:
    """The attempt is counted and committed before the password is looked at."""
    async with AsyncSession(engine) as session, session.begin():
        await operations.count_attempt(Act(session, anonymous(utcnow())), username)


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthError(400, "invalid_request", f"Send {FORM}.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise OAuthError(413, "invalid_request", f"A form holds at most {MAX_BODY} bytes.")
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise OAuthError(400, "invalid_request", "The form is not well-formed UTF-8.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError(400, "invalid_request", "A parameter is given twice.")
    return form


def _basic(request: Request) -> tuple[str, str] | None:
    """Client credentials in the Authorization header, form-encoded inside (RFC 6749, 2.3.1)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, separator, password = (
            base64.b64decode(given, validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        separator = ""
    if not separator:
        raise OAuthError(400, "invalid_request", "The Authorization header is malformed.")
    return unquote_plus(username), unquote_plus(password)
