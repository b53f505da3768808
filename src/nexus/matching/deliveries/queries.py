"""What the graph tells of a delivery beyond its columns."""

from typing import Any

from sqlalchemy import ColumnElement, Date, cast, func, literal_column

from nexus.matching.deliveries import rules


def recorded_late(row: Any) -> ColumnElement[bool]:
    """SQL: a delivery entered more than LATE_AFTER days after it happened."""
    entered = cast(func.timezone("Asia/Shanghai", row.created_at), Date)
    return entered - row.delivered_on > literal_column(str(rules.LATE_AFTER))  # type: ignore[no-any-return]
