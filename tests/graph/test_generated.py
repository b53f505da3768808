"""Both executors agree on generated queries over the whole schema, as everybody in a small world.

`--torture` compares ten times as many. Every query is one SQL statement: they are counted.
"""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.core.embedded import Database
from nexus.graph.building import core_schema
from nexus.graph.execution import Executor, make_pool
from nexus.graph.registering import MAIN
from nexus.schema import make_schema
from tests.graph.comparing import Comparison
from tests.graph.reference import Reference
from tests.graph.world import make_world

QUERIES, QUERIES_TORTURE = 2000, 20_000


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_executors_agree(database: Database, engine: AsyncEngine, torture: bool) -> None:
    queries = QUERIES_TORTURE if torture else QUERIES
    world = await make_world(engine)
    statements: list[str] = []

    def note(record: Any) -> None:
        # A slow statement may have its connection told to plan anew; that reads nothing.
        if not record.query.startswith("SET "):
            statements.append(record.query)

    async def count(connection: Any) -> None:
        connection.add_query_logger(note)

    pool = await make_pool(database.app_url, init=count)
    try:
        executor = Executor(make_schema(), pool, engine)
        reference = Reference(core_schema(make_schema()), MAIN)
        comparison = Comparison(executor, reference, engine, world.actors(), statements)
        outcome = await comparison.run(queries, seed=20260501)
    finally:
        await pool.close()
    assert not outcome.different, "\n\n".join(outcome.different)
    assert outcome.same > queries * 3 // 4, outcome.refused
    assert set(outcome.statements) == {0, 1}
    assert outcome.statements[0] < queries // 4, "refused before the database, or about the schema"
