"""One running service for the probes and suites of a module."""

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import system
from nexus.needs.model import Need, Visibility
from tests.conformance.node import Node, install
from tests.deeds import acting
from tests.making import making, now
from tests.serving import Served


@pytest.fixture(scope="module")
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends no header of its own accord."""
    async with httpx.AsyncClient(base_url=f"http://{served.address}", timeout=30) as client:
        for name in ("accept", "user-agent", "accept-encoding"):
            del client.headers[name]
        yield client


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with the public suites."""
    return install()


async def publish(engine: AsyncEngine) -> Need:
    """A need that everybody may see, and the news of it."""
    async with making(engine) as m:
        need = await m.need(visibility=Visibility.PUBLIC)
    async with acting(engine, system(now())) as act:
        act.record("need.published", need)
    return need


@pytest.fixture(scope="module")
async def charity(engine: AsyncEngine) -> Account:
    """Somebody of a verified charity."""
    async with making(engine) as m:
        return await m.account("charity_user")
