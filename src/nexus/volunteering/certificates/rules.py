"""What is right for a certificate: its code, its snapshot, its period."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from nexus.core.refusals import GuardFailed, Invalid
from nexus.volunteering.certificates.model import PUBLICITY_DAYS

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without the letters that are taken for digits."""
CODE_LENGTH = 26
"""130 bits: nobody guesses one."""
_ALIKE = str.maketrans("OIL", "011", "- ")


class HoursChanged(GuardFailed):
    """The records of the period are not those that were prepared any more."""

    code = "HOURS_CHANGED"


def new_code() -> str:
    """A verification code that no one can guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str:
    """A code as somebody typed it: in capitals, without hyphens, O for 0 and I or L for 1."""
    return text.upper().translate(_ALIKE)[: CODE_LENGTH + 1]


def shown_code(code: str) -> str:
    """In groups, as it is printed."""
    return "-".join(code[at : at + 5] for at in range(0, CODE_LENGTH, 5))


def check_period(from_on: date, until_on: date, today: date) -> None:
    """A period that has ended, or ends with today; at most the volunteer's life."""
    if until_on <= from_on:
        raise Invalid("untilOn must come after fromOn: it is end-exclusive.", field="untilOn")
    if until_on > today + timedelta(days=1):
        raise Invalid(
            f"untilOn {until_on} lies ahead: only time that was served is certified.",
            field="untilOn",
        )


def check_publicity(days: int | None, least: int) -> int | None:
    """How many days it is made public first: none, or what the figure asks for and more."""
    if days is None:
        return None
    if days < max(least, PUBLICITY_DAYS):
        raise Invalid(
            f"A publicity lasts {max(least, PUBLICITY_DAYS)} days or more, or there is none.",
            field="publicityDays",
            least=max(least, PUBLICITY_DAYS),
        )
    return days


def check_publicity_over(until_on: date | None, today: date) -> None:
    """It is issued when its publicity is over."""
    if until_on is not None and today < until_on:
        raise GuardFailed(
            f"Its publicity lasts until {until_on}: issue it then.",
            rule="publicity",
            until=until_on,
        )


def snapshot_hash(certificate: dict[str, Any], lines: Sequence[tuple[UUID, date, int]]) -> str:
    """SHA-256 of what is certified, in hex: canonical JSON of the heading and its lines."""
    content = {
        **{key: str(value) for key, value in certificate.items()},
        "lines": [[str(record), str(day), minutes] for record, day, minutes in sorted(lines)],
    }
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).hexdigest()
