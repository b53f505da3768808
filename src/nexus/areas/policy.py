"""Reference data is for everyone, signed in or not."""

from typing import Any

from sqlalchemy import ColumnElement

from nexus.acting import Actor, always


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Divisions, codes and standards are published law and statistics (data class D0)."""
    return always()
