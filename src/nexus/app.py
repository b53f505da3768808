"""The web service: the GraphQL door, sign-in, health, the schema's text and a first page."""

import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from html import escape
from importlib import resources
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from nexus import __version__
from nexus.accounts.clients.http import Machines, metadata
from nexus.accounts.clients.queries import authenticate, authenticate_all, registered_document
from nexus.accounts.clients.rules import allows
from nexus.accounts.factors.rules import session_info as factor_info
from nexus.accounts.http import SignInDoor
from nexus.acting import Actor, anonymous
from nexus.core.db import make_engine
from nexus.core.signing import Signer
from nexus.exchange.certificates.http import PATHS as CERTIFICATE_PATHS
from nexus.exchange.certificates.http import CertificateDoors
from nexus.exchange.doors import PATHS, file_doors
from nexus.exchange.doors import session_info as file_info
from nexus.exchange.ocds.http import PATHS as CONTRACTING_PATHS
from nexus.exchange.ocds.http import ContractingDoor
from nexus.exchange.webhooks.rules import session_info as webhook_info
from nexus.graph.desk import Desk
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.eventstreams import EventDoor
from nexus.graph.execution import Executor, make_pool, utcnow
from nexus.graph.http import GraphQLDoor
from nexus.graph.newsroom import Newsroom
from nexus.graph.quotas import Quotas, address_of
from nexus.graph.sockets import SocketDoor
from nexus.graph.trusted import TrustedDocuments, read_manifest
from nexus.graph.waiting import connected
from nexus.recipients.attestations.queries import public_keys, signed_status_list
from nexus.recipients.attestations.rules import ATTESTOR, STATUS_PATH
from nexus.recipients.attestations.rules import session_info as attestor_info
from nexus.recipients.vault.rules import input_secret, session_info
from nexus.reports.http import PATHS as REPORT_PATHS
from nexus.reports.http import ReportDoors
from nexus.schema import make_schema
from nexus.scopes import SCOPE_TABLE
from nexus.settings import Settings
from nexus.stationclient.http import StationDocuments, StationGraph
from nexus.stationclient.routes import station_routes

TOKEN_SECONDS = 5.0
"""How long a checked token is trusted: a revoked right ends within this time."""
TOKENS_KEPT = 10_000
DEEDS = ("enrol", "confirm", "remove")
"""What is done to one's second factor."""


class Authenticator:
    """Turns a bearer token into an Actor; asks the database at most every few seconds a token."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._known: dict[str, tuple[float, Actor]] = {}

    async def __call__(self, request: Request) -> Actor:
        now = utcnow()
        given = dict(request.scope["headers"]).get(b"authorization")
        if not given:
            return anonymous(now)
        authorization = given.decode("latin-1")
        known = self._known.get(authorization)
        if known is None or known[0] <= time.monotonic():
            actor = await self._ask(authorization, now)
        else:
            actor = known[1].at(now)
        if not _may_come_from_there(actor, request):
            message = "This client may not come from this address."
            raise RequestError(403, RequestCode.ADDRESS_NOT_ALLOWED, message)
        return actor

    async def _ask(self, authorization: str, now: datetime) -> Actor:
        token = authorization.partition(" ")[2].strip()
        async with AsyncSession(self.engine) as session:
            await connected(session)
            actor = await authenticate(session, token, now)
        if len(self._known) >= TOKENS_KEPT:
            self._known.clear()
        self._known[authorization] = (time.monotonic() + TOKEN_SECONDS, actor)
        return actor

    async def again(self, requests: Sequence[Request]) -> list[Actor | None]:
        """Who is behind each request now, asked of the database; None where nobody is."""
        now = utcnow()
        given = [request.headers.get("authorization", "") for request in requests]
        tokens = [authorization.partition(" ")[2].strip() for authorization in given]
        async with AsyncSession(self.engine) as session:
            actors = await authenticate_all(session, [t for t in tokens if t], now)
        found = [actors.get(token) if token else anonymous(now) for token in tokens]
        return [
            actor if actor and _may_come_from_there(actor, request) else None
            for actor, request in zip(found, requests, strict=True)
        ]


def _may_come_from_there(actor: Actor, request: Request) -> bool:
    networks = actor.grant.networks if actor.grant else ()
    return not networks or allows(networks, address_of(request.scope))


class _Door:
    """Hands the request to a door that the lifespan opened."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await getattr(scope["app"].state, self.name)(scope, receive, send)


def _page(name: str) -> str:
    return resources.files("nexus").joinpath(name).read_text("utf-8")


def _sessions_know(settings: Settings) -> dict[str, Any]:
    """The keys and addresses that sessions carry."""
    root = settings.vault_key
    return (
        session_info(root)
        | attestor_info(root, settings.signing_key, settings.public_url)
        | webhook_info(root, settings.webhook_targets)
        | file_info(root)
    )


@asynccontextmanager
async def opened(app: Starlette, settings: Settings, schema: Schema) -> AsyncIterator[None]:
    """The connections and the door, for as long as the service runs."""
    engine = make_engine(settings.app_url, pool_size=settings.pool_size)
    pool = await make_pool(settings.app_url, size=settings.pool_size)
    root = settings.vault_key
    info = _sessions_know(settings)
    app.state.attestor = info[ATTESTOR]
    secret = input_secret(root)
    executor = Executor(schema, pool, engine, secret=secret, info=info, scopes=SCOPE_TABLE)
    quotas = Quotas(engine, settings.rates, secret) if settings.rates else None
    manifest = read_manifest(_page("documents.json"))
    documents = TrustedDocuments(manifest, partial(registered_document, engine))
    ide = _page("graph/graphiql.html") if settings.development else None
    app.state.engine, app.state.pool, app.state.executor = engine, pool, executor
    # Health has a connection of its own: whoever asks must not wait behind those who work.
    pulse = app.state.pulse = make_engine(settings.app_url, pool_size=1)
    authenticator = Authenticator(engine)
    app.state.factors = factor_info(root, settings.second_factor)
    app.state.machines = Machines(quotas)
    door = GraphQLDoor(executor, authenticator, ide=ide, quotas=quotas, documents=documents)
    own = StationDocuments(manifest)
    app.state.station = StationGraph(
        GraphQLDoor(executor, authenticator, ide=None, quotas=quotas, documents=own)
    )
    desk = Desk(door, authenticator.again)
    newsroom = app.state.newsroom = Newsroom(desk, engine)
    app.state.door = EventDoor(door, desk, newsroom)
    app.state.sockets = SocketDoor(desk, newsroom)
    _open_papers(app, settings, engine, info, quotas)
    try:
        doors = file_doors(engine, executor, settings.app_url, root, settings.font_dir)
        async with doors as app.state.files:
            yield
    finally:
        await newsroom.close()
        await pool.close()
        await engine.dispose()
        await pulse.dispose()


def _open_papers(
    app: Starlette,
    settings: Settings,
    engine: AsyncEngine,
    info: dict[str, Any],
    quotas: Quotas | None,
) -> None:
    """The doors of what is read as a paper or a file, by anybody or under a signature."""
    url = settings.public_url
    app.state.certificates = _certificates(settings, engine, info, quotas)
    app.state.contracting = ContractingDoor(engine, utcnow, quotas=quotas, public_url=url)
    app.state.reports = ReportDoors(engine, utcnow, fonts=settings.font_dir)


def _certificates(
    settings: Settings, engine: AsyncEngine, info: dict[str, Any], quotas: Quotas | None
) -> CertificateDoors:
    return CertificateDoors(
        engine,
        Signer(settings.vault_key),
        info,
        utcnow,
        quotas=quotas,
        fonts=settings.font_dir,
        public_url=settings.public_url,
    )


async def home(request: Request) -> Response:
    """What runs here and where to go."""
    return HTMLResponse(_page("home.html").replace("{{version}}", escape(__version__)))


async def health(request: Request) -> Response:
    """Ready only when the database answers and the schema is in place."""
    try:
        async with request.app.state.pulse.connect() as connection:
            await connection.execute(text("SELECT 1 FROM area LIMIT 1"))
    except Exception as error:
        return JSONResponse({"status": "unavailable", "cause": type(error).__name__}, 503)
    return JSONResponse({"status": "ok", "version": __version__})


async def signing_keys(request: Request) -> Response:
    """The public keys that attestations are checked with (RFC 7517)."""
    state = request.app.state
    async with AsyncSession(state.pulse) as session:
        keys = await public_keys(session, state.attestor.public_key)
    return JSONResponse({"keys": keys}, headers={"Cache-Control": "max-age=300"})


async def attestation_status(request: Request) -> Response:
    """Which attestations hold no longer: a signed Token Status List."""
    state = request.app.state
    async with AsyncSession(state.pulse) as session:
        token = await signed_status_list(session, state.attestor, utcnow())
    headers = {"Cache-Control": "max-age=60"}
    return Response(token, media_type="application/statuslist+jwt", headers=headers)


class Metadata:
    """The OAuth 2.0 server's metadata; its issuer is the service's public address."""

    def __init__(self, public_url: str | None) -> None:
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        issuer = self.public_url or str(Request(scope).base_url).rstrip("/")
        await JSONResponse(metadata(issuer))(scope, receive, send)


class SchemaText:
    """The SDL at a URL, with an ETag."""

    def __init__(self, schema: Schema) -> None:
        self.text = schema.as_str() + "\n"
        self.etag = f'"{hashlib.sha256(self.text.encode()).hexdigest()[:32]}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = Request(scope).headers.get("if-none-match") == self.etag
        headers = {"ETag": self.etag, "Cache-Control": "max-age=60"}
        response = (
            Response(status_code=304, headers=headers)
            if known
            else PlainTextResponse(self.text, headers=headers)
        )
        await response(scope, receive, send)


class _Service(Starlette):
    """Requests for the graph go straight to their door: routing costs as much as passing it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/graphql":
            scope["app"] = self
            await self.state.door(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def make_app(settings: Settings) -> Starlette:
    """One server process over the database of `settings`. It holds no state but caches."""
    schema = make_schema()
    return _Service(
        routes=[
            Route("/", home),
            Route("/health", health),
            Route("/schema.graphql", SchemaText(schema)),
            Route("/graphql", _Door("door")),
            WebSocketRoute("/graphql", _Door("sockets")),
            Route("/.well-known/jwks.json", signing_keys),
            Route(STATUS_PATH, attestation_status),
            Route("/.well-known/oauth-authorization-server", Metadata(settings.public_url)),
            Route("/oauth/token", SignInDoor("token")),
            Route("/oauth/revoke", SignInDoor("revoke")),
            Route("/oauth/password", SignInDoor("password")),
            *(Route(f"/oauth/second-factor/{deed}", SignInDoor(deed)) for deed in DEEDS),
            *(Route(path, _Door("files")) for path in PATHS),
            *(Route(path, _Door("certificates")) for path in CERTIFICATE_PATHS),
            *(Route(path, _Door("contracting")) for path in CONTRACTING_PATHS),
            *(Route(path, _Door("reports")) for path in REPORT_PATHS),
            *station_routes(_Door("station")),
        ],
        lifespan=lambda app: opened(app, settings, schema),
    )
