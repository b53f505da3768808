"""When to try again, when to give up, and what a post says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

LIFE = timedelta(days=7)
"""How long a delivery is tried."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=8)
GROWTH = 4
JITTER = 0.2
"""Pauses vary by this part, so that what failed together does not come back together."""
BREAKER_AFTER = 5
"""Failures in a row that open the breaker."""
BREAKER_PAUSE = timedelta(seconds=30)
BREAKER_LONGEST = timedelta(minutes=30)
GONE = 410


def pause(attempts: int, chance: float) -> timedelta:
    """Before the next attempt, after so many: 5 s, 20 s, 80 s, … 8 h. `chance` is in [0, 1)."""
    grown = FIRST_PAUSE * GROWTH ** min(attempts - 1, 10)
    return _varied(min(grown, LONGEST_PAUSE), chance)


def breaker_pause(failures: int, chance: float) -> timedelta | None:
    """How long the endpoint rests after so many failures in a row; None while it need not."""
    if failures < BREAKER_AFTER:
        return None
    grown = BREAKER_PAUSE * 2 ** min(failures - BREAKER_AFTER, 10)
    return _varied(min(grown, BREAKER_LONGEST), chance)


def _varied(length: timedelta, chance: float) -> timedelta:
    return length * (1 + JITTER * (2 * chance - 1))


def message_id(delivery_id: UUID) -> str:
    """The webhook-id: one for all attempts at a delivery."""
    return f"msg_{delivery_id.hex}"


def payload(
    *,
    kind: str,
    occurred_at: datetime,
    object_id: str,
    object_type: str,
    version: int | None,
    sequence: int,
    tombstone: bool,
) -> bytes:
    """The body: ids, codes and numbers, the same at every attempt. A tombstone has no version."""
    data: dict[str, Any] = {
        "id": object_id,
        "objectType": object_type,
        "kind": kind,
        "version": None if tombstone else version,
        "sequence": sequence,
        "tombstone": tombstone,
    }
    moment = occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps(
        {"type": kind, "timestamp": moment, "data": data}, separators=(",", ":")
    ).encode()


def failure(status: int | None, error: str | None) -> str:
    """The failure of an attempt as a code."""
    if status is None:
        return error or "FAILED"
    return "REDIRECT" if 300 <= status < 400 else f"HTTP_{status}"
