"""Both executors agree on generated queries over the library, which has every odd case."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from nexus.acting import Role
from nexus.graph.building import build_schema, core_schema
from tests.graph import model
from tests.graph.comparing import Comparison
from tests.graph.conftest import Library, actor
from tests.graph.library import LIBRARY
from tests.graph.reference import Reference

QUERIES, QUERIES_TORTURE = 400, 5000
START = datetime(2026, 1, 1, 0, 0, 0, 120_001, tzinfo=UTC)


async def fill(library: Library, seed: int = 1) -> None:
    """Books with equal titles and moments, missing authors, odd numbers."""
    random = Random(seed)
    shelves = [model.Shelf(code=c, title=f"架{c}") for c in ("4", "44", "4401", "45", "北")]
    authors = [
        model.Author(
            name=name,
            email=f"{name}@example.org" if name != "Bo" else None,
            hidden=name in ("Bo", "Cy"),
            born_on=random.choice((None, date(1980, 2, 3), date(2001, 5, 6))),
            created_at=START + timedelta(microseconds=random.randint(0, 3)),
        )
        for name in ("Ai", "Bo", "Cy", "Di", "Ai")
    ]
    await library.add(*shelves, *authors)
    books = [
        model.Book(
            title=random.choice(("One", "Two", "«Три»", '四"\\%_', "One")),
            state=random.choice(list(model.BookState)),
            author_id=random.choice((None, *(a.id for a in authors))),
            shelf_code=random.choice((None, *(s.code for s in shelves))),
            price=Decimal(random.choice(("0", "1.5", "1.500", "10.125", "1000"))),
            weight=random.choice((None, Decimal("0.001"), Decimal(2))),
            value_fen=random.choice((0, 999, 2**53)),
            pages=random.choice((1, 2, 99_999)),
            tags=random.sample(["a", "b\n", "ü"], random.randint(0, 3)),
            facts=random.choice((None, {"a": [1, None, {"b": 2.5}]}, {})),
            bought_on=date(2026, 1, random.randint(1, 3)),
            created_at=START + timedelta(microseconds=random.randint(0, 2)),
        )
        for _ in range(30)
    ]
    await library.add(*books, *(model.Wide() for _ in range(3)))


async def test_executors_agree(library: Library, torture: bool) -> None:
    await fill(library)
    reference = Reference(core_schema(build_schema(LIBRARY)), LIBRARY)
    roles = (Role.ANONYMOUS, Role.PLATFORM_ADMIN, Role.STATION_LEAD, Role.RECIPIENT)
    actors = [actor(role, UUID(int=9)) for role in roles]
    comparison = Comparison(library.executor, reference, library.engine, actors)
    outcome = await comparison.run(QUERIES_TORTURE if torture else QUERIES, seed=2026)
    assert not outcome.different, "\n\n".join(outcome.different)
    assert outcome.same > (QUERIES * 3) // 4, outcome.refused
