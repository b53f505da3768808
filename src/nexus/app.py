"""The web service: the GraphQL door, sign-in, health, the schema's text and a first page."""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from importlib import resources

from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from nexus import __version__
from nexus.accounts.http import SignInDoor
from nexus.accounts.queries import authenticate_token
from nexus.acting import Actor, anonymous
from nexus.core.db import make_engine
from nexus.exchange.webhooks.rules import session_info as webhook_info
from nexus.graph.execution import Executor, make_pool, utcnow
from nexus.graph.http import GraphQLDoor
from nexus.graph.reading import unavailable
from nexus.recipients.vault.rules import input_secret, session_info
from nexus.schema import make_schema
from nexus.settings import Settings

TOKEN_SECONDS = 5.0
"""How long a checked token is trusted: a revoked right ends within this time."""
TOKENS_KEPT = 10_000


class Authenticator:
    """Turns a bearer token into an Actor; asks the database at most every few seconds a token."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._known: dict[str, tuple[float, Actor]] = {}

    async def __call__(self, request: Request) -> Actor:
        now = utcnow()
        authorization = request.headers.get("authorization")
        if not authorization:
            return anonymous(now)
        known = self._known.get(authorization)
        if known is not None and known[0] > time.monotonic():
            return known[1].at(now)
        token = authorization.partition(" ")[2].strip()
        try:
            async with AsyncSession(self.engine) as session:
                actor = await authenticate_token(session, token, now)
        except PoolTimeout:
            raise unavailable("Too many requests are at work.") from None
        if len(self._known) >= TOKENS_KEPT:
            self._known.clear()
        self._known[authorization] = (time.monotonic() + TOKEN_SECONDS, actor)
        return actor


class _Door:
    """Hands the request to the door that the lifespan opened."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["app"].state.door(scope, receive, send)


def _page(name: str) -> str:
    return resources.files("nexus").joinpath(name).read_text("utf-8")


@asynccontextmanager
async def opened(app: Starlette, settings: Settings, schema: Schema) -> AsyncIterator[None]:
    """The connections and the door, for as long as the service runs."""
    engine = make_engine(settings.app_url, pool_size=settings.pool_size)
    pool = await make_pool(settings.app_url, size=settings.pool_size)
    root = settings.vault_key
    info = session_info(root) | webhook_info(root, settings.webhook_targets)
    executor = Executor(schema, pool, engine, secret=input_secret(root), info=info)
    ide = _page("graph/graphiql.html") if settings.development else None
    app.state.engine, app.state.pool, app.state.executor = engine, pool, executor
    app.state.door = GraphQLDoor(executor, Authenticator(engine), ide=ide)
    try:
        yield
    finally:
        await pool.close()
        await engine.dispose()


async def home(request: Request) -> Response:
    """What runs here and where to go."""
    return HTMLResponse(_page("home.html").replace("{{version}}", escape(__version__)))


async def health(request: Request) -> Response:
    """Ready only when the database answers and the schema is in place."""
    try:
        async with request.app.state.engine.connect() as connection:
            await connection.execute(text("SELECT 1 FROM area LIMIT 1"))
    except Exception as error:
        return JSONResponse({"status": "unavailable", "cause": type(error).__name__}, 503)
    return JSONResponse({"status": "ok", "version": __version__})


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


def make_app(settings: Settings) -> Starlette:
    """One server process over the database of `settings`. It holds no state but caches."""
    schema = make_schema()
    return Starlette(
        routes=[
            Route("/", home),
            Route("/health", health),
            Route("/schema.graphql", SchemaText(schema)),
            Route("/graphql", _Door()),
            Route("/oauth/token", SignInDoor("token")),
            Route("/oauth/password", SignInDoor("password")),
        ],
        lifespan=lambda app: opened(app, settings, schema),
    )
