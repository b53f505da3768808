"""Replays at random: any key, at any moment, beside others, as often as one likes.

`--torture` makes ten thousand; a test run a tenth of them.
"""

import asyncio
import json
from random import Random
from typing import Any

from nexus.core.outbox import Event
from tests.graph.conftest import Library
from tests.graph.test_mutations import LEND, ORDER, count, move, order, settled, shelved

REPLAYS, REPLAYS_TORTURE = 1_000, 10_000
SIDE_BY_SIDE = 8
SEED = 20260511


async def test_replays_at_random_have_no_second_effect(library: Library, torture: bool) -> None:
    """Orders, refused orders and lendings, each with its key: one answer and one effect a key."""
    random, replays = Random(SEED), REPLAYS_TORTURE if torture else REPLAYS
    deeds: list[tuple[str, dict[str, Any]]] = []
    for number in range(replays // 25):
        deeds.append((ORDER, order(f"Replayed {number}")))
        deeds.append((ORDER, order("")))
        deeds.append((LEND, move(await shelved(library))))
    effects = 2 * (replays // 25)
    books, events = await count(library), await count(library, Event)
    answers: dict[str, str] = {}

    async def replay() -> None:
        document, given = random.choice(deeds)
        answer = json.dumps(await settled(library, document, given))
        key = given["input"]["idempotencyKey"]
        assert answers.setdefault(key, answer) == answer

    for _ in range(replays // SIDE_BY_SIDE):
        await asyncio.gather(*(replay() for _ in range(SIDE_BY_SIDE)))
    for document, given in deeds:
        await settled(library, document, given)
    assert len(answers) > len(deeds) * 3 // 4
    assert await count(library) - books == effects // 2
    assert await count(library, Event) - events == effects
