"""What a case file may say, and when a case may end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from nexus.casework.cases.model import UNTOLD, CaseCloseReason
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_text

MOST_GOALS = 20


class CaseOpen(GuardFailed):
    """The household or person has an open case already; `details.no` names it."""

    code: ClassVar[str] = "CASE_OPEN"


class NotAssessed(GuardFailed):
    """Planning needs a completed assessment of the case's household (domain.md 7.8)."""

    code: ClassVar[str] = "NOT_ASSESSED"


class PlanNotApproved(GuardFailed):
    """Intervention needs a plan that the station's lead approved."""

    code: ClassVar[str] = "PLAN_NOT_APPROVED"


class NotReadyToClose(GuardFailed):
    """The evaluation, the word to the client or the reason is missing."""

    code: ClassVar[str] = "NOT_READY_TO_CLOSE"


class SelfApproved(GuardFailed):
    """What one wrote oneself is approved by another, without an explicit right (INV-18)."""

    code: ClassVar[str] = "SELF_APPROVAL"


@dataclass(frozen=True, slots=True)
class GoalText:
    """A goal as somebody writes it into a plan."""

    text: str
    measure: str | None = None
    target_on: date | None = None
    carried_from_id: UUID | None = None


def check_optional(text: str | None, *, field: str) -> str | None:
    """As `check_text`; None for nothing."""
    return check_text(text, field=field) if (text or "").strip() else None


def check_moment(moment: datetime | None, now: datetime, *, field: str) -> datetime:
    """Now where none is given; not to come (a minute is allowed for clocks)."""
    if moment is not None and moment > now + timedelta(minutes=1):
        raise Invalid(f"{field} lies in the future.", field=field)
    return moment or now


def check_goals(goals: Sequence[GoalText]) -> list[GoalText]:
    """1 to MOST_GOALS goals, each with a text."""
    if not 0 < len(goals) <= MOST_GOALS:
        raise Invalid(f"A plan has 1 to {MOST_GOALS} goals.", field="goals", most=MOST_GOALS)
    return [
        GoalText(
            check_text(goal.text, field="goals"),
            check_optional(goal.measure, field="goals"),
            goal.target_on,
            goal.carried_from_id,
        )
        for goal in goals
    ]


def check_told(reason: CaseCloseReason, told_at: datetime | None, now: datetime) -> datetime | None:
    """When the client was told. NotReadyToClose where they can be and were not."""
    if told_at is not None:
        return check_moment(told_at, now, field="clientToldAt")
    if reason in UNTOLD:
        return None
    raise NotReadyToClose(
        "Tell the client that the case closes, then say when: clientToldAt is missing.",
        field="clientToldAt",
        rule="MZ/T 094-2017",
    )


def check_attempts(tried: Sequence[bool], least: int) -> None:
    """`no_contact` is a reason once the last `least` attempts all reached nobody."""
    missed = 0
    for reached in tried:
        if reached:
            break
        missed += 1
    if missed < least:
        raise NotReadyToClose(
            f"{missed} attempts in a row reached nobody; {least} are due before a case closes as "
            "no_contact. Record the attempts, or choose another reason.",
            field="closeReason",
            rule="case_no_contact_attempts",
            attempts=missed,
            due=least,
        )
