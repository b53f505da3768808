"""Bytes to text: UTF-8, UTF-16 and UTF-32 by their marks, GB18030 when the text proves it."""

import codecs

from nexus.exchange.reading.tables import FileRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 20_000
_PLAUSIBLE = 0.85
"""Of a Chinese text in GB18030 nearly every character is one of GB 2312's; of Big5, Shift-JIS or
Latin-1 read as GB18030 about half are."""


def decode(raw: bytes, *, file: str, encoding: str | None = None) -> tuple[str, str]:
    """(text, encoding). FileRefused when the encoding is none of these or the text is cut."""
    if not raw.strip():
        raise FileRefused(f"{file}: the file is empty.", reason="empty", file=file)
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return _strictly(raw, name, file), name
    if encoding is not None:
        return _strictly(raw, encoding, file), encoding
    if b"\0" in raw[:_SAMPLE]:
        raise FileRefused(
            f"{file}: binary data, or UTF-16 without its byte order mark: save it as UTF-8.",
            reason="encoding",
            file=file,
        )
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and error.start > 0:
            raise _cut(file) from None
    return _as_gb18030(raw, file), "gb18030"


def _strictly(raw: bytes, encoding: str, file: str) -> str:
    try:
        return raw.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        cut = isinstance(error, UnicodeDecodeError) and error.end >= len(raw)
        if cut:
            raise _cut(file) from None
        raise FileRefused(
            f"{file}: the text is not {encoding}, as its first bytes or the profile say: "
            "save it again as UTF-8.",
            reason="encoding",
            file=file,
        ) from None


def _as_gb18030(raw: bytes, file: str) -> str:
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError as error:
        if error.end >= len(raw) and error.start > 0 and _plausible(raw[: error.start]):
            raise _cut(file) from None
        raise _unknown(file) from None
    if not _plausible(raw):
        raise _unknown(file)
    return text


def _plausible(raw: bytes) -> bool:
    sample = [char for char in raw.decode("gb18030", "ignore")[:_SAMPLE] if char > "\x7f"]
    common = sum(1 for char in sample if _in_gb2312(char))
    return common >= _PLAUSIBLE * len(sample)


def _in_gb2312(char: str) -> bool:
    try:
        char.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _unknown(file: str) -> FileRefused:
    return FileRefused(
        f"{file}: the text is neither UTF-8 nor GB18030: save it as UTF-8, "
        "or name its encoding in the profile.",
        reason="encoding",
        file=file,
    )


def _cut(file: str) -> FileRefused:
    return FileRefused(
        f"{file}: the file ends in the middle of a character: it was cut off. Fetch it again.",
        reason="cut_off",
        file=file,
    )
