"""Instruments as data, assessments made with them, and the measures these propose."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.model import RiskTier
from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions

Score = Numeric(5, 2)
"""Points of 100."""


class Channel(StrEnum):
    """Who could bring a proposed measure (T23c)."""

    GOVERNMENT = "government"
    CHARITY = "charity"
    STATION = "station"
    VOLUNTEER = "volunteer"
    PURCHASED = "purchased"
    NONE = "none"
    """Nobody yet: a gap, said openly."""


class AssessmentState(StrEnum):
    DRAFT = "draft"
    COMPLETED = "completed"
    SUPERSEDED = "superseded"


_A = AssessmentState
TRANSITIONS = Transitions(
    AssessmentState,
    {
        "update": {_A.DRAFT: _A.DRAFT},
        "complete": {_A.DRAFT: _A.COMPLETED},
        "countersign": {_A.COMPLETED: _A.COMPLETED},
        "supersede": {_A.COMPLETED: _A.SUPERSEDED},
    },
)


class Instrument(Base):
    """One version of a questionnaire with its scoring. A later version is another row."""

    __tablename__ = "instrument"

    id: Mapped[Id]
    code: Mapped[str]
    revision: Mapped[int]
    title: Mapped[str]
    content: Mapped[dict[str, Any]]
    """{dimensions: [{key, zh, en, weight, items: [{key, zh, en, options | bands}]}]}: rules.py."""
    medium_from: Mapped[Decimal] = mapped_column(Score)
    high_from: Mapped[Decimal] = mapped_column(Score)
    countersign_from: Mapped[Decimal] = mapped_column(Score)
    """From this score on the lead countersigns."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]

    __table_args__ = (
        UniqueConstraint("code", "revision"),
        CheckConstraint("valid_to > valid_from", name="period"),
        CheckConstraint(
            "0 < medium_from AND medium_from < high_from AND high_from <= 100",
            name="thresholds",
        ),
    )


class Assessment(Base):
    """What an instrument found about a household or one of its people."""

    __tablename__ = "assessment"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    recipient_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("worker.id"), index=True)
    """The posting of who asks."""
    instrument_id: Mapped[UUID] = mapped_column(ForeignKey("instrument.id"), index=True)
    assessed_on: Mapped[date]
    answers: Mapped[dict[str, Any]]
    """{item key: answer}."""
    remarks: Mapped[str | None]
    score: Mapped[Decimal | None] = mapped_column(Score)
    dimension_scores: Mapped[dict[str, Any] | None]
    """{dimension: points of its own 100}."""
    risk_tier: Mapped[RiskTier | None]
    rule_version: Mapped[str | None]
    """The instrument's version that computed score and tier, such as WUWEI/1."""
    countersign_needed: Mapped[bool] = mapped_column(default=False)
    state: Mapped[AssessmentState] = mapped_column(default=_A.DRAFT)
    state_reason: Mapped[str | None]
    completed_at: Mapped[datetime | None]
    completed_by: Mapped[UUID | None]
    countersigned_at: Mapped[datetime | None]
    countersigned_by: Mapped[UUID | None]
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("assessment.id"), index=True)
    """The earlier one about the same subject, which this one took the place of."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint(
            "(state = 'draft') = (completed_at IS NULL) "
            "AND (completed_at IS NULL) = (completed_by IS NULL) "
            "AND (completed_at IS NULL) = (score IS NULL) "
            "AND (score IS NULL) = (risk_tier IS NULL) "
            "AND (score IS NULL) = (rule_version IS NULL) "
            "AND (score IS NULL) = (dimension_scores IS NULL)",
            name="completed_whole",
        ),
        CheckConstraint("score BETWEEN 0 AND 100", name="score_range"),
        CheckConstraint(
            "(countersigned_at IS NULL) = (countersigned_by IS NULL) "
            "AND (countersigned_at IS NULL OR countersign_needed)",
            name="countersigned_whole",
        ),
        CheckConstraint("countersigned_by <> completed_by", name="inv_18_countersigned_by_another"),
        Index(
            "uq_assessment_current",
            "household_id",
            text("coalesce(recipient_id, household_id)"),
            unique=True,
            postgresql_where=text("state = 'completed'"),
        ),
        Index("ix_assessment_created_at", "created_at", "id"),
        Index("ix_assessment_of_worker", "worker_id", "created_at", "id"),
    )


class ProposedMeasure(Base):
    """What would help, and through which channel it could come (T23c)."""

    __tablename__ = "proposed_measure"

    id: Mapped[Id]
    assessment_id: Mapped[UUID] = mapped_column(ForeignKey("assessment.id"), index=True)
    position: Mapped[int]
    category: Mapped[str]
    """Code list `need_category` (domain.md 8.2)."""
    channel: Mapped[Channel]
    measure: Mapped[str]

    __table_args__ = (
        UniqueConstraint("assessment_id", "position"),
        CheckConstraint("position >= 1", name="position"),
    )
