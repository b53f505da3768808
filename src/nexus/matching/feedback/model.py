"""What the recipient, the receiver and the authority say of the help."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions


class FeedbackSource(StrEnum):
    RECIPIENT = "recipient"
    RECEIVER = "receiver"
    AUTHORITY = "authority"


class FeedbackState(StrEnum):
    RECEIVED = "received"
    READ = "read"
    HANDLED = "handled"


_F = FeedbackState
TRANSITIONS = Transitions(
    FeedbackState,
    {"read": {_F.RECEIVED: _F.READ}, "handle": {_F.READ: _F.HANDLED}},
)


class Feedback(Base):
    """What the recipient, the receiver or the authority says of the help (T5e)."""

    __tablename__ = "feedback"

    id: Mapped[Id]
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"), index=True)
    delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey("delivery.id"), index=True)
    source: Mapped[FeedbackSource]
    rating: Mapped[int | None]
    text: Mapped[str | None]
    wants_call_back: Mapped[bool] = mapped_column(default=False)
    state: Mapped[FeedbackState] = mapped_column(default=_F.RECEIVED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("rating BETWEEN 1 AND 5", name="rating_range"),
        Index("ix_feedback_created_at", "created_at", "id"),
    )
