"""The score as SQL: one column of points for each reason, and their sum."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
    values,
)

from nexus.acting import Actor
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
    known = expression if isinstance(expression, ColumnElement) else literal(expression)
    return select(known.label("once")).correlate(*outer).scalar_subquery()


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
    return [part.label(name) for name, part in {**_points(match), **facts}.items()]


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


def reasons(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """The reasons of a chosen match: code, points and a sentence with its numbers."""
    fact = row.c
    listed = values(
        column("place", Integer()),
        column("code", Text()),
        column("points", Integer()),
        column("text", Text()),
        name="reason",
    ).data(
        [
            (number(1), _item_code(fact), fact.item_points, _item_text(fact)),
            (number(2), _area_code(fact), fact.area_points, _area_text(fact)),
            (number(3), _urgency_code(fact), fact.urgency_points, _urgency_text(fact)),
            (number(4), _coverage_code(fact), fact.coverage_points, _coverage_text(fact)),
            (number(5), word("FRESH"), fact.freshness_points, _fresh_text(fact)),
        ]
    )
    shown = select(listed.c.code, listed.c.points, listed.c.text)
    return shown.order_by(listed.c.place).limit(limit)


def word(text: str) -> ColumnElement[str]:
    """A text of ours in the statement."""
    return literal_column("'" + text.replace("'", "''") + "'", Text())


def _item_code(fact: Any) -> ColumnElement[str]:
    return case(
        (fact.item_points == number(rules.ITEM_EXACT), word("ITEM_EXACT")),
        (fact.item_points == number(rules.ITEM_BROADER), word("ITEM_RELATED")),
        else_=word("ITEM_ANY"),
    )


def _item_text(fact: Any) -> ColumnElement[str]:
    return case(
        (fact.item_points == number(rules.ITEM_EXACT), _said("Same item: %s", fact.line_item)),
        (
            fact.item_points == number(rules.ITEM_BROADER),
            _said("Related items: %s is offered, %s is needed", fact.offer_item, fact.line_item),
        ),
        else_=word("Any item of this category is offered"),
    )


_PLACES = ("COUNTY", "CITY", "PROVINCE", "COUNTRY")


def _area_code(fact: Any) -> ColumnElement[str]:
    return case(
        *(
            (fact.area_points == number(worth), word(f"AREA_{place}"))
            for (_, worth), place in zip(rules.AREA_POINTS, _PLACES, strict=True)
        )
    )


def _area_text(fact: Any) -> ColumnElement[str]:
    return case(
        *(
            (fact.area_points == number(worth), word(f"Serves the same {place.lower()}"))
            for (_, worth), place in zip(rules.AREA_POINTS, _PLACES, strict=True)
        )
    )


def _urgency_code(fact: Any) -> ColumnElement[str]:
    by_urgency = case(
        *(
            (fact.urgency == word(code.upper()), number(worth))
            for code, worth in rules.URGENCY_POINTS.items()
        )
    )
    return case(
        (fact.urgency_points > by_urgency, word("DEADLINE")),
        else_=func.concat(word("URGENCY_"), fact.urgency),
    )


def _urgency_text(fact: Any) -> ColumnElement[str]:
    return case(
        (fact.needed_by.is_(None), _said("Urgency %s", fact.urgency)),
        else_=_said("Urgency %s, needed by %s", fact.urgency, fact.needed_by),
    )


def _coverage_code(fact: Any) -> ColumnElement[str]:
    return case(
        (fact.available.is_(None), word("CAPACITY_UNSTATED")),
        (fact.open_quantity.is_(None), word("QUANTITY_UNSTATED")),
        (fact.available >= fact.open_quantity, word("COVERS_ALL")),
        else_=word("COVERS_PART"),
    )


def _coverage_text(fact: Any) -> ColumnElement[str]:
    left, wanted = func.trim_scale(fact.available), func.trim_scale(fact.open_quantity)
    return case(
        (fact.available.is_(None), word("The offer states no limit")),
        (
            fact.open_quantity.is_(None),
            _said("%s %s available; the need states no quantity", left, fact.unit_code),
        ),
        else_=_said("%s available for %s %s still open", left, wanted, fact.unit_code),
    )


def _fresh_text(fact: Any) -> ColumnElement[str]:
    return _said("Confirmed by its owner; next review due on %s", fact.review_due)


def _said(template: str, *parts: Any) -> ColumnElement[str]:
    return func.format(word(template), *parts)
