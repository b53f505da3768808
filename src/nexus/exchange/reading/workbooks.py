"""XLSX: a scan of the archive refuses bombs and entities, then a limited child process reads it."""

import json
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from threading import Timer
from typing import Any
from xml.parsers import expat

from nexus.exchange.reading.tables import (
    HEADER_WITHIN,
    LIMITS,
    Fault,
    FileRefused,
    Layout,
    Row,
    find_header,
    no_header,
    table_rows,
)

_CHILD = Path(__file__).with_name("workbook_child.py")
_OLE = b"\xd0\xcf\x11\xe0"
_CHUNK = 1 << 20
_OVERLAP = 64
_ENTRIES = 2_000
_ENTITY = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_REFERENCE = re.compile(rb'\br="([A-Z]{1,4})([0-9]{1,8})"')
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})


def rows_of(path: Path, layout: Layout, *, file: str, place: dict[str, str]) -> Iterator[Row]:
    """The rows of every visible sheet that has the header, or of the sheet the profile names."""
    scan(path, file=file)
    found = 0
    tops: list[Sequence[Any]] = []
    for sheet, lines in groupby(_lines(path, file), key=lambda line: line[0]):
        if layout.sheet is not None and sheet != layout.sheet:
            continue
        numbered = ((number, cells) for _, number, cells in lines if number)
        top = [next(numbered, None) for _ in range(HEADER_WITHIN)]
        begins = [line for line in top if line is not None]
        if find_header([cells for _, cells in begins], layout) is None:
            tops += [cells for _, cells in begins]
            continue
        found += 1
        named = file if layout.sheet else f"{file}#{sheet}"
        for row in table_rows(
            _chain(begins, numbered), layout, file=named, place={**place, "sheet": sheet}
        ):
            yield _checked(row)
    if not found:
        raise no_header(tops, layout, file)


def scan(path: Path, *, file: str) -> None:
    """Refuse what would hurt its reader: not a ZIP, too large unpacked, DTDs, far-out cells."""
    with path.open("rb") as opened:
        if opened.read(4) == _OLE:
            raise _refused(
                file,
                "an old .xls or a workbook with a password: save it as .xlsx without one",
                "format",
            )
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > _ENTRIES:
                raise _refused(file, f"more than {_ENTRIES} parts", "bomb")
            if "xl/workbook.xml" not in archive.namelist():
                raise _refused(file, "a ZIP archive, but no workbook", "format")
            left = LIMITS.unpacked_bytes
            for entry in archive.infolist():
                left -= _scan_part(archive, entry, left, file)
    except expat.ExpatError as error:
        raise _refused(
            file, f"an XML part of the workbook is damaged ({error}). Save it again", "damaged"
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise _refused(
            file, f"the workbook is damaged or was cut off ({error}). Fetch it again", "cut_off"
        ) from None
    except RuntimeError:
        raise _refused(file, "the workbook has a password: save it without one", "format") from None


def _scan_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, file: str) -> int:
    """Unpack one part in pieces, keeping nothing; its true size in bytes."""
    is_sheet = entry.filename.startswith("xl/worksheets/")
    is_xml = entry.filename.endswith((".xml", ".rels"))
    parser = expat.ParserCreate()
    size, tail = 0, b""
    with archive.open(entry) as part:
        while piece := part.read(_CHUNK):
            size += len(piece)
            if size > left:
                limit = LIMITS.unpacked_bytes >> 20
                raise _refused(file, f"more than {limit} MiB when unpacked", "bomb")
            window = tail + piece.replace(b"\0", b"")
            tail = window[-_OVERLAP:]
            if is_xml:
                if _ENTITY.search(window):
                    raise _refused(file, "an XML part declares a DTD or entities", "entities")
                parser.Parse(piece, False)
            if is_sheet:
                _check_reach(window, file)
    if is_xml:
        parser.Parse(b"", True)
    return size


def _check_reach(window: bytes, file: str) -> None:
    for column, row in _REFERENCE.findall(window):
        if int(row) > LIMITS.rows or _column(column) > LIMITS.columns:
            raise _refused(
                file,
                f"a cell at {column.decode()}{row.decode()}; the limits are {LIMITS.rows} rows "
                f"and {LIMITS.columns} columns",
                "too_large",
            )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _lines(path: Path, file: str) -> Iterator[tuple[str, int, list[Any]]]:
    command = [
        sys.executable,
        "-I",
        str(_CHILD),
        str(path.resolve()),
        str(LIMITS.child_memory_bytes),
        str(LIMITS.child_seconds),
    ]
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and our own program
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}
    )
    clock = Timer(LIMITS.child_seconds, child.kill)
    clock.start()
    try:
        assert child.stdout is not None
        for line in child.stdout:
            sheet, number, cells = json.loads(line, parse_float=Decimal)
            yield sheet, number, [_value(cell) for cell in cells]
        _, complaint = child.communicate()
        if child.returncode != 0:
            raise _refused(file, _why(child.returncode, complaint), "damaged")
    finally:
        clock.cancel()
        with suppress(ProcessLookupError):
            child.kill()
        child.communicate()


def _why(code: int, complaint: bytes) -> str:
    if code < 0 or b"MemoryError" in complaint or b"memory allocation" in complaint:
        return "the workbook needs more memory or time than an import may use: split it"
    last = complaint.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1][:200]
    return f"the workbook is damaged ({last}). Save it again"


def _value(cell: Any) -> Any:
    return cell["date"] if isinstance(cell, dict) else cell


def _chain(
    begins: list[tuple[int, list[Any]]], rest: Iterator[tuple[int, list[Any]]]
) -> Iterator[tuple[int, list[Any]]]:
    yield from begins
    yield from rest


def _checked(row: Row) -> Row:
    row.faults.extend(
        Fault("CELL_ERROR", f"The formula of this cell gives {cell.value}: correct it.", name)
        for name, cell in row.cells.items()
        if cell.value in _ERRORS
    )
    return row


def _refused(file: str, what: str, reason: str) -> FileRefused:
    return FileRefused(f"{file}: {what}.", reason=reason, file=file)
