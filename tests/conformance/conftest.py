"""One running service for the probes and suites of a module."""

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.core.embedded import Database
from tests.making import making
from tests.serving import Served, serving


@pytest.fixture(scope="module")
async def served(database: Database) -> AsyncIterator[Served]:
    """A server over this module's database."""
    async with serving(database) as found:
        yield found


@pytest.fixture(scope="module")
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends no header of its own accord."""
    async with httpx.AsyncClient(base_url=f"http://{served.address}", timeout=30) as client:
        for name in ("accept", "user-agent", "accept-encoding"):
            del client.headers[name]
        yield client


@pytest.fixture(scope="module")
async def charity(engine: AsyncEngine) -> Account:
    """Somebody of a verified charity."""
    async with making(engine) as m:
        return await m.account("charity_user")
