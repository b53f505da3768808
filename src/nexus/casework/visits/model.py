"""Plans of visits, visits, checklists, and reports of changes in a household."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.cases.model import Case
from nexus.casework.model import RiskTier
from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class VisitKind(StrEnum):
    HOME = "home"
    PHONE = "phone"
    VIDEO = "video"
    OFFICE = "office"
    JOINT = "joint"


class VisitPlanState(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


PLAN_TRANSITIONS = Transitions(
    VisitPlanState,
    {
        "change": {VisitPlanState.ACTIVE: VisitPlanState.ACTIVE},
        "end": {VisitPlanState.ACTIVE: VisitPlanState.ENDED},
    },
)


class VisitPlan(Base):
    """How often a household is visited, and by whom: one active plan a household."""

    __tablename__ = "visit_plan"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey(Case.id), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("worker.id"), index=True)
    """The posting of whoever is to visit; the lead's while empty."""
    tier: Mapped[RiskTier]
    kind: Mapped[VisitKind] = mapped_column(default=VisitKind.HOME)
    starts_on: Mapped[date]
    awaits_window: Mapped[bool] = mapped_column(default=True)
    """No visit of it is open: the clock plans the next one."""
    state: Mapped[VisitPlanState] = mapped_column(default=VisitPlanState.ACTIVE)
    state_reason: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("state = 'active' OR NOT awaits_window", name="ended_plans_nothing"),
        Index(
            "uq_visit_plan_active",
            "household_id",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_visit_plan_created_at", "created_at", "id"),
        Index("ix_visit_plan_awaits_window", "id", postgresql_where=text("awaits_window")),
    )


class VisitState(StrEnum):
    SCHEDULED = "scheduled"
    DONE = "done"
    VERIFIED = "verified"
    MISSED = "missed"
    RESCHEDULED = "rescheduled"
    EXCUSED = "excused"
    CANCELLED = "cancelled"


_V = VisitState
OPEN = (_V.SCHEDULED, _V.MISSED)
"""What stands in the way of a plan's next window: a missed one waits to be decided."""
PERFORMED = (_V.DONE, _V.VERIFIED)
TRANSITIONS = Transitions(
    VisitState,
    {
        # A device that was without signal tells of a visit that others already took for missed.
        "perform": {_V.SCHEDULED: _V.DONE, _V.MISSED: _V.DONE},
        "update": {_V.SCHEDULED: _V.SCHEDULED, _V.DONE: _V.DONE},
        "miss": {_V.SCHEDULED: _V.MISSED},
        "reschedule": {_V.MISSED: _V.RESCHEDULED},
        "excuse": {_V.MISSED: _V.EXCUSED},
        "cancel": {_V.SCHEDULED: _V.CANCELLED},
        "verify": {_V.DONE: _V.VERIFIED},
        "report_change": {_V.DONE: _V.DONE, _V.VERIFIED: _V.VERIFIED},
        "answer_danger": {_V.DONE: _V.DONE, _V.VERIFIED: _V.VERIFIED},
    },
)


class VisitCheck(StrEnum):
    """How a second person made sure of a visit."""

    PHONE = "phone"
    SECOND_VISIT = "second_visit"
    DOCUMENTS = "documents"
    ACCOMPANIED = "accompanied"


class VisitChecklist(Base):
    """What is asked at a visit: one version of one list. Never changed."""

    __tablename__ = "visit_checklist"

    id: Mapped[Id]
    code: Mapped[str]
    list_version: Mapped[int]
    title: Mapped[str]
    items: Mapped[Any] = mapped_column(JSONB)
    """[{code, label, labelEn, kind: yes_no | choice | number | text, options, required}]."""
    valid_from: Mapped[date]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("code", "list_version"),
        CheckConstraint("list_version >= 1", name="version_counted"),
        CheckConstraint("jsonb_typeof(items) = 'array'", name="items_listed"),
    )


class Visit(Base):
    """A visit to a household: due within a window, then what was found (T19b, T22a)."""

    __tablename__ = "visit"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"))
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey(VisitPlan.id))
    """None: nobody planned it."""
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey(Case.id), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("worker.id"), index=True)
    with_worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("worker.id"), index=True)
    """Who comes along to a joint visit."""
    kind: Mapped[VisitKind]
    tier: Mapped[RiskTier | None]
    """That of the plan when the window was made."""
    window_from: Mapped[date]
    window_to: Mapped[date]
    """The first day that is too late."""
    due_on: Mapped[date]
    """The last day in time."""
    rule: Mapped[str | None]
    """The version of the figure that made the window."""
    previous_id: Mapped[UUID | None] = mapped_column(ForeignKey("visit.id"))
    """The missed visit in whose place it stands."""
    follow_up: Mapped[bool] = mapped_column(default=False)
    """It follows a major change, beside what the plan asks for."""
    performed_at: Mapped[datetime | None]
    """By the device's clock."""
    recorded_at: Mapped[datetime | None]
    """When that arrived."""
    performed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    minutes: Mapped[int | None]
    checklist_id: Mapped[UUID | None] = mapped_column(ForeignKey(VisitChecklist.id), index=True)
    findings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Item code → answer."""
    summary: Mapped[str | None]
    located_in: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    """The division that the device says it was in: no finer place is kept."""
    located_near: Mapped[bool | None]
    """Whether that is where the household lives."""
    change_reported: Mapped[bool] = mapped_column(default=False)
    danger: Mapped[bool] = mapped_column(default=False)
    danger_answered_at: Mapped[datetime | None]
    danger_answered_by: Mapped[UUID | None]
    danger_answer: Mapped[str | None]
    to_verify: Mapped[bool] = mapped_column(default=False)
    """Drawn for a check by a second person."""
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[UUID | None]
    verified_how: Mapped[VisitCheck | None]
    overdue_told_at: Mapped[datetime | None]
    state: Mapped[VisitState] = mapped_column(default=_V.SCHEDULED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("window_to > window_from", name="window"),
        CheckConstraint("due_on = window_to - 1", name="due_in_window"),
        CheckConstraint(
            "plan_id IS NULL OR window_to >= window_from + 2", name="planned_within_days"
        ),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes_of_a_day"),
        CheckConstraint(
            "(state IN ('done', 'verified')) = (performed_at IS NOT NULL) "
            "AND (performed_at IS NULL) = (performed_by IS NULL) "
            "AND (performed_at IS NULL) = (recorded_at IS NULL)",
            name="performed",
        ),
        CheckConstraint("performed_at <= recorded_at + interval '1 minute'", name="not_to_come"),
        CheckConstraint(
            "(state = 'verified') = (verified_by IS NOT NULL) "
            "AND (verified_by IS NULL) = (verified_at IS NULL) "
            "AND (verified_by IS NULL) = (verified_how IS NULL)",
            name="verified",
        ),
        CheckConstraint("verified_by <> performed_by", name="inv_18_second_person"),
        CheckConstraint(
            "state IN ('done', 'verified') OR NOT (danger OR change_reported OR to_verify)",
            name="told_by_a_visit",
        ),
        CheckConstraint(
            "(danger_answered_at IS NULL) = (danger_answered_by IS NULL) "
            "AND (danger_answered_at IS NULL) = (danger_answer IS NULL) "
            "AND (danger OR danger_answered_at IS NULL)",
            name="danger_answered",
        ),
        CheckConstraint("with_worker_id IS NULL OR kind = 'joint'", name="company_is_joint"),
        CheckConstraint("with_worker_id <> worker_id", name="company_is_another"),
        CheckConstraint("previous_id <> id", name="previous_is_another"),
        CheckConstraint("(located_in IS NULL) = (located_near IS NULL)", name="located_whole"),
        Index("ix_visit_household_id", "household_id", "performed_at"),
        Index("ix_visit_plan_id", "plan_id", "performed_at"),
        Index("ix_visit_due_on", "due_on", "id"),
        Index("ix_visit_created_at", "created_at", "id"),
        Index(
            "ix_visit_awaited",
            "due_on",
            postgresql_where=text("state = 'scheduled' AND overdue_told_at IS NULL"),
        ),
        Index(
            "uq_visit_open_of_plan",
            "plan_id",
            unique=True,
            postgresql_where=text("state IN ('scheduled', 'missed') AND NOT follow_up"),
        ),
        Index("uq_visit_previous_id", "previous_id", unique=True),
    )


class ChangeState(StrEnum):
    REPORTED = "reported"
    HANDLED = "handled"


CHANGE_TRANSITIONS = Transitions(
    ChangeState, {"handle": {ChangeState.REPORTED: ChangeState.HANDLED}}
)


class ChangeReport(Base):
    """What changed in a household, told to the authority (T19b, T24)."""

    __tablename__ = "change_report"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey(Visit.id), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    authority_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    """Who recognised the household: it hears of the change, beside its territory's people."""
    changes: Mapped[list[str]]
    """Code list `household_change`."""
    major: Mapped[bool]
    """A visit is due within a day or so."""
    note: Mapped[str | None]
    """Names nobody: it goes beyond the station."""
    happened_on: Mapped[date | None]
    reported_at: Mapped[datetime]
    """By the device's clock."""
    recorded_at: Mapped[datetime]
    reported_by: Mapped[UUID]
    follow_up_id: Mapped[UUID | None] = mapped_column(ForeignKey(Visit.id))
    """The visit that was planned because the change is a major one."""
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[UUID | None]
    state: Mapped[ChangeState] = mapped_column(default=ChangeState.REPORTED)
    state_reason: Mapped[str | None]
    """What was done about it."""
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("cardinality(changes) > 0", name="change_named"),
        CheckConstraint(
            "(state = 'handled') = (handled_at IS NOT NULL) "
            "AND (handled_at IS NULL) = (handled_by IS NULL) "
            "AND (handled_at IS NULL OR state_reason IS NOT NULL)",
            name="handled",
        ),
        CheckConstraint("handled_by <> reported_by", name="inv_18_second_person"),
        CheckConstraint("follow_up_id IS NULL OR major", name="followed_up_is_major"),
        Index("uq_change_report_follow_up_id", "follow_up_id", unique=True),
        Index("ix_change_report_recorded_at", "recorded_at", "id"),
        Index(
            "ix_change_report_awaits_visit",
            "id",
            postgresql_where=text("major AND follow_up_id IS NULL"),
        ),
    )
