"""Files that must not be imported: name, what to write, and the reason or row code expected."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from tests.exchange import writing as w

Bytes = Callable[[], bytes]

TABLE = w.table(w.good(), w.good(户编号="H2")).encode()
BOOK = w.workbook(w.good(), w.good(户编号="H2"))
SHEET = "xl/worksheets/sheet1.xml"
RECORDS = [dict(zip(w.HEADER, w.good(), strict=True)) for _ in range(3)]
JSON = json.dumps(RECORDS, ensure_ascii=False).encode()


def sheet_with(before: bytes, after: bytes) -> bytes:
    """The workbook with a piece of its sheet replaced."""
    old = w.part(BOOK, SHEET)
    assert before in old
    return w.repacked(BOOK, {SHEET: old.replace(before, after, 1)})


def entity(name: str, declaration: bytes) -> bytes:
    """The workbook with a document type before the root of one part."""
    old = w.part(BOOK, name)
    head, _, rest = old.partition(b"?>")
    return w.repacked(BOOK, {name: head + b"?>" + declaration + rest})


def bomb(megabytes: int) -> bytes:
    """A workbook with a part that is small packed and huge unpacked."""
    return w.repacked(BOOK, {}, added={"xl/media/zeros.bin": bytes(megabytes << 20)})


def lying_bomb(megabytes: int) -> bytes:
    """The same, with the archive's directory saying that the part holds ten bytes."""
    source = bytearray(bomb(megabytes))
    at = source.rfind(b"PK\x01\x02", 0, source.rfind(b"xl/media/zeros.bin"))
    source[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(source)


def many_parts() -> bytes:
    """A workbook with thousands of parts."""
    return w.repacked(BOOK, {}, added={f"x/{n}.bin": b"" for n in range(2_100)})


def encrypted() -> bytes:
    """The workbook with the flag of encryption on its first part."""
    source = bytearray(BOOK)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = source.find(mark)
        source[at + offset] |= 1
    return bytes(source)


def flipped() -> bytes:
    """The workbook with damaged bytes inside its sheet."""
    with zipfile.ZipFile(io.BytesIO(BOOK)) as archive:
        start = archive.getinfo(SHEET).header_offset + 60
    source = bytearray(BOOK)
    for at in range(start, start + 40):
        source[at] ^= 0xFF
    return bytes(source)


def no_workbook() -> bytes:
    """A ZIP archive of something else."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    return out.getvalue()


def cells(*rows: Any) -> bytes:
    """A hospital file."""
    return json.dumps(rows, ensure_ascii=False).encode()


def record(**changes: Any) -> bytes:
    """One JSON object of the township's columns."""
    return json.dumps([RECORDS[0] | changes], ensure_ascii=False).encode()


def record_with(raw: str, **changes: Any) -> bytes:
    """One JSON object with a piece of JSON written into it as it is."""
    return record(**changes).decode().replace("{", "{" + raw + ", ", 1).encode()


REFUSED: dict[str, tuple[Bytes, str]] = {
    # --- nothing there ---
    "empty.csv": (lambda: b"", "empty"),
    "empty.json": (lambda: b"", "empty"),
    "empty.xlsx": (lambda: b"", "empty"),
    "blank.csv": (lambda: b" \n\n \n", "empty"),
    "blank.json": (lambda: b"   \n", "empty"),
    "only_bom.csv": (lambda: b"\xef\xbb\xbf", "wrong_headers"),
    # --- cut in half ---
    "cut_in_a_row.csv": (lambda: TABLE[:-40], "cut_off"),
    "cut_in_a_character.csv": (lambda: TABLE.rstrip(b"\n")[:-1], "cut_off"),
    "cut_in_quotes.csv": (lambda: w.table(w.good(需求内容='"大米')).encode(), "cut_off"),
    "cut_in_gb18030.csv": (
        lambda: w.table(w.good(审核状态="已审")).encode("gb18030").rstrip(b"\n")[:-1],
        "cut_off",
    ),
    "cut_in_utf16.csv": (lambda: TABLE.decode().encode("utf-16")[:-3], "cut_off"),
    "cut_in_half.json": (lambda: JSON[: len(JSON) // 2], "cut_off"),
    "cut_in_a_text.json": (lambda: json.dumps(RECORDS).encode()[:37], "cut_off"),
    "cut_before_the_end.json": (lambda: JSON[:-1], "cut_off"),
    "cut_after_a_comma.json": (lambda: b'[{"a": 1},', "cut_off"),
    "cut_last_line.jsonl": (
        lambda: b"\n".join(json.dumps(one).encode() for one in RECORDS)[:-20],
        "cut_off",
    ),
    "cut_in_half.xlsx": (lambda: BOOK[: len(BOOK) // 2], "cut_off"),
    "cut_directory.xlsx": (lambda: BOOK[:-30], "cut_off"),
    "flipped_bytes.xlsx": (flipped, "cut_off"),
    # --- wrong encodings ---
    "big5.csv": (lambda: w.table(("臺灣資訊",) * 9).encode("big5", "replace"), "encoding"),
    "shift_jis.csv": (
        lambda: ("名前,住所,電話\n" + "カタカナ,ひらがな,かな\n" * 5).encode("shift_jis"),
        "encoding",
    ),
    "latin1.csv": (lambda: ("nom,prénom,âge\n" + "é,à,ü\n" * 5).encode("latin-1"), "encoding"),
    "windows1251.csv": (lambda: ("имя,адрес\n" + "ж,щ\n" * 5).encode("cp1251"), "encoding"),
    "utf16_without_mark.csv": (lambda: TABLE.decode().encode("utf-16-le"), "encoding"),
    "utf16_without_mark.json": (lambda: JSON.decode().encode("utf-16-be"), "encoding"),
    "not_utf16.csv": (lambda: b"\xff\xfe" + b"\x00\xd8\x41\x00", "encoding"),
    "marked_but_not_utf8.csv": (lambda: b"\xef\xbb\xbf" + "户编号,x\n".encode("gbk"), "encoding"),
    "random.csv": (lambda: bytes(range(128, 256)) * 4, "encoding"),
    "picture.csv": (lambda: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "encoding"),
    "zip_as.csv": (lambda: BOOK, "encoding"),
    "zip_as.json": (lambda: BOOK, "encoding"),
    # --- malformed text ---
    "quote_within.csv": (lambda: w.table(w.good(需求内容='"大"米"')).encode(), "malformed"),
    "huge_field.csv": (lambda: w.table(w.good(需求内容="米" * 200_000)).encode(), "malformed"),
    "nul.csv": (lambda: w.table(w.good(需求内容="大\0米")).encode(), "encoding"),
    "no_json.json": ("户编号: H1".encode, "malformed"),
    "html.json": (lambda: b"<!DOCTYPE html><html></html>", "malformed"),
    "single_quotes.json": (lambda: b"[{'a': 1}]", "malformed"),
    "trailing_comma.json": (lambda: b'[{"a": 1},]', "malformed"),
    "no_comma.json": (lambda: b'[{"a": 1} {"a": 2}]', "malformed"),
    "two_documents.json": (lambda: JSON + JSON, "malformed"),
    "nan.json": (lambda: b'[{"a": NaN}]', "malformed"),
    "infinity.json": (lambda: b'[{"a": -Infinity}]', "malformed"),
    "raw_newline.json": (lambda: b'[{"a": "x\ny"}]', "malformed"),
    "deep.json": (lambda: b"[" * 100_000 + b"]" * 100_000, "malformed"),
    "deep_objects.json": (lambda: b'[{"a":' * 50_000, "malformed"),
    "endless_number.json": (lambda: b'[{"a": ' + b"9" * 5_000 + b"}]", "malformed"),
    "two_on_a_line.jsonl": (lambda: b'{"a": 1}\n{"a": 2} {"a": 3}\n', "malformed"),
    "several_arrays.json": (lambda: b'{"a": [1], "b": [2]}', "no_rows"),
    "mixed_arrays.json": (lambda: json.dumps([w.HEADER, w.good(), {"a": 1}]).encode(), "malformed"),
    # --- wrong headers ---
    "no_header.csv": (
        w.table(w.good())[len(",".join(w.HEADER)) + 1 :].encode,
        "wrong_headers",
    ),
    "other_header.csv": (lambda: w.table(w.good(), header=["x"] * 9).encode(), "wrong_headers"),
    "no_key_column.csv": (
        lambda: w.table(w.good(), header=("户号", *w.HEADER[1:])).encode(),
        "wrong_headers",
    ),
    "column_twice.csv": (
        lambda: w.table((*w.good(), "H9"), header=(*w.HEADER, "户编号")).encode(),
        "header_twice",
    ),
    "too_many_columns.csv": (
        lambda: w.table(header=(*w.HEADER, *(f"c{n}" for n in range(600)))).encode(),
        "too_many_columns",
    ),
    "header_too_low.csv": (lambda: (b"x\n" * 40) + TABLE, "wrong_headers"),
    "other_header.xlsx": (lambda: w.workbook(w.good(), header=["x"] * 9), "wrong_headers"),
    "empty_sheet.xlsx": (lambda: w.workbook(header=[]), "wrong_headers"),
    "other_header.json": (lambda: json.dumps([["a", "b"], ["c", "d"]]).encode(), "wrong_headers"),
    # --- workbooks built to hurt ---
    "no_zip.xlsx": (lambda: TABLE, "cut_off"),
    "old.xlsx": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "format"),
    "letter.xlsx": (no_workbook, "format"),
    "password.xlsx": (encrypted, "format"),
    "bomb.xlsx": (lambda: bomb(600), "bomb"),
    "lying_bomb.xlsx": (lambda: lying_bomb(3), "cut_off"),
    "many_parts.xlsx": (many_parts, "bomb"),
    "far_row.xlsx": (lambda: sheet_with(b'r="A2"', b'r="A1048576"'), "too_large"),
    "far_column.xlsx": (lambda: sheet_with(b'r="A2"', b'r="XFD2"'), "too_large"),
    "external_entity.xlsx": (
        lambda: entity(SHEET, b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
        "entities",
    ),
    "laughs.xlsx": (
        lambda: entity(
            "xl/sharedStrings.xml",
            b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        ),
        "entities",
    ),
    "entity_in_relations.xlsx": (
        lambda: entity("xl/_rels/workbook.xml.rels", b"<!DOCTYPE x>"),
        "entities",
    ),
    "broken_sheet.xlsx": (lambda: sheet_with(b"<sheetData>", b"<sheetData><row><c"), "damaged"),
    "no_sheets.xlsx": (
        lambda: w.repacked(BOOK, {"xl/workbook.xml": b"<workbook><sheets></sheets></workbook>"}),
        "wrong_headers",
    ),
    "garbage_workbook.xlsx": (
        lambda: w.repacked(BOOK, {"xl/workbook.xml": zlib.compress(b"x" * 99)}),
        "damaged",
    ),
    # --- kinds that are not read ---
    "letter.docx": (no_workbook, "format"),
    "picture.png": (lambda: b"\x89PNG\r\n", "format"),
}

ROWS: dict[str, tuple[Bytes, str]] = {
    "id_as_number.xlsx": (lambda: w.workbook(w.good(户编号=440103190001010011)), "NUMERIC_ID"),
    "id_as_number.json": (lambda: record(户编号=440103190001010011), "NUMERIC_ID"),
    "id_as_power.csv": (lambda: w.table(w.good(户编号="4.40103E+17")).encode(), "NUMERIC_ID"),
    "id_as_key.csv": (
        lambda: w.table(w.good(户编号="11010519491231002X")).encode(),
        "PERSONAL_KEY",
    ),
    "phone_as_key.csv": (lambda: w.table(w.good(户编号="13800138000")).encode(), "PERSONAL_KEY"),
    "no_key.csv": (lambda: w.table(w.good(户编号="")).encode(), "MISSING"),
    "blank_word_as_key.csv": (lambda: w.table(w.good(户编号="不详")).encode(), "MISSING"),
    "no_item.csv": (lambda: w.table(w.good(需求内容="")).encode(), "MISSING"),
    "no_unit.csv": (lambda: w.table(w.good(单位="")).encode(), "MISSING"),
    "zero.csv": (lambda: w.table(w.good(数量="0")).encode(), "QUANTITY_ZERO"),
    "zero.xlsx": (lambda: w.workbook(w.good(数量=0)), "QUANTITY_ZERO"),
    "negative.csv": (lambda: w.table(w.good(数量="-5")).encode(), "QUANTITY"),
    "word_as_quantity.csv": (lambda: w.table(w.good(数量="很多")).encode(), "QUANTITY"),
    "quantity_with_unit.csv": (lambda: w.table(w.good(数量="20公斤")).encode(), "QUANTITY"),
    "too_exact.csv": (lambda: w.table(w.good(数量="0.00001")).encode(), "QUANTITY"),
    "too_large.csv": (lambda: w.table(w.good(数量="999999999999999")).encode(), "QUANTITY"),
    "boolean.json": (lambda: record(数量=True), "QUANTITY"),
    "object_as_text.json": (lambda: record(需求内容={"a": 1}), "NOT_A_TEXT"),
    "list_as_text.json": (lambda: record(户编号=["H1"]), "NOT_A_TEXT"),
    "column_twice.json": (
        lambda: (
            b"[" + json.dumps(RECORDS[0]).encode()[:-1] + b', "\xe6\x95\xb0\xe9\x87\x8f": "9"}]'
        ),
        "COLUMN_TWICE",
    ),
    "lost_characters.csv": (lambda: w.table(w.good(需求内容="大\ufffd")).encode(), "DAMAGED_TEXT"),
    "twice_converted.csv": (lambda: w.table(w.good(需求内容="锟斤拷")).encode(), "DAMAGED_TEXT"),
    "nul.json": (lambda: record(需求内容="大\0米"), "DAMAGED_TEXT"),
    "nul_in_key.json": (lambda: record(户编号="H\0001"), "DAMAGED_TEXT"),
    "half_a_pair_in_key.json": (
        lambda: json.dumps([RECORDS[0] | {"户编号": "H\ud83d"}]).encode(),
        "DAMAGED_TEXT",
    ),
    "half_a_pair_in_a_name.json": (lambda: record_with('"\\ud83d": "x"', 数量=0), "QUANTITY_ZERO"),
    "endless_key.csv": (lambda: w.table(w.good(户编号="H" * 3_000)).encode(), "KEY_TOO_LONG"),
    "endless_item.csv": (lambda: w.table(w.good(需求内容="米" * 500)).encode(), "TOO_LONG"),
    "half_a_pair.json": (
        lambda: json.dumps([RECORDS[0] | {"需求内容": "\ud83d"}]).encode(),
        "DAMAGED_TEXT",
    ),
    "too_many_cells.csv": (lambda: w.table((*w.good(), "多", "余")).encode(), "TOO_MANY_CELLS"),
    "formula_error.xlsx": (lambda: w.workbook(w.good(数量="#DIV/0!")), "CELL_ERROR"),
    "no_row.json": (lambda: b"[42]", "wrong_headers"),
    "bad_date.csv": (
        lambda: w.table((*w.good(), "2026-13-40"), header=(*w.HEADER, "希望解决日期")).encode(),
        "DATE",
    ),
    "number_as_date.xlsx": (
        lambda: w.workbook((*w.good(), 46022), header=(*w.HEADER, "希望解决日期")),
        "DATE",
    ),
    "unknown_category.csv": (lambda: w.table(w.good(需求类别="航天")).encode(), "UNKNOWN_CODE"),
    "unknown_area.csv": (lambda: w.table(w.good(镇街="440199999")).encode(), "UNKNOWN_AREA"),
    "unknown_unit.csv": (lambda: w.table(w.good(单位="光年")).encode(), "UNKNOWN_CODE"),
    "no_household_size.csv": (lambda: w.table(w.good(家庭人口="很多")).encode(), "INVALID"),
}
