"""The authorisation matrix: what the running code lets each role do is the reviewed table.

docs/howto/authorisation-matrix.md says how to read it and how to change it.
"""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.declare import MUTATIONS
from tests.conftest import Api
from tests.house.conftest import House
from tests.house.matrix_cells import (
    EMPTY,
    HIDDEN,
    Computed,
    field_cells,
    nodes_declared,
    root_cells,
    seen_cells,
)
from tests.house.matrix_ended import ended_cells
from tests.house.matrix_inputs import SAMPLES
from tests.house.matrix_table import differences, read_table, tabulate, write_table
from tests.house.matrix_world import CANARY


def test_every_mutation_has_a_sample() -> None:
    assert sorted(MUTATIONS.keys() - SAMPLES.keys()) == [], (
        "add an input that succeeds to tests/house/matrix_inputs.py"
    )
    assert sorted(SAMPLES.keys() - MUTATIONS.keys()) == [], "these mutations are gone"


@pytest.fixture
async def ended(api: Api, engine: AsyncEngine) -> dict[Role, str]:
    """What is left to each role when its credential has ended."""
    return await ended_cells(api, engine)


async def test_everybody_may_do_what_the_table_says(
    house: House, ended: dict[Role, str], pytestconfig: pytest.Config
) -> None:
    executor, world = house.executor, house.world
    computed: Computed = {}
    deeds = house.deeds()
    # What is open for minutes only comes first.
    for mutation in sorted(MUTATIONS, key=lambda name: not name.startswith("open")):
        computed[f"Mutation.{mutation}"] = await deeds.cells(mutation, Role)
    for name in nodes_declared():
        computed |= await field_cells(executor, world, name, Role)
    computed |= await seen_cells(executor, world, world.variants(), Role)
    computed |= await root_cells(executor, world, Role)
    assert deeds.unexpected == [], "these samples do not succeed for those who may:\n" + "\n".join(
        deeds.unexpected
    )
    assert [told for told in deeds.told if CANARY.search(told)] == []
    assert _untold(computed) == [], "the world leaves these empty, so they say nothing"
    found = tabulate(computed, ended)
    if pytestconfig.getoption("--write-matrix"):
        write_table(found)
    told = differences(read_table(), found)
    assert not told, (
        "the code does not do what the table says; see docs/howto/authorisation-matrix.md:\n"
        + "\n".join(told)
    )


def _untold(computed: Computed) -> list[str]:
    """What not even nexus itself is shown has no row behind it."""
    return [
        coordinate
        for coordinate, cells in computed.items()
        if {HIDDEN, EMPTY} & set(cells[Role.SYSTEM])
    ]
