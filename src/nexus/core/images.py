"""Photographs as they may be kept: JPEG, PNG and WebP, rid of all that is not the picture.

What a camera writes beside it (EXIF with place and time, XMP, thumbnails, comments) and whatever
follows its end is cut off; nothing is decoded. A picture without orientation is shown as it lies.
"""

import struct
import zlib
from dataclasses import dataclass

MAX_SIDE = 8192
"""Pixels; what is larger is made to exhaust its reader's memory."""
JPEG, PNG, WEBP = "image/jpeg", "image/png", "image/webp"
_PNG_SIGN = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs", b"bKGD"}
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF markers; C4, C8 and CC are tables."""
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}
_ADOBE = 0xEE
"""APP14: how the colours are to be read."""
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a length."""


class NotAnImageError(ValueError):
    """The bytes are no whole picture of that type; the message says what is wrong."""


@dataclass(frozen=True)
class Image:
    """A picture without anything beside it; width and height in pixels."""

    content: bytes
    width: int
    height: int


def stripped(content: bytes, content_type: str) -> Image:
    """The picture alone. NotAnImageError."""
    try:
        made = _READERS[content_type](content)
    except (struct.error, IndexError):
        raise NotAnImageError("the file was cut off") from None
    if not (0 < made.width <= MAX_SIDE and 0 < made.height <= MAX_SIDE):
        raise NotAnImageError(
            f"it has {made.width} × {made.height} pixels; each side has 1 to {MAX_SIDE}"
        )
    return made


def _jpeg(content: bytes) -> Image:
    """Segments up to the end of the image (ITU-T T.81, B.1)."""
    if content[:2] != b"\xff\xd8":
        raise NotAnImageError("it does not begin as a JPEG")
    kept, at, size = bytearray(content[:2]), 2, None
    while True:
        if content[at] != 0xFF:
            raise NotAnImageError("a JPEG segment does not begin where the one before it ends")
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            break
        if marker in _ALONE:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(content):
            raise NotAnImageError("the file was cut off")
        if marker in _FRAMES:
            size = struct.unpack_from(">HH", content, at + 5)
        if marker in _FRAMES | _TABLES | {0xDA, _ADOBE}:
            kept += content[at:end]
        at = end
        if marker == 0xDA:
            at = _scan_end(content, end)
            kept += content[end:at]
    if size is None:
        raise NotAnImageError("the JPEG has no frame")
    return Image(bytes(kept + b"\xff\xd9"), size[1], size[0])


def _scan_end(content: bytes, at: int) -> int:
    """Where the next marker stands behind compressed data."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise NotAnImageError("the file was cut off")
        if content[at + 1] != 0 and content[at + 1] not in _ALONE:
            return at
        at += 2


def _png(content: bytes) -> Image:
    """The chunks that make the picture (ISO/IEC 15948); each is checked by its CRC."""
    if content[:8] != _PNG_SIGN:
        raise NotAnImageError("it does not begin as a PNG")
    kept, at, size, pixels = bytearray(_PNG_SIGN), 8, None, False
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise NotAnImageError("the file was cut off")
        (told,) = struct.unpack_from(">I", content, end - 4)
        if told != zlib.crc32(content[at + 4 : end - 4]):
            raise NotAnImageError("a part of the PNG is damaged")
        if kind == b"IHDR":
            size = struct.unpack_from(">II", content, at + 8)
        elif size is None:
            raise NotAnImageError("the PNG does not begin with its head")
        pixels = pixels or kind == b"IDAT"
        if kind in _PNG_KEPT | {b"IDAT", b"IEND"}:
            kept += content[at:end]
        at = end
        if kind == b"IEND":
            break
    if size is None or not pixels:
        raise NotAnImageError("the PNG has no picture")
    return Image(bytes(kept), size[0], size[1])


def _webp(content: bytes) -> Image:
    """A still picture (RFC 9649): its data and transparency, without EXIF, XMP and profile."""
    riff, length, form = struct.unpack_from("<4sI4s", content, 0)
    if riff != b"RIFF" or form != b"WEBP":
        raise NotAnImageError("it does not begin as a WebP")
    if length + 8 > len(content):
        raise NotAnImageError("the file was cut off")
    alpha, data, at = b"", b"", 12
    while at + 8 <= length + 8 and not data:
        kind, size = struct.unpack_from("<4sI", content, at)
        end = at + 8 + size + (size & 1)
        if end > len(content):
            raise NotAnImageError("the file was cut off")
        if kind in (b"ANIM", b"ANMF"):
            raise NotAnImageError("it moves: send a still picture")
        if kind == b"ALPH":
            alpha = content[at:end]
        elif kind in (b"VP8 ", b"VP8L"):
            data = content[at:end]
        at = end
    if not data:
        raise NotAnImageError("the WebP has no picture")
    width, height = _webp_size(data)
    body = data
    if alpha:
        head = struct.pack("<4sIB3x", b"VP8X", 10, 0x10)
        body = head + _three(width - 1) + _three(height - 1) + alpha + data
    return Image(struct.pack("<4sI4s", b"RIFF", len(body) + 4, b"WEBP") + body, width, height)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Of the picture's own head, which a container cannot belie."""
    if data[:4] == b"VP8 ":
        if data[11:14] != b"\x9d\x01\x2a":
            raise NotAnImageError("a part of the WebP is damaged")
        width, height = struct.unpack_from("<HH", data, 14)
        return width & 0x3FFF, height & 0x3FFF
    if data[8] != 0x2F:
        raise NotAnImageError("a part of the WebP is damaged")
    (bits,) = struct.unpack_from("<I", data, 9)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


_READERS = {JPEG: _jpeg, PNG: _png, WEBP: _webp}
