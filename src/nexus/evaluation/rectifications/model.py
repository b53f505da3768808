"""What a supplier must put right."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.evaluation.evaluations.model import Evaluation


class RectificationState(StrEnum):
    OPEN = "open"
    SUBMITTED = "submitted"
    VERIFIED = "verified"
    OVERDUE = "overdue"
    ESCALATED = "escalated"


_R = RectificationState
TRANSITIONS = Transitions(
    RectificationState,
    {
        "submit": {
            _R.OPEN: _R.SUBMITTED,
            _R.OVERDUE: _R.SUBMITTED,
            _R.ESCALATED: _R.SUBMITTED,
        },
        "send_back": {_R.SUBMITTED: _R.OPEN},
        "verify": {_R.SUBMITTED: _R.VERIFIED},
        "turn_overdue": {_R.OPEN: _R.OVERDUE},
        "escalate": {_R.OVERDUE: _R.ESCALATED},
    },
)


class Rectification(Base):
    """One finding, what the supplier did about it, and until when it had to."""

    __tablename__ = "rectification"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey(Evaluation.id), index=True)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The evaluation's, as are supplier and area."""
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    finding: Mapped[str]
    due_at: Mapped[datetime]
    """The first moment that is too late."""
    due_rule: Mapped[str]
    """The figure's version, or `set`: by whoever opened it."""
    escalate_at: Mapped[datetime]
    action: Mapped[str | None]
    """What the supplier did."""
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[RectificationState] = mapped_column(default=_R.OPEN)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        CheckConstraint("due_at > created_at AND escalate_at >= due_at", name="due_ahead"),
        CheckConstraint(
            "(action IS NULL) = (submitted_at IS NULL) "
            "AND (action IS NULL) = (submitted_by IS NULL) "
            "AND (state NOT IN ('submitted', 'verified') OR action IS NOT NULL)",
            name="submitted_whole",
        ),
        CheckConstraint(
            "(state = 'verified') = (verified_at IS NOT NULL) "
            "AND (verified_at IS NULL) = (verified_by IS NULL)",
            name="verified_whole",
        ),
        CheckConstraint("verified_by <> submitted_by", name="inv_18_verified_by_another"),
        Index("ix_rectification_created_at", "created_at", "id"),
        Index("ix_rectification_due", "due_at", postgresql_where=text("state = 'open'")),
        Index(
            "ix_rectification_escalate", "escalate_at", postgresql_where=text("state = 'overdue'")
        ),
    )
