"""The client's doors: sign in and out by a cookie, and the graph for that cookie.

The token is in a cookie that scripts cannot read (HttpOnly), that only this site's own pages send
(SameSite=Strict) and only under /station/; so a script slipped into the page has no credential to
carry away. Every call must bear a header that other sites' forms cannot set.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from nexus.accounts.http import NO_STORE, OAuthError, SignInDoor
from nexus.accounts.operations import end_held_token
from nexus.acting import Act, Actor, anonymous
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.execution import utcnow
from nexus.graph.http import Unauthorized, refused
from nexus.graph.trusted import TrustedDocuments

SESSION_PATH = "/station/api/session"
GRAPH_PATH = "/station/api/graphql"
COOKIE = "nexus_station"
COOKIE_PATH = "/station/api/"
PACKED_FROM = 1_000
"""Bytes of an answer; a smaller one fits one packet anyway."""
OWN = "x-nexus-station"
"""The header of the client's own calls; a form of another site cannot send it."""


class StationDocuments(TrustedDocuments):
    """The manifest, and nothing else: free text and clients' own documents are refused."""

    async def text(self, given: Mapping[str, Any], actor: Actor) -> str:
        """The document of the manifest. RequestError 403 without documentId, 422 if unknown."""
        if "documentId" not in given:
            message = "The station client runs documents of the manifest only: send documentId."
            raise RequestError(403, RequestCode.DOCUMENT_ID_REQUIRED, message)
        return await super().text(given, actor)


class StationGraph:
    """The graph door for the client: the cookie stands for the Authorization header.

    Answers are packed: a full working set is ten times smaller so, and a village's line is slow.
    """

    def __init__(self, door: ASGIApp) -> None:
        self.door = GZipMiddleware(door, minimum_size=PACKED_FROM, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method != "POST" or OWN not in request.headers:
            message = f"Use POST, with the header {OWN}."
            error = RequestError(405, RequestCode.METHOD_NOT_ALLOWED, message, {"Allow": "POST"})
            await refused(error).send(send, None, with_body=request.method != "HEAD")
            return
        token = request.cookies.get(COOKIE)
        if token is None:
            # Nobody's answers would be empty lists, which a phone would take for its own.
            missing = Unauthorized("There is no session: sign in.")
            await refused(missing).send(send, None, with_body=True)
            return
        headers = [(n, v) for n, v in scope["headers"] if n not in (b"authorization", b"cookie")]
        headers.append((b"authorization", f"Bearer {token}".encode("latin-1", "replace")))
        await self.door({**scope, "headers": headers}, receive, send)


class StationSession(SignInDoor):
    """POST the form of /oauth/token: the token comes as a cookie. DELETE ends it."""

    def __init__(self) -> None:
        super().__init__("token")

    async def _respond(self, request: Request) -> Response:
        if OWN not in request.headers:
            raise OAuthError(400, "invalid_request", f"Send the header {OWN}.")
        if request.method == "DELETE":
            return await self._leave(request)
        granted = await super()._respond(request)
        if granted.status_code != 200:
            return granted
        told = json.loads(bytes(granted.body))
        answer = JSONResponse({"expires_in": told["expires_in"]}, headers=NO_STORE)
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

    async def _leave(self, request: Request) -> Response:
        """The token ends, and the cookie with it; without one nothing happens."""
        if token := request.cookies.get(COOKIE):
            async with AsyncSession(request.app.state.engine) as session, session.begin():
                await end_held_token(Act(session, anonymous(utcnow())), token)
        answer = Response(status_code=204, headers=NO_STORE)
        answer.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")
        return answer
