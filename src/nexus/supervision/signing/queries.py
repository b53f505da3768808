"""Sign-ups against slots, waitlists and each other; tasks and volunteers against their rules.

INV-18 second persons, INV-19 children and parents, INV-30 slots and order, INV-31 time.
"""

from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import aliased

from nexus.supervision.ledger.queries import finding
from nexus.volunteering.model import GuardianConsent, Volunteer, VolunteerState
from nexus.volunteering.tasks.model import (
    BUSY,
    TAKING,
    Signup,
    SignupState,
    TaskPosition,
    TaskState,
    VolunteerTask,
)

_UNPUBLISHED = (TaskState.DRAFT, TaskState.SUBMITTED, TaskState.PUBLISHED)


def _slots_are_counted() -> Select[Any]:
    row, signup = TaskPosition, aliased(Signup)
    counted = (
        select(func.count())
        .where(signup.position_id == row.id, signup.state.in_(TAKING))
        .correlate(row)
        .scalar_subquery()
    )
    return finding(
        row.id,
        "its sign-ups are not what it counts, or more than its slots",
        slots=row.slots,
        taken=row.taken,
        counted=counted,
    ).where(or_(row.taken != counted, counted > row.slots))


def _order_is_kept() -> Select[Any]:
    """Nobody who waits was overtaken, unless passed over."""
    row, later = Signup, aliased(Signup)
    overtaken = exists().where(
        later.position_id == row.position_id,
        later.state.in_(TAKING),
        later.place > row.place,
    )
    return finding(
        row.id, "somebody who came later has a slot, and it waits", place=row.place
    ).where(row.state == SignupState.WAITLISTED, row.passed_over_at.is_(None), overtaken)


def _nobody_is_in_two_places() -> Select[Any]:
    row, other = Signup, aliased(Signup)
    return finding(row.id, "its volunteer has promised the same time twice").where(
        row.state.in_(BUSY),
        exists().where(
            other.volunteer_id == row.volunteer_id,
            other.id > row.id,
            other.state.in_(BUSY),
            other.period.op("&&")(row.period),
        ),
    )


def _period_is_the_positions() -> Select[Any]:
    row, position = Signup, TaskPosition
    return (
        finding(row.id, "it is for another time than its position")
        .join(position, position.id == row.position_id)
        .where(
            or_(
                row.task_id != position.task_id,
                func.lower(row.period) != position.starts_at,
                func.upper(row.period) != position.ends_at,
            )
        )
    )


def _task_takes_signups() -> Select[Any]:
    """Nobody is confirmed for what was never published or is cancelled."""
    row, task = Signup, VolunteerTask
    return (
        finding(row.id, "it is confirmed for a task that does not take it", state=task.state)
        .join(task, task.id == row.task_id)
        .where(row.state.in_(TAKING), task.state.in_((*_UNPUBLISHED, TaskState.CANCELLED)))
    )


def _task_has_a_second_person() -> Select[Any]:
    row = VolunteerTask
    return finding(row.id, "its maker or submitter published it").where(
        or_(row.published_by == row.created_by, row.published_by == row.submitted_by)
    )


def _volunteer_has_a_second_person() -> Select[Any]:
    row = Volunteer
    return finding(row.id, "who entered the volunteer verified them").where(
        row.verified_by == row.created_by
    )


def _minors_are_agreed_to() -> Select[Any]:
    """A minor was never activated without a guardian's word, though it may have ended since."""
    row, consent = Volunteer, aliased(GuardianConsent)
    year = func.extract("year", row.verified_at)
    return finding(row.id, "a minor whose guardian never agreed").where(
        row.state.in_((VolunteerState.ACTIVE, VolunteerState.SUSPENDED)),
        year - row.birth_year < 18,
        func.extract("year", func.now()) - row.birth_year <= 18,
        ~exists().where(consent.volunteer_id == row.id),
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-14 minors' guardians agreed": _minors_are_agreed_to(),
    "INV-18 task has a second person": _task_has_a_second_person(),
    "INV-18 volunteer has a second person": _volunteer_has_a_second_person(),
    "INV-19 sign-up within its task": _task_takes_signups(),
    "INV-30 slots are counted": _slots_are_counted(),
    "INV-30 waitlist order": _order_is_kept(),
    "INV-31 no two sign-ups at once": _nobody_is_in_two_places(),
    "INV-31 sign-up has its position's time": _period_is_the_positions(),
}
