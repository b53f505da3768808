"""Windows of visits, what a visit must say, and which ones a second person checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

from nexus.areas.calendar.rules import months_after
from nexus.core.refusals import GuardFailed, Invalid

MAX_TEXT = 4000
MAX_NOTE = 500
MOST_DAYS = 90
"""So far a missed visit may be put off."""
DAY_MINUTES = 1440
CLOCKS_DIFFER = timedelta(minutes=1)
"""So far ahead a device's clock may be."""
MAJOR = "MAJOR"
"""The tier of codes of `household_change` that always ask for a visit soon."""


class AlreadyPlanned(GuardFailed):
    """The household has an active plan of visits."""

    code = "VISITS_PLANNED"


@dataclass(frozen=True, slots=True)
class Window:
    """The days within which a visit is in time; `to` is the first that is too late."""

    opens: date
    to: date


@dataclass(frozen=True, slots=True)
class Change:
    """What changed in a household, as somebody tells it."""

    codes: Sequence[str]
    major: bool = False
    note: str | None = None
    happened_on: date | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a device tells of a visit that was made."""

    performed_at: datetime
    minutes: int | None = None
    findings: Mapping[str, Any] = field(default_factory=dict)
    summary: str | None = None
    located_in: str | None = None
    danger: bool = False
    change: Change | None = None


def interval_end(last: date, value: int, unit: str) -> date:
    """The last day in time of what is due every `value` `unit` (days or months)."""
    return months_after(last, value) if unit == "months" else last + timedelta(days=value)


def window_after(
    last: date, *, value: int, unit: str, share: Decimal, today: date, first: bool = False
) -> Window:
    """The window of the visit that follows one on `last`: the latter `share` of the interval.

    Of a plan's first visit the whole interval. Never a single day, and never over before it was
    planned: who comes late to plan has today and tomorrow.

    >>> window_after(date(2026, 11, 2), value=7, unit="days", share=Decimal("0.5"),
    ...     today=date(2026, 11, 2))
    Window(opens=datetime.date(2026, 11, 6), to=datetime.date(2026, 11, 10))
    """
    end = max(interval_end(last, value, unit), today + timedelta(days=1))
    length = (end - last).days
    opens = last if first else end - timedelta(days=max(1, int(length * share)))
    return Window(min(opens, end - timedelta(days=1)), end + timedelta(days=1))


def check_performed(moment: datetime, now: datetime) -> datetime:
    """A moment by the device's clock: however late it arrives, never one to come."""
    if moment > now + CLOCKS_DIFFER:
        raise Invalid(
            "performedAt lies in the future: set the device's clock, and tell what was done.",
            field="performedAt",
        )
    return moment


def check_minutes(minutes: int | None) -> int | None:
    """Whole minutes, within a day."""
    if minutes is not None and not 1 <= minutes <= DAY_MINUTES:
        raise Invalid(f"minutes is {minutes}; it is 1 to {DAY_MINUTES}.", field="minutes")
    return minutes


def check_text(text: str | None, *, field: str, most: int = MAX_TEXT) -> str | None:
    """The text without spaces around it, at most that long; None for none."""
    kept = (text or "").strip()
    if len(kept) > most:
        raise Invalid(f"{field} has at most {most} characters.", field=field, most=most)
    return kept or None


def check_findings(
    items: Sequence[Mapping[str, Any]], findings: Any, *, whole: bool
) -> dict[str, Any]:
    """The answers by item code. `whole`: every required item is answered."""
    if not isinstance(findings, Mapping):
        raise Invalid("findings is an object of item code to answer.", field="findings")
    known = {item["code"]: item for item in items}
    strangers = sorted(set(findings) - set(known))
    if strangers:
        raise Invalid(
            f"The checklist has no item {', '.join(strangers)}: read visitChecklists.",
            field="findings",
            unknown=strangers,
        )
    lacking = [code for code, item in known.items() if item["required"] and code not in findings]
    if whole and findings and lacking:
        raise Invalid(
            f"The checklist asks for {', '.join(lacking)} as well.",
            field="findings",
            missing=lacking,
        )
    return {code: _answer(known[code], answer) for code, answer in findings.items()}


def _answer(item: Mapping[str, Any], answer: Any) -> Any:
    match item["kind"]:
        case "yes_no":
            fits, wanted = isinstance(answer, bool), "true or false"
        case "choice":
            fits, wanted = answer in item["options"], f"one of {', '.join(item['options'])}"
        case "number":
            number = isinstance(answer, int | float) and not isinstance(answer, bool)
            fits, wanted = number, "a number"
        case _:
            text = isinstance(answer, str) and 0 < len(answer.strip()) <= MAX_NOTE
            fits, wanted = text, f"a text of 1 to {MAX_NOTE} characters"
    if not fits:
        raise Invalid(f"The answer to {item['code']} is {wanted}.", field="findings")
    return answer


KINDS = frozenset({"yes_no", "choice", "number", "text"})
_ITEM_KEYS = frozenset({"code", "label", "labelEn", "kind", "required", "options"})


def check_items(items: Any) -> list[dict[str, Any]]:
    """The items of a checklist, each well formed and with a code of its own."""
    if not isinstance(items, list) or not items:
        raise Invalid("items is a list of at least one item.", field="items")
    codes = [_item(item) for item in items]
    if len(set(codes)) != len(codes):
        raise Invalid("Two items have the same code.", field="items")
    return items


def _item(item: Any) -> str:
    whole = isinstance(item, dict) and set(item) <= _ITEM_KEYS
    if not whole or not all(isinstance(item.get(key), str) for key in ("code", "label", "kind")):
        raise Invalid("An item has a code, a label and a kind.", field="items")
    code = str(item["code"])
    if not code.isascii() or not code.isidentifier():
        raise Invalid(f"The code {code!r} is not made of letters and _.", field="items")
    if item["kind"] not in KINDS or not isinstance(item.get("required"), bool):
        raise Invalid(
            f"The item {code} needs a kind of {', '.join(sorted(KINDS))}, and required.",
            field="items",
        )
    options = item.get("options")
    listed = isinstance(options, list) and options and all(isinstance(one, str) for one in options)
    if (item["kind"] == "choice") != bool(listed):
        raise Invalid(f"Options belong to a choice, and to nothing else: {code}.", field="items")
    return code


def is_near(home: str, place: str) -> bool:
    """Whether a division holds the household's, or lies in it: no finer place is looked at."""
    return home.startswith(place) or place.startswith(home)


def is_drawn(visit_id: UUID, recorded_at: datetime, share: Decimal) -> bool:
    """Whether the visit is among the share that a second person checks: the same for all who ask.

    The moment of its arrival is in it, so that nobody knows beforehand.
    """
    mark = blake2b(visit_id.bytes + recorded_at.isoformat().encode(), digest_size=8).digest()
    return int.from_bytes(mark) < share * 2**64
