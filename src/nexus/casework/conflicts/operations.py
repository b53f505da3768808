"""Settling a conflict: the late value is adopted as a new edit, or set aside."""

from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.casework.conflicts import policy
from nexus.casework.editing import model
from nexus.casework.editing.operations import apply_edits


async def adopt_edit(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.FieldEdit:
    """The late value stands from now on; the one it replaces stays in the history."""
    edit, subject = await _take(act, row_id, expected_version)
    kind = policy.SUBJECTS[edit.subject_type]
    act.permit(kind.may_update, subject)
    kind.transitions.after("update", subject.state)
    await apply_edits(
        act,
        subject,
        expected_version=subject.version,
        changes={edit.field: edit.after},
        made_at=edit.made_at,
    )
    act.record(kind.event, subject)
    return _settled(act, edit, "adopt", "field_edit.adopted")


async def set_edit_aside(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.FieldEdit:
    """The value that stands is right; the late one stays in the history."""
    edit, _ = await _take(act, row_id, expected_version)
    return _settled(act, edit, "set_aside", "field_edit.set_aside")


async def _take(act: Act, row_id: UUID, expected_version: int) -> tuple[model.FieldEdit, Any]:
    """The edit and its row, locked in the order in which edits are applied: the row first."""
    found = await act.find(model.FieldEdit, row_id, visible=policy.visible)
    kind = policy.SUBJECTS[found.subject_type]
    subject = await act.take(kind.model, found.subject_id, visible=kind.visible)
    edit = await act.take(
        model.FieldEdit, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_settle, edit)
    return edit, subject


def _settled(act: Act, edit: model.FieldEdit, verb: str, event: str) -> model.FieldEdit:
    act.move(edit, model.TRANSITIONS, verb)
    edit.settled_at, edit.settled_by = act.now, act.actor.account_id
    act.record(event, edit, subject_id=edit.subject_id, field=edit.field)
    return edit
