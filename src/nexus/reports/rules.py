"""What may be asked for: names, periods, formats; pure checks."""

from collections.abc import Collection
from datetime import date, timedelta
from difflib import get_close_matches
from enum import StrEnum

from nexus.core.refusals import Invalid

MOST_DAYS = 3 * 366
MOST_ROWS = 5_000
"""Of the details of one report; how many there are is said."""


class Format(StrEnum):
    HTML = "html"
    XLSX = "xlsx"
    PDF = "pdf"
    CSV = "csv"


MEDIA_TYPES = {
    Format.HTML: "text/html; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PDF: "application/pdf",
    Format.CSV: "text/csv; charset=utf-8",
}


class UnknownReport(Invalid):
    """There is no report of that name; `details.suggestion` is one alike."""

    code = "UNKNOWN_REPORT"


def check_name(name: str, known: Collection[str]) -> str:
    """The name, if there is such a report. UnknownReport."""
    if name not in known:
        alike = get_close_matches(name, known, 1)
        raise UnknownReport(
            f"There is no report of this name; there are {', '.join(sorted(known))}.",
            field="name",
            **({"suggestion": alike[0]} if alike else {}),
        )
    return name


def period(
    from_on: date | None, until_on: date | None, *, months: int, today: date
) -> tuple[date, date]:
    """The days asked for, end-exclusive; by default so many months up to today. Invalid."""
    until = until_on or today + timedelta(days=1)
    start = from_on or months_before(until, months)
    if start >= until:
        raise Invalid("The period must end after it begins: its end is exclusive.", field="untilOn")
    if (until - start).days > MOST_DAYS:
        raise Invalid(f"A report covers at most {MOST_DAYS} days: narrow it.", field="fromOn")
    return start, until


def months_before(day: date, months: int) -> date:
    """The first day of the month, so many months back that the last one is counted."""
    last = day - timedelta(days=1)
    counted = last.year * 12 + last.month - months
    return date(counted // 12, counted % 12 + 1, 1)


def file_name(name: str, area: str, until_on: date, ending: str) -> str:
    """Under which a browser saves it."""
    return f"nexus-{name}-{area}-{until_on.isoformat()}.{ending}"


def check_table(key: str, known: Collection[str]) -> str:
    """The key of a table that the report has. Invalid."""
    if key not in known:
        raise Invalid(f"This report has the tables {', '.join(known)}.", field="table")
    return key
