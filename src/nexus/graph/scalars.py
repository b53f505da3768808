"""The scalars of the schema and the SQL that writes each in the same form.

One form each: DateTime is RFC 3339 in UTC with offset `+00:00` and as many digits of the second
as it needs (at most 6); Decimal is a string without trailing zeros; an enum value is in capitals.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from sqlalchemy import ColumnElement, Numeric, Text, cast, func

Fen = NewType("Fen", int)
JSON = NewType("JSON", object)

MAX_FEN = 2**53
"""What a JSON number holds exactly in every client."""
DECIMALS = 3
_DECIMAL = re.compile(rf"-?\d{{1,11}}(\.\d{{1,{DECIMALS}}})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATETIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _fen(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_FEN:
        raise ValueError("Fen is a whole number of fen (1/100 yuan) within ±2^53.")
    return value


def show_decimal(value: Decimal) -> str:
    """Plain notation without trailing zeros, as PostgreSQL's trim_scale writes it."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def read_decimal(value: Any) -> Decimal:
    """A string or number of at most 11 digits before the point and 3 after it."""
    text = str(value) if isinstance(value, str | int | float | Decimal) else ""
    if isinstance(value, bool) or _DECIMAL.fullmatch(text) is None:
        raise ValueError(f'Decimal is a string such as "12.5", at most {DECIMALS} decimals.')
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("This is no decimal number.") from None


def show_datetime(value: datetime) -> str:
    """RFC 3339 in UTC, as PostgreSQL writes a timestamptz into JSON."""
    text = value.astimezone(UTC).isoformat()
    return text.replace("+00:00", "").rstrip("0") + "+00:00" if value.microsecond else text


def read_datetime(value: Any) -> datetime:
    """RFC 3339 with an offset; a local time without one is refused."""
    if not isinstance(value, str) or _DATETIME.fullmatch(value) is None:
        raise ValueError(
            'DateTime is RFC 3339 with an offset, such as "2026-05-01T08:00:00+08:00".'
        )
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("This moment lies outside the years 1 to 9999.") from None


def read_date(value: Any) -> date:
    """A calendar day, YYYY-MM-DD."""
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        raise ValueError('Date is YYYY-MM-DD, such as "2026-05-01".')
    return date.fromisoformat(value)


SCALARS: dict[Any, Any] = {
    Fen: strawberry.scalar(
        name="Fen",
        description="Money as a whole number of fen (1/100 yuan), within ±2^53.",
        serialize=_fen,
        parse_value=_fen,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="A decimal number as a string without trailing zeros; at most 3 decimals in.",
        serialize=show_decimal,
        parse_value=read_decimal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment by RFC 3339, given out in UTC: 2026-05-01T00:00:00.25+00:00.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=show_datetime,
        parse_value=read_datetime,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar day in China: YYYY-MM-DD.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=date.isoformat,
        parse_value=read_date,
    ),
}


def as_json(column: Any) -> ColumnElement[Any]:
    """A SQL value in the form its scalar has. Dates and times are so by themselves, in UTC."""
    kind = column.type
    if getattr(kind, "enum_class", None) is not None:
        return func.upper(cast(column, Text))
    if isinstance(kind, Numeric) and kind.asdecimal and kind._type_affinity is Numeric:
        return cast(func.trim_scale(column), Text)
    return column  # type: ignore[no-any-return]
