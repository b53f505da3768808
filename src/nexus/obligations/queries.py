"""What others need to know of obligations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import aliased

from nexus.obligations import model

BATCH = 500
"""Obligations of one stroke of the clock; the next stroke goes on."""


def has_open(
    subject_type: str, subject_id: Any, *kinds: model.ObligationKind
) -> ColumnElement[bool]:
    """SQL: the row still has an open obligation, of one of the kinds if any are named."""
    row = aliased(model.Obligation)
    found = select(row.id).where(
        row.subject_id == subject_id,
        row.subject_type == subject_type,
        row.state == model.ObligationState.OPEN,
    )
    if kinds:
        found = found.where(row.kind.in_(kinds))
    return found.correlate_except(row).exists()


def is_overdue(row: Any, now: Any) -> ColumnElement[bool]:
    """SQL: open, and its time is up."""
    late = func.coalesce(row.due_at <= now, literal_column("false"))
    return (row.state == model.ObligationState.OPEN) & late  # type: ignore[no-any-return]


def open_of(
    subject_id: UUID,
    *,
    kind: model.ObligationKind | None = None,
    organization_id: UUID | None = None,
) -> Select[model.Obligation]:
    """The open obligations about a row, locked, oldest first."""
    row = model.Obligation
    found = select(row).where(row.subject_id == subject_id, row.state == model.ObligationState.OPEN)
    if kind is not None:
        found = found.where(row.kind == kind)
    if organization_id is not None:
        found = found.where(row.organization_id == organization_id)
    return found.order_by(row.created_at, row.id).with_for_update()


def overdue_untold(now: datetime) -> Select[model.Obligation]:
    """Open obligations whose time is up and of which no news has told it, locked, oldest first."""
    row = model.Obligation
    return (
        select(row)
        .where(
            row.state == model.ObligationState.OPEN,
            row.due_at <= now,
            row.overdue_told_at.is_(None),
        )
        .order_by(row.due_at, row.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
