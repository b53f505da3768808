"""Values of fields as JSON and back, and which of several edits may simply be merged."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID


def plain(value: Any) -> Any:
    """A column's value as JSON holds it: dates and moments in ISO 8601, numbers of NUMERIC as text.

    >>> plain(date(2026, 11, 3))
    '2026-11-03'
    """
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def typed(python_type: type, value: Any) -> Any:
    """The value that `plain` made of a `python_type`."""
    if value is None or isinstance(value, dict | list):
        return value
    if python_type in (date, datetime):
        return python_type.fromisoformat(value)
    if issubclass(python_type, StrEnum | Decimal | UUID):
        return python_type(value)
    return value
