"""What an authority is told of, and in which words: numbers, codes, quantities. Nobody's name."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus.exchange.changes.rules import NOUNS

TOLD = ("need", "pledge", "delivery", "referral")
"""Tables whose events the publishing authority is told of (T5e)."""
_SKIPPED = frozenset(
    {
        *("need.visibility_changed", "need.revised"),
        *("referral.created", "referral.overdue"),
        *("referral.identity_requested", "referral.identity_read"),
    }
)
"""What is no step of help."""


def told_kinds() -> list[str]:
    """The kinds of events that make a message: what everybody may know of the three nouns."""
    kinds = [k for table in TOLD for k in NOUNS[table].kinds(table, NOUNS[table].outward)]
    return sorted(set(kinds) - _SKIPPED)


def content(
    *, key: str, thread_id: UUID, sequence: int, kind: str, occurred_at: datetime, data: Any
) -> dict[str, Any]:
    """The whole message."""
    return {
        "id": key,
        "type": kind,
        "timestamp": occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "thread": thread_id.hex,
        "sequence": sequence,
        "data": data,
    }


def data_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What it says of need, object and helper: numbers, codes, quantities. Nobody's name."""
    kind = row["object_type"].upper()
    told: dict[str, Any] = {
        "need": {
            "no": row["need_no"],
            "category": row["category"],
            "urgency": row["urgency"].upper(),
            "closeReason": _code(row["facts"].get("close_reason")),
        },
        "object": {
            "type": kind,
            "no": row["object_no"],
            "version": row["object_version"],
            "sequence": row["event_sequence"],
        },
    }
    if row["helper_no"] is not None:
        told["helper"] = {"no": row["helper_no"], "creditCode": row["helper_code"]}
        told["item"] = {
            "code": row["item_code"],
            "unit": row["unit"],
            "quantity": _number(row["quantity"]),
            "deliveredOn": _day(row["delivered_on"]),
        }
    return told


def _code(value: Any) -> str | None:
    return str(value).upper() if value else None


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
