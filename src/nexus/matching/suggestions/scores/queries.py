"""The score as SQL: one column of points for each reason, and their sum."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
)

from nexus.matching.suggestions.scores import rules


def number(value: int) -> ColumnElement[int]:
    """A number in the statement's text, so that the plan knows it."""
    return literal_column(str(value), Integer())


def reach(code: Any) -> ColumnElement[int]:
    """SQL: the length of a division's code; 0 for the country."""
    return case((code == literal_column("'CN'"), number(0)), else_=func.length(code))


def meeting(offered: Any, place: Any) -> ColumnElement[int]:
    """SQL: the level where an offer's division and the line's meet, as a code length."""
    return func.least(offered, reach(place))


@dataclass(frozen=True)
class Match:
    """The SQL of one offer beside one line: their rows, and what scores them."""

    offer: Any
    line: Any
    need: Any
    """Whatever has `urgency` and `needed_by`."""
    level: Any
    """Where their divisions meet, as a code length."""
    left: Any
    """What the offer can give; null: no limit."""
    wanted: Any
    """What is open on the line; null: asked without a quantity."""
    today: Any


def once(expression: Any, *outer: Any) -> Any:
    """SQL over the `outer` rows alone, or over none: it is worked out once for all candidates."""
    return select(expression.label("once")).correlate(*outer).scalar_subquery()


def total(match: Match) -> ColumnElement[int]:
    """SQL: the score, the sum of the points of every reason."""
    first, *rest = _points(match).values()
    for part in rest:
        first = first + part
    return first


def columns(match: Match) -> list[Any]:
    """Labelled columns: the points of each reason, and what the texts need."""
    facts = {
        "offer_item": match.offer.item_code,
        "line_item": match.line.item_code,
        "urgency": func.upper(cast(match.need.urgency, Text)),
        "needed_by": match.need.needed_by,
        "available": match.left,
        "open_quantity": match.wanted,
        "unit_code": match.line.unit,
        "review_due": match.offer.review_due_on,
        "rule_version": literal_column(f"'{rules.RULE_VERSION}'", Text()),
    }
    return [column.label(name) for name, column in {**_points(match), **facts}.items()]


def _points(match: Match) -> dict[str, ColumnElement[int]]:
    worth = ((match.level >= number(least), number(worth)) for least, worth in rules.AREA_POINTS)
    return {
        "item_points": item_points(match),
        "area_points": case(*worth),
        "urgency_points": urgency_points(match),
        "coverage_points": coverage_points(match),
        "freshness_points": freshness_points(match),
    }


def item_points(match: Match) -> ColumnElement[int]:
    """SQL: exact, one a group of the other, or an offer that names no item."""
    offered, asked = match.offer.item_code, match.line.item_code
    return case(
        (offered == asked, number(rules.ITEM_EXACT)),
        (offered.is_(None), number(rules.ITEM_OPEN)),
        else_=number(rules.ITEM_BROADER),
    )


def urgency_points(match: Match) -> ColumnElement[int]:
    """SQL: the higher of urgency and deadline."""
    urgency = case(
        *(
            (match.need.urgency == literal_column(f"'{code}'"), number(worth))
            for code, worth in rules.URGENCY_POINTS.items()
        )
    )
    days = type_coerce(match.need.needed_by - match.today, Integer)
    deadline = case(
        *((days <= number(within), number(worth)) for within, worth in rules.DEADLINE_POINTS),
        else_=number(0),
    )
    return func.greatest(urgency, deadline)


def coverage_points(match: Match) -> ColumnElement[int]:
    """SQL: how much of what is open the offer could give."""
    full = number(rules.COVERAGE_FULL)
    return case(
        (match.offer.capacity_maximum.is_(None), full),
        (match.line.quantity_required.is_(None), number(rules.COVERAGE_UNKNOWN)),
        (match.left >= match.wanted, full),
        else_=cast(func.floor(full * match.left / match.wanted), Integer),
    )


def freshness_points(match: Match) -> ColumnElement[int]:
    """SQL: in proportion to the days until the next review; integers divide downward."""
    days = type_coerce(match.offer.review_due_on - match.today, Integer)
    share = days * number(rules.FRESH_FULL) // number(rules.FRESH_DAYS)
    return func.greatest(number(0), func.least(number(rules.FRESH_FULL), share))
