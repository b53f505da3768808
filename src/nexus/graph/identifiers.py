"""Relay global ids and keyset cursors: opaque, typed, and made by SQL as well as by Python."""

import base64
import binascii
import json
from typing import Any
from uuid import UUID

from nexus.core.refusals import NotFound, Refusal


class BadCursor(Refusal):
    """`after` or `before` is not a cursor of this connection in this order."""

    code = "BAD_CURSOR"


def encode(type_name: str, key: object) -> str:
    """The global id of a row: base64 of `Type:key`."""
    return base64.b64encode(f"{type_name}:{key}".encode()).decode()


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
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None


def decode(global_id: str, type_name: str) -> UUID:
    """The row's UUID. A malformed or foreign id is NotFound, as a missing row is."""
    parts = split(global_id)
    key = as_uuid(parts[1]) if parts and parts[0] == type_name else None
    if key is None:
        raise NotFound(f"No such {type_name}, or it is not yours to see.")
    return key


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
