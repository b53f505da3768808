"""State machines as tables: one row a verb, printable, and published through `stateMachine`."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from nexus.core.refusals import WrongState

S = TypeVar("S", bound=StrEnum)


class Transitions(Generic[S]):
    """`{verb: {state before: state after}}` over one enum. A state no verb leaves is final."""

    def __init__(self, states: type[S], verbs: Mapping[str, Mapping[S, S]]) -> None:
        self.states = states
        self.moves = {verb: dict(moves) for verb, moves in verbs.items()}

    def after(self, verb: str, state: S) -> S:
        """The state that `verb` leads to; WrongState names what is possible instead."""
        target = self.moves[verb].get(state)
        if target is None:
            possible = ", ".join(self.verbs(state)) or "nothing: it is final"
            raise WrongState(
                f"'{verb}' is not possible in state {state.name}. Possible from here: {possible}.",
                rule="INV-17",
                state=state.name,
            )
        return target

    def verbs(self, state: S) -> list[str]:
        """What can be done in `state`, in the order of the table."""
        return [verb for verb, moves in self.moves.items() if state in moves]

    def sources(self, verb: str) -> list[S]:
        """The states in which `verb` is possible."""
        return list(self.moves[verb])

    def rows(self) -> list[tuple[str, S, S]]:
        """Every (verb, before, after), for printing and for tests over all pairs."""
        moves = self.moves.items()
        return [(verb, before, after) for verb, move in moves for before, after in move.items()]
