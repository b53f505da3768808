"""Coverage of lines and needs, derived in SQL from the four counters."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.needs import queries
from nexus.needs.model import Need, NeedLine, NeedState
from tests.making import making

# required, reserved, committed, delivered, confirmed → coverage, open quantity
LINES: list[tuple[int | None, int, int, int, int, str, int | None]] = [
    (10, 0, 0, 0, 0, "NONE", 10),
    (10, 1, 0, 0, 0, "PARTLY_PLEDGED", 9),
    (10, 0, 9, 0, 0, "PARTLY_PLEDGED", 1),
    (10, 4, 6, 0, 0, "FULLY_PLEDGED", 0),
    (10, 9, 0, 1, 0, "PARTLY_DELIVERED", 0),
    (10, 0, 0, 0, 1, "PARTLY_DELIVERED", 9),
    (10, 0, 0, 10, 0, "DELIVERED", 0),
    (10, 0, 0, 1, 9, "DELIVERED", 0),
    (10, 0, 0, 0, 10, "CONFIRMED", 0),
    (None, 0, 0, 0, 0, "NONE", None),
    (None, 5, 5, 0, 0, "PARTLY_PLEDGED", None),
    (None, 0, 0, 5, 0, "PARTLY_DELIVERED", None),
    (None, 0, 0, 0, 5, "PARTLY_DELIVERED", None),
]


def line(case: tuple[Any, ...]) -> dict[str, Any]:
    names = ("quantity_required", "reserved", "committed", "delivered", "confirmed")
    return {
        name: None if value is None else Decimal(value)
        for name, value in zip(names, case, strict=False)
    }


async def test_the_coverage_of_a_line(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(lines=[line(case) for case in LINES])
        found = await m.session.execute(
            select(
                queries.named(queries.line_step(NeedLine)),
                queries.open_quantity(NeedLine),
                queries.line_is_open(NeedLine),
            )
            .where(NeedLine.need_id == need.id)
            .order_by(NeedLine.position)
        )
        got = [tuple(row) for row in found]
    wanted = [(case[5], case[6], case[6] is None or case[6] > 0) for case in LINES]
    assert got == wanted


CASES = {case[5]: line(case) for case in LINES[:9]}

NEEDS: list[tuple[list[str], str]] = [
    ([], "NONE"),
    (["NONE", "NONE"], "NONE"),
    (["NONE", "PARTLY_PLEDGED"], "PARTLY_PLEDGED"),
    (["NONE", "FULLY_PLEDGED"], "PARTLY_PLEDGED"),
    (["FULLY_PLEDGED", "FULLY_PLEDGED"], "FULLY_PLEDGED"),
    (["NONE", "PARTLY_DELIVERED"], "PARTLY_DELIVERED"),
    (["NONE", "CONFIRMED"], "PARTLY_DELIVERED"),
    (["FULLY_PLEDGED", "DELIVERED"], "PARTLY_DELIVERED"),
    (["DELIVERED", "CONFIRMED"], "DELIVERED"),
    (["CONFIRMED", "CONFIRMED"], "CONFIRMED"),
]


@pytest.mark.parametrize(("lines", "coverage"), NEEDS, ids=[" ".join(n[0]) for n in NEEDS])
async def test_the_coverage_of_a_need(engine: AsyncEngine, lines: list[str], coverage: str) -> None:
    async with making(engine) as m:
        need = await m.need(lines=[CASES[name] for name in lines])
        found = await m.session.execute(
            select(queries.named(queries.need_step(Need))).where(Need.id == need.id)
        )
        assert found.scalar_one() == coverage


async def test_what_is_asked_for_no_more_does_not_count(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(lines=[CASES["CONFIRMED"], {"asked": False, "published": False}])
        found = await m.session.execute(
            select(queries.named(queries.need_step(Need))).where(Need.id == need.id)
        )
        assert found.scalar_one() == "CONFIRMED"


@pytest.mark.parametrize(
    ("state", "lines", "is_open"),
    [
        (NeedState.PUBLISHED, ["NONE"], True),
        (NeedState.PUBLISHED, ["CONFIRMED", "NONE"], True),
        (NeedState.PUBLISHED, ["FULLY_PLEDGED"], False),
        (NeedState.PAUSED, ["NONE"], False),
        (NeedState.VERIFIED, ["NONE"], False),
    ],
)
async def test_a_need_is_open_while_more_can_be_pledged(
    engine: AsyncEngine, state: NeedState, lines: list[str], is_open: bool
) -> None:
    async with making(engine) as m:
        need = await m.need(state=state, lines=[CASES[name] for name in lines])
        found = await m.session.execute(
            select(queries.need_is_open(Need)).where(Need.id == need.id)
        )
        assert found.scalar_one() is is_open
