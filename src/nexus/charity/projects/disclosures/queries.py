"""Which running projects owe no disclosure yet."""

from datetime import date

from sqlalchemy import Date, Select, cast, exists, func, select
from sqlalchemy.orm import aliased

from nexus.charity.model import CharityProject, ProjectState
from nexus.obligations.model import Obligation, ObligationKind, ObligationState

BATCH = 500
"""Projects of one stroke of the clock; the next stroke goes on."""


def without(today: date) -> Select[CharityProject, date]:
    """(project, last day of its last disclosure) of those that run and owe none."""
    row, debt, past = CharityProject, aliased(Obligation), aliased(Obligation)
    kind = ObligationKind.DISCLOSURE
    owes = exists().where(
        debt.subject_id == row.id, debt.kind == kind, debt.state == ObligationState.OPEN
    )
    last = (
        select(func.max(cast(func.timezone("Asia/Shanghai", past.due_at), Date) - 1))
        .where(past.subject_id == row.id, past.kind == kind)
        .correlate(row)
        .scalar_subquery()
    )
    return (
        select(row, last)
        .where(
            row.state.in_((ProjectState.ACTIVE, ProjectState.PAUSED)),
            row.starts_on <= today,
            ~owes,
        )
        .order_by(row.id)
        .limit(BATCH)
        .with_for_update(of=row, skip_locked=True)
    )
