"""What a conference writes down: read by organizations that do not see the case (INV-13)."""

from datetime import date
from typing import ClassVar

from nexus.core.reasons import check_impersonal
from nexus.core.refusals import GuardFailed, Invalid

MAX_TEXT = 4000
MOST_PARTIES = 30


class StillOwed(GuardFailed):
    """Decisions of the conference are not done yet; `details.open` counts them."""

    code: ClassVar[str] = "STILL_OWED"


def check_text(text: str | None, *, field: str) -> str:
    """1 to MAX_TEXT characters without personal data; the refusal names the kinds of it."""
    said = (text or "").strip()
    if not 0 < len(said) <= MAX_TEXT:
        raise Invalid(f"{field} needs 1 to {MAX_TEXT} characters.", field=field, most=MAX_TEXT)
    return check_impersonal(said, field=field)


def check_due(due_on: date, today: date) -> date:
    """Today or later."""
    if due_on < today:
        raise Invalid(f"dueOn {due_on} has passed.", field="dueOn")
    return due_on
