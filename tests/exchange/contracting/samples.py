"""Releases with something wrong in them. Everything in them is made up."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.exchange.importing.operations import Report, run_import

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
OCID = "ocds-213czf-0001"


def release(name: str = "r1", ocid: str = OCID, **parts: Any) -> dict[str, Any]:
    """A release in which nothing is wrong; keywords replace its parts."""
    return {
        "ocid": ocid,
        "id": name,
        "date": "2026-02-01T08:00:00Z",
        "tag": ["tender"],
        "initiationType": "tender",
        "parties": [{"id": "B1", "name": "Example Town", "roles": ["buyer"]}],
        "buyer": {"id": "B1", "name": "Example Town"},
        "tender": {
            "id": "t1",
            "title": "Home visits",
            "status": "active",
            "value": {"amount": 1200.5, "currency": "CNY"},
        },
        **parts,
    }


def package(*releases: Any, **parts: Any) -> dict[str, Any]:
    """A release package."""
    return {
        "uri": "https://example.org/packages/1",
        "version": "1.1",
        "publishedDate": "2026-02-02T00:00:00Z",
        "publisher": {"name": "Example Town"},
        "releases": list(releases),
        **parts,
    }


def profile(folder: Path, source: str = "elsewhere") -> Path:
    """A mapping profile for the source."""
    path = folder / f"{source}.toml"
    path.write_text(f'kind = "ocds"\nsource = "{source}"\n', "utf-8")
    return path


async def read(
    engine: AsyncEngine, path: Path, folder: Path, *, source: str = "elsewhere", **options: Any
) -> Report:
    """Import the path; every row read ends in one of the figures."""
    report = await run_import(
        engine,
        kind="ocds",
        path=path,
        profile_path=profile(folder, source),
        now=NOW,
        **options,
    )
    figures = report.figures()
    parts = ("created", "updated", "unchanged", "duplicates", "rejected")
    assert figures["rows_read"] == sum(figures[name] for name in parts)
    return report


async def bring(
    engine: AsyncEngine, folder: Path, content: Any, *, source: str = "elsewhere", **options: Any
) -> Report:
    """Import the content as a file of its own."""
    path = folder / "file.json"
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_text(text, "utf-8")
    return await read(engine, path, folder, source=source, **options)
