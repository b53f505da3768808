"""A report as a PDF that a screen reader can read (PDF/UA-1)."""

from typing import Any

import typst

from nexus.core.typesetting import template_in, typeset
from nexus.reports.content import Report, Table
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
from nexus.reports.words import Language

WIDE = 9
"""With more columns than this a page lies on its side."""
TONGUES = {
    Language.ZH_HANS: ("zh", "cn", "Noto Sans CJK SC"),
    Language.ZH_HANT: ("zh", "hk", "Noto Sans CJK TC"),
    Language.EN: ("en", "gb", "Noto Sans CJK SC"),
}


def as_pdf(report: Report, no: str | None, language: Language, fonts: typst.Fonts) -> bytes:
    """The whole report with its charts. Takes some CPU: call it in a thread."""
    return typeset(
        template_in(__package__), told(report, no, language), fonts=fonts, made_at=report.as_of
    )


def told(report: Report, no: str | None, language: Language) -> dict[str, Any]:
    """What the page is made of: strings only."""
    lang, region, font = TONGUES[language]
    marks = stamps(report, no, language)
    return {
        "title": report.title.said(language),
        "question": report.question.said(language),
        "headline": report.headline.said(language),
        "lang": lang,
        "region": region,
        "font": font,
        "wide": max(len(table.columns) for table in report.tables) > WIDE,
        "stamps": marks,
        "foot": " · ".join(
            (report.title.said(language), marks[0][1], marks[2][1], report.hash[:12])
        ),
        "tables": [_table(table, language) for table in report.tables],
        "meanings_title": MEANINGS.said(language),
        "meanings": meanings(report, language),
    }


def _table(table: Table, language: Language) -> dict[str, Any]:
    kinds = [column.kind for column in table.columns]
    cut = table.found is not None and table.found > len(table.rows)
    totals = [
        "" if cell is None else shown(cell, kind, language)
        for cell, kind in zip(table.totals(), kinds, strict=True)
    ]
    return {
        "title": table.title.said(language),
        "sentence": table.sentence.said(language),
        "chart": as_svg(table, language) if table.chart and table.rows else None,
        "alt": f"{table.chart.title.said(language)}. {table.sentence.said(language)}"
        if table.chart
        else "",
        "heads": [column.title.said(language) for column in table.columns],
        "numbers": [is_number(kind) for kind in kinds],
        "rows": [
            [shown(cell, kind, language) for cell, kind in zip(row, kinds, strict=True)]
            for row in table.rows
        ],
        "totals": [TOTAL.said(language), *totals[1:]] if table.has_total else [],
        "cut": CUT.filled(shown=len(table.rows), found=table.found).said(language) if cut else None,
    }
