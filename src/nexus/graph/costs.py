"""What a query may cost, in rows it may build: told in advance, limited before it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from nexus.core.refusals import Refusal
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.selections import Argument, Values

COST_LIMIT = 20_000
COLLECTION = 50
"""Of a root collection, whatever its page: it may have to look through a whole table."""
FOUND = 200
"""Of a found row: it may look through many rows for a few, and its statement is a large one."""
ROOT_TOTAL = 1500
"""Of a root collection's `totalCount`: it counts every row the actor sees."""
TOTAL = 10
"""Of `totalCount` in a connection below a row."""


class PageTooLarge(Refusal):
    """`first` or `last` is negative or above the cap."""

    code = "PAGE_TOO_LARGE"


class BadArgument(Refusal):
    """Arguments that validation lets pass but that make no sense together."""

    code = "BAD_ARGUMENT"


ROOMS = (1, 5, 10, 20, 50, 100, 200, 500, 1000)
"""What a statement's LIMIT may be where a variable decides the size: known to PostgreSQL, which
plans for a tenth of the table where it does not know."""


def room(size: int) -> int:
    """The least room that holds so many rows."""
    return next((known for known in ROOMS if known >= size), ROOMS[-1])


class Size:
    """How many rows a list may hold: the argument, checked on every request, or the default."""

    def __init__(self, name: str, given: Argument | None, default: int, maximum: int) -> None:
        self.name, self.given, self.maximum = name, given, maximum
        self.fixed = default if given is None else given.now if given.fixed else None
        """The size where no variable decides it."""
        self.room = room(int(given.now)) if given and self.fixed is None else self.fixed or 0
        if self.fixed is not None:
            self._check(self.fixed)

    def value(self, values: Values) -> int:
        """The size for these variables; PageTooLarge when it is out of bounds."""
        if self.fixed is not None:
            return self.fixed
        assert self.given is not None
        return self._check(int(self.given.value(values)))

    def _check(self, wanted: int) -> int:
        if not 0 <= wanted <= self.maximum:
            raise PageTooLarge(
                f"{self.name} is {wanted}; it must lie between 0 and {self.maximum}. "
                "Fetch the rest with the page's endCursor.",
                field=self.name,
                maximum=self.maximum,
            )
        return wanted


@dataclass
class Cost:
    """A part of the query: rows × (what one weighs, with what is below it)."""

    rows: Callable[[Values], int] | int = 1
    weight: int = 1
    below: list["Cost"] = field(default_factory=list)
    worst: bool = False
    """Only the dearest part below counts: they are alternatives."""

    def total(self, values: Values) -> int:
        """The cost for these values of variables."""
        rows = self.rows if isinstance(self.rows, int) else self.rows(values)
        parts = [cost.total(values) for cost in self.below]
        return rows * (self.weight + (max(parts, default=0) if self.worst else sum(parts)))

    def fixed(self) -> bool:
        """Whether variables play no part in it."""
        return isinstance(self.rows, int) and all(cost.fixed() for cost in self.below)

    def add(self, **parts: object) -> "Cost":
        """A new part below this one."""
        made = Cost(**parts)  # type: ignore[arg-type]
        self.below.append(made)
        return made


def within_limit(cost: int) -> int:
    """The cost, or RequestError 422 when it is above the limit."""
    if cost > COST_LIMIT:
        raise RequestError(
            422,
            RequestCode.COST_EXCEEDED,
            f"This request may cost {cost}; the limit is {COST_LIMIT}. Ask for smaller pages.",
        )
    return cost
