"""What an export looks like: its bounds, its lines, and cells that no spreadsheet runs."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from nexus.core.refusals import GuardFailed
from nexus.exchange.exports.model import ExportDataset, ExportFormat

LIFE = timedelta(hours=1)
"""How long a download can be started."""
MAX_ROWS = 1_000_000
CHUNK = 1_000
PIECE = 64 * 1024
FRESH_SECONDS = 1.0
"""A row read longer ago than this is not sent: it is read again."""
STALLED_SECONDS = 60.0
"""A reader that takes nothing for so long is given up."""
BOM = "\ufeff"
MEDIA_TYPES = {
    ExportFormat.JSONL: "application/jsonl",
    ExportFormat.CSV: "text/csv; charset=utf-8",
}

TYPES = {
    ExportDataset.NEEDS: "Need",
    ExportDataset.LINES: "NeedLine",
    ExportDataset.OFFERS: "Offer",
    ExportDataset.PLEDGES: "Pledge",
    ExportDataset.DELIVERIES: "Delivery",
    ExportDataset.ORGANIZATIONS: "Organization",
    ExportDataset.GAPS: "Gap",
    ExportDataset.FEEDBACK: "Feedback",
    ExportDataset.EMERGENCIES: "EmergencyEvent",
    ExportDataset.RELAXATIONS: "Relaxation",
}
"""The type whose rows a dataset holds."""
FILTERS = {
    **{dataset: dataset.value for dataset in ExportDataset},
    ExportDataset.LINES: ExportDataset.NEEDS.value,
    ExportDataset.RELAXATIONS: "relaxed_rules",
}
"""The root collection, by its Python name, whose filter a dataset takes; lines by their need's."""

_ACTIVE = re.compile(r"(\A|[;|\t\r\n])([\s\"\ufeff\u200b]*)(?=[=+\-@＝＋－＠])")
_LEADING = re.compile(r"\A[\t\r\n]")


class ExportTooLarge(GuardFailed):
    """More rows than one export may have; `details.rows` says at least how many."""

    code = "EXPORT_TOO_LARGE"


class ExportRunning(GuardFailed):
    """A download of the same export is under way."""

    code = "EXPORT_RUNNING"


def check_size(rows: int) -> int:
    """The number of rows, if one export may have as many. ExportTooLarge."""
    if rows > MAX_ROWS:
        raise ExportTooLarge(
            f"This export has more than {MAX_ROWS} rows and was not begun: narrow the filter and "
            "ask for several.",
            rows=rows,
            maximum=MAX_ROWS,
        )
    return rows


def file_name(dataset: ExportDataset, format_: ExportFormat, day: str) -> str:
    """The name a browser saves the download under."""
    return f"nexus-{dataset.value}-{day}.{format_.value}"


def pieces(lines: Sequence[bytes], size: int = PIECE) -> Iterator[Sequence[bytes]]:
    """The lines in groups of about `size` bytes."""
    start, weight = 0, 0
    for at, line in enumerate(lines, 1):
        weight += len(line) + 1
        if weight >= size:
            yield lines[start:at]
            start, weight = at, 0
    if start < len(lines):
        yield lines[start:]


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would take for a formula.

    Also behind what some spreadsheets take for the end of a cell or of a row.
    """
    return _ACTIVE.sub(r"\1'\2", _LEADING.sub(r"'\g<0>", text))


def csv_lines(lines: Sequence[bytes], columns: Sequence[str]) -> bytes:
    """Lines of JSON as rows; a column is a path such as `shownArea.code`."""
    paths = [column.split(".") for column in columns]
    found = (json.loads(line) for line in lines)
    return csv_text([[harmless(_cell(_at(row, path))) for path in paths] for row in found])


def csv_text(rows: Sequence[Sequence[str]]) -> bytes:
    """RFC 4180, every cell in quotes."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue().encode()


def _at(value: Any, path: Sequence[str]) -> Any:
    if not path:
        return value
    if isinstance(value, list):
        return [_at(one, path) for one in value]
    return _at(value.get(path[0]), path[1:]) if isinstance(value, Mapping) else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(map(_cell, value))
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
