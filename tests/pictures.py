"""Pictures of a few pixels, made by hand, with and without what cameras write beside them."""

import struct
import zlib

SECRET = "谁家里23.12N113.26E".encode()
"""What must never be kept: a name and a place, as EXIF has them."""
Size = tuple[int, int]


def segment(marker: int, body: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(size: Size = (3, 2), *, beside: bool = False, extra: bytes = b"", scans: int = 1) -> bytes:
    """A JPEG as far as its structure goes; its compressed data is of no meaning."""
    told = segment(0xE1, b"Exif\0\0" + SECRET) + segment(0xFE, SECRET) + segment(0xE2, SECRET)
    frame = segment(0xC0, struct.pack(">BHHB", 8, size[1], size[0], 1) + b"\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"
    tables = segment(0xDB, bytes(65)) + segment(0xC4, bytes(20))
    head = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    begin = b"\xff\xd8" + head + (told if beside else b"") + extra
    return begin + tables + frame + scan * scans + b"\xff\xd9"


def chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with its CRC."""
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def png(size: Size = (3, 2), *, beside: bool = False, extra: bytes = b"", shade: int = 0) -> bytes:
    """A grey PNG that any reader shows, where it is small."""
    told = chunk(b"eXIf", SECRET) + chunk(b"tEXt", b"Comment\0" + SECRET) + chunk(b"tIME", bytes(7))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    lines = (b"\0" + bytes([shade]) * min(size[0], 9)) * min(size[1], 9)
    begin = b"\x89PNG\r\n\x1a\n" + head + (told if beside else b"") + extra
    return begin + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def webp(size: Size = (3, 2), *, beside: bool = False) -> bytes:
    """A lossless WebP as far as its structure goes."""
    bits = (size[0] - 1) | (size[1] - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + b"\x10\x07\x10\x11\x11"
    body = b"VP8L" + struct.pack("<I", len(data)) + data
    if beside:
        head = struct.pack("<4sIB3x", b"VP8X", 10, 0x0C) + bytes(6)
        told = b"EXIF" + struct.pack("<I", len(SECRET)) + SECRET + b"\0" * (len(SECRET) & 1)
        body = head + told + body + told
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
