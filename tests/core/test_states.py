"""State machines as tables: where a verb leads, and what is said when it leads nowhere."""

from enum import StrEnum

import pytest

from nexus.core.refusals import WrongState
from nexus.core.states import Transitions


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    BROKEN = "broken"


MOVES = Transitions(
    Light,
    {
        "go": {Light.RED: Light.GREEN},
        "halt": {Light.GREEN: Light.RED},
        "break": {Light.RED: Light.BROKEN, Light.GREEN: Light.BROKEN},
    },
)


@pytest.mark.parametrize("state", list(Light))
@pytest.mark.parametrize("verb", ["go", "halt", "break"])
def test_every_pair_moves_as_listed_or_is_refused(verb: str, state: Light) -> None:
    listed = {(v, before): after for v, before, after in MOVES.rows()}
    if (verb, state) in listed:
        assert MOVES.after(verb, state) is listed[verb, state]
        return
    with pytest.raises(WrongState) as refused:
        MOVES.after(verb, state)
    assert refused.value.details == {"rule": "INV-17", "state": state.name}


def test_a_refusal_says_what_is_possible_instead() -> None:
    with pytest.raises(WrongState, match=r"'halt' is not possible in state RED.*: go, break\."):
        MOVES.after("halt", Light.RED)
    with pytest.raises(WrongState, match="it is final"):
        MOVES.after("go", Light.BROKEN)


def test_an_unknown_verb_is_a_mistake_of_the_code() -> None:
    with pytest.raises(KeyError):
        MOVES.after("fly", Light.RED)


def test_verbs_and_sources_come_in_the_order_of_the_table() -> None:
    assert MOVES.verbs(Light.RED) == ["go", "break"]
    assert MOVES.verbs(Light.BROKEN) == []
    assert MOVES.sources("break") == [Light.RED, Light.GREEN]
    assert MOVES.rows() == [
        ("go", Light.RED, Light.GREEN),
        ("halt", Light.GREEN, Light.RED),
        ("break", Light.RED, Light.BROKEN),
        ("break", Light.GREEN, Light.BROKEN),
    ]


def test_the_table_is_a_copy() -> None:
    given = {"go": {Light.RED: Light.GREEN}}
    moves = Transitions(Light, given)
    given["go"][Light.BROKEN] = Light.GREEN
    assert moves.sources("go") == [Light.RED]
