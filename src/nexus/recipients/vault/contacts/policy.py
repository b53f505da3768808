"""Who sees requests to read a contact; whose it is, the slice that keeps it decides."""

from typing import Any

from sqlalchemy import ColumnElement, true

from nexus.acting import Actor, Role


def reveal_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own requests."""
    if actor.role is Role.SYSTEM:
        return true()
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def openable(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Only one's own request opens."""
    return row.account_id == actor.account_id  # type: ignore[no-any-return]
