"""What a report holds, whatever it is shown as: tables of typed cells, sentences, one hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from nexus.reports.words import Language, Words


class Kind(StrEnum):
    """What the cells of a column are."""

    LABEL = "label"
    """A code with its words."""
    TEXT = "text"
    COUNT = "count"
    QUANTITY = "quantity"
    FEN = "fen"
    PERCENT = "percent"
    RATE = "rate"
    """So many a thousand."""
    DAYS = "days"
    HOURS = "hours"
    DATE = "date"


DECIMALS = (Kind.QUANTITY, Kind.PERCENT, Kind.RATE, Kind.DAYS, Kind.HOURS)
NUMBERS = (Kind.COUNT, Kind.FEN, *DECIMALS)
SCALES = {Kind.PERCENT: 100, Kind.RATE: 1000}


@dataclass(frozen=True, slots=True)
class Label:
    """A code and what it is called."""

    code: str
    words: Words


Cell = int | Decimal | str | date | Label | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how it is called, what it means, and how it is made where it is not asked for."""

    key: str
    kind: Kind
    title: Words
    about: Words | None = None
    """The definition of the figure, for 指标口径."""
    total: bool = False
    """Whether the sum stands at the foot."""
    ratio: tuple[str, str] | None = None
    """Of two other columns: the first over the second, by the scale of the kind."""
    listed: str | None = None
    """The code list that its codes are of; `area` for divisions."""
    words: Mapping[str, Words] = field(default_factory=dict)
    """What its codes are called where no list has them."""


class ChartKind(StrEnum):
    BARS = "bars"
    """A bar for each series, aligned, a group for each row."""
    CURVE = "curve"
    """Shares over a growing number of days."""
    BULLET = "bullet"
    """What was done against what was meant: a bar within bars."""
    GANTT = "gantt"
    """From when to when, and what was met."""
    TILES = "tiles"
    """Places as squares, the darker the more."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of a table's columns; the table stands beside it, and its sentence says it."""

    kind: ChartKind
    title: Words
    label: str
    series: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns, with a sentence that says what they show."""

    key: str
    title: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sentence: Words
    chart: Chart | None = None
    detail: bool = False
    """Rows of the ledger themselves."""
    found: int | None = None
    """How many rows there are, where more than `rows` were found."""
    drill: str | None = None
    """The column whose value narrows the details to the rows behind a number."""

    def at(self, key: str) -> int:
        """The place of a column."""
        return [column.key for column in self.columns].index(key)

    def column(self, key: str) -> list[Cell]:
        """The cells of one column."""
        place = self.at(key)
        return [row[place] for row in self.rows]

    @property
    def has_total(self) -> bool:
        """Whether sums stand at the foot."""
        return bool(self.rows) and any(column.total for column in self.columns)

    def totals(self) -> tuple[Cell, ...]:
        """The row at the foot: sums, and ratios of the sums."""
        sums: dict[str, Any] = {
            column.key: sum((cell or 0 for cell in self.column(column.key)), 0)  # type: ignore[misc]
            for column in self.columns
            if column.total
        }
        return tuple(
            sums.get(column.key) if column.ratio is None else ratio_of(column, sums)
            for column in self.columns
        )


@dataclass(frozen=True, slots=True)
class Report:
    """One report as it was found."""

    name: str
    version: int
    """Of its definition: it counts up when a figure is counted otherwise."""
    title: Words
    question: Words
    """What it answers."""
    area: Label
    from_on: date
    until_on: date
    """End-exclusive."""
    as_of: datetime
    headline: Words
    tables: tuple[Table, ...]

    def table(self, key: str) -> Table:
        """The table of that key. KeyError."""
        for one in self.tables:
            if one.key == key:
                return one
        raise KeyError(key)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical text, in hex."""
        return hashlib.sha256(canonical(self).encode()).hexdigest()


def ratio_of(column: Column, values: Mapping[str, Any]) -> Decimal | None:
    """A ratio to one decimal; None where there is nothing to divide by."""
    assert column.ratio is not None
    above, below = (values.get(key) for key in column.ratio)
    if not below or above is None:
        return None
    return tenth(Decimal(above) * SCALES.get(column.kind, 1) / Decimal(below))


def tenth(value: Decimal | int) -> Decimal:
    """Rounded half up to one decimal, as it is shown."""
    return Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP)


def plain_number(value: Decimal) -> Decimal:
    """Without zeros at the end: 3.000 is 3."""
    whole = value.to_integral_value()
    return whole if value == whole else value.normalize()


def canonical(report: Report) -> str:
    """The report as one text: what its hash is of, and what a snapshot keeps."""
    return json.dumps(_plain(report), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(report: Report) -> dict[str, Any]:
    return {
        "name": report.name,
        "version": report.version,
        "title": _said(report.title),
        "question": _said(report.question),
        "area": _cell(report.area),
        "from": report.from_on.isoformat(),
        "until": report.until_on.isoformat(),
        "asOf": report.as_of.isoformat(),
        "headline": _said(report.headline),
        "tables": [_table(table) for table in report.tables],
    }


def _table(table: Table) -> dict[str, Any]:
    chart = table.chart
    return {
        "key": table.key,
        "title": _said(table.title),
        "sentence": _said(table.sentence),
        "detail": table.detail,
        "found": table.found,
        "drill": table.drill,
        "columns": [_column(column) for column in table.columns],
        "chart": chart and [chart.kind, _said(chart.title), chart.label, list(chart.series)],
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "key": column.key,
        "kind": column.kind,
        "title": _said(column.title),
        "about": column.about and _said(column.about),
        "total": column.total,
        "ratio": column.ratio and list(column.ratio),
    }


def _said(words: Words) -> list[str]:
    return [words.said(language) for language in Language]


def _cell(cell: Cell) -> Any:
    match cell:
        case Label():
            return [cell.code, *_said(cell.words)]
        case Decimal():
            return str(cell)
        case date():
            return cell.isoformat()
    return cell


def read(text: str) -> Report:
    """The report of a canonical text: what `canonical` wrote."""
    plain = json.loads(text)
    return Report(
        name=plain["name"],
        version=plain["version"],
        title=Words(*plain["title"]),
        question=Words(*plain["question"]),
        area=_label(plain["area"]),
        from_on=date.fromisoformat(plain["from"]),
        until_on=date.fromisoformat(plain["until"]),
        as_of=datetime.fromisoformat(plain["asOf"]),
        headline=Words(*plain["headline"]),
        tables=tuple(_read_table(one) for one in plain["tables"]),
    )


def _read_table(plain: dict[str, Any]) -> Table:
    columns = tuple(_read_column(one) for one in plain["columns"])
    chart = plain["chart"]
    return Table(
        key=plain["key"],
        title=Words(*plain["title"]),
        columns=columns,
        rows=tuple(
            tuple(_read_cell(cell, column.kind) for cell, column in zip(row, columns, strict=True))
            for row in plain["rows"]
        ),
        sentence=Words(*plain["sentence"]),
        chart=Chart(ChartKind(chart[0]), Words(*chart[1]), chart[2], tuple(chart[3]))
        if chart
        else None,
        detail=plain["detail"],
        found=plain["found"],
        drill=plain["drill"],
    )


def _read_column(plain: dict[str, Any]) -> Column:
    return Column(
        plain["key"],
        Kind(plain["kind"]),
        Words(*plain["title"]),
        Words(*plain["about"]) if plain["about"] else None,
        plain["total"],
        (plain["ratio"][0], plain["ratio"][1]) if plain["ratio"] else None,
    )


def _read_cell(cell: Any, kind: Kind) -> Cell:
    if cell is None:
        return None
    match kind:
        case Kind.LABEL:
            return _label(cell)
        case Kind.DATE:
            return date.fromisoformat(cell)
        case Kind.COUNT | Kind.FEN:
            return int(cell)
    return Decimal(cell) if kind in DECIMALS else str(cell)


def _label(cell: list[str]) -> Label:
    return Label(cell[0], Words(*cell[1:]))
