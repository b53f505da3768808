"""When a rectification is due, and when an evaluation may be closed."""

from collections.abc import Iterable
from datetime import datetime

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text
from nexus.purchasing.procurements.suppliers.model import StandingEffect


class RectificationsOpen(GuardFailed):
    """Something is still to be put right; `details.open` names it."""

    code = "RECTIFICATIONS_OPEN"


def check_words(text: str | None, *, field: str) -> str:
    """A finding or what was done: everybody may read it."""
    return check_impersonal(check_text(text, field=field), field=field)


def check_due(due_at: datetime, now: datetime) -> None:
    """A day that lies ahead."""
    if due_at <= now:
        raise Invalid("dueOn has passed: name a day that lies ahead.", field="dueOn")


def check_settled(open_nos: Iterable[str], verified: int, effect: StandingEffect | None) -> None:
    """Everything is verified, and something was put right where the grade asks for it."""
    waiting = list(open_nos)
    if waiting:
        raise RectificationsOpen(
            f"{len(waiting)} rectifications are not verified: verify them first.",
            rule="INV-19",
            open=waiting,
        )
    if effect is StandingEffect.RECTIFICATION and not verified:
        raise RectificationsOpen(
            "The grade asks for rectification: open what is to be put right first.",
            rule="INV-19",
        )
