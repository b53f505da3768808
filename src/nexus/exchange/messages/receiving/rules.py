"""What a message in says, and how a file of it reads. Unknown words are refused, not ignored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from nexus.core.refusals import Invalid
from nexus.exchange.messages.rules import body_of, check_key
from nexus.matching.replies.model import ReplyReason, ReplyStatus

_NEEDED = frozenset({"idempotencyKey", "needNo", "status", "sequence", "happenedAt"})
_KNOWN = _NEEDED | {"deliveryNo", "reason"}
MAX_NUMBER = 100
"""Characters of a need's or a delivery's number, and of any other text in a message."""


@dataclass(frozen=True)
class Said:
    """The authority's word on a need or a delivery of it, which their numbers name."""

    need_no: str
    delivery_no: str | None
    status: ReplyStatus
    reason: ReplyReason | None
    sequence: int
    happened_at: datetime

    def body(self) -> str:
        """As JSON, the same for the same word however it came."""
        moment = self.happened_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return body_of(
            {
                "needNo": self.need_no,
                "deliveryNo": self.delivery_no,
                "status": self.status.name,
                "reason": None if self.reason is None else self.reason.name,
                "sequence": self.sequence,
                "happenedAt": moment,
            }
        )


def check_numbers(said: Said) -> None:
    """The numbers are of characters that a number can have. Invalid names the field."""
    for field, number in (("needNo", said.need_no), ("deliveryNo", said.delivery_no)):
        if number is not None and not (0 < len(number) <= MAX_NUMBER and number.isprintable()):
            raise Invalid(
                f"{field} is a number of 1 to {MAX_NUMBER} printable characters.", field=field
            )


def read_file(content: bytes | None) -> tuple[str, Said]:
    """Key and word of a file in the inbox. Invalid names what is wrong."""
    found = _document(content)
    strange = sorted(set(found) - _KNOWN)
    missing = sorted(_NEEDED - set(found))
    if strange or missing:
        what = f"'{strange[0][:40]}' is not known here" if strange else f"'{missing[0]}' is missing"
        raise Invalid(
            f"{what}: a message holds {', '.join(sorted(_KNOWN))}.",
            field=missing[0] if missing else None,
        )
    return check_key(found["idempotencyKey"]), Said(
        need_no=_text(found, "needNo") or "",
        delivery_no=_text(found, "deliveryNo"),
        status=_one_of(ReplyStatus, found, "status") or ReplyStatus.ACCEPTED,
        reason=_one_of(ReplyReason, found, "reason"),
        sequence=_count(found),
        happened_at=_moment(found),
    )


def _document(content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise Invalid("A message is a plain file of at most 64 kB.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise Invalid("A message is one JSON object in UTF-8.") from None
    if not isinstance(found, dict):
        raise Invalid("A message is one JSON object in UTF-8.")
    return found


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    optional = name not in _NEEDED
    if value is None and optional:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NUMBER:
        raise Invalid(f"{name} is a text of 1 to {MAX_NUMBER} characters.", field=name)
    return value


def _one_of(codes: Any, found: Mapping[str, Any], name: str) -> Any:
    value = _text(found, name)
    if value is None:
        return None
    if value not in codes.__members__:
        known = ", ".join(codes.__members__)
        raise Invalid(f"{name} is one of {known}.", field=name)
    return codes[value]


def _count(found: Mapping[str, Any]) -> int:
    value = found["sequence"]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid("sequence is a whole number, from 1 for each household.", field="sequence")
    return value


def _moment(found: Mapping[str, Any]) -> datetime:
    value = _text(found, "happenedAt") or ""
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise Invalid(
            "happenedAt is a moment such as 2026-11-24T08:30:00Z.", field="happenedAt"
        ) from None


def answer(key: str | None, told: Mapping[str, Any]) -> bytes:
    """The file that answers one of the partner's."""
    return (body_of({"idempotencyKey": key, **told}) + "\n").encode()
