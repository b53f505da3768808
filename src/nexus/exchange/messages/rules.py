"""What a partner may be, and what a message looks like: the same bytes in every mode."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from nexus.core.refusals import GuardFailed, Invalid
from nexus.exchange.messages.model import PartnerMode
from nexus.exchange.webhooks.deliveries.rules import (
    BREAKER_AFTER,
    LIFE,
    breaker_pause,
    failure,
    message_id,
)
from nexus.exchange.webhooks.deliveries.rules import pause as grown_pause

__all__ = ["BREAKER_AFTER", "LIFE", "breaker_pause", "failure", "message_id"]

LONGEST_PAUSE = timedelta(minutes=15)
"""An authority that is back hears of everything within the hour."""
LONGEST_ASKED = timedelta(hours=1)
"""What a receiver may ask for by Retry-After."""

ACK_WITHIN = timedelta(hours=24)
"""After it a message that was sent without an acknowledgement counts as failed."""
MAX_REFUSALS = 6
"""So often refused by the receiver itself, a message is dead: half an hour after the first."""
ALERT_AFTER = timedelta(hours=1)
"""A partner that fails for so long is somebody's task."""
REFUSING = frozenset({400, 409, 413, 415, 422})
"""Answers that are about this message, not about the way to the receiver."""
FOLDER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
MAX_KEY = 200


class PartnerExists(GuardFailed):
    """The organization has a partner already: one way of exchange at a time."""

    code = "PARTNER_EXISTS"


def check_way(mode: PartnerMode, url: str | None, folder: str | None) -> None:
    """An address for calls out, a folder for files, neither for pulling."""
    if (url is not None) != (mode is PartnerMode.CALL_OUT):
        raise Invalid(
            "CALL_OUT needs the address that messages are posted to; the other modes have none.",
            field="url",
        )
    if (folder is not None) != (mode is PartnerMode.FILE_DROP):
        raise Invalid(
            "FILE_DROP needs the name of its folder; the other modes have none.", field="folder"
        )
    if folder is not None and not FOLDER.fullmatch(folder):
        raise Invalid(
            "A folder is one name of at most 63 small letters, digits and inner hyphens.",
            field="folder",
        )


def body_of(content: Mapping[str, Any]) -> str:
    """The message as JSON: names in order, nothing between, so that equal content is equal."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(body: str) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(body.encode()).hexdigest()


def check_key(key: Any) -> str:
    """The partner's own key of a message: 1 to 200 printable characters."""
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise Invalid(
            f"A message needs its sender's key: 1 to {MAX_KEY} printable characters, the same "
            "whenever it is sent.",
            field="idempotencyKey",
        )
    return key


def pause(attempts: int, chance: float, retry_after: int | None = None) -> timedelta:
    """Before the next attempt, after so many: 5 s, 20 s, 80 s, … 15 min; or what was asked for."""
    asked = min(timedelta(seconds=retry_after or 0), LONGEST_ASKED)
    return max(min(grown_pause(attempts, chance), LONGEST_PAUSE), asked)


class Ack(StrEnum):
    """What the receiver says of a message."""

    ACKED = "acked"
    REFUSED = "refused"


def read_ack(text: bytes, expected: str) -> Ack | None:
    """`{"id": "msg_…", "status": "acked" | "refused"}` of this very message; None for else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("id") != expected:
        return None
    status = found.get("status")
    return Ack(status) if status in ("acked", "refused") else None


def key_of(text: str) -> UUID | None:
    """The message's id in its key."""
    digits = text.removeprefix("msg_")
    if len(digits) != 32 or digits == text:
        return None
    try:
        return UUID(hex=digits)
    except ValueError:
        return None
