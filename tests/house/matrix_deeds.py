"""What deeds answer: each mutation of each role, really done, and undone again."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from graphql.utilities import coerce_input_value
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from strawberry.types.arguments import convert_argument

from nexus.acting import Act, Role
from nexus.core.refusals import Forbidden, NotFound, Refusal
from nexus.graph.declare import MUTATIONS
from nexus.graph.execution import Executor
from tests.house.matrix_cells import UNSEEN, Cells
from tests.house.matrix_inputs import SAMPLES, Sample
from tests.house.matrix_world import RELATIONS, Place, World

MAY, FORBIDDEN, GUARDED = "may", "forbidden", "guarded"


class Deeds:
    """Runs mutations in one transaction that is never committed."""

    def __init__(self, executor: Executor, world: World, engine: AsyncEngine) -> None:
        self.schema, self.strawberry = executor.schema, executor.deeds.strawberry
        self.info = executor.deeds.info
        self.world, self.engine = world, engine
        self.unexpected: list[str] = []
        """Refusals that say the sample is wrong, not that the actor may not."""
        self.told: list[str] = []
        """Every refusal as text."""

    def input(self, mutation: str, given: Mapping[str, Any]) -> Any:
        """What a client sent, as the deed gets it."""
        spec = MUTATIONS[mutation]
        fields: Any = self.schema.get_type(spec.input_type.__name__)
        whole = dict(given)
        if spec.keyed:
            whole["idempotencyKey"] = "k"
        config = self.strawberry.config
        scalars = self.strawberry.schema_converter.scalar_registry
        return convert_argument(coerce_input_value(whole, fields), spec.input_type, scalars, config)

    @asynccontextmanager
    async def at(self, sample: Sample, place: Place) -> AsyncIterator[AsyncConnection]:
        """A connection on which the place is as the sample wants it; rolled back at the end."""
        async with self.engine.connect() as connection:
            transaction = await connection.begin()
            for key, values in sample.was.items():
                table = type(place[key])
                await connection.execute(
                    update(table).where(table.id == place[key].id).values(**values)
                )
            await connection.exec_driver_sql("SAVEPOINT as_it_was")
            yield connection
            await transaction.rollback()

    @asynccontextmanager
    async def session(self, connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
        """A session whose whole work is undone, by one savepoint for all deeds of a place."""
        session = AsyncSession(
            connection,
            expire_on_commit=False,
            info=dict(self.info),
            join_transaction_mode="rollback_only",
        )
        try:
            yield session
            await session.flush()
        finally:
            await session.close()
            if connection.in_transaction():  # a fault in a flush has undone all of it already
                await connection.exec_driver_sql("ROLLBACK TO SAVEPOINT as_it_was")

    async def cell(
        self, connection: AsyncConnection, mutation: str, place: Place, role: Role, value: Any
    ) -> str:
        """One deed of one role, with an input made by `input`."""
        try:
            async with self.session(connection) as session:
                await MUTATIONS[mutation].run(Act(session, self.world.actor(role)), value)
        except Refusal as refusal:
            return self._refused(refusal, f"{mutation} {role} {place.relation}")
        return MAY

    def _refused(self, refusal: Refusal, where: str) -> str:
        self.told.append(json.dumps(refusal.as_dict(), ensure_ascii=False, default=str))
        if isinstance(refusal, NotFound):
            return UNSEEN
        if isinstance(refusal, Forbidden):
            return FORBIDDEN
        if refusal.details.get("rule") == "INV-18":
            return GUARDED
        self.unexpected.append(f"{where}: {refusal.code} {refusal.message}")
        return refusal.code.lower()

    async def cells(self, mutation: str, roles: Iterable[Role]) -> dict[Role, Cells]:
        """One mutation of every role in every relation."""
        wanted = list(roles)
        found: dict[Role, list[str]] = {role: [] for role in wanted}
        for relation in RELATIONS:
            by_place: dict[str, list[Role]] = {}
            for role in wanted:
                place = self.world.of(role)[RELATIONS.index(relation)]
                by_place.setdefault(place.side, []).append(role)
            for side, those in by_place.items():
                place, sample = self.world.places[side, relation], SAMPLES[mutation]
                value = self.input(mutation, sample.given(place))
                async with self.at(sample, place) as connection:
                    for role in those:
                        cell = await self.cell(connection, mutation, place, role, value)
                        found[role].append(cell)
        return {role: tuple(cells) for role, cells in found.items()}
