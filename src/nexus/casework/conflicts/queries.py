"""How many late values wait beside those that stand."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.casework.conflicts import policy
from nexus.casework.editing.model import EditState, FieldEdit


def conflicts(actor: Actor, row: Any) -> ColumnElement[int]:
    """Conflicting edits of a row, as the actor sees them."""
    edit = aliased(FieldEdit)
    waiting = select(func.count(edit.id)).where(
        edit.subject_id == row.id,
        edit.state == EditState.CONFLICTING,
        policy.visible(actor, edit),
    )
    return waiting.scalar_subquery()
