"""Recomputing the invariants and telling what does not hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from nexus.acting import View
from nexus.supervision.queries import CHECKS


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that breaks one invariant."""

    rule: str
    id: str
    what: str
    numbers: dict[str, Any]

    @property
    def message(self) -> str:
        """For people: the row, what is wrong with it, and the numbers."""
        told = ", ".join(f"{name} {value}" for name, value in self.numbers.items())
        return f"{self.id}: {self.what}" + (f" ({told})" if told else "")

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"rule": self.rule, "id": self.id, "what": self.what, "numbers": self.numbers}


async def verify(
    view: View,
    progress: Callable[[int, int], None] | None = None,
    *,
    checks: Mapping[str, Select[Any]] = CHECKS,
) -> list[Finding]:
    """Every row that breaks one of `checks`; none when all is well. `progress(done, total)` checks.

    `checks` are those of this slice and of what stands below it, unless the composition names more.
    """
    found: list[Finding] = []
    for done, (rule, check) in enumerate(checks.items(), start=1):
        rows = await view.session.execute(check)
        found += [Finding(rule, row.id, row.what, dict(row.numbers)) for row in rows]
        if progress is not None:
            progress(done, len(checks))
    return found
