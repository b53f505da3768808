"""Relay global ids and keyset cursors: opaque, typed, and made by SQL as well as by Python."""

import base64
import binascii
import json
import re
from functools import lru_cache
from typing import Any
from uuid import UUID

from nexus.core.refusals import Refusal

_CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NO_ROW = UUID(int=0)
"""An id that no row has."""


class BadCursor(Refusal):
    """`after` or `before` is not a cursor of this connection in this order."""

    code = "BAD_CURSOR"


def encode(type_name: str, key: object) -> str:
    """The global id of a row: base64 of `Type:key`."""
    return base64.b64encode(f"{type_name}:{key}".encode()).decode()


@lru_cache(maxsize=4096)
def split(global_id: str) -> tuple[str, str] | None:
    """`(type name, key)`, or None when it is no global id."""
    try:
        type_name, separator, key = (
            base64.b64decode(global_id, validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (type_name, key) if separator else None


def as_uuid(text: str) -> UUID | None:
    """The UUID in canonical form, or None."""
    return UUID(text) if is_uuid(text) else None


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in canonical form."""
    return _CANONICAL.fullmatch(text) is not None


def decode(global_id: str, type_name: str) -> UUID:
    """The row's UUID. A malformed id and one of another type become that of no row.

    So each goes the way of a missing row, with the same answer wherever the deed finds out.
    """
    parts = split(global_id)
    key = as_uuid(parts[1]) if parts and parts[0] == type_name else None
    return NO_ROW if key is None else key


def decode_given(global_id: str | None, type_name: str) -> UUID | None:
    """As `decode`, of an id that may be left out."""
    return None if global_id is None else decode(global_id, type_name)


def read_cursor(cursor: str, order: str, size: int) -> list[str]:
    """The `size` sort-key texts of a cursor made for `order`; BadCursor otherwise."""
    try:
        values: Any = json.loads(base64.b64decode(cursor, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != size + 1
        or values[0] != order
        or not all(isinstance(value, str) for value in values)
    ):
        raise BadCursor(
            f"This cursor does not belong to this connection in the order {order}: "
            "use endCursor of a page fetched with the same orderBy."
        )
    return values[1:]


def read_key(text: str, kind: Any) -> Any:
    """A cursor's text as the Python value of the sort key's column type; BadCursor otherwise."""
    python_type = kind.python_type
    try:
        if hasattr(python_type, "fromisoformat"):
            return python_type.fromisoformat(text)
        return python_type(text)
    except (ValueError, ArithmeticError, OverflowError):
        raise BadCursor("This is no cursor of this connection.") from None
