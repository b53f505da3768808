"""How many posts of a station are filled today, and by whom with a qualification (T19d)."""

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.casework import model


def _held_today(actor: Actor, row: Any, *more: Any) -> ColumnElement[int]:
    post, today = aliased(model.Worker), actor.today()
    found = select(func.count()).where(
        post.station_id == row.id,
        post.valid_from <= today,
        or_(post.valid_to.is_(None), post.valid_to > today),
        *(condition(post) for condition in more),
    )
    return found.correlate_except(post).scalar_subquery()


def posts_filled(actor: Actor, row: Any) -> ColumnElement[int]:
    """SQL: postings at the station that hold today."""
    return _held_today(actor, row)


def posts_qualified(actor: Actor, row: Any) -> ColumnElement[int]:
    """SQL: those of them that hold a grade of social work."""
    return _held_today(actor, row, lambda post: post.grade != model.WorkerGrade.AUXILIARY)
