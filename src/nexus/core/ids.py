"""Identifiers: UUIDv7, so that rows made together lie together on disk and sort by time."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): 48 bits of milliseconds, then random bits."""
    return uuid7()
