"""Reads a report back from each format: what the reader sees, as text and as values."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pypdfium2
from python_calamine import CalamineWorkbook

from nexus.reports.content import Cell, Kind, Label, Report, Table
from nexus.reports.rendering.cells import shown
from nexus.reports.words import Language

Grid = list[list[str]]


def expected(table: Table, language: Language = Language.ZH_HANS) -> Grid:
    """Heads, rows and foot of a table as they should be read."""
    kinds = [column.kind for column in table.columns]
    rows = [
        [shown(cell, kind, language) for cell, kind in zip(row, kinds, strict=True)]
        for row in table.rows
    ]
    return [[column.title.said(language) for column in table.columns], *rows]


@dataclass
class Page(HTMLParser):
    """The tables of a page by their section, and its words."""

    tables: dict[str, Grid] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.section = ""
        self.inside = False
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.section = given.get("id") or ""
        if tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.tables[self.section][-1].append("")
            self.inside = True
        self.hidden += tag in ("style", "svg")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.inside = False
        self.hidden -= tag in ("style", "svg")

    def handle_data(self, data: str) -> None:
        if self.hidden:
            return
        self.words.append(data)
        if self.inside:
            self.tables[self.section][-1][-1] += data


def page_of(content: bytes) -> Page:
    """The page, parsed."""
    page = Page()
    page.feed(content.decode())
    return page


def csv_of(content: bytes) -> Grid:
    """The rows of a list, its mark taken away."""
    text = content.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def book_of(content: bytes) -> dict[str, list[list[Any]]]:
    """The sheets of a workbook by name."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }


def below(sheet: list[list[Any]], heads: list[str]) -> list[list[Any]]:
    """The rows under a line of heads, until an empty one."""
    at = next(i for i, row in enumerate(sheet) if row[: len(heads)] == heads)
    found = []
    for row in sheet[at + 1 :]:
        if all(cell == "" for cell in row):
            break
        found.append(row[: len(heads)])
    return found


def as_value(cell: Cell, kind: Kind) -> Any:
    """What a workbook holds of a cell: yuan, shares, days."""
    match cell:
        case None:
            return ""
        case Label():
            return cell.words.said(Language.ZH_HANS)
        case int() | Decimal():
            return float(Decimal(cell) / (100 if kind in (Kind.FEN, Kind.PERCENT) else 1))
    return cell


def pdf_text(content: bytes) -> str:
    """All text of a PDF, in reading order, without white space."""
    document = pypdfium2.PdfDocument(content)
    found = "".join(page.get_textpage().get_text_range() for page in document)
    return "".join(found.split())


def cells_of(report: Report) -> Iterator[tuple[Table, str]]:
    """Every cell of a report as text, with its table."""
    for table in report.tables:
        for row in expected(table):
            for text in row:
                yield table, text
