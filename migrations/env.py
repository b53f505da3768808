"""How alembic reaches the database and the models of all slices."""

import asyncio
import importlib
from pathlib import Path

from alembic import context
from sqlalchemy import Connection, text

import nexus
from nexus.core.db import Base, make_engine

LOCK_TIMEOUT = "5s"
"""A migration that has to wait for a table gives up, so that it does not make all others wait."""
ELSEWHERE = ("nexus.core.outbox", "nexus.graph.idempotency", "nexus.acting")
"""Modules with tables or sequences that are not called model."""


def import_models() -> None:
    """Fill the metadata with the tables of every slice."""
    package = Path(nexus.__file__).parent
    found = [path.relative_to(package.parent) for path in sorted(package.rglob("model.py"))]
    for name in [*ELSEWHERE, *(".".join(path.with_suffix("").parts) for path in found)]:
        importlib.import_module(name)


def run(connection: Connection) -> None:
    """Run what alembic asks for, all in one transaction."""
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("RESET lock_timeout"))


async def run_alone(url: str) -> None:
    """For the alembic command: `alembic -x url=postgresql://… upgrade head`."""
    engine = make_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


import_models()
given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(run_alone(context.get_x_argument(as_dictionary=True)["url"]))
else:
    run(given)
