"""Training records of workers."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id


class TrainingRecord(Base):
    """A course that a worker attended (T19d, T20b). Never changed."""

    __tablename__ = "training_record"

    id: Mapped[Id]
    worker_id: Mapped[UUID] = mapped_column(ForeignKey("worker.id"))
    title: Mapped[str]
    provider: Mapped[str]
    held_on: Mapped[date]
    """Its last day."""
    minutes: Mapped[int]
    certificate_no: Mapped[str | None]
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("training_record.id"))
    """The record in whose place this one stands."""
    void: Mapped[bool]
    """A correction that only takes the earlier record away."""
    reason: Mapped[str | None]
    """Why it corrects."""
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("corrects_id"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("(corrects_id IS NULL) = (reason IS NULL)", name="corrected_with_reason"),
        CheckConstraint("corrects_id IS NOT NULL OR NOT void", name="void_corrects"),
        CheckConstraint("corrects_id <> id", name="corrects_another"),
        Index("ix_training_record_worker_id", "worker_id", "held_on", "id"),
    )
