"""Addenda to evaluations that are final."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.evaluation.evaluations.model import Evaluation
from nexus.evaluation.schemes.model import Grade, Points
from nexus.purchasing.procurements.suppliers.model import StandingEffect


class AddendumState(StrEnum):
    PROPOSED = "proposed"
    RELEASED = "released"
    DROPPED = "dropped"


_A = AddendumState
TRANSITIONS = Transitions(
    AddendumState,
    {
        "release": {_A.PROPOSED: _A.RELEASED},
        "drop": {_A.PROPOSED: _A.DROPPED},
    },
)


class EvaluationAddendum(Base):
    """What is said, and which scores are corrected, after an evaluation was final."""

    __tablename__ = "evaluation_addendum"

    id: Mapped[Id]
    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey(Evaluation.id))
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The evaluation's, as are evaluator and area."""
    evaluator_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    position: Mapped[int]
    """Corrections of a later one stand on those of the earlier released ones."""
    statement: Mapped[str]
    corrections: Mapped[Any] = mapped_column(JSONB)
    """[{indicator, body, before, after}]: codes, and points as text."""
    total: Mapped[Decimal] = mapped_column(Points)
    body_scores: Mapped[dict[str, Any]]
    grade: Mapped[Grade]
    effect: Mapped[StandingEffect]
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[AddendumState] = mapped_column(default=_A.PROPOSED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("evaluation_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("total BETWEEN 0 AND 100", name="total_range"),
        CheckConstraint("jsonb_typeof(corrections) = 'array'", name="corrections_listed"),
        CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL) "
            "AND (decided_at IS NULL) = (decided_by IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint(
            "state <> 'released' OR decided_by <> proposed_by", name="inv_18_released_by_another"
        ),
        CheckConstraint("state <> 'dropped' OR state_reason IS NOT NULL", name="reason_given"),
        Index(
            "uq_evaluation_addendum_proposed",
            "evaluation_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
        Index("ix_evaluation_addendum_proposed_at", "proposed_at", "id"),
    )
