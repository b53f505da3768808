"""Which kind of plan a statement runs on: told by its times, where PostgreSQL's estimate errs.

After five runs PostgreSQL keeps one plan for all values if it estimates that to be as good as one
made for each. Where an area or a state holds most of the rows, that estimate is wrong by a hundred
times. But a plan for each run costs as much as a small statement, so it must earn that.
"""

SLOW = 0.02
"""Seconds from which a run is worth a second look."""
GAIN = 2
"""How many times faster a plan for these values must be."""
FIRST_SPAN, LONGEST_SPAN = 20, 2000
"""Runs on plans of their own before the common plan is tried again; twice as many each time."""
REST = 500
"""Runs without a second look, after plans of their own did not help."""


class Course:
    """The course of one statement in one process."""

    __slots__ = ("_own", "_rest", "_slowest", "_span")

    def __init__(self) -> None:
        self._own = 0
        self._rest = 0
        self._span = FIRST_SPAN
        self._slowest = 0.0

    def begin(self) -> bool:
        """Whether the next run gets a plan of its own."""
        if self._own == 0:
            return False
        self._own -= 1
        return True

    def end(self, own: bool, seconds: float) -> None:
        """What a run took."""
        if own:
            if seconds * GAIN > self._slowest:
                self._own, self._rest, self._span = 0, REST, FIRST_SPAN
        elif self._rest:
            self._rest -= 1
        elif seconds > SLOW:
            self._slowest, self._own = seconds, self._span
            self._span = min(2 * self._span, LONGEST_SPAN)
        else:
            self._span = FIRST_SPAN
