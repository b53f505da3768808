"""Signatures drawn by nobody, and the keys that the demo's deeds need to seal them."""

import struct
import zlib
from math import sin
from typing import Any

from nexus.casework.visits.pictures import rules as pictures
from nexus.core import signing
from nexus.recipients.vault import rules as vault

WIDTH, HEIGHT = 240, 80
WHITE, INK = 255, 40


def signature(number: int) -> bytes:
    """A wave as a grey PNG; another one for each number."""
    ink = set()
    for x in range(20, WIDTH - 20):
        y = HEIGHT // 2 + round(22 * sin(x / (7 + number % 5)) * sin(x / 31))
        ink |= {(x, y), (x, y + 1), (x + 1, y)}
    lines = b"".join(
        b"\0" + bytes(INK if (x, y) in ink else WHITE for x in range(WIDTH)) for y in range(HEIGHT)
    )
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def session_info(root: bytes) -> dict[str, Any]:
    """What the sessions of the world's deeds carry."""
    return vault.session_info(root) | signing.session_info(root) | pictures.session_info(root)
