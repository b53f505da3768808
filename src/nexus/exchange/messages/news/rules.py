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
        *("referral.created", "referral.overdue", "referral.reminded"),
        *("referral.identity_requested", "referral.identity_read"),
    }
)
"""What is no step of help."""
REPLIED = "discovery.replied"
"""A hotline is answered, by its own number of the ticket (T5, T23)."""
CHANGE_REPORTED = "change.reported"
"""A household changed: the authority that recognised it is told (T24)."""
OTHERS = (REPLIED, CHANGE_REPORTED)
"""Kinds of messages that are not about a need."""


def told_kinds() -> list[str]:
    """The kinds of events about a need that make a message: what everybody may know of them."""
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
    """What it says of need or household, object and helper: numbers and codes. Nobody's name."""
    if row["change_id"] is not None:
        return _change_of(row)
    if row["report_id"] is not None:
        return _answer(row)
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


def _change_of(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "household": {"no": row["household_no"]},
        "object": {
            "type": row["object_type"].upper(),
            "no": row["object_no"],
            "version": row["object_version"],
            "sequence": row["event_sequence"],
        },
        "change": {
            "codes": list(row["changes"]),
            "major": row["major"],
            "happenedOn": _day(row["happened_on"]),
            "visitNo": row["visit_no"],
        },
    }


def _answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a hotline is told: its own number, where the report stands, in the list's words."""
    facts = row["facts"]
    return {
        "ticket": {
            "system": facts["ticket_system"],
            "type": facts["ticket_type"],
            "no": facts["ticket_no"],
        },
        "reply": {"code": facts["code"], "text": row["text"], "state": _code(facts["state"])},
        "object": {
            "type": "DISCOVERY_REPORT",
            "no": row["report_no"],
            "version": row["object_version"],
            "sequence": row["event_sequence"],
        },
    }


def _code(value: Any) -> str | None:
    return str(value).upper() if value else None


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()
