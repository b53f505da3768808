"""The pages under /reports/: plain HTML without a script, signed in by a cookie or a token.

The cookie cannot be read by scripts (HttpOnly) and is sent by this site's own pages only
(SameSite=Strict). Who sees what is the policies'; a report is run anew for each reader.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from nexus.accounts.clients.queries import authenticate
from nexus.accounts.http import NO_STORE, OAuthError, SignInDoor
from nexus.accounts.operations import end_held_token
from nexus.acting import Act, Actor, View, anonymous
from nexus.core.refusals import Forbidden, Invalid, NotFound, Refusal
from nexus.graph.http import Unauthorized
from nexus.reports import operations, policy, queries, rules
from nexus.reports.content import Report, read
from nexus.reports.model import ReportSnapshot
from nexus.reports.rendering import doors, frame, making, pages
from nexus.reports.rules import Format
from nexus.reports.words import Language

PATHS = (
    "/reports",
    "/reports/",
    "/reports/sign-in",
    "/reports/session",
    "/reports/sign-out",
    "/reports/frozen/{id}",
    "/reports/{name}",
    "/reports/{name}/freeze",
)
COOKIE = "nexus_reports"
COOKIE_PATH = "/reports/"
SCOPE = "reports:read"
AT_ONCE = 2
"""Files made at once in a process: each takes a core while it lasts."""
KEPT_SHOWN = 50
HEADERS = {
    **NO_STORE,
    "Content-Security-Policy": frame.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
STATUS = {NotFound: 404, Invalid: 400, Forbidden: 403}


class ReportDoors(SignInDoor):
    """An ASGI application over the paths. `fonts` None: the system's."""

    def __init__(
        self, engine: AsyncEngine, clock: Callable[[], datetime], *, fonts: Path | None
    ) -> None:
        super().__init__("token")
        self.engine, self.clock, self.fonts = engine, clock, fonts
        self._files = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        language = _language(request)
        try:
            response = await self._page(request, language)
        except Unauthorized:
            response = RedirectResponse(f"/reports/sign-in?lang={language}", 303, NO_STORE)
        except Refusal as refusal:
            status = STATUS.get(_kind(refusal), 409)
            response = _html(doors.problem(refusal.message, language), status)
        await response(scope, receive, send)

    async def _page(self, request: Request, language: Language) -> Response:
        path = request.url.path.removeprefix("/reports").strip("/")
        if request.method == "POST":
            return await self._deed(request, path, language)
        if request.method not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD, POST"})
        if path == "sign-in":
            return _html(doors.sign_in(language))
        async with AsyncSession(self.engine) as session:
            view = View(session, await self._reader(session, request))
            if not path:
                definitions = policy.readable(view.actor)
                return _html(doors.index(definitions, await _kept(view), language))
            if path.startswith("frozen/"):
                row = await view.find(ReportSnapshot, _id(path), visible=policy.visible)
                return await self._answer(request, read(row.content), row.no, language)
            return await self._answer(request, await _run(view, path, request), None, language)

    async def _deed(self, request: Request, path: str, language: Language) -> Response:
        """Signing in and out, and keeping a report. Forbidden for another site's form."""
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.url.netloc:
            raise Forbidden("This form is another site's: open the page here.")
        match path.split("/"):
            case ["session"]:
                return await self._enter(request, language)
            case ["sign-out"]:
                return await self._leave(request, language)
            case [name, "freeze"]:
                async with AsyncSession(self.engine) as session, session.begin():
                    act = Act(session, await self._reader(session, request))
                    report = await _run(act, name, request)
                    row = await operations.keep(act, report)
                    to = f"/reports/frozen/{row.id}?lang={language}"
                return RedirectResponse(to, 303, NO_STORE)
        raise NotFound("There is nothing at this address.")

    async def _reader(self, session: AsyncSession, request: Request) -> Actor:
        """Who asks: by the Authorization header, else by the cookie. Unauthorized."""
        given = request.headers.get("authorization", "").partition(" ")[2].strip()
        token = given or request.cookies.get(COOKIE)
        if not token:
            raise Unauthorized("There is no session: sign in.")
        actor = await authenticate(session, token, self.clock())
        scopes = None if actor.grant is None else actor.grant.scopes
        if scopes is not None and SCOPE not in scopes:
            raise Forbidden(f"This token is narrowed to other scopes: ask for {SCOPE}.")
        return actor

    async def _enter(self, request: Request, language: Language) -> Response:
        try:
            granted = await self._respond(request)
        except OAuthError as error:
            return _html(doors.sign_in(language, error.message), error.status)
        told = json.loads(bytes(granted.body))
        answer = RedirectResponse(f"/reports/?lang={language}", 303, NO_STORE)
        answer.set_cookie(
            COOKIE,
            told["access_token"],
            max_age=told["expires_in"],
            path=COOKIE_PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def _leave(self, request: Request, language: Language) -> Response:
        """The token ends, and the cookie with it."""
        if token := request.cookies.get(COOKIE):
            async with AsyncSession(self.engine) as session, session.begin():
                await end_held_token(Act(session, anonymous(self.clock())), token)
        answer = RedirectResponse(f"/reports/sign-in?lang={language}", 303, NO_STORE)
        answer.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")
        return answer

    async def _answer(
        self, request: Request, report: Report, no: str | None, language: Language
    ) -> Response:
        """The report as the page or the file that was asked for."""
        asked = dict(request.query_params)
        format_ = _format(asked.pop("format", "html"))
        path = request.url.path
        if format_ is Format.HTML:
            asked.pop("table", None)
            actions = "" if no else doors.chooser(path, asked, language)
            made = pages.as_page(report, no, language, path=path, asked=asked, actions=actions)
            return _html(made)
        async with self._files:
            content = await asyncio.to_thread(
                making.as_file,
                report,
                no,
                format_,
                language,
                table=asked.get("table"),
                fonts=self.fonts,
            )
        name = rules.file_name(report.name, report.area.code, report.until_on, format_.value)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, 200, headers, rules.MEDIA_TYPES[format_])


async def _run(view: View, name: str, request: Request) -> Report:
    asked = request.query_params
    column, value = asked.get("column"), asked.get("value")
    return await queries.run(
        view,
        name,
        area=asked.get("area") or None,
        from_on=_day(asked.get("from"), "from"),
        until_on=_day(asked.get("until"), "until"),
        only=(column, value) if column and value else None,
    )


async def _kept(view: View) -> list[ReportSnapshot]:
    row = ReportSnapshot
    found = await view.session.scalars(
        select(row)
        .where(policy.visible(view.actor, row))
        .order_by(row.created_at.desc(), row.id.desc())
        .limit(KEPT_SHOWN)
    )
    return list(found)


def _html(content: bytes, status: int = 200) -> Response:
    return Response(content, status, HEADERS, "text/html; charset=utf-8")


def _kind(refusal: Refusal) -> Any:
    return next((kind for kind in STATUS if isinstance(refusal, kind)), None)


def _language(request: Request) -> Language:
    given = request.query_params.get("lang", Language.ZH_HANS)
    return Language(given) if given in set(Language) else Language.ZH_HANS


def _format(given: str) -> Format:
    if given not in set(Format):
        raise Invalid(f"There are the formats {', '.join(Format)}.", field="format")
    return Format(given)


def _day(given: str | None, field: str) -> date | None:
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise Invalid(f"Write {field} as 2026-01-31.", field=field) from None


def _id(path: str) -> UUID:
    try:
        return UUID(path.removeprefix("frozen/"))
    except ValueError:
        raise NotFound("There is nothing at this address.") from None
