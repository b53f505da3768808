"""The library as a running GraphQL service, over a database of the module's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.requests import Request

from nexus.acting import Actor, Role
from nexus.core.embedded import Database
from nexus.core.ids import new_id
from nexus.graph.building import build_schema
from nexus.graph.execution import Executor, make_pool
from nexus.graph.http import GraphQLDoor, Unauthorized
from tests.graph.library import LIBRARY, LibraryBase

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)


def actor(role: Role = Role.PLATFORM_ADMIN, account: UUID | None = None) -> Actor:
    """Someone of the role, in charge of the whole country."""
    return Actor(role, account or UUID(int=7), UUID(int=8), "", NOW)


@dataclass
class Library:
    """The service, its database, and every statement its read path has run."""

    executor: Executor
    pool: asyncpg.Pool
    engine: AsyncEngine
    client: httpx.AsyncClient
    statements: list[str] = field(default_factory=list)

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
        tables = ", ".join(table.name for table in LibraryBase.metadata.sorted_tables)
        async with self.engine.begin() as connection:
            await connection.execute(text(f"DELETE FROM {tables.split(', ')[0]} WHERE false"))
            for table in reversed(LibraryBase.metadata.sorted_tables):
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


@pytest.fixture(scope="module")
async def library(
    database: Database, engine: AsyncEngine, owner_engine: AsyncEngine, schema: Any
) -> AsyncIterator[Library]:
    """The library, empty."""
    async with owner_engine.begin() as connection:
        await connection.run_sync(LibraryBase.metadata.create_all)
        for table in LibraryBase.metadata.sorted_tables:
            await connection.execute(text(f"GRANT ALL ON {table.name} TO PUBLIC"))
    pool = await make_pool(database.app_url)
    executor = Executor(schema, pool, engine, registry=LIBRARY, secret=b"library")
    door = GraphQLDoor(executor, authenticate, ide="<!doctype html><title>IDE</title>")
    transport = httpx.ASGITransport(app=door, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://library.test") as client:
        yield Library(executor, pool, engine, client)
    await pool.close()


def fresh() -> UUID:
    """An id."""
    return new_id()
