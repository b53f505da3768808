"""Rows that something was wrong with, as a workbook to be corrected and sent again.

Every cell that came from a file is written as the text or figure it is, never as a formula, a link
or markup: a spreadsheet shows it and runs nothing.
"""

import io
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from nexus.exchange.importing.rules import Report, RowNote
from nexus.exchange.reading.tables import label

ROW, PROBLEM = "行", "问题"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXACT_DIGITS = 15
"""A figure with more digits is written as text, or its last ones are lost."""
MOST_CHARACTERS = 32_767
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def problem_sheet(report: Report) -> bytes | None:
    """The rows with their own columns, their number and what is wrong; None where all is well."""
    if not report.kept:
        return None
    said = _said([*report.rejected, *report.duplicate_rows, *report.warnings])
    rows = [report.kept[place] for place in sorted(report.kept)]
    columns = {
        cell.name: name
        for row in rows
        for name, cell in row.cells.items()
        if cell.name and name not in (ROW, label(PROBLEM))
    }
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, _OPTIONS) as book:
        sheet = book.add_worksheet(PROBLEM)
        head = book.add_format({"bold": True, "bg_color": "#EEEEEE"})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        for at, name in enumerate([*columns, ROW, PROBLEM]):
            sheet.write_string(0, at, name[:MOST_CHARACTERS], head)
        for line, row in enumerate(rows, 1):
            for at, name in enumerate(columns.values()):
                found = row.cells.get(name)
                _write(sheet, line, at, found.value if found else None, plain)
            sheet.write_number(line, len(columns), row.number, plain)
            told = " ".join(said.get((row.file, row.number), ()))
            sheet.write_string(line, len(columns) + 1, told[:MOST_CHARACTERS], plain)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(columns), 16)
        sheet.set_column(len(columns) + 1, len(columns) + 1, 60)
        sheet.autofilter(0, 0, len(rows), len(columns) + 1)
    return out.getvalue()


def _said(notes: Iterable[RowNote]) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = {}
    for note in notes:
        found.setdefault((note.file, note.row), []).append(note.message)
    return found


def _write(sheet: Any, line: int, at: int, value: Any, plain: Any) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_string(line, at, "是" if value else "否", plain)
        case int() | Decimal() if len(str(value).strip("-")) <= EXACT_DIGITS:
            sheet.write_number(line, at, float(value), plain)
        case date() | datetime():
            sheet.write_string(line, at, value.isoformat(), plain)
        case _:
            sheet.write_string(line, at, _storable(str(value))[:MOST_CHARACTERS], plain)


def _storable(text: str) -> str:
    """Without what XML cannot hold."""
    return "".join(
        one if one in "\t\n" or (one >= " " and one not in "\ufffe\uffff") else "\ufffd"
        for one in text.encode("utf-8", "replace").decode("utf-8")
    )
