"""A report as a workbook: typed cells, sums that compute, and no formula from anybody's text."""

import io
from datetime import date
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range, xl_rowcol_to_cell

from nexus.reports.content import SCALES, Cell, Column, Kind, Label, Report, Table
from nexus.reports.rendering.cells import CUT, MEANINGS, QUESTION, TOTAL, meanings, stamps
from nexus.reports.words import Language, Words

ABOUT = Words("说明", "說明", "About")
SUMMARY = Words("汇总", "匯總", "Summary")
DETAIL = Words("明细", "明細", "Details")
NAME_LENGTH = 31
"""Of a sheet, at most."""
FONT = "Noto Sans CJK SC"
FORMATS = {
    Kind.COUNT: "#,##0",
    Kind.FEN: "#,##0.00",
    Kind.QUANTITY: "#,##0.###",
    Kind.PERCENT: "0.0%",
    Kind.RATE: "#,##0.0",
    Kind.DAYS: "#,##0.0",
    Kind.HOURS: "#,##0.0",
    Kind.DATE: "yyyy-mm-dd",
}
WIDTHS = {Kind.LABEL: 20, Kind.TEXT: 24, Kind.DATE: 12}


class _Book:
    """The workbook with its formats, each made once."""

    def __init__(self, out: io.BytesIO, language: Language) -> None:
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        self.book = xlsxwriter.Workbook(out, options)
        self.language = language
        self.head = self._format(
            bold=True, bottom=1, text_wrap=True, valign="top", bg_color="#EEF1F5"
        )
        self.title = self._format(bold=True, font_size=14)
        self.strong = self._format(bold=True)
        self.text = self._format(text_wrap=True, valign="top")
        self.cells = {kind: self._format(num_format=FORMATS.get(kind, "@")) for kind in Kind}
        self.sums = {
            kind: self._format(num_format=FORMATS.get(kind, "@"), bold=True, top=1) for kind in Kind
        }

    def _format(self, **options: Any) -> Any:
        return self.book.add_format({"font_name": FONT, "font_size": 10, **options})

    def said(self, words: Words) -> str:
        return words.said(self.language)


def as_xlsx(report: Report, no: str | None, language: Language) -> bytes:
    """Sheets 说明, 汇总, 明细 and 指标口径, in the language asked for."""
    out = io.BytesIO()
    made = _Book(out, language)
    made.book.set_properties(
        {"title": made.said(report.title), "created": report.as_of.replace(tzinfo=None)}
    )
    _about(made, report, no)
    summary = made.book.add_worksheet(made.said(SUMMARY))
    summary.freeze_panes(1, 0)
    summary.write_string(0, 0, made.said(report.headline), made.title)
    at = 2
    for table in report.tables:
        if not table.detail:
            at = _summary(made, summary, table, at)
    details = [table for table in report.tables if table.detail]
    for table in details:
        name = made.said(DETAIL)
        if len(details) > 1:
            name = f"{name} {made.said(table.title)}"[:NAME_LENGTH]
        _detail(made, made.book.add_worksheet(name), table)
    _meanings(made, report)
    made.book.close()
    return out.getvalue()


def _about(made: _Book, report: Report, no: str | None) -> None:
    sheet = made.book.add_worksheet(made.said(ABOUT))
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 80)
    sheet.write_string(0, 0, made.said(report.title), made.title)
    sheet.write_string(1, 0, made.said(report.headline), made.strong)
    pairs = [(made.said(QUESTION), made.said(report.question)), *stamps(report, no, made.language)]
    for row, (label, value) in enumerate(pairs, 3):
        sheet.write_string(row, 0, label, made.strong)
        sheet.write_string(row, 1, value, made.text)


def _meanings(made: _Book, report: Report) -> None:
    sheet = made.book.add_worksheet(made.said(MEANINGS))
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 80)
    sheet.freeze_panes(1, 0)
    for row, (label, value) in enumerate(meanings(report, made.language)):
        sheet.write_string(row + 1, 0, label, made.strong)
        sheet.write_string(row + 1, 1, value, made.text)
    sheet.write_string(0, 0, made.said(MEANINGS), made.title)


def _summary(made: _Book, sheet: Any, table: Table, at: int) -> int:
    """The table below what is there already; the row after it."""
    sheet.write_string(at, 0, made.said(table.title), made.strong)
    sheet.write_string(at + 1, 0, made.said(table.sentence))
    return _body(made, sheet, table, at + 2) + 2


def _detail(made: _Book, sheet: Any, table: Table) -> None:
    last = _body(made, sheet, table, 0)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(table.rows), 1), len(table.columns) - 1)
    if table.found is not None and table.found > len(table.rows):
        told = CUT.filled(shown=len(table.rows), found=table.found)
        sheet.write_string(last + 1, 0, made.said(told))


def _body(made: _Book, sheet: Any, table: Table, top: int) -> int:
    """Head, rows and foot from row `top` on; the row after them."""
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, WIDTHS.get(column.kind, 13))
        sheet.write_string(top, place, made.said(column.title), made.head)
    for row, cells in enumerate(table.rows, top + 1):
        for place, (cell, column) in enumerate(zip(cells, table.columns, strict=True)):
            _write(made, sheet, row, place, cell, column)
    after = top + 1 + len(table.rows)
    if not table.has_total:
        return after
    _foot(made, sheet, table, top, after)
    return after + 1


def _foot(made: _Book, sheet: Any, table: Table, top: int, at: int) -> None:
    """Sums and ratios that compute, with the values they have now."""
    sheet.write_string(at, 0, made.said(TOTAL), made.strong)
    for place, (cell, column) in enumerate(zip(table.totals(), table.columns, strict=True)):
        formula = None
        if column.total:
            formula = f"=SUM({xl_range(top + 1, place, at - 1, place)})"
        elif column.ratio is not None:
            above, below = (xl_rowcol_to_cell(at, table.at(key)) for key in column.ratio)
            scale = SCALES.get(column.kind, 1) // (100 if column.kind is Kind.PERCENT else 1)
            formula = f'=IF({below}=0,"",{above}/{below}*{scale})'
        if formula is not None:
            value = "" if cell is None else _number(cell, column.kind)
            sheet.write_formula(at, place, formula, made.sums[column.kind], value)


def _write(made: _Book, sheet: Any, row: int, place: int, cell: Cell, column: Column) -> None:
    style = made.cells[column.kind]
    match cell:
        case None:
            sheet.write_blank(row, place, None, style)
        case Label():
            sheet.write_string(row, place, made.said(cell.words), style)
        case date():
            sheet.write_datetime(row, place, cell, style)
        case str():
            sheet.write_string(row, place, cell, style)
        case _:
            sheet.write_number(row, place, _number(cell, column.kind), style)


def _number(cell: Any, kind: Kind) -> float:
    """As a spreadsheet holds it: money in yuan, a percentage as its share."""
    return float(Decimal(cell) / (100 if kind in (Kind.FEN, Kind.PERCENT) else 1))
