"""Who opens a request to read a contact; the rest is for the slice that keeps the contact."""

from typing import Any

from sqlalchemy import ColumnElement

from nexus.acting import Actor


def openable(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Only one's own request opens."""
    return row.account_id == actor.account_id  # type: ignore[no-any-return]
