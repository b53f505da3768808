"""The score as SQL: one column of points for each reason, and their sum."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, case, cast, func, literal_column, type_coerce

from nexus.charity.queries import available
from nexus.matching.suggestions.scores import rules
from nexus.needs.queries import open_quantity


def number(value: int) -> ColumnElement[int]:
    """A number in the statement's text, so that the plan knows it."""
    return literal_column(str(value), Integer())


def reach(code: Any) -> ColumnElement[int]:
    """SQL: the length of a division's code; 0 for the country."""
    return case((code == literal_column("'CN'"), number(0)), else_=func.length(code))


def meeting(offered: Any, place: Any) -> ColumnElement[int]:
    """SQL: the level where an offer's division and the line's meet, as a code length."""
    return func.least(offered, reach(place))


def total(offer: Any, line: Any, need: Any, *, level: Any, today: Any) -> ColumnElement[int]:
    """SQL: the score, the sum of the points of every reason."""
    first, *rest = _points(offer, line, need, level, today).values()
    for part in rest:
        first = first + part
    return first


def columns(offer: Any, line: Any, need: Any, *, level: Any, today: Any) -> list[Any]:
    """Labelled columns: the points of each reason, and what the texts need."""
    facts = {
        "offer_item": offer.item_code,
        "line_item": line.item_code,
        "urgency": func.upper(cast(need.urgency, Text)),
        "needed_by": need.needed_by,
        "available": available(offer),
        "open_quantity": open_quantity(line),
        "unit_code": line.unit,
        "review_due": offer.review_due_on,
        "rule_version": literal_column(f"'{rules.RULE_VERSION}'", Text()),
    }
    named = {**_points(offer, line, need, level, today), **facts}
    return [column.label(name) for name, column in named.items()]


def _points(
    offer: Any, line: Any, need: Any, level: Any, today: Any
) -> dict[str, ColumnElement[int]]:
    return {
        "item_points": item_points(offer, line),
        "area_points": case(
            *((level >= number(least), number(worth)) for least, worth in rules.AREA_POINTS)
        ),
        "urgency_points": urgency_points(need, today),
        "coverage_points": coverage_points(offer, line),
        "freshness_points": freshness_points(offer, today),
    }


def item_points(offer: Any, line: Any) -> ColumnElement[int]:
    """SQL: exact, one a group of the other, or an offer that names no item."""
    return case(
        (offer.item_code == line.item_code, number(rules.ITEM_EXACT)),
        (offer.item_code.is_(None), number(rules.ITEM_OPEN)),
        else_=number(rules.ITEM_BROADER),
    )


def urgency_points(need: Any, today: Any) -> ColumnElement[int]:
    """SQL: the higher of urgency and deadline."""
    urgency = case(
        *(
            (need.urgency == literal_column(f"'{code}'"), number(worth))
            for code, worth in rules.URGENCY_POINTS.items()
        )
    )
    days = type_coerce(need.needed_by - today, Integer)
    deadline = case(
        *((days <= number(within), number(worth)) for within, worth in rules.DEADLINE_POINTS),
        else_=number(0),
    )
    return func.greatest(urgency, deadline)


def coverage_points(offer: Any, line: Any) -> ColumnElement[int]:
    """SQL: how much of what is open the offer could give."""
    left, wanted = available(offer), open_quantity(line)
    full = number(rules.COVERAGE_FULL)
    return case(
        (left.is_(None), full),
        (wanted.is_(None), number(rules.COVERAGE_UNKNOWN)),
        (left >= wanted, full),
        else_=cast(func.floor(full * left / wanted), Integer),
    )


def freshness_points(offer: Any, today: Any) -> ColumnElement[int]:
    """SQL: in proportion to the days until the next review; integers divide downward."""
    days = type_coerce(offer.review_due_on - today, Integer)
    share = days * number(rules.FRESH_FULL) // number(rules.FRESH_DAYS)
    return func.greatest(number(0), func.least(number(rules.FRESH_FULL), share))
