"""Which contributions count, and the totals of helpers."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Uuid,
    and_,
    cast,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.casework.pairing import model, policy

MOST = 1000
"""Helpers of one answer."""

Given = dict[str, Any]


def stands(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL: it counts, for no later record stands in its place."""
    later = aliased(model.Contribution)
    return and_(~row.void, ~exists().where(later.corrects_id == row.id))


def over(actor: Actor, limit: Any, given: Given) -> Select[Any]:
    """One row: the days from `since` up to `until`; by default all."""
    return select(
        cast(given.get("since", null()), Date).label("since"),
        cast(given.get("until", null()), Date).label("until"),
        limit.label("size"),
    )


def totals(actor: Actor, row: Any) -> Select[*tuple[Any, ...]]:
    """What each helper gave that the actor sees and that counts, most minutes first."""
    gift = aliased(model.Contribution)
    since = or_(row.c.since.is_(None), gift.given_on >= row.c.since)
    until = or_(row.c.until.is_(None), gift.given_on < row.c.until)
    minutes = func.coalesce(func.sum(gift.minutes), literal_column("0"))
    fen = func.coalesce(func.sum(gift.amount_fen), literal_column("0"))
    return (
        select(
            cast(gift.worker_id, Uuid()).label("worker_id"),
            cast(gift.organization_id, Uuid()).label("organization_id"),
            func.count().label("records"),
            minutes.label("minutes"),
            fen.label("amount_fen"),
        )
        .where(policy.contribution_visible(actor, gift), stands(actor, gift), since, until)
        .group_by(gift.worker_id, gift.organization_id)
        .order_by(minutes.desc(), fen.desc(), gift.worker_id, gift.organization_id)
        .limit(literal_column(str(MOST)))
    )
