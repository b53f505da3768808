"""Names of profiles and sources, and the file of what was wrong with which row."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from nexus.core.refusals import Invalid
from nexus.exchange.exports.rules import BOM, csv_text, harmless
from nexus.exchange.importing.rules import Report

MAX_NAME = 100
MAX_TOML = 64 * 1024
MAX_PROBLEMS = 50_000
"""Rows listed; the figures count all of them."""
LINK_LIFE = timedelta(days=7)
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
HEAD = ("文件", "行", "编号", "字段", "类别", "代码", "问题")
_KINDS = {"rejected": "拒收", "duplicates": "重复", "warnings": "提示"}


def check_name(name: str) -> str:
    """1 to 100 characters on one line."""
    kept = " ".join(name.split())
    if not 0 < len(kept) <= MAX_NAME:
        raise Invalid(f"A profile's name has 1 to {MAX_NAME} characters.", field="name")
    return kept


def check_toml(text: str) -> str:
    """Not longer than any profile needs to be."""
    if len(text.encode("utf-8", "replace")) > MAX_TOML or "\0" in text:
        raise Invalid(f"A profile has at most {MAX_TOML} bytes.", field="profile")
    return text


def source_of(source: str, organization_no: str | None) -> str:
    """By what a source is known: each organization's are apart from all others'."""
    return f"{source}@{organization_no}" if organization_no else source


def kept_report(report: Report) -> dict[str, Any]:
    """What is kept of a report: notes, and the rows that something was said about."""
    whole = report.as_dict()
    rows = {
        "rejected": whole["rejected"],
        "duplicates": whole["duplicate_rows"],
        "warnings": whole["warnings"],
    }
    left = MAX_PROBLEMS
    kept: dict[str, Any] = {name: whole[name] for name in ("notes", "lines", "preview")}
    for name, found in rows.items():
        kept[name] = found[:left]
        left -= len(kept[name])
    total = sum(map(len, rows.values()))
    if total > MAX_PROBLEMS:
        kept["notes"].append(f"{total} rows have a problem; the first {MAX_PROBLEMS} are listed.")
    kept["problems"] = total
    cleaned: dict[str, Any] = json.loads(storable(json.dumps(kept, ensure_ascii=False)))
    return cleaned


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold: U+0000, also escaped, and half characters."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\0", "\ufffd").replace("\\u0000", "\ufffd")


def problems(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows that something was said about, under the heads of the file."""
    for name, kind in _KINDS.items():
        for note in report.get(name, ()):
            yield dict(
                zip(
                    HEAD,
                    (
                        *(note["file"], note["row"], note["key"], note["field"]),
                        *(kind, note["code"], note["message"]),
                    ),
                    strict=True,
                )
            )


def problems_csv(report: Mapping[str, Any]) -> bytes:
    """As a table that spreadsheets open, none of its cells a formula."""
    rows = [
        [harmless("" if cell is None else str(cell)) for cell in row.values()]
        for row in problems(report)
    ]
    return BOM.encode() + csv_text([HEAD, *rows])


def problems_jsonl(report: Mapping[str, Any]) -> bytes:
    """One object a line."""
    return b"".join(
        json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        for row in problems(report)
    )
