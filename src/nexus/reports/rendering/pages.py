"""A report as a page: no script, prints well, each number leads to the rows behind it."""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from nexus.reports.content import Cell, Column, Kind, Label, Report, Table
from nexus.reports.rendering.cells import (
    CUT,
    MEANINGS,
    TOTAL,
    is_number,
    meanings,
    shown,
    stamps,
)
from nexus.reports.rendering.charts import as_svg
from nexus.reports.rendering.frame import LANGUAGE_NAMES, page
from nexus.reports.words import Language, Words

SHOWN_ROWS = 200
"""Of the details on the page; the other formats have them all."""
DOWNLOAD = Words("下载", "下載", "Download")
ALL = Words("全部报告", "全部報告", "All reports")
WHOLE = Words("显示全部明细", "顯示全部明細", "Show all details")
NARROWED = Words("明细限于：{value}", "明細限於：{value}", "Details of: {value}")
MORE = Words(
    "此页显示前 {shown} 行，共 {found} 行；表格文件含更多。",
    "此頁顯示前 {shown} 行，共 {found} 行；表格檔案含更多。",
    "This page shows the first {shown} of {found} rows; the workbook holds more.",
)


def as_page(
    report: Report,
    no: str | None,
    language: Language,
    *,
    path: str,
    asked: Mapping[str, str],
    actions: str = "",
) -> bytes:
    """The page at `path`; `asked` are the query's parameters, kept in its links."""
    parts = [
        f'<nav class="crumbs"><a href="/reports/?{urlencode({"lang": language})}">'
        f"{escape(ALL.said(language))}</a>{_languages(path, asked, language)}</nav>",
        f"<h1>{escape(report.title.said(language))}</h1>",
        f'<p class="question">{escape(report.question.said(language))}</p>',
        f'<p class="headline">{escape(report.headline.said(language))}</p>',
        _stamps(report, no, language),
        _downloads(path, asked, language),
        actions,
        *(_section(table, language, path, asked) for table in report.tables),
        _meanings(report, language),
    ]
    return page(report.title.said(language), "".join(parts), language)


def _languages(path: str, asked: Mapping[str, str], language: Language) -> str:
    links = [
        f'<a href="{_link(path, asked, lang=one)}" lang="{one}" hreflang="{one}">{name}</a>'
        for one, name in LANGUAGE_NAMES.items()
        if one is not language
    ]
    return f'<span class="languages">{" ".join(links)}</span>'


def _link(path: str, asked: Mapping[str, str], **changes: str | None) -> str:
    kept = {**asked, **changes}
    return escape(f"{path}?{urlencode({key: value for key, value in kept.items() if value})}")


def _stamps(report: Report, no: str | None, language: Language) -> str:
    items = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in stamps(report, no, language)
    )
    return f'<dl class="stamps">{items}</dl>'


def _downloads(path: str, asked: Mapping[str, str], language: Language) -> str:
    links = " ".join(
        f'<a class="button" href="{_link(path, asked, format=one)}" download>{one.upper()}</a>'
        for one in ("xlsx", "pdf")
    )
    return f'<p class="downloads"><span>{escape(DOWNLOAD.said(language))}</span> {links}</p>'


def _section(table: Table, language: Language, path: str, asked: Mapping[str, str]) -> str:
    chart = ""
    if table.chart is not None and table.rows:
        chart = f"<figure>{as_svg(table, language)}</figure>"
    csv = _link(path, asked, format="csv", table=table.key)
    return (
        f'<section id="{escape(table.key)}"><h2>{escape(table.title.said(language))}</h2>'
        f"<p>{escape(table.sentence.said(language))}</p>{_narrowed(table, language, path, asked)}"
        f"{chart}{_grid(table, language, path, asked)}{_left_out(table, language)}"
        f'<p class="small"><a href="{csv}" download>CSV</a></p></section>'
    )


def _narrowed(table: Table, language: Language, path: str, asked: Mapping[str, str]) -> str:
    """What the details are narrowed to, and the way back."""
    if not table.detail or "value" not in asked:
        return ""
    told = NARROWED.filled(value=asked["value"]).said(language)
    back = _link(path, asked, column=None, value=None)
    return f'<p>{escape(told)} · <a href="{back}">{escape(WHOLE.said(language))}</a></p>'


def _left_out(table: Table, language: Language) -> str:
    if not table.detail or table.found is None:
        return ""
    if len(table.rows) > SHOWN_ROWS:
        told = MORE.filled(shown=SHOWN_ROWS, found=table.found)
    elif table.found > len(table.rows):
        told = CUT.filled(shown=len(table.rows), found=table.found)
    else:
        return ""
    return f'<p class="small">{escape(told.said(language))}</p>'


def _grid(table: Table, language: Language, path: str, asked: Mapping[str, str]) -> str:
    if not table.rows:
        return ""
    heads = "".join(
        f'<th scope="col"{_side(column)}>{escape(column.title.said(language))}</th>'
        for column in table.columns
    )
    drilled = table.at(table.drill) if table.drill else None
    body = "".join(
        f"<tr>{''.join(_cells(row, table, language, drilled, path, asked))}</tr>"
        for row in table.rows[: SHOWN_ROWS if table.detail else None]
    )
    foot = ""
    if table.has_total:
        cells = zip(table.totals()[1:], table.columns[1:], strict=True)
        told = "".join(
            f"<td{_side(column)}>{_sum(cell, column, language)}</td>" for cell, column in cells
        )
        foot = f'<tfoot><tr><th scope="row">{escape(TOTAL.said(language))}</th>{told}</tr></tfoot>'
    return (
        f'<div class="grid" tabindex="0" role="region" '
        f'aria-label="{escape(table.title.said(language))}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )


def _cells(
    row: Sequence[Cell],
    table: Table,
    language: Language,
    drilled: int | None,
    path: str,
    asked: Mapping[str, str],
) -> list[str]:
    made = []
    for place, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
        text = escape(shown(cell, column.kind, language))
        if place == drilled and cell is not None:
            value = cell.code if isinstance(cell, Label) else str(cell)
            text = f'<a href="{_link(path, asked, column=column.key, value=value)}">{text}</a>'
        tag = 'th scope="row"' if place == 0 else "td"
        made.append(f"<{tag}{_side(column)}>{text}</{tag[:2]}>")
    return made


def _sum(cell: Cell, column: Column, language: Language) -> str:
    return "" if cell is None else escape(shown(cell, column.kind, language))


def _side(column: Column) -> str:
    if is_number(column.kind):
        return ' class="number"'
    return ' class="text"' if column.kind in (Kind.TEXT, Kind.DATE) else ""


def _meanings(report: Report, language: Language) -> str:
    pairs = meanings(report, language)
    if not pairs:
        return ""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>" for name, told in pairs)
    title = escape(MEANINGS.said(language))
    return f'<section id="meanings"><h2>{title}</h2><dl>{items}</dl></section>'
