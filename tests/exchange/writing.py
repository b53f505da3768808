"""Makes small files of the layouts that imports read. Everything in them is made up."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

ROOT = Path(__file__).parents[2]
PROFILES = ROOT / "examples/profiles"
HOSPITALS = PROFILES / "wuhan2020-needs.toml"
FACTORIES = PROFILES / "wuhan2020-factories.toml"
CLINICS = PROFILES / "wuhan2020-clinics.toml"
TOWNSHIP = PROFILES / "township-needs.toml"

HEADER = (
    "户编号",
    "需求编号",
    "镇街",
    "家庭人口",
    "需求类别",
    "需求内容",
    "数量",
    "单位",
    "审核状态",
)
GOOD = ("H1", "1", "440103002", "3", "基本生活", "大米", "20", "公斤", "已审核")


def table(*rows: Sequence[Any], header: Sequence[str] = HEADER, separator: str = ",") -> str:
    """A delimited text with the township's header."""
    return "".join(separator.join(map(str, row)) + "\n" for row in (header, *rows))


def good(**changes: Any) -> tuple[Any, ...]:
    """A row that is taken, with some columns changed."""
    row = dict(zip(HEADER, GOOD, strict=True)) | changes
    return tuple(row[name] for name in HEADER)


def workbook(*rows: Sequence[Any], header: Sequence[Any] = HEADER, **sheets: Any) -> bytes:
    """An XLSX with the rows on its first sheet; numbers stay numbers."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    for name, content in {"需求": [header, *rows], **sheets}.items():
        sheet = book.add_worksheet(name)
        for at, row in enumerate(content):
            for column, value in enumerate(row):
                sheet.write(at, column, value)
    book.close()
    return out.getvalue()


def repacked(source: bytes, replaced: dict[str, bytes], *, added: dict[str, bytes] = {}) -> bytes:  # noqa: B006
    """The archive with some of its parts written anew."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(source)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            new.writestr(entry.filename, replaced.get(entry.filename, old.read(entry.filename)))
        for name, content in added.items():
            new.writestr(name, content)
    return out.getvalue()


def part(source: bytes, name: str) -> bytes:
    """One part of the archive."""
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        return archive.read(name)


def hospital(name: str | None, /, district: str = "武昌区", **cells: Any) -> list[dict[str, Any]]:
    """One row of cells; `supplies` maps a supply column to its value."""
    supplies = cells.pop("supplies", {"防护服": 1})
    row = [
        {"key": "区县", "value": district, "type": "string"},
        {"key": "医院名称", "value": name, "type": "string"},
        *({"key": key, "value": value, "type": "supply"} for key, value in supplies.items()),
        {"key": "备注", "value": cells.pop("note", ""), "type": "string"},
    ]
    review = cells.pop("review", "已审核")
    if review is not None:
        row.append({"key": "审核状态", "value": review, "type": "enum"})
    return [*row, *cells.pop("more", [])]


def factory(name: str, capacity: dict[str, list[tuple[str, Any]]], **cells: Any) -> list[Any]:
    """One factory with its list cells."""
    return [
        {"key": "省", "value": cells.get("province", "广东"), "type": "string"},
        {"key": "市", "value": cells.get("city", "广州市"), "type": "string"},
        {"key": "厂商名称", "value": name, "type": "string"},
        *(
            {
                "key": column,
                "value": [{"specification": what, "value": much} for what, much in entries],
                "type": "supplies",
            }
            for column, entries in capacity.items()
        ),
        {"key": "发布时间", "value": cells.get("day", "2026-01-25T16:00:00.000Z"), "type": "date"},
        {"key": "审核状态", "value": cells.get("review", "已审核"), "type": "enum"},
    ]


def city(folder: Path, *rows: Any, name: str = "wuhanshi") -> Path:
    """A folder with one city's file; the folder's path."""
    where = folder / "hospital" / "hubei"
    where.mkdir(parents=True, exist_ok=True)
    (where / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    return folder
