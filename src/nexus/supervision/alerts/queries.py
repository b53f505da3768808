"""The alerts that stand, and those whose time is up."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from nexus.supervision.alerts import model

BATCH = 500
"""Alerts of one stroke of the clock; the next stroke goes on."""


def live_of(rule: str, subject_id: UUID) -> Select[model.Alert]:
    """The one live alert of the rule about the row, locked."""
    row = model.Alert
    return (
        select(row)
        .where(row.rule == rule, row.subject_id == subject_id, row.state.in_(model.LIVE))
        .with_for_update()
    )


def is_late(row: Any, now: Any) -> ColumnElement[bool]:
    """SQL: live, and its time is up."""
    return row.state.in_(model.LIVE) & (row.due_at <= now)  # type: ignore[no-any-return]


def to_escalate(now: datetime) -> Select[model.Alert]:
    """Live alerts whose time is up and that are not escalated yet, locked, oldest first."""
    row = model.Alert
    return (
        select(row)
        .where(row.state.in_(model.LIVE), row.escalated_at.is_(None), row.due_at <= now)
        .order_by(row.due_at, row.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
