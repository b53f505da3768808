"""Needs for counselling that nobody offers: what the stories of gaps begin with."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.graph.identifiers import encode
from nexus.worker import drain
from tests.making import making

COUNTY, TOWN = "440105", "440105001"


async def publish(engine: AsyncEngine, people: dict[str, Any], count: int) -> list[Any]:
    """So many, published through the API by `people["clerk"]`."""
    rows = []
    for _ in range(count):
        async with making(engine) as m:
            row = await m.need(
                state="verified",
                publisher_id=people["authority"].id,
                area_code=TOWN,
                category="PSY",
                lines=[{"category": "PSY", "kind": "service", "unit": "E48", "item": "心理疏导"}],
            )
        await people["clerk"].do(
            "publishNeed", id=encode("Need", row.id), expectedVersion=row.version
        )
        rows.append(row)
    await drain(engine)
    return rows
