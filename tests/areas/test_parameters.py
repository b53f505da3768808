"""Figures of law: the narrowest area's in force counts, and everybody may read them."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.areas.queries import parameter
from nexus.areas.rules import Figure, in_force


def figure(area: str, value: int, start: int, end: int | None = None) -> Figure:
    until = date(end, 1, 1) if end else None
    return Figure("taper_months", area, Decimal(value), "months", date(start, 1, 1), until)


FIGURES = [
    figure("CN", 6, 2020, 2026),
    figure("CN", 9, 2026),
    figure("44", 12, 2024, 2025),
    figure("4401", 3, 2024),
]


@pytest.mark.parametrize(
    ("area", "on", "value"),
    [
        ("440103001", date(2023, 12, 31), 6),
        ("440103001", date(2024, 1, 1), 3),
        ("4401", date(2030, 1, 1), 3),
        ("440203", date(2024, 6, 1), 12),
        ("440203", date(2025, 1, 1), 6),
        ("440203", date(2026, 1, 1), 9),
        ("110101", date(2024, 6, 1), 6),
        ("CN", date(2026, 1, 1), 9),
        ("CN", date(2019, 12, 31), None),
    ],
)
def test_the_narrowest_in_force(area: str, on: date, value: int | None) -> None:
    for order in (FIGURES, FIGURES[::-1]):
        found = in_force(order, on, area)
        assert (found and found.value) == value


def test_a_version_names_its_row() -> None:
    assert FIGURES[3].version == "taper_months@4401/2024-01-01"
    assert FIGURES[3].whole == 3


async def test_the_shipped_ones(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        for name, value in (
            ("taper_months", 6),
            ("recheck_stable_months", 12),
            ("recheck_changeable_months", 6),
            ("consent_months", 12),
            ("tekun_to_dibao_least", Decimal("1.6")),
            ("margin_to_dibao_most", Decimal("1.5")),
        ):
            found = await parameter(session, name, on=date(2026, 1, 1), area_code="440103")
            assert found.value == value, name
        with pytest.raises(LookupError, match="no parameter unheard_of"):
            await parameter(session, "unheard_of", on=date(2026, 1, 1))


async def test_everybody_reads_them(api: Any) -> None:
    answer = await api(None)(
        """{ parameters(filter: {name: ["taper_months"], inForceOn: "2026-01-01"}) { nodes {
             name value unit area { code } validFrom source } } }"""
    )
    assert answer["data"]["parameters"]["nodes"] == [
        {
            "name": "taper_months",
            "value": "6",
            "unit": "months",
            "area": {"code": "CN"},
            "validFrom": "2020-01-01",
            "source": "T11b",
        }
    ]
