"""A draw that anyone can repeat: the same seed and the same frame give the same sample anywhere.

Each key of the frame gets the SHA-256 of `seed:key`; the lowest are drawn. PostgreSQL computes the
same: `sha256(convert_to(seed || ':' || key, 'UTF8'))`.
"""

import hashlib
import secrets
from collections.abc import Iterable


def new_seed() -> str:
    """128 random bits in hex: nobody knows before whom it will draw."""
    return secrets.token_hex(16)


def frame_hash(frame: Iterable[object]) -> str:
    """SHA-256 of the keys in order, in hex: a frame that was changed has another one."""
    return hashlib.sha256("\n".join(sorted(map(str, frame))).encode()).hexdigest()


def draw(seed: str, frame: Iterable[object], size: int) -> list[str]:
    """`size` keys of the frame, in the order drawn; all of a smaller frame."""
    keys = sorted(map(str, frame), key=lambda key: (_lot(seed, key), key))
    return keys[:size]


def _lot(seed: str, key: str) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
