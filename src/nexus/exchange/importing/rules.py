"""The report of an import, and the digests that tell whether a row has changed."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from nexus.core.refusals import Refusal
from nexus.exchange.reading.tables import Fault, Row

LINES = ("read", "open_ended", "blank")
SHOWN = 20
"""Rejected rows printed on a terminal; --json has them all."""
GIVEN_BACK = frozenset({"行", "问题"})
"""Columns that a workbook of problems adds: in a file they say nothing."""
PREVIEWED = 20
"""Rows of which a preview says what becomes of them."""
MOST_KEPT = 5_000
"""Rows with a problem whose cells are kept, to be given back in a workbook."""


@dataclass(frozen=True, slots=True)
class RowNote:
    """What is said about one row. `field` is a column or field, `key` what the row is known by."""

    row: int
    file: str
    key: str | None
    field: str | None
    code: str
    message: str


@dataclass
class Report:
    """Every row read ends in exactly one of the five figures that sum to `rows_read` (INV-40)."""

    kind: str
    source: str
    dry_run: bool
    rows_read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    resumed: int = 0
    """Of the updated rows: those that had been withdrawn and are back."""
    duplicates: int = 0
    keyless: int = 0
    """Of the rejected rows: those whose key could not be read."""
    distinct_keys: int = 0
    """The different keys among the rows read; keyless rows have none."""
    files: list[str] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LINES, 0))
    changed: dict[str, int] = field(default_factory=dict)
    """What differs in the updated rows: part of the content → rows."""
    rejected: list[RowNote] = field(default_factory=list)
    duplicate_rows: list[RowNote] = field(default_factory=list)
    warnings: list[RowNote] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)
    """The first rows: {row, file, key, outcome} and what they ask for, in codes."""
    kept: dict[tuple[str, int], Row] = field(default_factory=dict)
    """Rows that something is said about, as they were read. Never part of what is printed."""

    def keep(self, row: Row) -> None:
        """The row is given back to whoever sent it."""
        if len(self.kept) < MOST_KEPT:
            self.kept[row.file, row.number] = row

    def show(self, row: Row, key: str | None, outcome: str, wanted: Any = None) -> None:
        """What becomes of one of the first rows."""
        if len(self.preview) < PREVIEWED:
            told = wanted.shown() if hasattr(wanted, "shown") else {}
            place = {"row": row.number, "file": row.file, "key": key, "outcome": outcome}
            self.preview.append(place | told)

    def refuse(self, row: Row, key: str | None, faults: list[Fault]) -> None:
        """The row is rejected for its first fault; the others are told in the same breath."""
        self.keep(row)
        self.show(row, key, "rejected")
        first = faults[0]
        others = dict.fromkeys(f"Also: {other.message}" for other in faults[1:])
        told = " ".join([first.message, *list(others)[:5]])
        self.rejected.append(RowNote(row.number, row.file, key, first.field, first.code, told))

    def warn(self, row: Row, key: str | None, message: str, *, code: str = "NOTE") -> None:
        """Something about a row that is taken all the same."""
        self.keep(row)
        self.warnings.append(RowNote(row.number, row.file, key, None, code, message))

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        whole = asdict(dataclasses.replace(self, kept={}))
        del whole["kept"]
        return whole

    def figures(self) -> dict[str, int]:
        """The figures alone."""
        names = (
            *("rows_read", "created", "updated", "unchanged", "withdrawn", "resumed"),
            *("duplicates", "keyless", "distinct_keys"),
        )
        return {**{name: getattr(self, name) for name in names}, "rejected": len(self.rejected)}

    def print(self, out: Console) -> None:
        """The report for a person at a terminal."""
        table = Table("", "rows", title=f"{self.kind} from {self.source}", title_justify="left")
        for name, figure in self.figures().items():
            table.add_row(name.replace("_", " "), str(figure))
        out.print(table)
        for title, rows in (
            ("Rejected", self.rejected),
            ("Repeated", self.duplicate_rows),
            ("To know", self.warnings),
        ):
            for one in rows[:SHOWN]:
                out.print(
                    f"{title}: {one.file}:{one.row} {one.message}", highlight=False, markup=False
                )
            if len(rows) > SHOWN:
                out.print(f"{title}: … and {len(rows) - SHOWN} more; --json lists all.")
        for note in self.notes:
            out.print(note, highlight=False, markup=False)
        if self.dry_run:
            out.print("Dry run: nothing was changed.")


def fault_of(refusal: Refusal) -> Fault:
    """An operation's refusal as the fault of a row."""
    return Fault(refusal.code, refusal.message, refusal.field)


def digests(parts: Mapping[str, Any]) -> dict[str, str]:
    """Part → digest of its plain values; equal content gives equal digests."""
    return {
        name: hashlib.sha256(
            json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain).encode()
        ).hexdigest()[:32]
        for name, value in parts.items()
    }


def changed_parts(before: Mapping[str, Any], after: Mapping[str, str]) -> list[str]:
    """The parts that differ."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def quantity_text(quantity: Decimal | None) -> str:
    """A quantity without needless zeros; nothing for an open-ended one."""
    if quantity is None:
        return ""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def joined(words: Iterable[str], *, most: int) -> str:
    """The words with Chinese commas, and how many more there are."""
    listed = list(words)
    tail = f"等{len(listed)}项" if len(listed) > most else ""
    return "、".join(listed[:most]) + tail


def _plain(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
