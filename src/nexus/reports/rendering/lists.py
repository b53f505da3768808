"""A table as CSV: UTF-8 with a mark, RFC 4180, no cell that a spreadsheet would run."""

import csv
import io
import re

from nexus.reports.content import Table
from nexus.reports.rendering.cells import is_number, shown
from nexus.reports.words import Language

BOM = "\ufeff"
_ACTIVE = re.compile(r"\A\s*[=+\-@＝＋－＠|]")


def as_csv(table: Table, language: Language) -> bytes:
    """One table: its heads, then its rows; numbers without commas and signs, money in yuan."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([column.title.said(language) for column in table.columns])
    for row in table.rows:
        writer.writerow(
            [
                _plain(shown(cell, column.kind, language))
                if is_number(column.kind) and cell is not None
                else harmless("" if cell is None else shown(cell, column.kind, language))
                for cell, column in zip(row, table.columns, strict=True)
            ]
        )
    return (BOM + out.getvalue()).encode()


def _plain(text: str) -> str:
    return text.replace(",", "").rstrip("%")


def harmless(text: str) -> str:
    """The text with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if _ACTIVE.match(text) or (text[:1] in "\t\r\n" and text) else text
