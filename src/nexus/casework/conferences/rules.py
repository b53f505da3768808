"""What a conference writes down: read by organizations that do not see the case (INV-13)."""

from datetime import date
from typing import ClassVar

from nexus.core import texts
from nexus.core.refusals import GuardFailed, Invalid

MOST_PARTIES = 30


class StillOwed(GuardFailed):
    """Decisions of the conference are not done yet; `details.open` counts them."""

    code: ClassVar[str] = "STILL_OWED"


def check_text(text: str | None, *, field: str) -> str:
    """As every text, and without personal data; the refusal names the kinds of it."""
    return texts.check_impersonal(texts.check_text(text, field=field), field=field)


def check_due(due_on: date, today: date) -> date:
    """Today or later."""
    if due_on < today:
        raise Invalid(f"dueOn {due_on} has passed.", field="dueOn")
    return due_on
