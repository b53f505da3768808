"""Files of every layout and encoding become the same rows."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nexus.exchange.profiles.loading import load_profile
from nexus.exchange.reading.folders import files_below, rows_of
from nexus.exchange.reading.tables import FileRefused, Layout, Row, label
from tests.exchange import writing as w

TWO = (w.good(), w.good(户编号="H2", 需求内容="食用油"))


def read(path: Path, profile: Path = w.TOWNSHIP, **layout: object) -> list[Row]:
    found = load_profile(profile).layout
    for name, value in layout.items():
        object.__setattr__(found, name, value)
    return list(rows_of(files_below(path)[0], path, found))


def texts(rows: list[Row]) -> list[dict[str, str]]:
    return [{name: str(cell.value) for name, cell in row.cells.items()} for row in rows]


WANTED = [dict(zip(w.HEADER, row, strict=True)) for row in TWO]


def records() -> list[dict[str, str]]:
    return [dict(zip(w.HEADER, row, strict=True)) for row in TWO]


LAYOUTS: dict[str, Callable[[], bytes]] = {
    "utf8.csv": lambda: w.table(*TWO).encode(),
    "bom.csv": lambda: w.table(*TWO).encode("utf-8-sig"),
    "gb18030.csv": lambda: w.table(*TWO).encode("gb18030"),
    "gbk.csv": lambda: w.table(*TWO).encode("gbk"),
    "utf16.csv": lambda: w.table(*TWO).encode("utf-16"),
    "utf16be.csv": lambda: b"\xfe\xff" + w.table(*TWO).encode("utf-16-be"),
    "utf32.csv": lambda: w.table(*TWO).encode("utf-32"),
    "crlf.csv": lambda: w.table(*TWO).replace("\n", "\r\n").encode(),
    "no_last_newline.csv": lambda: w.table(*TWO).rstrip("\n").encode(),
    "tabs.tsv": lambda: w.table(*TWO, separator="\t").encode(),
    "tabs.csv": lambda: w.table(*TWO, separator="\t").encode(),
    "semicolons.csv": lambda: w.table(*TWO, separator=";").encode(),
    "bars.txt": lambda: w.table(*TWO, separator="|").encode(),
    "title_above.csv": ("某镇困难家庭需求表,,\n（虚构）,,\n" + w.table(*TWO)).encode,
    "empty_lines.csv": lambda: w.table(("",) * 9, *TWO, ("", " ", "")).encode(),
    "stars_and_spaces.csv": lambda: w.table(
        *TWO, header=[f" {name} *" for name in w.HEADER]
    ).encode(),
    "book.xlsx": lambda: w.workbook(*TWO),
    "two_sheets.xlsx": lambda: w.workbook(*TWO, 说明=[["填表说明", "每户一行"]]),
    "objects.json": lambda: json.dumps(records(), ensure_ascii=False).encode(),
    "escaped.json": lambda: json.dumps(records()).encode(),
    "gb.json": lambda: json.dumps(records(), ensure_ascii=False).encode("gb18030"),
    "wrapped.json": lambda: json.dumps({"total": 2, "rows": records()}).encode(),
    "arrays.json": lambda: json.dumps([w.HEADER, *TWO]).encode(),
    "lines.jsonl": lambda: "\n".join(json.dumps(one) for one in records()).encode(),
    "lines.json": lambda: "\n\n".join(json.dumps(one) for one in records()).encode(),
    "cells.json": lambda: json.dumps(
        [[{"key": k, "value": v, "type": "x"} for k, v in one.items()] for one in records()]
    ).encode(),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(LAYOUTS[name]())
    assert texts(read(tmp_path / name)) == WANTED


def test_rows_are_numbered_as_their_program_shows_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("标题\n" + w.table(*TWO), "utf-8")
    (tmp_path / "b.xlsx").write_bytes(w.workbook(*TWO))
    (tmp_path / "c.json").write_text(json.dumps(records()), "utf-8")
    assert [(row.file, row.number) for row in read(tmp_path)] == [
        ("a.csv", 3),
        ("a.csv", 4),
        ("b.xlsx#需求", 2),
        ("b.xlsx#需求", 3),
        ("c.json", 1),
        ("c.json", 2),
    ]


def test_a_row_number_counts_lines_within_quotes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(w.table(w.good(需求内容='"大\n米"'), w.good()), "utf-8")
    assert [row.number for row in read(tmp_path)] == [2, 4]


def test_a_folder_is_read_in_order_without_links_and_hidden_files(tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text(w.table(w.good(户编号="OUT")), "utf-8")
    inside = tmp_path / "in"
    (inside / "b").mkdir(parents=True)
    (inside / "a").mkdir()
    for name in ("b/1.csv", "a/2.csv", "a/.hidden.csv", "a/README.md"):
        (inside / name).write_text(w.table(w.good(户编号=name)), "utf-8")
    (inside / "link.csv").symlink_to(outside)
    files, passed = files_below(inside)
    assert [file.relative_to(inside).as_posix() for file in files] == ["a/2.csv", "b/1.csv"]
    assert passed == ["a/.hidden.csv", "a/README.md"]
    assert [row.place["folder"] for row in read(inside)] == ["a", "b"]


def test_the_named_sheet_alone_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(w.workbook(TWO[0], 另一村=[w.HEADER, TWO[1]]))
    assert len(read(path)) == 2
    assert [row.cells["户编号"].value for row in read(path, sheet="另一村")] == ["H2"]


def test_a_cell_without_a_key_is_a_fault_or_named_by_its_type(tmp_path: Path) -> None:
    shifted = [{"key": None, "value": "甲医院", "type": "医院名称"}]
    path = tmp_path / "wuhanshi.json"
    path.write_text(json.dumps([shifted]), "utf-8")
    (row,) = read(path, w.HOSPITALS)
    assert [fault.code for fault in row.faults] == ["NO_KEY"]
    (row,) = read(path, w.HOSPITALS, labels_in_type=True)
    assert row.faults == []
    assert row.cells[label("医院名称")].value == "甲医院"


def test_lost_and_control_characters_are_faults_of_their_row(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rows = [
        dict(zip(w.HEADER, w.good(需求内容=bad), strict=True))
        for bad in ("大\ufffd米", "大\u0000米", "大\ud800米")
    ]
    path.write_text(json.dumps(rows), "utf-8")
    assert [[fault.code for fault in row.faults] for row in read(path)] == [["DAMAGED_TEXT"]] * 3


def test_a_file_named_by_its_encoding_is_read_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    header = ("戶編號", "需求編號")
    path.write_bytes(w.table(("H1", "1"), header=header).encode("big5"))
    layout = Layout(required=(frozenset({"戶編號"}),), known=frozenset(header))
    with pytest.raises(FileRefused):
        list(rows_of([path], path, layout))
    object.__setattr__(layout, "encoding", "big5")
    (row,) = rows_of([path], path, layout)
    assert row.cells["戶編號"].value == "H1"
