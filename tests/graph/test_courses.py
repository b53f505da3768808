"""A statement gets plans of its own where they help, and only there."""

from itertools import pairwise

from sqlalchemy import text

from nexus.graph.courses import FIRST_SPAN, REST, SLOW, Course
from tests.graph.conftest import Library

QUICK, LONG = SLOW / 10, SLOW * 20


def runs(course: Course, count: int, *, common: float, own: float) -> list[bool]:
    """Which of the next runs got a plan of their own."""
    got = []
    for _ in range(count):
        with_own = course.begin()
        got.append(with_own)
        course.end(with_own, own if with_own else common)
    return got


def test_a_quick_statement_keeps_the_common_plan() -> None:
    assert not any(runs(Course(), 100, common=QUICK, own=QUICK))


def test_a_bad_common_plan_is_left_for_longer_each_time() -> None:
    got = runs(Course(), 1000, common=LONG, own=QUICK)
    assert got[:2] == [False, True]
    commons = [at for at, own in enumerate(got) if not own]
    assert [b - a - 1 for a, b in pairwise(commons)][:3] == [
        FIRST_SPAN,
        2 * FIRST_SPAN,
        4 * FIRST_SPAN,
    ]


def test_plans_that_do_not_help_are_dropped_at_once() -> None:
    """A page that is long because there is much to read."""
    got = runs(Course(), REST + 1, common=LONG, own=LONG)
    assert got.count(True) == 1


def test_a_statement_that_was_slow_once_comes_back() -> None:
    course = Course()
    runs(course, 1, common=LONG, own=QUICK)
    assert all(runs(course, FIRST_SPAN, common=QUICK, own=QUICK))
    assert not any(runs(course, 100, common=QUICK, own=QUICK))


async def test_connections_change_over(library: Library) -> None:
    pool = library.pool
    modes = []
    for own in (False, True, True, False):
        connection = await pool.borrow(own)
        modes.append(await connection.fetchval("SHOW plan_cache_mode"))
        await pool.give_back(connection, own)
    assert modes == ["auto", "force_custom_plan", "force_custom_plan", "auto"]
    held = [await pool.borrow(True) for _ in range(pool.get_max_size())]
    for connection in held:
        await pool.give_back(connection, True)
    async with pool.acquire() as connection, library.engine.connect() as other:
        assert await connection.fetchval("SHOW plan_cache_mode") == "auto"
        assert (await other.execute(text("SELECT 1"))).scalar() == 1
