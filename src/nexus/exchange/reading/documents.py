"""JSON: an array of objects, of arrays of cells {key, value, …}, or of plain arrays; JSON Lines.

Elements are decoded one at a time, so memory holds the text and one row.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn

from nexus.exchange.reading.decoding import decode
from nexus.exchange.reading.tables import (
    Cell,
    Fault,
    FileRefused,
    Layout,
    Row,
    damaged,
    label,
    plain,
    table_rows,
)

_SPACE = re.compile(r"\s*")
_TWICE = "\0twice"
_BEGUN = 6
"""So many characters may an escape or a literal have that the end of the file cuts in two."""


def rows_of(raw: bytes, layout: Layout, *, file: str, place: dict[str, str]) -> Iterator[Row]:
    """The rows of a JSON text. `number` counts the elements of the array, or the lines, from 1."""
    text, _ = decode(raw, file=file, encoding=layout.encoding)
    elements = _numbered(text, layout, file)
    first = next(elements, None)
    if first is None:
        return
    if _is_plain_array(first[1]):
        table = (
            (number, _array(element, number, file)) for number, element in _from(first, elements)
        )
        yield from table_rows(table, layout, file=file, place=place)
        return
    for number, element in _from(first, elements):
        yield _row(element, layout, file=file, number=number, place=place)


def _from(first: tuple[int, Any], rest: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    yield first
    yield from rest


def _numbered(text: str, layout: Layout, file: str) -> Iterator[tuple[int, Any]]:
    start = _skip(text, 0)
    if text[start] == "[":
        yield from enumerate(_elements(text, start + 1, file), 1)
        return
    if text[start] != "{":
        _malformed(file, text, start, "the text is not JSON: it begins with neither [ nor {")
    whole, end = _decode(text, start, file)
    if _skip(text, end) < len(text):
        yield from _lines(text, file)
        return
    yield from enumerate(_rows_within(whole, layout, file), 1)


def _elements(text: str, at: int, file: str) -> Iterator[Any]:
    """The elements of an array whose opening bracket lies before `at`; then nothing may follow."""
    at = _skip(text, at)
    if text[at : at + 1] != "]":
        while True:
            element, at = _decode(text, at, file)
            yield element
            at = _skip(text, at)
            mark = text[at : at + 1]
            if mark == "]":
                break
            if mark != ",":
                _malformed(file, text, at, "a comma or the closing ] is missing")
            at = _skip(text, at + 1)
    at = _skip(text, at + 1)
    if at < len(text):
        _malformed(file, text, at, "something follows the closing ]")


def _lines(text: str, file: str) -> Iterator[tuple[int, Any]]:
    begins = 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        at = begins + _skip(line, 0)
        begins += len(line)
        if at == begins:
            continue
        element, end = _decode(text, at, file)
        if _skip(text, end) < begins:
            _malformed(file, text, end, "more than one value on a line")
        yield number, element


def _rows_within(whole: Any, layout: Layout, file: str) -> list[Any]:
    """The one array of an object that wraps its rows, or the one the profile names."""
    arrays = {name: value for name, value in whole.items() if isinstance(value, list)}
    if layout.rows_at is not None:
        arrays = {name: value for name, value in arrays.items() if name == layout.rows_at}
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if not arrays and layout.rows_at is None:
        return [whole]
    raise FileRefused(
        f"{file}: the rows may stand under {', '.join(sorted(arrays)) or 'no name'}: "
        "name the array in the profile (file.rows_at).",
        reason="no_rows",
        file=file,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found[_TWICE] = next(name for name in names if names.count(name) > 1)
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_constant=_constant, strict=True
)


def _decode(text: str, at: int, file: str) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        _malformed(file, text, error.pos, error.msg)
    except RecursionError:
        _malformed(file, text, at, "values are nested too deep")
    except ValueError as error:
        _malformed(file, text, at, str(error))


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _malformed(file: str, text: str, at: int, what: str) -> NoReturn:
    tail = text[at : at + 2 * _BEGUN].rstrip()
    cut = "Unterminated string" in what or (len(tail) <= _BEGUN and not set(tail) & set("]}<"))
    line = text.count("\n", 0, at) + 1
    raise FileRefused(
        f"{file}: "
        + (
            f"the JSON text ends in line {line} before it is complete: the file was cut off. "
            "Fetch it again."
            if cut
            else f"no JSON at line {line}, character {at - text.rfind(chr(10), 0, at)}: {what}."
        ),
        reason="cut_off" if cut else "malformed",
        file=file,
    )


def _is_plain_array(element: Any) -> bool:
    return isinstance(element, list) and not any(isinstance(cell, dict) for cell in element)


def _array(element: Any, number: int, file: str) -> list[Any]:
    if isinstance(element, list):
        return element
    raise FileRefused(
        f"{file}: element {number} is no array as those before it.", reason="malformed", file=file
    )


def _row(element: Any, layout: Layout, *, file: str, number: int, place: dict[str, str]) -> Row:
    if isinstance(element, dict):
        cells, faults = _of_object(element)
    elif isinstance(element, list):
        cells, faults = _of_cells(element, layout)
    else:
        cells, faults = {}, [Fault("NO_ROW", "This element is neither an object nor an array.")]
    return Row(file, number, place, cells, faults + damaged(cells))


def _of_object(element: dict[str, Any]) -> tuple[dict[str, Cell], list[Fault]]:
    faults = []
    if _TWICE in element:
        faults.append(_named_twice(str(element[_TWICE])))
    cells = {
        label(name): Cell(value, name=plain(name))
        for name, value in element.items()
        if name != _TWICE
    }
    return cells, faults


def _of_cells(element: list[Any], layout: Layout) -> tuple[dict[str, Cell], list[Fault]]:
    cells: dict[str, Cell] = {}
    faults: list[Fault] = []
    for cell in element:
        if not isinstance(cell, dict) or not {"key", "value"} <= cell.keys():
            faults.append(Fault("NO_CELL", "A cell of this row is no object with key and value."))
            continue
        name = _name(cell, layout)
        if name is None:
            faults.append(_unnamed(cell))
        elif name in cells:
            faults.append(_named_twice(str(cell["key"])))
        else:
            cells[name] = Cell(
                cell["value"],
                _text(cell.get("type")),
                _text(cell.get("specification")),
                plain(str(cell["key"] or cell["type"])),
            )
    return cells, faults


def _name(cell: dict[str, Any], layout: Layout) -> str | None:
    key, kind = cell["key"], cell.get("type")
    if isinstance(key, str) and key.strip():
        return label(key)
    if layout.labels_in_type and isinstance(kind, str) and label(kind) in layout.known:
        return label(kind)
    return None


def _unnamed(cell: dict[str, Any]) -> Fault:
    kind = _text(cell.get("type"))
    return Fault(
        "NO_KEY",
        f"The cell of type '{kind}' has no key: the columns of this row are shifted. Correct the "
        "file; if types are keys here, set file.labels_in_type in the profile.",
        kind,
    )


def _named_twice(name: str) -> Fault:
    return Fault("COLUMN_TWICE", f"The row has '{name}' twice: which one counts?", name)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
