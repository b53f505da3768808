"""What a file is made of once read: rows of labelled cells, and how a file or a row is refused."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

from nexus.core.refusals import Refusal

Scalar = Any
"""A cell's value: str, int, Decimal, bool, date, None; in JSON also a list or a dict."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask of the machine; beyond it the file is refused unread."""

    files: int = 5_000
    file_bytes: int = 256 << 20
    unpacked_bytes: int = 512 << 20
    rows: int = 500_000
    columns: int = 512
    cell_characters: int = 32_767
    child_memory_bytes: int = 2 << 30
    child_seconds: int = 120


LIMITS = Limits()
HEADER_WITHIN = 20
"""The header may stand below title lines, but not below this many rows."""


class FileRefused(Refusal):
    """The file as a whole cannot be read: nothing of the import happens."""

    code = "FILE_REFUSED"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value with what its file says about it (`kind`: a JSON cell's `type`)."""

    value: Scalar
    kind: str | None = None
    specification: str | None = None
    name: str = ""
    """The column as its file writes it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row cannot be taken: a code, a sentence, and the column it is about."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row as read. `number` is its place in the file, counted from 1 as its program shows it.

    `place` holds what the path says: folder, stem, and for workbooks sheet.
    """

    file: str
    number: int
    place: dict[str, str]
    cells: dict[str, Cell]
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the reader must know of the columns to find the header among title lines.

    `required` holds one set of labels for each column that must be there; `known` all labels.
    `labels_in_type`: a JSON cell without a key is named by its type, when that is a known label.
    """

    known: frozenset[str] = frozenset()
    required: tuple[frozenset[str], ...] = ()
    encoding: str | None = None
    sheet: str | None = None
    rows_at: str | None = None
    labels_in_type: bool = False

    def missing(self, labels: frozenset[str]) -> list[frozenset[str]]:
        """The required columns that none of the labels names."""
        return [names for names in self.required if not names & labels]


def plain(text: str) -> str:
    """Width and compatibility forms folded, runs of white space one space, ends trimmed (NFKC).

    Half a surrogate pair, which no encoding can write, becomes a question mark.
    """
    if text.isascii():
        return " ".join(text.split())
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(unicodedata.normalize("NFKC", whole).split())


@lru_cache(maxsize=8192)
def label(text: str) -> str:
    """A column's name without what differs from file to file: spaces, case, a `*` for required."""
    return "".join(unicodedata.normalize("NFKC", text).split()).strip("*").casefold()


def as_text(value: Scalar) -> str:
    """A header cell as text."""
    return "" if value is None else str(value)


_LOST = ("\ufffd", "锟斤拷")
_UNUSABLE = re.compile("锟斤拷|[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffd]")
"""Lost characters; control characters but tab and line ends; halves of surrogate pairs."""


def damage(value: Scalar) -> str | None:
    """What makes a text unusable: a sentence, or None. Lost characters cannot be guessed back."""
    if not isinstance(value, str):
        return None
    if found := _UNUSABLE.search(value):
        if found[0] in _LOST:
            return "characters were lost in an earlier conversion: export the file again as UTF-8"
        return "the text holds control characters: clean the cell"
    if len(value) > LIMITS.cell_characters:
        return f"the cell has {len(value)} characters, more than {LIMITS.cell_characters}"
    return None


@dataclass(frozen=True, slots=True)
class Header:
    """The header row of a table: labels by column, and how many rows stand above the data."""

    labels: list[str]
    written: list[str]
    depth: int


def find_header(rows: Sequence[Sequence[Scalar]], layout: Layout) -> Header | None:
    """The first row that names every required column; None when no row does."""
    for depth, row in enumerate(rows):
        labels = [label(as_text(value)) for value in row]
        if any(labels) and not layout.missing(frozenset(labels)):
            return Header(labels, [plain(as_text(value)) for value in row], depth + 1)
    return None


def no_header(rows: Sequence[Sequence[Scalar]], layout: Layout, file: str) -> FileRefused:
    """The refusal that names the columns missing from the row that comes nearest to a header."""
    best: Sequence[Scalar] = max(
        rows,
        key=lambda row: len(layout.known & {label(as_text(value)) for value in row}),
        default=[],
    )
    missing = layout.missing(frozenset(label(as_text(value)) for value in best))
    names = "; ".join(" or ".join(sorted(group)) for group in missing)
    seen = ", ".join(plain(as_text(value)) for value in best if as_text(value).strip())[:200]
    return FileRefused(
        f"{file}: no header row with the column(s) {names}. The nearest row has: "
        f"{seen or 'nothing'}. Add the column, or add its name to the profile.",
        reason="wrong_headers",
        file=file,
    )


def table_rows(
    rows: Iterator[tuple[int, Sequence[Scalar]]],
    layout: Layout,
    *,
    file: str,
    place: dict[str, str],
    header: Header | None = None,
) -> Iterator[Row]:
    """The data rows of a table whose first lines hold the header. Empty rows are no rows."""
    if header is None:
        top = list(islice(rows, HEADER_WITHIN))
        header = find_header([values for _, values in top], layout)
        if header is None:
            raise no_header([values for _, values in top], layout, file)
        _check_labels(header, file)
        yield from _data(iter(top[header.depth :]), header, file, place)
    yield from _data(rows, header, file, place)


def _check_labels(header: Header, file: str) -> None:
    named = [name for name in header.labels if name]
    if len(named) > LIMITS.columns:
        raise FileRefused(
            f"{file}: {len(named)} columns, more than {LIMITS.columns}.", reason="too_many_columns"
        )
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise FileRefused(
            f"{file}: the header names {', '.join(twice)} twice: which one counts? "
            "Rename or remove one.",
            reason="header_twice",
            file=file,
        )


def _data(
    rows: Iterator[tuple[int, Sequence[Scalar]]], header: Header, file: str, place: dict[str, str]
) -> Iterator[Row]:
    width = len(header.labels)
    for number, values in rows:
        if all(value is None or (isinstance(value, str) and not value.strip()) for value in values):
            continue
        faults = []
        if any(as_text(value).strip() for value in values[width:]):
            faults.append(
                Fault(
                    "TOO_MANY_CELLS",
                    f"The row has {len(values)} cells, the header {width}: "
                    "put quotes around a text that holds the separator.",
                )
            )
        cells = {
            name: Cell(values[at] if at < len(values) else None, name=header.written[at])
            for at, name in enumerate(header.labels)
            if name
        }
        faults += damaged(cells)
        yield Row(file, number, place, cells, faults)


def damaged(cells: dict[str, Cell]) -> list[Fault]:
    """One fault for each cell whose text is unusable."""
    return [
        Fault("DAMAGED_TEXT", f"In '{cell.name}' {what}.", cell.name)
        for cell in cells.values()
        if (what := damage(cell.value)) is not None
    ]
