"""Which referrals are to be reminded of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Select, case, func, literal, select

from nexus.matching.referrals.model import OPEN, Referral

BATCH = 500
"""Referrals of one stroke of the clock; the next stroke goes on."""


def to_remind(now: datetime, shares: Sequence[float]) -> Select[Any]:
    """(referral, how many of the shares of its time are over), where that is more than it was
    reminded of and the whole is not over; locked.
    """
    row = Referral
    whole = func.extract("epoch", row.outcome_due_at - row.accepted_at)
    over = func.extract("epoch", literal(now, DateTime(timezone=True)) - row.accepted_at)
    passed = case(
        *(
            (over >= whole * share, literal(count))
            for count, share in reversed(list(enumerate(shares, start=1)))
        ),
        else_=literal(0),
    )
    return (
        select(row, passed)
        .where(
            row.state.in_(OPEN),
            row.outcome_overdue_at.is_(None),
            row.outcome_due_at > now,
            row.reminders < passed,
        )
        .order_by(row.outcome_due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
