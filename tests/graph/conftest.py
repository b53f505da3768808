"""The library as a running GraphQL service, over a database of the module's own."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.requests import Request

from nexus.acting import Actor, Role
from nexus.core.db import Base, make_engine
from nexus.core.embedded import Database
from nexus.graph.building import build_schema
from nexus.graph.execution import Executor, make_pool
from nexus.graph.http import GraphQLDoor, Unauthorized
from nexus.graph.reading import Lanes
from tests.conftest import on_server
from tests.graph import model
from tests.graph.library import LIBRARY

PLATFORM = ("event", "job", "idempotency_key")
NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


def actor(role: Role = Role.PLATFORM_ADMIN, account: UUID | None = None) -> Actor:
    """Someone of the role, in charge of the whole country."""
    return Actor(role, account or UUID(int=7), UUID(int=8), "", NOW)


@dataclass
class Library:
    """The service and its database."""

    url: str
    executor: Executor
    pool: Lanes
    engine: AsyncEngine
    client: httpx.AsyncClient

    async def ask(
        self, document: str, variables: dict[str, Any] | None = None, *, by: Actor | None = None
    ) -> Any:
        """The answer's JSON, straight from the executor."""
        answer = await self.executor.execute(document, by or actor(), variables=variables)
        return httpx.Response(200, content=answer.body()).json()

    async def add(self, *rows: Any) -> None:
        """Insert rows in the order given."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            for row in rows:
                session.add(row)
                await session.flush()

    async def clear(self) -> None:
        """Take every book off every shelf."""
        async with self.engine.begin() as connection:
            for table in reversed(model.LibraryBase.metadata.sorted_tables):
                await connection.execute(table.delete())


async def authenticate(request: Request) -> Actor:
    """`Authorization: ROLE [account]`; anything unknown is refused."""
    given = request.headers.get("authorization")
    if given is None:
        return actor(Role.ANONYMOUS, UUID(int=0))
    name, _, account = given.partition(" ")
    if name not in Role.__members__:
        raise Unauthorized("No such credential.")
    return actor(Role[name], UUID(account) if account else None)


@pytest.fixture(scope="session")
def schema() -> Any:
    """The library's schema."""
    return build_schema(LIBRARY)


async def create_tables(url: str) -> None:
    """The platform's tables that deeds need, and the library's."""
    engine = make_engine(url, pool_size=1)
    platform = [Base.metadata.tables[table] for table in PLATFORM]
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all, tables=platform)
        await connection.run_sync(model.LibraryBase.metadata.create_all)
    await engine.dispose()


@pytest.fixture(scope="module")
async def library(server: Database, schema: Any) -> AsyncIterator[Library]:
    """The library, empty, in a database of the module's own."""
    name = f"nexus_library_{secrets.token_hex(4)}"
    await on_server(server, f"CREATE DATABASE {name}")
    url = server.named(name).owner_url
    await create_tables(url)
    engine, pool = make_engine(url), await make_pool(url)
    executor = Executor(schema, pool, engine, registry=LIBRARY, secret=b"library")
    door = GraphQLDoor(executor, authenticate, ide="<!doctype html><title>IDE</title>")
    transport = httpx.ASGITransport(app=door, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as client:
        yield Library(url, executor, pool, engine, client)
    await pool.close()
    await engine.dispose()
    await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")
