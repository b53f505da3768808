"""Charts of plans against what became of them: bullets and time bars."""

from datetime import date

from nexus.reports.content import Cell, Chart, Label, Table
from nexus.reports.rendering.cells import amount, shown
from nexus.reports.rendering.strokes import (
    AXIS,
    FAINT,
    INK,
    SHADES,
    WIDTH,
    Drawing,
    clipped,
    line,
    rect,
    write,
)
from nexus.reports.words import Language

LABELS = 150
ROW = 46
MOST_ROWS = 30


def bullet(table: Table, chart: Chart, language: Language) -> Drawing:
    """For each row the first measure as a pale bar and the others within it, ever darker."""
    rows = table.rows[:MOST_ROWS]
    places = [table.at(key) for key in chart.series]
    most = max((amount(row[at]) for row in rows for at in places), default=0) or 1
    room = WIDTH - LABELS - 8
    shades = (FAINT, SHADES[4], SHADES[2], SHADES[0])
    parts, top = [], 26.0
    x = float(LABELS)
    for at, key in enumerate(chart.series):
        parts.append(rect(x, 4, 14, 12, shades[at % len(shades)], stroke=AXIS))
        called = table.columns[table.at(key)].title.said(language)
        parts.append(write(x + 19, 14, called))
        x += 30 + 13 * len(called) * (0.6 if called.isascii() else 1)
    for row in rows:
        cell = row[table.at(chart.label)]
        called = cell.words.said(language) if isinstance(cell, Label) else str(cell)
        parts.append(write(0, top + 18, clipped(called, LABELS - 10, 12)))
        for order, at in enumerate(places):
            size = amount(row[at]) / most * room
            inset = 4 * order
            parts.append(
                rect(
                    LABELS,
                    top + inset,
                    max(size, 0.75),
                    24 - 2 * inset,
                    shades[order % len(shades)],
                    stroke=AXIS if order == 0 else None,
                )
            )
        told = " / ".join(shown(row[at], table.columns[at].kind, language) for at in places)
        parts.append(write(LABELS, top + 38, told, size=11))
        top += ROW + 2
    return top + 2, parts


def gantt(table: Table, chart: Chart, language: Language) -> Drawing:
    """For each row a bar up to its due day, which is a stroke, and a mark on the day it was met.

    Series: start, due, met.
    """
    names = table.column(chart.label)[:MOST_ROWS]
    starts, dues, mets = ([_day(cell) for cell in table.column(key)] for key in chart.series)
    days = [day for found in (starts, dues, mets) for day in found if day is not None]
    if not days:
        return 8, []
    first, last = min(days), max(days)
    room = WIDTH - LABELS - 90
    scale = room / max((last - first).days, 1)
    parts = [
        write(LABELS, 12, first.isoformat(), size=11),
        write(LABELS + room, 12, last.isoformat(), size=11, anchor="end"),
        line(LABELS, 18, LABELS + room, 18, AXIS),
    ]
    top = 26.0
    for cell, start, due, met in zip(names, starts, dues, mets, strict=False):
        called = cell.words.said(language) if isinstance(cell, Label) else str(cell)
        parts.append(write(0, top + 12, clipped(called, LABELS - 10, 12)))
        if due is not None:
            begins, ends = (LABELS + (day - first).days * scale for day in (start or first, due))
            parts.append(rect(begins, top + 4, max(ends - begins, 2), 8, SHADES[3]))
            parts.append(line(ends, top, ends, top + 16, INK, width=2))
            parts.append(write(LABELS + room + 8, top + 12, due.isoformat(), size=11))
        if met is not None:
            parts.append(_mark(LABELS + (met - first).days * scale, top + 8))
        top += 24
    return top + 4, parts


def _day(cell: Cell) -> date | None:
    return cell if isinstance(cell, date) else None


def _mark(x: float, y: float) -> str:
    return f'<path d="M{x - 5:.1f} {y:.1f}l5 -5l5 5l-5 5z" fill="{INK}"/>'
