"""`allowedActions` tells the truth: it lists a mutation to those, and only those, who may do it."""

from typing import Any

from sqlalchemy import Text, and_, cast, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from nexus.acting import Role
from nexus.graph import specs
from nexus.graph.declare import TYPES
from nexus.graph.identifiers import split
from nexus.graph.sql import as_predicate
from tests.house.conftest import House
from tests.house.matrix_cells import UNSEEN
from tests.house.matrix_deeds import FORBIDDEN
from tests.house.matrix_inputs import SAMPLES
from tests.house.matrix_table import Reviewed
from tests.house.matrix_world import RELATIONS, SIDES, Place, side_of

ON_LINES = {
    "removeNeedLine": "Need[draft]",
    "changeQuantity": "Need[partners]",
    "changeSlots": "VolunteerTask",
}
"""Deeds that take a line and are listed on its need."""
SAID_ELSEWHERE = {
    "scoreIndicator": "which authorities score is the scheme's to say, not the evaluation's",
}
"""Deeds that are listed to some who are then refused, and why the row cannot tell."""


def _key(mutation: str, place: Place, name: str) -> str:
    """The key of the row of the type that the sample is about."""
    if mutation in ON_LINES:
        return ON_LINES[mutation]
    given = SAMPLES[mutation].given(place)
    values = [given["id"]] if "id" in given else list(given.values())
    named = [one for value in values for one in (value if isinstance(value, list) else [value])]
    ids = {one for one in named if isinstance(one, str) and (split(one) or ("",))[0] == name}
    # A row may be known by several keys.
    (found,) = {place.id(key): key for key in place.rows if place.id(key) in ids}.values()
    return found


async def _listed(
    connection: AsyncConnection, house: House, role: Role, keys: list[Any], action: Any
) -> dict[Any, bool]:
    """For each row that the role sees, whether the action is listed."""
    spec, verb, may = action
    actor, table = house.world.actor(role), spec.table
    told = as_predicate(may(actor, table))
    if verb is not None:
        sources = [state.value for state in spec.transitions.sources(verb)]
        told = and_(told, cast(table.state, Text).in_(sources))
    statement = select(table.id, told).where(
        table.id.in_(keys), as_predicate(spec.visible(actor, table))
    )
    return {key: bool(listed) for key, listed in await connection.execute(statement)}


async def _untrue(
    connection: AsyncConnection,
    house: House,
    reviewed: Reviewed,
    spec: specs.TypeSpec,
    mutation: str,
    side: str,
) -> list[str]:
    places = [house.world.places[side, relation] for relation in RELATIONS]
    rows = [place[_key(mutation, place, spec.name)] for place in places]
    verb, may = spec.actions[mutation]
    wrong = []
    for role in (role for role in Role if side_of(role) == side):
        keys = [row.id for row in rows]
        listed = await _listed(connection, house, role, keys, (spec, verb, may))
        cells = reviewed.cells(f"Mutation.{mutation}", role)
        for row, relation, cell in zip(rows, RELATIONS, cells, strict=True):
            expected = None if cell == UNSEEN else cell != FORBIDDEN
            if listed.get(row.id, None if cell == UNSEEN else "unseen") != expected:
                wrong.append(f"{spec.name}.{mutation} {role} {relation}: {cell}")
    return wrong


async def test_what_is_listed_is_what_succeeds(house: House, reviewed: Reviewed) -> None:
    wrong: list[str] = []
    for spec in TYPES.values():
        for mutation in spec.actions.keys() - SAID_ELSEWHERE.keys():
            for side in SIDES:
                async with house.engine.connect() as connection:
                    transaction = await connection.begin()
                    for relation in RELATIONS:
                        place = house.world.places[side, relation]
                        for key, values in SAMPLES[mutation].was.items():
                            table: Any = type(place[key])
                            changed = update(table).where(table.id == place[key].id)
                            await connection.execute(changed.values(**values))
                    wrong += await _untrue(connection, house, reviewed, spec, mutation, side)
                    await transaction.rollback()
    assert wrong == [], "\n".join(wrong)
