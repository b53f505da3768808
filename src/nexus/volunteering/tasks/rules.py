"""What a task may look like, when it may be signed up for, and codes that rotate each minute."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nexus.core.personal_data import PersonalDataKind, find_personal_data
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal
from nexus.volunteering.tasks.model import CheckInMode

BACKFILL = "补录"
LONGEST = timedelta(days=366)
SELF_CHECK_IN_FROM = 100
"""Fewest people expected where volunteers may check in by their place (i志愿 hours rules)."""
MAX_POSITIONS = 200
MAX_SLOTS = 10_000
MAX_TEXT = 4000
STEP_SECONDS = 60
DIGITS = 8
SHOWN_BEFORE = timedelta(hours=2)
"""How long before its start and after its end a task's codes are shown and taken."""
IN, OUT = "in", "out"
WAYS = (IN, OUT)


class VolunteerBusy(GuardFailed):
    """The volunteer has promised some of that time elsewhere; where is nobody's to know."""

    code = "VOLUNTEER_BUSY"


def busy() -> VolunteerBusy:
    """What everybody is told, the volunteer as well as the organizer."""
    return VolunteerBusy(
        "The volunteer is busy at that time: cancel the other sign-up first, or take another "
        "position.",
        rule="INV-31",
    )


@dataclass(frozen=True, kw_only=True)
class PositionTerms:
    """A role; without times of its own it is for the whole task."""

    role: str
    slots: int
    skills: Sequence[str] = ()
    trainings: Sequence[str] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def check_line(text: str, *, field: str, most: int = 100) -> str:
    """1 to `most` characters in one line, without personal data: others read it."""
    said = " ".join(text.split())
    if not 0 < len(said) <= most:
        raise Invalid(f"{field} has 1 to {most} characters.", field=field, most=most)
    return check_impersonal(said, field=field)


def check_name(text: str) -> str:
    """As a line; and work that is over is not published as if it were to come."""
    name = check_line(text, field="name")
    if BACKFILL in name:
        raise Invalid(
            f"A task's name may not hold {BACKFILL}: hours of the past are entered by their own "
            "procedure.",
            field="name",
            rule="tasks.no_backfill",
        )
    return name


def check_summary(text: str | None) -> str | None:
    """Up to 4,000 characters, without personal data."""
    said = (text or "").strip()
    if len(said) > MAX_TEXT:
        raise Invalid(f"summary has at most {MAX_TEXT} characters.", field="summary", most=MAX_TEXT)
    return check_impersonal(said, field="summary") if said else None


def check_place(text: str) -> str:
    """One place, of 1 to 200 characters; an address is meant, other personal data is not."""
    said = " ".join(text.split())
    if not 0 < len(said) <= 200:
        raise Invalid("place has 1 to 200 characters.", field="place", most=200)
    if any(mark in said for mark in ("；", ";", "\n")):
        raise Invalid("A task has one place: make a task for each.", field="place")
    found = {one.kind for one in find_personal_data(said)} - {PersonalDataKind.ADDRESS}
    if found:
        kinds = sorted(kind.value for kind in found)
        raise Invalid(
            f"place holds personal data ({', '.join(kinds)}): say it without.",
            field="place",
            kinds=kinds,
        )
    return said


def check_period(
    starts_at: datetime, ends_at: datetime, deadline: datetime | None, now: datetime
) -> datetime:
    """In the future and a year at most; the deadline of sign-ups, by default the start."""
    if starts_at <= now:
        raise Invalid("A task starts in the future.", field="startsAt", rule="tasks.not_started")
    if not starts_at < ends_at <= starts_at + LONGEST:
        raise Invalid(
            "A task ends after its start and within a year of it.",
            field="endsAt",
            rule="tasks.a_year",
        )
    until = deadline or starts_at
    if not now < until <= ends_at:
        raise Invalid(
            "Sign-ups end in the future and by the end of the task.", field="signupDeadlineAt"
        )
    return until


def check_mode(mode: CheckInMode, expected: int) -> CheckInMode:
    """By place only where a hundred or more are expected."""
    if expected < 1:
        raise Invalid("Expect at least one person.", field="expected")
    if mode is CheckInMode.SELF_LOCATION and expected < SELF_CHECK_IN_FROM:
        raise Invalid(
            f"Volunteers check in by their place only where {SELF_CHECK_IN_FROM} or more are "
            "expected: use CODE.",
            field="checkInMode",
            rule="tasks.self_check_in",
            least=SELF_CHECK_IN_FROM,
        )
    return mode


def check_positions(
    given: Sequence[PositionTerms], starts_at: datetime, ends_at: datetime
) -> list[tuple[datetime, datetime]]:
    """The period of each position; within the task's."""
    if not 0 < len(given) <= MAX_POSITIONS:
        raise Invalid(
            f"A task has 1 to {MAX_POSITIONS} positions.", field="positions", most=MAX_POSITIONS
        )
    periods = []
    for one in given:
        check_slots(one.slots)
        period = (one.starts_at or starts_at, one.ends_at or ends_at)
        if not starts_at <= period[0] < period[1] <= ends_at:
            raise Invalid("A position lies within its task's time.", field="positions")
        periods.append(period)
    return periods


def check_slots(slots: int) -> int:
    """1 to 10,000."""
    if not 0 < slots <= MAX_SLOTS:
        raise Invalid(f"A position has 1 to {MAX_SLOTS} slots.", field="slots", most=MAX_SLOTS)
    return slots


# --- Codes of sign-in and sign-out ---


def step_of(moment: datetime) -> int:
    """The number of the minute that the moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_at(secret: bytes, moment: datetime, way: str) -> str:
    """The eight digits of that minute: HMAC-SHA-256 over way and step, cut as RFC 4226 does."""
    return _code(secret, step_of(moment), way)


def verify_code(secret: bytes, code: str, moment: datetime, way: str) -> bool:
    """Whether it is the code of this minute or the one before. Takes the same time either way."""
    given = "".join(code.split()).encode("utf-8", "replace")
    step = step_of(moment)
    known = [_code(secret, each, way).encode() for each in (step, step - 1)]
    return any([hmac.compare_digest(each, given) for each in known])  # noqa: C419


def _code(secret: bytes, step: int, way: str) -> str:
    mac = hmac.new(secret, f"{way}\x1f{step}".encode(), hashlib.sha256).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def payload(task_no: str, way: str, code: str) -> str:
    """What the station's screen shows as a QR code, for the volunteer's telephone to read."""
    return f"NEXUS-ATTEND:{task_no}:{way}:{code}"
