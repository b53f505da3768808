"""What a report must say, how a ticket is named, and when its clocks run out."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from nexus.core.refusals import GuardFailed, Invalid

MAX_REASON = 500
TICKET = "ticket"
"""The type of a ticket number where its system has only one."""
REPLY_OF = {
    "triaged": "ACCEPTED",
    "assigned": "ASSIGNED",
    "verified": "VISITED",
    "converted": "HELP_SOUGHT",
    "transferred": "TRANSFERRED",
    "unfounded": "UNFOUNDED",
    "duplicate_of": "DUPLICATE",
    "closed": "SETTLED",
    "received": "RECEIVED",
}
"""State → the code of `hotline_reply` that a ticket is answered with when its report gets there."""
_PLACES = re.compile(r"[0-9A-Z][0-9A-Z._/-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A hotline's number for what it was told: unique with its system and type."""

    system: str
    number: str
    type: str = TICKET


class AlreadyToldMissing(GuardFailed):
    """What is missing was told before; it is told once (T23b)."""

    code = "NOTICE_GIVEN"


class TransferOpen(GuardFailed):
    """The report is offered to another area and not answered yet."""

    code = "TRANSFER_OPEN"


def check_ticket(system: str, number: str, type_: str | None = None) -> Ticket:
    """The ticket as it is kept: full-width folded, no spaces, in capitals; the system in small."""
    return Ticket(
        _place(system, "ticketSystem").lower(),
        _place(number, "ticketNo"),
        _place(type_ or TICKET, "ticketType").lower(),
    )


def _place(text: str, field: str) -> str:
    kept = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if not _PLACES.fullmatch(kept):
        raise Invalid(
            f"{field} has 1 to 64 letters, digits, dots, dashes, underscores or slashes.",
            field=field,
        )
    return kept


def check_moment(moment: datetime, now: datetime, *, field: str, since: datetime) -> datetime:
    """Not to come, and not before the report was received (a minute is allowed for clocks)."""
    if moment > now + timedelta(minutes=1):
        raise Invalid(f"{field} lies in the future.", field=field)
    if moment < since - timedelta(minutes=1):
        raise Invalid(f"{field} lies before the report was received.", field=field)
    return moment
