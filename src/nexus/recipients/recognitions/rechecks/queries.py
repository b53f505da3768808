"""Which re-checks are late, and which of those that were owed have come."""

from datetime import date
from uuid import UUID

from sqlalchemy import Date, Select, and_, cast, exists, func, or_, select
from sqlalchemy.orm import aliased

from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.recipients.model import Household, Recipient, Recognition, RecognitionState

HOLDS = (RecognitionState.ACTIVE, RecognitionState.UNDER_REVIEW)
"""States in which circumstances are to be checked again."""
BATCH = 500
"""Recognitions of one stroke of the clock; the next stroke goes on."""


def unowed(today: date) -> Select[Recognition, str]:
    """(recognition, area) whose re-check is late and not owed: not waived for this day before."""
    row, person, home = Recognition, aliased(Recipient), aliased(Household)
    debt = aliased(Obligation)
    day = cast(func.timezone("Asia/Shanghai", debt.created_at), Date)
    known = exists().where(
        debt.subject_id == row.id,
        debt.kind == ObligationKind.RECHECK_FOLLOW_UP,
        or_(debt.state == ObligationState.OPEN, day > row.recheck_due_on),
    )
    return (
        select(row, home.area_code)
        .outerjoin(person, person.id == row.recipient_id)
        .join(home, home.id == func.coalesce(row.household_id, person.household_id))
        .where(row.state.in_(HOLDS), row.recheck_due_on < today, ~known)
        .order_by(row.recheck_due_on, row.id)
        .limit(BATCH)
        .with_for_update(of=row, skip_locked=True)
    )


def settled(today: date) -> Select[UUID]:
    """The recognitions whose re-check is owed though it has come, or is not due any more."""
    row, debt = Recognition, Obligation
    late = and_(row.state.in_(HOLDS), row.recheck_due_on < today)
    return (
        select(row.id)
        .join(debt, debt.subject_id == row.id)
        .where(
            debt.kind == ObligationKind.RECHECK_FOLLOW_UP,
            debt.state == ObligationState.OPEN,
            or_(late.is_(False), row.recheck_due_on.is_(None)),
        )
        .order_by(row.id)
        .limit(BATCH)
    )
