"""Brings a database to the newest schema: the migrations beside the source, or in the wheel."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select

import nexus
from nexus.core.db import make_engine

TURN = 0x6E65787573
"""The advisory lock of migrations: "nexus" in ASCII."""


def migrations() -> Path:
    """The directory of the migrations: nexus/_migrations in a wheel, else the source tree's."""
    package = Path(nexus.__file__).parent
    shipped = package / "_migrations"
    return shipped if shipped.exists() else package.parents[1] / "migrations"


def config_for(connection: Connection) -> Config:
    """What alembic's commands need to work over an open connection."""
    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


async def migrate(owner_url: str) -> None:
    """Run what is missing, in one transaction: after a failure nothing has changed.

    Two that migrate one database at once take turns.
    """
    engine = make_engine(owner_url, pool_size=1)
    try:
        async with engine.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(TURN)))
            await connection.run_sync(lambda plain: command.upgrade(config_for(plain), "head"))
    finally:
        await engine.dispose()
