"""One world for all tests of the authorisation: made once, never changed by what is asked of it."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.app import make_app
from nexus.core.embedded import Database
from nexus.graph.execution import Executor
from nexus.settings import Settings
from tests.conftest import on_server
from tests.deeds import VAULT_KEY
from tests.house.matrix_deeds import Deeds
from tests.house.matrix_table import Reviewed, read_table
from tests.house.matrix_world import World, build_world


@dataclass
class House:
    """The world, and the running code over it."""

    world: World
    engine: AsyncEngine
    executor: Executor

    def deeds(self) -> Deeds:
        """A runner of mutations that leaves nothing behind."""
        return Deeds(self.executor, self.world, self.engine)

    def fresh_executor(self) -> Executor:
        """One that has planned nothing yet: a plan keeps the policies it was made with."""
        deeds = self.executor.deeds
        return Executor(deeds.strawberry, self.executor.reader.pool, self.engine)


@pytest.fixture(scope="session")
async def house(server: Database, template: str) -> AsyncIterator[House]:
    name = f"nexus_house_{secrets.token_hex(4)}"
    await on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    database = server.named(name)
    app = make_app(Settings(database.owner_url, database.app_url, vault_key=VAULT_KEY))
    try:
        async with app.router.lifespan_context(app):
            engine: AsyncEngine = app.state.engine
            yield House(await build_world(engine), engine, app.state.executor)
    finally:
        await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def reviewed() -> Reviewed:
    """The table that people agreed on."""
    return Reviewed(read_table())
