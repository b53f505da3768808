"""A PostgreSQL of the session's own, one fresh database a module, and GraphQL as an account."""

import hashlib
import importlib
import importlib.util
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.db import make_engine
from nexus.core.embedded import Database, Embedded, database_at
from nexus.core.migrating import migrate
from tests.making import dated
from tests.serving import Served, serving

SESSION = secrets.token_hex(4)
TEMPLATE = f"nexus_template_{SESSION}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--torture", action="store_true", help="run the tests that have a long form, in it"
    )
    parser.addoption(
        "--write-matrix", action="store_true", help="write tests/house/matrix.csv from the code"
    )


MEASURED = (
    *("core/test_embedded", "core/test_outbox", "core/test_personal_data"),
    *("exchange/test_changes", "exchange/test_exports", "exchange/test_recognitions"),
    *("exchange/test_webhooks", "integrations/", "conformance/", "docs/"),
    *(
        "graph/test_dear_documents",
        "graph/test_exhaustion",
        "graph/test_faults",
        "graph/test_hostile",
        "graph/test_quota",
    ),
    *("graph/test_subscriptions", "matching/test_ledger"),
    *("matching/test_worklists_measured", "exchange/test_syncing_measured"),
    "purchasing/test_progress",
)
"""Tests that hold the clock against something: a busy machine spoils a measurement, so they run
alone (`-m measured`), and one that fails is measured again, at most twice."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Tables of cases name days from today: they become dates when their test runs."""
    if isinstance(pyfuncitem, pytest.Function) and hasattr(pyfuncitem, "callspec"):
        for name in pyfuncitem.callspec.params.keys() & pyfuncitem.funcargs.keys():
            pyfuncitem.funcargs[name] = dated(pyfuncitem.funcargs[name])
    return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--torture"):
        # The short ones are what every run has.
        long = [item for item in items if "torture" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=[item for item in items if item not in long])
        items[:] = long
    for item in items:
        if item.nodeid.removeprefix("tests/").startswith(MEASURED):
            item.add_marker(pytest.mark.measured)
            item.add_marker(pytest.mark.flaky(reruns=2))
    if not os.environ.get("NEXUS_REAL_DATA"):
        for item in items:
            if "real_data" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="NEXUS_REAL_DATA names no directory"))


@pytest.fixture(scope="session")
def torture(request: pytest.FixtureRequest) -> bool:
    """Whether the long form was asked for."""
    return bool(request.config.getoption("--torture"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory of published data; tests that use it are marked real_data."""
    return Path(os.environ["NEXUS_REAL_DATA"])


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    """NEXUS_DATABASE_URL's server, else one of our own; the addresses are of its maintenance db."""
    if url := os.environ.get("NEXUS_DATABASE_URL"):
        yield database_at(url, os.environ.get("NEXUS_APP_DATABASE_URL"))
        return
    folder = Path(tempfile.mkdtemp(prefix="nexus-tests-"))
    folder.chmod(0o711)
    given = os.environ.get("NEXUS_PG_BIN")
    settings = {"fsync": "off", "synchronous_commit": "off", "max_wal_size": "4GB"}
    try:
        with Embedded(folder / "data", Path(given) if given else None, settings) as database:
            yield database
    finally:
        shutil.rmtree(folder)


async def on_server(server: Database, *statements: str) -> None:
    """Run statements that want no transaction, as the owner."""
    connection = await asyncpg.connect(server.owner_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def load_reference_data(owner_url: str) -> None:
    """Divisions and code lists, as every installation has them."""
    if importlib.util.find_spec("nexus.areas.operations") is None:
        return
    operations = importlib.import_module("nexus.areas.operations")
    if load := getattr(operations, "load_reference", None):
        engine = make_engine(owner_url, pool_size=1)
        async with AsyncSession(engine) as session, session.begin():
            await load(session)
        await engine.dispose()


@pytest.fixture(scope="session")
async def template(server: Database) -> AsyncIterator[str]:
    """A migrated database with reference data, which nobody is connected to."""
    await on_server(server, f"CREATE DATABASE {TEMPLATE}")
    try:
        await migrate(server.named(TEMPLATE).owner_url)
        await load_reference_data(server.named(TEMPLATE).owner_url)
        yield TEMPLATE
    finally:
        await on_server(server, f"DROP DATABASE {TEMPLATE} WITH (FORCE)")


@pytest.fixture(scope="module")
async def database(server: Database, template: str) -> AsyncIterator[Database]:
    """A fresh database of this module's own."""
    name = f"nexus_test_{SESSION}_{secrets.token_hex(4)}"
    await on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.named(name)
    await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """Connections as the application's role."""
    engine = make_engine(database.app_url)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
async def owner_engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """Connections as the owner, for what the application may not do."""
    engine = make_engine(database.owner_url, pool_size=2)
    yield engine
    await engine.dispose()


Ask = Callable[..., Awaitable[dict[str, Any]]]


@dataclass
class Api:
    """GraphQL over HTTP, as whom you like: `await api(account)(document, **variables)`."""

    client: httpx.AsyncClient
    engine: AsyncEngine
    app: Any

    def __post_init__(self) -> None:
        self._tokens: dict[Any, str] = {}

    def __call__(self, account: Any = None) -> Ask:
        async def ask(document: str, **variables: Any) -> dict[str, Any]:
            response = await self.post(account, {"query": document, "variables": variables})
            answer: dict[str, Any] = response.json()
            return answer

        return ask

    async def post(self, account: Any, body: Any) -> httpx.Response:
        """The whole response, for tests of status and headers."""
        headers = {"accept": "application/graphql-response+json"}
        if account is not None:
            headers["authorization"] = f"Bearer {await self.token(account)}"
        return await self.client.post("/graphql", json=body, headers=headers)

    async def token(self, account: Any) -> str:
        """A bearer token of the account, issued once."""
        from nexus.accounts.model import AccessToken
        from tests.making import now

        if account.id not in self._tokens:
            token = secrets.token_urlsafe(32)
            digest = hashlib.sha256(token.encode()).digest()
            async with AsyncSession(self.engine) as session, session.begin():
                session.add(
                    AccessToken(
                        account_id=account.id, digest=digest, label="test", created_at=now()
                    )
                )
            self._tokens[account.id] = token
        return self._tokens[account.id]


@pytest.fixture(scope="module")
async def api(database: Database, engine: AsyncEngine) -> AsyncIterator[Api]:
    """The whole web service over this module's database, without a socket."""
    from nexus.app import make_app
    from nexus.settings import Settings

    app = make_app(Settings(database.owner_url, database.app_url, vault_key=bytes(range(32))))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://nexus.test", timeout=60) as client,
    ):
        yield Api(client, engine, app)


@pytest.fixture(scope="module")
async def served(database: Database) -> AsyncIterator[Served]:
    """The web service over this module's database, behind a socket."""
    async with serving(database) as found:
        yield found


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to it."""
    async with httpx.AsyncClient(base_url=f"http://{served.address}", timeout=60) as client:
        yield client
