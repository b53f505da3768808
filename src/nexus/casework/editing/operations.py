"""Applying the fields that a device changed, and settling those where two values met."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import inspect, select
from sqlalchemy.dialects.postgresql import JSONB

from nexus.acting import Act
from nexus.casework.editing import model, rules
from nexus.core.refusals import Invalid


def value_of(row: Any, field: str) -> Any:
    """The value that stands in a field, as JSON; of `column.key`, that key's."""
    column, _, key = field.partition(".")
    value = getattr(row, column)
    return rules.plain((value or {}).get(key) if key else value)


def put(row: Any, field: str, value: Any) -> None:
    """Set a field to a value as JSON holds it. A key set to null is dropped."""
    column, _, key = field.partition(".")
    if not key:
        kind = inspect(type(row)).columns[column].type
        setattr(row, column, value if isinstance(kind, JSONB) else _typed(kind, value))
        return
    answers = {**(getattr(row, column) or {}), key: value}
    setattr(row, column, {name: one for name, one in answers.items() if one is not None})


async def apply_edits(
    act: Act,
    row: Any,
    *,
    expected_version: int,
    changes: Mapping[str, Any],
    made_at: datetime | None = None,
) -> list[model.FieldEdit]:
    """Apply what was changed to a row that the caller holds locked; answers what conflicts.

    `changes` are the changed fields only: a column's name, or `column.key` for one key of a JSONB
    column. A field that somebody else gave another value after `expected_version` keeps that
    value; the late one stands beside it as a conflicting edit. The row's version counts up once
    when anything was entered. The caller checks values, permits and records its own event.
    Every change of an editable field must come this way. Invalid for a version of the future.
    """
    if expected_version > row.version:
        raise Invalid(
            f"This {type(row).__name__} is at version {row.version}, not {expected_version}: "
            "read it again.",
            field="expectedVersion",
            current=row.version,
            expected=expected_version,
        )
    new = {
        field: (standing, value)
        for field, given in changes.items()
        if (standing := value_of(row, field)) != (value := rules.plain(given))
    }
    if not new:
        return []
    moved = await _edited_since(act, row, expected_version)
    row.version += 1
    edits = [
        _edit(act, row, field, values, field in moved, expected_version, made_at)
        for field, values in new.items()
    ]
    act.session.add_all(edits)
    await act.session.flush()
    conflicts = [edit for edit in edits if edit.state is model.EditState.CONFLICTING]
    for edit in conflicts:
        act.record("field_edit.conflicted", edit, subject_id=row.id, field=edit.field)
    return conflicts


async def _edited_since(act: Act, row: Any, version: int) -> set[str]:
    """The fields that got their standing value after the version."""
    if version == row.version:
        return set()
    edit = model.FieldEdit
    found = await act.session.scalars(
        select(edit.field).where(
            edit.subject_id == row.id,
            edit.row_version > version,
            edit.state == model.EditState.APPLIED,
        )
    )
    return set(found)


def _edit(
    act: Act,
    row: Any,
    field: str,
    values: tuple[Any, Any],
    conflicting: bool,
    base_version: int,
    made_at: datetime | None,
) -> model.FieldEdit:
    before, after = values
    if not conflicting:
        put(row, field, after)
    return model.FieldEdit(
        subject_type=row.__tablename__,
        subject_id=row.id,
        field=field,
        before=before,
        after=after,
        base_version=base_version,
        row_version=row.version,
        state=model.EditState.CONFLICTING if conflicting else model.EditState.APPLIED,
        made_at=made_at or act.now,
        created_at=act.now,
        created_by=act.actor.account_id,
    )


def _typed(kind: Any, value: Any) -> Any:
    enum = getattr(kind, "enum_class", None)
    return rules.typed(cast(type, enum or kind.python_type), value)
