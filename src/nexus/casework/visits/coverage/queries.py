"""Coverage as SQL: households due, visited and overdue, by station and division."""

from typing import Any

from sqlalchemy import Date, Select, and_, case, cast, false, func, literal_column, or_, select
from sqlalchemy.orm import aliased

from nexus.acting import TERRITORIAL, Actor
from nexus.casework.visits import model
from nexus.recipients.model import Household

MOST = 2000
"""Cells of one answer."""
_V = model.VisitState
_NOT_DUE = (_V.CANCELLED, _V.RESCHEDULED, _V.EXCUSED)

Given = dict[str, Any]


def within(actor: Actor, limit: Any, given: Given) -> Select[Any]:
    """One row: the area, and the days from `since` up to `until`, by default this month's."""
    today = cast(actor.today(), Date)
    month = cast(func.date_trunc(literal_column("'month'"), today), Date)
    code = func.coalesce(given.get("area"), literal_column("'CN'"))
    prefix = func.coalesce(func.nullif(code, literal_column("'CN'")), literal_column("''"))
    return select(
        prefix.label("prefix"),
        func.coalesce(given.get("since"), month).label("since"),
        func.coalesce(given.get("until"), today + literal_column("1")).label("until"),
        limit.label("size"),
    )


def cells(actor: Actor, row: Any) -> Select[Any]:
    """One for each station and division in the actor's territory where somebody was due or seen.

    A household counts once, under the record that stays where two were merged.
    """
    visit, home = aliased(model.Visit), aliased(Household)
    who = func.coalesce(home.merged_into_id, home.id)
    seen_on = func.date(func.timezone(literal_column("'Asia/Shanghai'"), visit.performed_at))
    due = and_(
        visit.plan_id.is_not(None),
        visit.state.not_in(_NOT_DUE),
        visit.due_on >= row.c.since,
        visit.due_on < row.c.until,
    )
    seen = and_(seen_on >= row.c.since, seen_on < row.c.until)
    met = and_(due, visit.state.in_(model.PERFORMED))
    late = and_(visit.state.in_(model.OPEN), visit.window_to <= actor.today())

    def households(condition: Any) -> Any:
        return func.count(case((condition, who)).distinct())

    near = actor.covers(home.area_code) if actor.role in TERRITORIAL else false()
    return (
        select(
            visit.station_id,
            home.area_code,
            households(due).label("due"),
            households(met).label("due_visited"),
            households(seen).label("visited"),
            households(late).label("overdue"),
        )
        .join(home, home.id == visit.household_id)
        .where(near, func.starts_with(home.area_code, row.c.prefix), or_(due, seen, late))
        .group_by(visit.station_id, home.area_code)
        .order_by(home.area_code, visit.station_id)
        .limit(literal_column(str(MOST)))
    )
