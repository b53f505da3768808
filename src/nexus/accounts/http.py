"""The doors for secrets: OAuth 2.0 tokens (RFC 6749, 4.4; RFC 7009) and one's own new password.

Outside the graph, because what they answer must never be stored, replayed or planned. People are
answered here; machines, whose identifiers look different, by what the composition hands in.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_plus

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from nexus.accounts import operations
from nexus.accounts.factors import operations as factors
from nexus.accounts.rules import check_scopes
from nexus.acting import Act, anonymous
from nexus.core.refusals import Invalid, Refusal
from nexus.graph.execution import utcnow

MAX_BODY = 16 * 1024
AT_ONCE = 2
"""Password checks in flight: each takes 46 MiB and a core."""
WAITING = 50
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
MACHINES_TOO = ("token", "revoke")
FORM = "application/x-www-form-urlencoded"

NEEDED = "second_factor_needed"
MISSING = "second_factor_missing"
WRONG = "second_factor_wrong"
"""Errors besides those of RFC 6749, 5.2: what `otp` lacks, behind a right password."""


@dataclass(frozen=True)
class Given:
    """Who asks, with what, and where it is looked up."""

    engine: AsyncEngine
    info: dict[str, Any]
    form: dict[str, str]
    username: str
    password: str

    @property
    def otp(self) -> str | None:
        """The code of the device, or a recovery code."""
        return self.form.get("otp") or None

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[Act]:
        """A transaction; before it the attempt is counted and committed, as a failed one."""
        async with AsyncSession(self.engine) as session, session.begin():
            await operations.count_attempt(Act(session, anonymous(utcnow())), self.username)
        opened = AsyncSession(self.engine, expire_on_commit=False, info=self.info)
        async with opened as session, session.begin():
            yield Act(session, anonymous(utcnow()))


Deed = Callable[[Given], Awaitable[Response]]


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
    """An ASGI application: `token` grants, `revoke` ends a token, `password` changes; `enrol`,
    `confirm` and `remove` see to the second factor.

    Uses `app.state.engine`, and `app.state.machines` and `app.state.factors` if they are there.
    """

    def __init__(self, action: str) -> None:
        self.action = action
        deeds: dict[str, Deed] = {
            "token": self._token,
            "revoke": self._revoke,
            "password": self._password,
            "enrol": self._enrol,
            "confirm": self._confirm,
            "remove": self._remove,
        }
        self.answer = deeds[action]
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
        if machines is not None and machines.knows(username) and self.action in MACHINES_TOO:
            deed = machines.token if self.action == "token" else machines.revoke
            return await deed(request.app.state.engine, request, form, username)
        info = getattr(request.app.state, "factors", {})
        given = Given(request.app.state.engine, info, form, username, password)
        return await self._person(given, with_header=basic is not None)

    async def _person(self, given: Given, *, with_header: bool) -> Response:
        """One password check at a time, or two."""
        if self._waiting >= WAITING:
            raise OAuthError(
                503, "temporarily_unavailable", "Too many sign-ins at once.", {"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            async with self._turns:
                return await self.answer(given)
        except Refusal as refusal:
            raise _refused(refusal, with_header=with_header) from None
        finally:
            self._waiting -= 1

    async def _token(self, given: Given) -> Response:
        if given.form.get("grant_type") != "client_credentials":
            raise OAuthError(
                400, "unsupported_grant_type", "grant_type must be client_credentials."
            )
        scopes = _scopes(given.form)
        async with given.counted() as act:
            granted = await operations.grant_token(
                act, given.username, given.password, scopes=scopes, otp=given.otp
            )
        answer = {
            "access_token": granted.token,
            "token_type": "Bearer",
            "expires_in": int((granted.expires_at - act.now).total_seconds()),
        }
        if scopes is not None:
            answer["scope"] = " ".join(scopes)
        return JSONResponse(answer, headers=NO_STORE)

    async def _revoke(self, given: Given) -> Response:
        token = given.form.get("token")
        if not token:
            raise OAuthError(400, "invalid_request", "Send the token.")
        async with given.counted() as act:
            await operations.end_own_token(act, given.username, given.password, token)
        return Response(headers=NO_STORE)

    async def _password(self, given: Given) -> Response:
        new = given.form.get("new_password", "")
        async with given.counted() as act:
            await operations.change_password(
                act, given.username, given.password, new, otp=given.otp
            )
        return Response(status_code=204, headers=NO_STORE)

    async def _enrol(self, given: Given) -> Response:
        async with given.counted() as act:
            account = await operations.verify_account(act, given.username, given.password)
            enrolment = await factors.enrol(act, account, given.otp)
        answer = {"secret": enrolment.secret, "otpauth_uri": enrolment.address}
        return JSONResponse(answer, headers=NO_STORE)

    async def _confirm(self, given: Given) -> Response:
        async with given.counted() as act:
            codes = await operations.confirm_second_factor(
                act, given.username, given.password, otp=given.otp
            )
        return JSONResponse({"recovery_codes": codes}, headers=NO_STORE)

    async def _remove(self, given: Given) -> Response:
        async with given.counted() as act:
            account = await operations.verify_account(act, given.username, given.password)
            await factors.remove(act, account, given.otp)
        return Response(status_code=204, headers=NO_STORE)


def _refused(refusal: Refusal, *, with_header: bool) -> OAuthError:
    """The refusal as RFC 6749, 5.2 answers it."""
    challenge = {"WWW-Authenticate": 'Basic realm="nexus"'} if with_header else {}
    match refusal:
        case operations.SignInRefused():
            return OAuthError(401, "invalid_client", refusal.message, challenge)
        case operations.AccountInactive():
            return OAuthError(401, "invalid_client", refusal.message)
        case operations.SignInLocked():
            wait = {"Retry-After": str(refusal.details["retryAfterSeconds"])}
            return OAuthError(429, "temporarily_unavailable", refusal.message, wait)
        case factors.SecondFactorNeeded():
            return OAuthError(401, NEEDED, refusal.message)
        case factors.SecondFactorMissing():
            return OAuthError(403, MISSING, refusal.message)
        case factors.SecondFactorWrong():
            return OAuthError(401, WRONG, refusal.message)
    return OAuthError(400, "invalid_request", refusal.message)


def _scopes(form: dict[str, str]) -> list[str] | None:
    """What the token is to be narrowed to; None: all that the person may."""
    asked = form.get("scope", "").split()
    if not asked:
        return None
    try:
        return check_scopes(asked, field="scope")
    except Invalid as refusal:
        raise OAuthError(400, "invalid_scope", refusal.message) from None


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
