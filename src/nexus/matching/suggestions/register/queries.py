"""The report of gaps as SQL: counts by area, category and kind that tell of nobody (INV-16).

A count below five is withheld. Where that leaves one count withheld among those that add up to a
larger area's, the next smallest is withheld too, or it could be found by subtraction; and what is
withheld of an area is withheld of all areas in it, or it could be found by addition. Whoever asks
gets the same, so that no two answers can be set against each other.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.matching.suggestions import model
from nexus.matching.suggestions.register import rules

LIVE = (model.GapState.OPEN, model.GapState.ACKNOWLEDGED)
LEVELS = (2, 4, 6)
"""Digits of a province's, a city's and a county's code."""

MOST = 2000
"""Cells of one report: every category and kind of a province with a hundred cities fits."""

Given = dict[str, ColumnElement[Any]]


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer())


def _counts(level: int) -> Select[Any]:
    """Live gaps by area of one level, category and kind. An area above the level is its own."""
    gap = aliased(model.Gap)
    area = func.left(gap.area_code, _number(level))
    return (
        select(
            _number(level).label("level"),
            area.label("area_code"),
            func.left(gap.area_code, _number(level - 2)).label("parent"),
            gap.category,
            gap.kind,
            func.count().label("gaps"),
            func.count().filter(gap.state == model.GapState.ACKNOWLEDGED).label("acknowledged"),
            func.count(gap.purchase_ref).label("planned"),
            func.min(gap.opened_at).label("oldest_at"),
        )
        .where(gap.state.in_(LIVE))
        .group_by(area, func.left(gap.area_code, _number(level - 2)), gap.category, gap.kind)
    )


def _judged() -> Any:
    """The counts of all levels, and whether each is withheld among its neighbours."""
    counts = union_all(*(_counts(level) for level in LEVELS)).cte()
    small = counts.c.gaps < _number(rules.SMALL)
    among = [counts.c.level, counts.c.parent, counts.c.category, counts.c.kind]
    ranked = select(
        counts,
        small.label("small"),
        func.count().filter(small).over(partition_by=among).label("smalls"),
        func.row_number()
        .over(partition_by=[*among, small], order_by=[counts.c.gaps, counts.c.area_code])
        .label("rank"),
    ).cte()
    by_subtraction = and_(
        ~ranked.c.small, ranked.c.smalls == _number(1), ranked.c.rank == _number(1)
    )
    return select(ranked, or_(ranked.c.small, by_subtraction).label("withheld")).cte()


def within(actor: Actor, limit: Any, given: Given) -> Select[Any]:
    """One row: whose areas are told of, and on which level. Without an area, the provinces."""
    code = func.coalesce(given.get("area"), literal_column("'CN'"))
    prefix = func.coalesce(func.nullif(code, literal_column("'CN'")), literal_column("''"))
    level = func.least(func.length(prefix) + _number(2), _number(LEVELS[-1]))
    return select(prefix.label("prefix"), level.label("level"), limit.label("size"))


def cells(actor: Actor, row: Any) -> Select[Any]:
    """Counts below the area of the found row; null where they are withheld, the largest first."""
    judged = _judged()
    withheld = or_(judged.c.withheld, func.coalesce(_held_back(judged), literal_column("false")))
    told = {
        name: case((~withheld, judged.c[name])).label(name)
        for name in ("gaps", "acknowledged", "planned", "oldest_at")
    }
    kind = func.upper(judged.c.kind).label("kind")
    return (
        select(
            judged.c.area_code,
            judged.c.category,
            kind,
            withheld.label("withheld"),
            *told.values(),
        )
        .where(
            judged.c.level == row.c.level,
            func.starts_with(judged.c.area_code, row.c.prefix),
        )
        .order_by(
            case((~withheld, judged.c.gaps)).desc().nulls_last(),
            *(judged.c.area_code, judged.c.category, judged.c.kind),
        )
        .limit(literal_column(str(MOST)))
    )


def _held_back(judged: Any) -> Any:
    """SQL: whether a larger area around it is withheld; null when there is none."""
    above = judged.alias()
    return (
        select(func.bool_or(above.c.withheld))
        .where(
            above.c.level < judged.c.level,
            above.c.category == judged.c.category,
            above.c.kind == judged.c.kind,
            above.c.area_code == func.left(judged.c.area_code, above.c.level),
        )
        .scalar_subquery()
    )
