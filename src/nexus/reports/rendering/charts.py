"""Charts as SVG, the same for the page and for the PDF: readable in grey, each value written."""

from collections.abc import Callable, Sequence
from html import escape
from itertools import pairwise

from nexus.reports.content import Cell, Chart, ChartKind, Column, Label, Table
from nexus.reports.rendering import plans
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

ROW = 24
HEAD = 34
LABELS = 120
MOST_ROWS = 30
TILE = 88
TILES_A_ROW = 8
MOST_TILES = 64


def as_svg(table: Table, language: Language) -> str:
    """The chart of a table that has one, with its title and what it says."""
    assert table.chart is not None
    draw: dict[ChartKind, Callable[[Table, Chart, Language], Drawing]] = {
        ChartKind.BARS: _bars,
        ChartKind.CURVE: _curve,
        ChartKind.TILES: _tiles,
        ChartKind.BULLET: plans.bullet,
        ChartKind.GANTT: plans.gantt,
    }
    height, parts = draw[table.chart.kind](table, table.chart, language)
    title, told = table.chart.title.said(language), table.sentence.said(language)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>"
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _called(cell: Cell, language: Language) -> str:
    return cell.words.said(language) if isinstance(cell, Label) else str(cell)


def _columns(table: Table, chart: Chart) -> Sequence[Column]:
    return [table.columns[table.at(key)] for key in chart.series]


def _bars(table: Table, chart: Chart, language: Language) -> Drawing:
    """A line for each row, a lane for each series; every bar begins at the lane's left."""
    rows = table.rows[-MOST_ROWS:] if chart.label == "month" else table.rows[:MOST_ROWS]
    columns = _columns(table, chart)
    lane = (WIDTH - LABELS) / len(columns)
    places = [table.at(key) for key in chart.series]
    most = max((amount(row[place]) for row in rows for place in places), default=0) or 1
    room = lane - 52
    parts = [
        write(LABELS + at * lane, 20, clipped(column.title.said(language), lane - 8, 12), bold=True)
        for at, column in enumerate(columns)
    ]
    parts += [
        line(
            LABELS + at * lane - 4, HEAD - 6, LABELS + at * lane - 4, HEAD + ROW * len(rows), FAINT
        )
        for at in range(len(columns))
    ]
    for at, row in enumerate(rows):
        top = HEAD + at * ROW
        called = clipped(_called(row[table.at(chart.label)], language), LABELS - 12, 12)
        parts.append(write(0, top + 14, called))
        for lane_at, (place, column) in enumerate(zip(places, columns, strict=True)):
            left = LABELS + lane_at * lane
            size = amount(row[place]) / most * room
            parts.append(rect(left, top + 3, max(size, 0.75), 14, SHADES[lane_at % len(SHADES)]))
            parts.append(write(left + size + 5, top + 14, shown(row[place], column.kind, language)))
    return HEAD + ROW * max(len(rows), 1) + 4, parts


def _curve(table: Table, chart: Chart, language: Language) -> Drawing:
    """Shares in percent over days, as steps; each line is named at its end."""
    left, right, top, bottom = 44, WIDTH - 130, 16, 220
    days = [int(amount(cell)) for cell in table.column(chart.label)]
    # Equal steps from one horizon to the next: the first week would else be a sliver.
    at = {day: left + (place + 1) * (right - left) / len(days) for place, day in enumerate(days)}
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = bottom - (bottom - top) * percent / 100
        parts.append(line(left, y, right, y, FAINT if percent else AXIS))
        parts.append(write(left - 6, y + 4, f"{percent}%", anchor="end", size=11))
    parts += [write(x, bottom + 17, str(day), anchor="middle", size=11) for day, x in at.items()]
    name = table.columns[table.at(chart.label)].title.said(language)
    parts.append(write((left + right) / 2, bottom + 35, name, anchor="middle", size=11))
    ends: list[float] = []
    for order, column in enumerate(_columns(table, chart)):
        points = [
            (at[day], bottom - (bottom - top) * amount(value) / 100)
            for day, value in zip(days, table.column(column.key), strict=True)
            if value is not None
        ]
        if not points:
            continue
        parts.append(_steps([(left, bottom), *points], dashed=order % 2 == 1))
        y = points[-1][1]
        while any(abs(y - other) < 14 for other in ends):
            y += 14
        ends.append(y)
        value = shown(table.column(column.key)[len(points) - 1], column.kind, language)
        called = clipped(f"{column.title.said(language)} {value}", WIDTH - right - 8, 12)
        parts.append(write(points[-1][0] + 6, y + 4, called, bold=order == 0))
    return bottom + 44, parts


def _steps(points: Sequence[tuple[float, float]], *, dashed: bool) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (_, _), (x, y) in pairwise(points):
        path += f"H{x:.1f}V{y:.1f}"
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="2"{dash}/>'


def _tiles(table: Table, chart: Chart, language: Language) -> Drawing:
    """A square for each place, in the order of codes; the more, the darker, the number in it."""
    place, value = table.at(chart.label), table.at(chart.series[0])
    rows = sorted(table.rows[:MOST_TILES], key=lambda row: getattr(row[place], "code", ""))
    kind = table.columns[value].kind
    most = max((amount(row[value]) for row in rows), default=0) or 1
    parts = []
    for at, row in enumerate(rows):
        x, y = at % TILES_A_ROW * (TILE + 2), at // TILES_A_ROW * (TILE - 26)
        share = amount(row[value]) / most
        level = round(245 - 165 * share)
        ink = "#fff" if level < 140 else INK
        fill = f"rgb({level - 30 if level > 30 else 0},{level - 8},{min(level + 10, 250)})"
        parts.append(rect(x, y, TILE, TILE - 30, fill, stroke=AXIS))
        called = clipped(_called(row[place], language), TILE - 10, 12)
        parts.append(write(x + TILE / 2, y + 22, called, anchor="middle", ink=ink))
        number = shown(row[value], kind, language)
        parts.append(
            write(x + TILE / 2, y + 44, number, anchor="middle", size=15, bold=True, ink=ink)
        )
    lines = -(-max(len(rows), 1) // TILES_A_ROW)
    return lines * (TILE - 26) + 4, parts
