"""What is kept of a photograph: the picture, and nothing that was written beside it."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.core.images import JPEG, MAX_SIDE, PNG, WEBP, NotAnImageError, stripped
from tests.pictures import SECRET, chunk, jpeg, png, segment, webp

TYPES = {JPEG: jpeg, PNG: png, WEBP: webp}


@pytest.mark.parametrize("kind", TYPES)
def test_what_stands_beside_the_picture_is_gone(kind: str) -> None:
    plain, told = TYPES[kind](), TYPES[kind](beside=True)
    assert SECRET in told
    kept = stripped(told, kind)
    assert SECRET not in kept.content
    assert (kept.width, kept.height) == (3, 2)
    assert kept.content == stripped(plain, kind).content
    assert stripped(kept.content, kind) == kept


@pytest.mark.parametrize("kind", TYPES)
def test_what_follows_the_end_is_gone(kind: str) -> None:
    assert stripped(TYPES[kind]() + b"PK\x03\x04 " + SECRET, kind) == stripped(TYPES[kind](), kind)


@pytest.mark.parametrize("kind", TYPES)
def test_a_file_that_was_cut_off_is_refused_wherever_it_was(kind: str) -> None:
    whole = stripped(TYPES[kind](), kind).content
    for end in range(len(whole) - 1):
        with pytest.raises(NotAnImageError):
            stripped(whole[:end], kind)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "content", [b"", b"<svg onload='x'/>", b"GIF89a" + bytes(40), b"%PDF-1.7", bytes(100)]
)
def test_another_file_is_refused(kind: str, content: bytes) -> None:
    with pytest.raises(NotAnImageError):
        stripped(content, kind)


@pytest.mark.parametrize("kind", TYPES)
def test_one_type_is_not_taken_for_another(kind: str) -> None:
    for other in TYPES.keys() - {kind}:
        with pytest.raises(NotAnImageError):
            stripped(TYPES[kind](), other)


@pytest.mark.parametrize("kind", TYPES)
def test_a_picture_that_exhausts_its_reader_is_refused(kind: str) -> None:
    assert stripped(TYPES[kind](size=(MAX_SIDE, 1)), kind).width == MAX_SIDE
    for size in ((MAX_SIDE + 1, 1), (1, MAX_SIDE + 1)):
        with pytest.raises(NotAnImageError, match="pixels"):
            stripped(TYPES[kind](size=size), kind)


def test_a_damaged_png_and_a_moving_webp_are_refused() -> None:
    with pytest.raises(NotAnImageError, match="damaged"):
        stripped(png().replace(b"IHDR", b"IHDR"[::-1]), PNG)
    moving = b"ANIM" + struct.pack("<I", 6) + bytes(6)
    whole = webp()
    body = whole[12:]
    made = b"RIFF" + struct.pack("<I", 4 + len(moving) + len(body)) + b"WEBP" + moving + body
    with pytest.raises(NotAnImageError, match="moves"):
        stripped(made, WEBP)


def test_a_jpeg_keeps_what_its_scans_need() -> None:
    adobe = segment(0xEE, b"Adobe\x00\x64\x00\x00\x00\x00\x01")
    whole = jpeg(extra=adobe)
    assert adobe in stripped(whole, JPEG).content
    twice = jpeg(scans=3)
    assert stripped(twice, JPEG).content.count(b"\xff\xda") == 3


def test_a_png_keeps_its_transparency() -> None:
    clear = chunk(b"tRNS", b"\x00\x00")
    assert clear in stripped(png(extra=clear), PNG).content


@given(st.binary(max_size=200), st.sampled_from(sorted(TYPES)), st.integers(0, 60))
def test_any_bytes_are_a_picture_or_refused(noise: bytes, kind: str, at: int) -> None:
    whole = TYPES[kind]()
    for content in (noise, whole[:at] + noise + whole[at:], whole[:at] + noise):
        try:
            kept = stripped(content, kind)
        except NotAnImageError:
            continue
        assert len(kept.content) <= len(content) + 30


REAL = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
"""A WebP of one pixel that an encoder made."""


def test_a_real_webp_is_read() -> None:
    kept = stripped(REAL, WEBP)
    assert (kept.width, kept.height) == (1, 1)
