"""Samples with the facts that were drawn."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions
from nexus.evaluation.evaluations.model import Evaluation
from nexus.purchasing.facts.model import ServiceFact


class SampleState(StrEnum):
    COMMITTED = "committed"
    DRAWN = "drawn"
    VOID = "void"
    """The facts had changed before the draw."""


_S = SampleState
TRANSITIONS = Transitions(
    SampleState,
    {
        "draw": {_S.COMMITTED: _S.DRAWN},
        "void": {_S.COMMITTED: _S.VOID},
        "find": {_S.DRAWN: _S.DRAWN},
    },
)


class SampleFindingKind(StrEnum):
    CONFIRMED = "confirmed"
    DOUBTFUL = "doubtful"
    UNFOUNDED = "unfounded"


class EvaluationSample(Base):
    """The hash of a seed and of a frame, told before the draw; then the seed itself."""

    __tablename__ = "evaluation_sample"

    id: Mapped[Id]
    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey(Evaluation.id), index=True)
    evaluator_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The evaluation's."""
    size: Mapped[int]
    frame: Mapped[list[UUID]]
    """The facts counted in the period when it was committed, in order."""
    frame_hash: Mapped[str]
    """SHA-256 of the frame in hex: core/drawing.py."""
    commitment: Mapped[str]
    """SHA-256 of the seed's text in hex."""
    seed: Mapped[str]
    """Hidden until it is drawn."""
    committed_at: Mapped[datetime]
    committed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    drawn_at: Mapped[datetime | None]
    drawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[SampleState] = mapped_column(default=_S.COMMITTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("size BETWEEN 1 AND cardinality(frame)", name="size_within_frame"),
        CheckConstraint("frame_hash ~ '^[0-9a-f]{64}$'", name="frame_hash_shape"),
        CheckConstraint("seed ~ '^[0-9a-f]{32}$'", name="seed_shape"),
        CheckConstraint(
            "commitment = encode(sha256(convert_to(seed, 'UTF8')), 'hex')", name="seed_committed"
        ),
        CheckConstraint(
            "(state = 'drawn') = (drawn_at IS NOT NULL) "
            "AND (drawn_at IS NULL) = (drawn_by IS NULL)",
            name="drawn_whole",
        ),
        CheckConstraint("drawn_at >= committed_at", name="committed_first"),
        CheckConstraint("state <> 'void' OR state_reason IS NOT NULL", name="reason_given"),
        Index(
            "uq_evaluation_sample_live",
            "evaluation_id",
            unique=True,
            postgresql_where=text("state IN ('committed', 'drawn')"),
        ),
        Index("ix_evaluation_sample_committed_at", "committed_at", "id"),
    )


class SampleItem(Base):
    """A fact that was drawn, and what was found of it."""

    __tablename__ = "sample_item"

    id: Mapped[Id]
    sample_id: Mapped[UUID] = mapped_column(ForeignKey(EvaluationSample.id))
    position: Mapped[int]
    """In the order drawn, from 1."""
    fact_id: Mapped[UUID] = mapped_column(ForeignKey(ServiceFact.id), index=True)
    finding: Mapped[SampleFindingKind | None]
    note: Mapped[str | None]
    found_at: Mapped[datetime | None]
    found_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        UniqueConstraint("sample_id", "position"),
        UniqueConstraint("sample_id", "fact_id"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint(
            "(finding IS NULL) = (found_at IS NULL) AND (finding IS NULL) = (found_by IS NULL) "
            "AND ((finding IN ('doubtful', 'unfounded')) IS NOT TRUE OR note IS NOT NULL)",
            name="finding_whole",
        ),
    )
