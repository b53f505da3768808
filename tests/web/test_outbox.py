"""The outbox by chance: whatever is lost on the way, nothing vanishes and nothing happens twice."""

import json
import secrets

import pytest

from tests.web.building import run_node


def test_nothing_vanishes_and_nothing_happens_twice(torture: bool) -> None:
    """Random recordings, dead pages, lost answers, refusals, ended sessions; order in a thread
    kept; no thread waits for another's trouble; an upgrade of the database loses no item."""
    seed, runs = secrets.randbelow(10_000), 2_000 if torture else 40
    assert json.loads(run_node("tests/outbox.mjs", str(seed), str(runs))) == {"runs": runs}


@pytest.mark.parametrize("seed", [1, 77])
def test_the_same_seeds_tell_the_same_story(seed: int) -> None:
    assert json.loads(run_node("tests/outbox.mjs", str(seed), "20")) == {"runs": 20}
