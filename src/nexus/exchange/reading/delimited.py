"""CSV and TSV: the separator is the one under which the header is found."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from nexus.exchange.reading.decoding import decode
from nexus.exchange.reading.tables import (
    HEADER_WITHIN,
    FileRefused,
    Header,
    Layout,
    Row,
    Scalar,
    as_text,
    find_header,
    label,
    no_header,
    table_rows,
)

_SEPARATORS = ",\t;|，"


def rows_of(raw: bytes, layout: Layout, *, file: str, place: dict[str, str]) -> Iterator[Row]:
    """The rows of a delimited text. `number` is the line the row begins on."""
    text, _ = decode(raw, file=file, encoding=layout.encoding)
    if "\0" in text:
        raise FileRefused(f"{file}: binary data, not text.", reason="encoding", file=file)
    separator, header = _separator(text, layout, file)
    last: Sequence[str] = []

    def watched() -> Iterator[tuple[int, Sequence[str]]]:
        nonlocal last
        for number, values in _lines(text, separator, file):
            last = values
            yield number, values

    yield from table_rows(watched(), layout, file=file, place=place)
    if not text.endswith(("\n", "\r")) and 0 < len(last) < len(header.labels):
        raise FileRefused(
            f"{file}: the last line has {len(last)} of {len(header.labels)} cells and no end: "
            "the file was cut off. Fetch it again.",
            reason="cut_off",
            file=file,
        )


def _lines(text: str, separator: str, file: str) -> Iterator[tuple[int, Sequence[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    before = 0
    try:
        for values in reader:
            yield before + 1, values
            before = reader.line_num
    except csv.Error as error:
        cut = "unexpected end of data" in str(error)
        raise FileRefused(
            f"{file}: line {before + 1}: "
            + (
                "a quoted text never ends: the file was cut off, or a quote is missing."
                if cut
                else f"{error}: correct the quotes, or save the file again as CSV."
            ),
            reason="cut_off" if cut else "malformed",
            file=file,
        ) from None


def _separator(text: str, layout: Layout, file: str) -> tuple[str, Header]:
    """The separator under which every required column is named, and the most known ones."""
    tops = {separator: _top(text, separator) for separator in _SEPARATORS}
    found = [
        (sum(1 for name in header.labels if name in layout.known), separator, header)
        for separator, top in tops.items()
        if (header := find_header(top, layout)) is not None
    ]
    if not found:
        raise no_header(max(tops.values(), key=lambda top: _known(top, layout)), layout, file)
    _, separator, header = max(found, key=lambda each: each[0])
    return separator, header


def _top(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    top: list[list[str]] = []
    with suppress(csv.Error):
        top.extend(islice(reader, HEADER_WITHIN))
    return top


def _known(top: Sequence[Sequence[Scalar]], layout: Layout) -> int:
    return max(
        (len(layout.known & {label(as_text(cell)) for cell in row}) for row in top), default=0
    )
