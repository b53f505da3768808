"""Case files with their plans, goals and trail."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.assessments.model import Assessment
from nexus.casework.model import RiskTier
from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class CaseType(StrEnum):
    INDIVIDUAL = "individual"
    FAMILY = "family"
    CRISIS = "crisis"


class CaseState(StrEnum):
    INTAKE = "intake"
    ASSESSMENT = "assessment"
    PLANNING = "planning"
    INTERVENTION = "intervention"
    EVALUATION = "evaluation"
    ON_HOLD = "on_hold"
    CLOSED = "closed"
    REFERRED_OUT = "referred_out"
    REJECTED_AT_INTAKE = "rejected_at_intake"


class CaseCloseReason(StrEnum):
    """Why a case closes (domain.md 7.8)."""

    GOAL_MET = "goal_met"
    GOAL_PARTLY_MET = "goal_partly_met"
    CLIENT_WITHDREW = "client_withdrew"
    MOVED = "moved"
    DIED = "died"
    TRANSFERRED = "transferred"
    NO_CONTACT = "no_contact"
    """Nobody was reached in as many attempts as the figure asks for."""


_C = CaseState
STAGES = (_C.INTAKE, _C.ASSESSMENT, _C.PLANNING, _C.INTERVENTION, _C.EVALUATION)
"""The open stages, in their order."""
OPEN = (*STAGES, _C.ON_HOLD)
_LISTED = ", ".join(f"'{state}'" for state in OPEN)
OPEN_SQL = f"state IN ({_LISTED})"
PLANNED = (_C.INTERVENTION, _C.EVALUATION, _C.CLOSED)
"""Stages that an approved plan leads to."""
UNTOLD = (CaseCloseReason.DIED, CaseCloseReason.NO_CONTACT)
"""Reasons with which there is nobody to tell."""
TRANSITIONS = Transitions(
    CaseState,
    {
        "update": {state: state for state in OPEN},
        "assign": {state: state for state in OPEN},
        "reject": {_C.INTAKE: _C.REJECTED_AT_INTAKE},
        "begin_assessment": {_C.INTAKE: _C.ASSESSMENT},
        "begin_planning": {_C.ASSESSMENT: _C.PLANNING},
        "begin_intervention": {_C.PLANNING: _C.INTERVENTION},
        "begin_evaluation": {_C.INTERVENTION: _C.EVALUATION},
        "plan": {state: state for state in (_C.PLANNING, _C.INTERVENTION)},
        "review": {_C.INTERVENTION: _C.INTERVENTION},
        "evaluate": {_C.EVALUATION: _C.EVALUATION},
        "request_closing": {_C.EVALUATION: _C.EVALUATION},
        "decline_closing": {_C.EVALUATION: _C.EVALUATION},
        "close": {_C.EVALUATION: _C.CLOSED},
        "reopen": {_C.CLOSED: _C.INTERVENTION},
        "hold": dict.fromkeys(STAGES, _C.ON_HOLD),
        **{f"resume_{stage}": {_C.ON_HOLD: stage} for stage in STAGES},
        "refer_out": dict.fromkeys(OPEN, _C.REFERRED_OUT),
    },
)


class Case(Base):
    """A case file: one household, one worker, one stage."""

    __tablename__ = "case_file"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    recipient_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Where the household lives: it follows a move."""
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("worker.id"), index=True)
    """The posting of its one owner (INV-20)."""
    supervisor_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    case_type: Mapped[CaseType]
    risk_tier: Mapped[RiskTier | None]
    """That of the assessment, once there is one."""
    assessment_id: Mapped[UUID | None] = mapped_column(ForeignKey(Assessment.id), index=True)
    opening: Mapped[str]
    """Why the case was opened, in the worker's words (D8)."""
    plan_version: Mapped[int] = mapped_column(default=0)
    """The version of the approved plan; 0 before the first."""
    review_due_at: Mapped[datetime | None]
    """When the approved plan is to be looked at again: the first moment that is too late."""
    review_rule: Mapped[str | None]
    review_told_at: Mapped[datetime | None]
    """When it came near and was put on the worklist."""
    review_overdue_at: Mapped[datetime | None]
    held_from: Mapped[CaseState | None]
    """The stage that an interruption came in."""
    stage_at: Mapped[datetime]
    """Since when it is in its state."""
    evaluated_at: Mapped[datetime | None]
    """When this round was evaluated."""
    client_told_at: Mapped[datetime | None]
    close_reason: Mapped[CaseCloseReason | None]
    closing_requested_at: Mapped[datetime | None]
    closing_requested_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    closed_by_self: Mapped[bool] = mapped_column(default=False)
    """Approved by who asked for it, under an explicit right."""
    referred_to: Mapped[str | None]
    """Who has it now, where it was referred out."""
    state: Mapped[CaseState] = mapped_column(default=_C.INTAKE)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    handover_told_at: Mapped[datetime | None]
    """When it was told that the owner's post ends: the case needs another one (INV-20)."""

    __table_args__ = (
        CheckConstraint("(state = 'on_hold') = (held_from IS NOT NULL)", name="held_from"),
        CheckConstraint(
            "held_from IN ('intake', 'assessment', 'planning', 'intervention', 'evaluation')",
            name="held_stage",
        ),
        CheckConstraint("plan_version >= 0", name="plan_version"),
        CheckConstraint(
            "coalesce(held_from, state) IN ('intake', 'assessment', 'rejected_at_intake', "
            "'referred_out') OR (assessment_id IS NOT NULL AND risk_tier IS NOT NULL)",
            name="planned_after_assessment",
        ),
        CheckConstraint(
            "coalesce(held_from, state) NOT IN ('intervention', 'evaluation', 'closed') "
            "OR plan_version > 0",
            name="intervened_by_plan",
        ),
        CheckConstraint(
            "state <> 'closed' OR (evaluated_at IS NOT NULL AND close_reason IS NOT NULL "
            "AND closing_requested_by IS NOT NULL AND closed_at IS NOT NULL "
            "AND closed_by IS NOT NULL "
            "AND (client_told_at IS NOT NULL OR close_reason IN ('died', 'no_contact')))",
            name="closed_whole",
        ),
        CheckConstraint(
            "state <> 'closed' OR (closed_by = closing_requested_by) = closed_by_self",
            name="inv_18_closed_by_another",
        ),
        CheckConstraint(
            "(closing_requested_at IS NULL) = (closing_requested_by IS NULL) "
            "AND (closing_requested_at IS NULL) = (close_reason IS NULL)",
            name="closing_whole",
        ),
        CheckConstraint(
            "state NOT IN ('on_hold', 'referred_out', 'rejected_at_intake') "
            "OR state_reason IS NOT NULL",
            name="reason_given",
        ),
        CheckConstraint("(state = 'referred_out') = (referred_to IS NOT NULL)", name="referred_to"),
        Index("ix_case_file_created_at", "created_at", "id"),
        Index("ix_case_file_of_worker", "worker_id", "created_at", "id"),
        Index(
            "ix_case_file_open_of_worker",
            "worker_id",
            "risk_tier",
            postgresql_where=text(OPEN_SQL),
        ),
        Index(
            "ix_case_file_open_of_station",
            "station_id",
            "risk_tier",
            postgresql_where=text(OPEN_SQL),
        ),
        Index(
            "ix_case_file_review_due",
            "review_due_at",
            postgresql_where=text("state = 'intervention'"),
        ),
        Index(
            "uq_case_file_open",
            "household_id",
            text("coalesce(recipient_id, household_id)"),
            unique=True,
            postgresql_where=text(OPEN_SQL),
        ),
    )


class CaseStep(Base):
    """One move of a case with its reason: what a reopening leaves to be read."""

    __tablename__ = "case_step"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case_file.id"))
    position: Mapped[int]
    verb: Mapped[str]
    from_state: Mapped[CaseState | None]
    to_state: Mapped[CaseState]
    reason: Mapped[str | None]
    close_reason: Mapped[CaseCloseReason | None]
    """What it was, or was to be, closed for."""
    by_id: Mapped[UUID]
    happened_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("case_id", "position"),)


class PlanState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SUPERSEDED = "superseded"


_P = PlanState
PLAN_TRANSITIONS = Transitions(
    PlanState,
    {
        "update": {_P.DRAFT: _P.DRAFT},
        "submit": {_P.DRAFT: _P.SUBMITTED},
        "return": {_P.SUBMITTED: _P.DRAFT},
        "approve": {_P.SUBMITTED: _P.APPROVED},
        "supersede": {_P.APPROVED: _P.SUPERSEDED},
    },
)


class CasePlan(Base):
    """One version of what is to be done; approved by the lead (domain.md 7.8)."""

    __tablename__ = "case_plan"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id), index=True)
    number: Mapped[int]
    """1, 2, … within its case."""
    summary: Mapped[str]
    state: Mapped[PlanState] = mapped_column(default=_P.DRAFT)
    state_reason: Mapped[str | None]
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None]
    approved_by_self: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("case_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint(
            "(state = 'draft') = (submitted_at IS NULL) "
            "AND (submitted_at IS NULL) = (submitted_by IS NULL)",
            name="submitted_whole",
        ),
        CheckConstraint(
            "(state IN ('approved', 'superseded')) = (approved_at IS NOT NULL) "
            "AND (approved_at IS NULL) = (approved_by IS NULL)",
            name="approved_whole",
        ),
        CheckConstraint(
            "approved_by IS NULL OR (approved_by IN (submitted_by, created_by)) = approved_by_self",
            name="inv_18_approved_by_another",
        ),
        Index(
            "uq_case_plan_approved",
            "case_id",
            unique=True,
            postgresql_where=text("state = 'approved'"),
        ),
        Index(
            "uq_case_plan_pending",
            "case_id",
            unique=True,
            postgresql_where=text("state IN ('draft', 'submitted')"),
        ),
    )


class GoalState(StrEnum):
    OPEN = "open"
    ACHIEVED = "achieved"
    PARTLY = "partly"
    NOT = "not"
    DROPPED = "dropped"


_G = GoalState
GOAL_TRANSITIONS = Transitions(
    GoalState,
    {
        "achieve": {_G.OPEN: _G.ACHIEVED},
        "achieve_partly": {_G.OPEN: _G.PARTLY},
        "miss": {_G.OPEN: _G.NOT},
        "drop": {_G.OPEN: _G.DROPPED},
    },
)


class Goal(Base):
    """What a plan wants to reach, and by when."""

    __tablename__ = "goal"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id), index=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey(CasePlan.id))
    position: Mapped[int]
    text: Mapped[str]
    measure: Mapped[str | None]
    """What is done for it."""
    target_on: Mapped[date | None]
    carried_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("goal.id"), index=True)
    """The open goal of the earlier version that goes on in this one."""
    state: Mapped[GoalState] = mapped_column(default=_G.OPEN)
    state_reason: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("plan_id", "position"),
        CheckConstraint("position >= 1", name="position"),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled_whole"),
    )


class ReviewOutcome(StrEnum):
    GO_ON = "go_on"
    REVISE = "revise"
    EVALUATE = "evaluate"


class PlanReview(Base):
    """Somebody looked at an approved plan again."""

    __tablename__ = "plan_review"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id), index=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey(CasePlan.id), index=True)
    outcome: Mapped[ReviewOutcome]
    remarks: Mapped[str]
    due_at: Mapped[datetime | None]
    """When it was due."""
    reviewed_at: Mapped[datetime]
    reviewed_by: Mapped[UUID]


class SelfApproval(Base):
    """The explicit right to approve one's own plans and closings at a station, for a time."""

    __tablename__ = "self_approval"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    reason: Mapped[str]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    """The first day it is not held; it is never open-ended."""
    granted_at: Mapped[datetime]
    granted_by: Mapped[UUID]
    revoked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        CheckConstraint("granted_by <> account_id", name="inv_18_granted_by_another"),
    )
