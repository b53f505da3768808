"""What a collection can be filtered by: each entry a GraphQL type and a SQL predicate."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from sqlalchemy import Boolean, Date, DateTime, Integer, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from nexus.graph import specs

_SQL_TYPES = {
    date: Date(),
    datetime: DateTime(timezone=True),
    Decimal: Numeric(),
    int: Integer(),
    str: Text(),
}


class FilterField:
    """One entry of a filter: its GraphQL type and its predicate."""

    def __init__(self, annotation: Any, spec: specs.Filter) -> None:
        self.annotation = annotation
        self.spec = spec


def any_of(attribute: InstrumentedAttribute[Any]) -> FilterField:
    """The column's value is one of those listed."""
    name = attribute.key
    enum_class = specs.enum_column(attribute)
    annotation = list[enum_class] if enum_class else list[str]  # type: ignore[valid-type]
    spec = specs.Filter(
        lambda row, value: getattr(row, name) == value.any_(),
        ARRAY(Text()),
        lambda values: [_stored(value) for value in values],
    )
    return FilterField(annotation, spec)


def within(attribute: Any) -> FilterField:
    """The area code is the given one or lies beneath it; CN is everywhere."""
    name = attribute.key
    return FilterField(
        str,
        specs.Filter(
            lambda row, value: (
                (getattr(row, name) >= value) & (getattr(row, name) < value.concat("~"))
            ),
            Text(),
            lambda code: "" if code == "CN" else code,
        ),
    )


def at_most(attribute: Any, kind: type) -> FilterField:
    """The column's value is the given one or less."""
    name = attribute.key
    return FilterField(
        kind, specs.Filter(lambda row, value: getattr(row, name) <= value, _SQL_TYPES[kind])
    )


def at_least(attribute: Any, kind: type) -> FilterField:
    """The column's value is the given one or more."""
    name = attribute.key
    return FilterField(
        kind, specs.Filter(lambda row, value: getattr(row, name) >= value, _SQL_TYPES[kind])
    )


def containing(*attributes: Any) -> FilterField:
    """Any of the columns contains the text, letter case aside."""
    names = [attribute.key for attribute in attributes]

    def predicate(row: Any, value: Any) -> Any:
        first, *rest = (getattr(row, name).ilike(value) for name in names)
        for other in rest:
            first = first | other
        return first

    def pattern(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{escaped}%"

    return FilterField(str, specs.Filter(predicate, Text(), pattern))


def holds(expression: Callable[[Any], Any]) -> FilterField:
    """A yes-or-no expression over the row equals the given value."""
    return FilterField(bool, specs.Filter(lambda row, value: expression(row) == value, Boolean()))


def filter_input(name: str, filters: Mapping[str, FilterField]) -> Any:
    """The GraphQL input type of a collection's filters; every entry may be left out."""
    annotations = {key: entry.annotation | None for key, entry in filters.items()}
    body: dict[str, Any] = {
        "__annotations__": annotations,
        **dict.fromkeys(filters, strawberry.UNSET),
    }
    return strawberry.input(
        type(f"{name}Filter", (), body), description=f"Which {name} rows; all conditions hold."
    )


def _stored(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
