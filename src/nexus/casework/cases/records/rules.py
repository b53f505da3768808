"""What may be written into a case file."""

from datetime import date
from typing import ClassVar

from nexus.core.refusals import GuardFailed, Invalid


class NoteSigned(GuardFailed):
    """A signed note does not change: an amendment is another note that points at it."""

    code: ClassVar[str] = "NOTE_SIGNED"


def check_period(joined_on: date, left_on: date | None) -> None:
    """End-exclusive."""
    if left_on is not None and left_on <= joined_on:
        raise Invalid(f"leftOn lies after joinedOn {joined_on}.", field="leftOn")
