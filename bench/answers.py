"""The same answers and the same rows from every system, or no table."""

from typing import Any

import asyncpg

from bench.database import Bench
from bench.parties import PLEDGEABLE
from bench.questions import M1, QUESTIONS, Drawing, Question, plain
from bench.systems import System
from bench.world import TITLES

EXAMPLES = 5
"""Requests of each kind that are compared."""
WRITTEN = ("idempotency_key", "event", "pledge", "allocation", "allocation_move", "job")


class DifferError(AssertionError):
    """Two systems do not give the same: the benchmark would compare apples and pears."""


async def check(systems: dict[str, System], bench: Bench, drawing: Drawing) -> None:
    """Compare reads with those of nexus, and pledges with what they must give and write."""
    nexus = systems["nexus"]
    for question in (q for q in QUESTIONS.values() if q is not M1):
        for _ in range(EXAMPLES):
            values = question.draw(drawing)
            wanted = plain(nexus.ask(question, values)["data"])
            for system in systems.values():
                _same(system, question, wanted, plain(system.ask(question, values)["data"]))
    connection = await asyncpg.connect(bench.database.owner_url)
    try:
        await _check_pledges(systems, bench, drawing, connection)
    finally:
        await connection.close()


async def _check_pledges(
    systems: dict[str, System], bench: Bench, drawing: Drawing, connection: Any
) -> None:
    for system in systems.values():
        values = drawing.line()
        before = await _counts(connection)
        given = plain(system.ask(M1, values)["data"])
        written = [b - a for a, b in zip(before, await _counts(connection), strict=True)]
        need = values["line"] // PLEDGEABLE * 10 + values["line"] % PLEDGEABLE
        pledged = {
            "quantity": "1",
            "state": "OFFERED",
            "need": {"publicTitle": TITLES[need % len(TITLES)]},
            "organization": {"name": f"同心慈善会{len(bench.counties)}"},
        }
        _same(system, M1, {"offerPledge": pledged}, given)
        if written != [1, 1, 1, 1, 1, 0]:
            raise DifferError(f"{system.name} wrote {dict(zip(WRITTEN, written, strict=True))}")


async def _counts(connection: Any) -> list[int]:
    return [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in WRITTEN]


def _same(system: System, question: Question, wanted: Any, given: Any) -> None:
    difference = _difference(wanted, given, question.name)
    if difference:
        raise DifferError(f"{system.name} differs from what nexus gives: {difference}")


def _difference(wanted: Any, given: Any, path: str) -> str | None:
    """The first place where two answers differ."""
    if isinstance(wanted, dict) and isinstance(given, dict) and set(wanted) == set(given):
        pairs = [(wanted[key], given[key], f"{path}.{key}") for key in wanted]
    elif isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        pairs = [
            (a, b, f"{path}[{at}]") for at, (a, b) in enumerate(zip(wanted, given, strict=True))
        ]
    else:
        return None if wanted == given else f"{path}: {given!r:.300} instead of {wanted!r:.300}"
    return next((found for pair in pairs if (found := _difference(*pair))), None)
