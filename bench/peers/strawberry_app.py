"""The Strawberry peer as an ASGI application: its own GraphQL view over an asyncpg pool.

Reads are autocommitted, so that a batch is one round trip; there is no sign-in, no limit, no log.
"""

import os
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from strawberry.asgi import GraphQL

from bench.actors import Caller, callers
from bench.peers.strawberry_loaders import Loaders
from bench.peers.strawberry_schema import schema
from nexus.graph.execution import utcnow

URL = os.environ["BENCH_URL"]
CALLERS = callers(int(os.environ["BENCH_FIRST_CHARITY"]))


def engine() -> AsyncEngine:
    """Ten connections, as every other system has; who waits for one waits."""
    address = make_url(URL).set(drivername="postgresql+asyncpg")
    settings = {"timezone": "UTC", "options": str(address.query["options"])}
    return create_async_engine(
        address.difference_update_query(["options"]),
        pool_size=10,
        max_overflow=0,
        connect_args={"server_settings": settings},
    )


class View(GraphQL[Loaders, None]):
    """The caller is named in a header instead of a token."""

    writer = engine()
    reader = writer.execution_options(isolation_level="AUTOCOMMIT")

    async def get_context(self, request: Any, response: Any) -> Loaders:
        """Fresh loaders for each operation."""
        caller: Caller = CALLERS[request.headers["x-caller"]]
        return Loaders(self.reader, self.writer, caller.actor(utcnow()))


app = View(schema, graphql_ide=None)
