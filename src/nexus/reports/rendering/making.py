"""One report in the format asked for."""

from pathlib import Path

from nexus.core.typesetting import fonts_in
from nexus.reports.content import Report
from nexus.reports.rendering.lists import as_csv
from nexus.reports.rendering.papers import as_pdf
from nexus.reports.rendering.sheets import as_xlsx
from nexus.reports.rules import Format, check_table
from nexus.reports.words import Language


def as_file(
    report: Report,
    no: str | None,
    format_: Format,
    language: Language,
    *,
    table: str | None = None,
    fonts: Path | None = None,
) -> bytes:
    """The bytes of a file; CSV is of one table, the first unless another is named.

    Takes CPU: call it in a thread. FontMissing; Invalid for a table there is not.
    """
    match format_:
        case Format.XLSX:
            return as_xlsx(report, no, language)
        case Format.PDF:
            return as_pdf(report, no, language, fonts_in(fonts))
        case Format.CSV:
            keys = [one.key for one in report.tables]
            return as_csv(report.table(check_table(table or keys[0], keys)), language)
    raise ValueError(f"a page is no file: {format_}")
