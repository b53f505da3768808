"""One database for all: made once by COPY, kept as a template, copied fresh for each run."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
from rich.progress import Progress
from sqlalchemy.ext.asyncio import AsyncSession

from bench import actors, parties, world
from bench.actors import Caller, callers
from bench.parties import Extent
from bench.world import World, today
from nexus.areas.operations import load_reference
from nexus.core.db import make_engine
from nexus.core.embedded import Database, Embedded
from nexus.core.migrating import migrate, migrations

SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "jit": "off",
}
"""Beyond those of the embedded server; fsync and synchronous_commit stay on."""
NAME = "nexus_bench"


@dataclass(frozen=True)
class Bench:
    """The database of a run, and who may ask."""

    database: Database
    extent: Extent
    callers: dict[str, Caller]
    counties: list[str]

    @property
    def prefectures(self) -> list[str]:
        """Their codes."""
        return sorted({code[:4] for code in self.counties})

    def url(self, name: str) -> str:
        """The application's address; its backends are called `name` in pg_stat_activity."""
        mark = "&" if "?" in self.database.app_url else "?"
        options = quote(f"-c application_name={name}", safe="")
        return f"{self.database.app_url}{mark}options={options}"


def server(folder: Path) -> Embedded:
    """The embedded PostgreSQL of the benchmark."""
    return Embedded(folder, settings=SETTINGS)


async def fresh(server: Database, extent: Extent, progress: Progress) -> Bench:
    """A fresh copy of the template, which is made first if there is none of this content."""
    template = f"bench_{_fingerprint(extent)}"
    admin = await asyncpg.connect(server.owner_url)
    try:
        known = await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", template)
        if not known:
            await _forget_old(admin)
            await admin.execute(f"CREATE DATABASE {NAME}_new")
            await _fill(server.named(f"{NAME}_new"), extent, progress)
            await admin.execute(f"ALTER DATABASE {NAME}_new RENAME TO {template}")
        await admin.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {NAME} TEMPLATE {template} STRATEGY FILE_COPY")
        await admin.execute("CHECKPOINT")
    finally:
        await admin.close()
    return await _opened(server.named(NAME), extent)


async def _opened(database: Database, extent: Extent) -> Bench:
    connection = await asyncpg.connect(database.owner_url)
    try:
        counties, _ = await _places(connection)
        await _warm(connection)
    finally:
        await connection.close()
    return Bench(database, extent, callers(len(counties)), counties)


async def _warm(connection: Any) -> None:
    """Read every table and index once, so that no server pays for the first touch."""
    await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    await connection.execute(
        "SELECT pg_prewarm(oid) FROM pg_class "
        "WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
    )


async def _forget_old(admin: Any) -> None:
    for row in await admin.fetch("SELECT datname FROM pg_database WHERE datname LIKE '%bench%'"):
        await admin.execute(f"DROP DATABASE {row['datname']} WITH (FORCE)")


def _fingerprint(extent: Extent) -> str:
    """What the template depends on: the schema, the generator, the size."""
    digest = hashlib.sha256(repr(extent).encode())
    sources = [*sorted(migrations().rglob("*.sql")), *sorted(migrations().rglob("*.py"))]
    for path in [*sources, *(Path(m.__file__) for m in (parties, world, actors) if m.__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


async def _fill(database: Database, extent: Extent, progress: Progress) -> None:
    await migrate(database.owner_url)
    engine = make_engine(database.owner_url, pool_size=1)
    async with AsyncSession(engine) as session, session.begin():
        await load_reference(session)
    await engine.dispose()
    connection = await asyncpg.connect(database.owner_url)
    try:
        # Triggers and foreign keys rest: the rows are made so that all of them hold.
        await connection.execute("SET session_replication_role = replica")
        made = World(extent, *await _places(connection), today())
        for table, count, rows in made.tables():
            await _copy(connection, table, count, rows, progress)
        now = today()
        asking = list(callers(made.first_charity).values())
        await _copy(connection, "account", 3, (c.account(now) for c in asking), progress)
        await _copy(connection, "access_token", 3, (c.access_token(now) for c in asking), progress)
        await connection.execute("SELECT setval('number_seq', 10000000)")
        await connection.execute("VACUUM (FREEZE, ANALYZE)")
    finally:
        await connection.close()


async def _places(connection: Any) -> tuple[list[str], list[str]]:
    """Guangdong's counties and towns; a town's county must be among the counties."""
    found = await connection.fetch(
        "SELECT code FROM area WHERE code LIKE '44%' AND valid_to IS NULL "
        "AND length(code) IN (6, 9) ORDER BY code"
    )
    codes = [row["code"] for row in found]
    towns = [code for code in codes if len(code) == 9]
    return sorted({town[:6] for town in towns}), towns


async def _copy(
    connection: Any, table: str, count: int, rows: Iterator[parties.Row], progress: Progress
) -> None:
    task = progress.add_task(f"COPY {table}", total=count)
    first = next(rows)
    columns = list(first)

    def records() -> Iterator[tuple[Any, ...]]:
        yield tuple(first.values())
        for place, row in enumerate(rows):
            if place % 5000 == 0:
                progress.update(task, completed=place)
            yield tuple(row.values())

    await connection.copy_records_to_table(table, records=records(), columns=columns)
    progress.update(task, completed=count, total=count)
