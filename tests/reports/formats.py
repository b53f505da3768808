"""Holds a report against each of its formats: the page, the workbook, the PDF and the lists."""

import asyncio

from nexus.reports.content import Report, Table
from nexus.reports.rendering.cells import is_number, shown
from nexus.reports.rendering.making import as_file
from nexus.reports.rendering.pages import as_page
from nexus.reports.rules import Format
from nexus.reports.words import Language
from tests.fonts import fonts
from tests.reports import reading

HANS = Language.ZH_HANS


async def check_formats(report: Report) -> None:
    """Each number of the report stands in every format, in its place."""
    fonts()
    page = reading.page_of(as_page(report, None, HANS, path="/reports/x", asked={}))
    book = reading.book_of(as_file(report, None, Format.XLSX, HANS))
    paper = reading.pdf_text(await asyncio.to_thread(as_file, report, None, Format.PDF, HANS))
    for table in report.tables:
        _on_the_page(table, page)
        _in_the_book(table, book)
        _on_paper(table, paper)
        _in_the_list(table, as_file(report, None, Format.CSV, HANS, table=table.key))
    words = "".join(page.words)
    assert report.headline.said(HANS) in words
    assert "".join(report.headline.said(HANS).split()) in paper
    for text in (report.hash, report.area.code):
        assert text in words
        assert text in paper
        assert any(text in str(cell) for row in book["说明"] for cell in row)


def _totals(table: Table) -> list[str]:
    return [
        "" if cell is None else shown(cell, column.kind, HANS)
        for cell, column in zip(table.totals(), table.columns, strict=True)
    ]


def _on_the_page(table: Table, page: reading.Page) -> None:
    wanted = reading.expected(table)
    found = page.tables.get(table.key, [])
    if not table.rows:
        assert found == []
        return
    assert found[: len(wanted)] == wanted, table.key
    if table.has_total:
        assert found[-1][1:] == _totals(table)[1:]


def _in_the_book(table: Table, book: dict[str, list[list[object]]]) -> None:
    heads = [column.title.said(HANS) for column in table.columns]
    sheets = ["汇总"]
    if table.detail:
        sheets = ["明细"] if "明细" in book else [f"明细 {table.title.said(HANS)}"]
    sheet = next(
        book[name] for name in sheets if heads in [row[: len(heads)] for row in book[name]]
    )
    found = reading.below(sheet, heads)
    for row, cells in zip(found, table.rows, strict=False):
        for got, cell, column in zip(row, cells, table.columns, strict=True):
            wanted = reading.as_value(cell, column.kind)
            same = (
                abs(float(str(got)) - wanted) < 1e-9 if isinstance(wanted, float) else got == wanted
            )
            assert same, (table.key, column.key, got, wanted)
    assert len(found) == len(table.rows) + table.has_total
    if table.has_total:
        for got, cell, column in zip(found[-1], table.totals(), table.columns, strict=True):
            if column.total and cell is not None:
                assert abs(float(str(got)) - reading.as_value(cell, column.kind)) < 1e-9


def _on_paper(table: Table, paper: str) -> None:
    """Row by row in order, so that a number in another row does not count."""
    at = paper.index("".join(table.title.said(HANS).split()))
    for row in reading.expected(table)[1:]:
        for text in row:
            for word in text.split():
                at = paper.index(word, at) if is_plain(word) else at
    if table.has_total:
        for text in _totals(table)[1:]:
            at = paper.index(text, at) if text else at


def is_plain(word: str) -> bool:
    """A word that no line break of the paper cuts: numbers and short words."""
    return len(word) <= 12 and word != "—"


def _in_the_list(table: Table, content: bytes) -> None:
    found = reading.csv_of(content)
    wanted = reading.expected(table)
    assert found[0] == wanted[0]
    for row, cells, texts in zip(found[1:], table.rows, wanted[1:], strict=True):
        for got, cell, text, column in zip(row, cells, texts, table.columns, strict=True):
            if cell is None:
                assert got == ""
            elif is_number(column.kind):
                assert got == text.replace(",", "").rstrip("%")
            else:
                assert got.removeprefix("'") == text
