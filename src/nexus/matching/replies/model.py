"""Replies of authorities, as they came: never changed."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id


class ReplyStatus(StrEnum):
    """Of the need but for the last two, which are of a delivery."""

    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    RESOURCED = "resourced"
    CLOSED = "closed"
    REOPENED = "reopened"
    CONFIRMED = "confirmed"
    QUERIED = "queried"


OF_DELIVERY = frozenset({ReplyStatus.CONFIRMED, ReplyStatus.QUERIED})
ENDING = frozenset({ReplyStatus.RESOURCED, ReplyStatus.CLOSED})
"""After these nothing more is asked for."""


class ReplyReason(StrEnum):
    """Those of closing (domain.md 7.5), then those of a query about a delivery."""

    MET = "met"
    PARTLY_MET = "partly_met"
    EXPIRED_UNMET = "expired_unmet"
    WITHDRAWN_BY_RECIPIENT = "withdrawn_by_recipient"
    NO_LONGER_NEEDED = "no_longer_needed"
    RESOURCED_ELSEWHERE = "resourced_elsewhere"
    MOVED_OR_DECEASED = "moved_or_deceased"
    INELIGIBLE = "ineligible"
    NOT_RECEIVED = "not_received"
    QUANTITY_DIFFERS = "quantity_differs"
    QUALITY = "quality"
    DUPLICATE = "duplicate"
    OTHER = "other"


class AuthorityReply(Base):
    """One answer of the publishing authority, to a need or to one delivery of it."""

    __tablename__ = "authority_reply"

    id: Mapped[Id]
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"))
    delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey("delivery.id"), index=True)
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    status: Mapped[ReplyStatus]
    reason: Mapped[ReplyReason | None]
    sequence: Mapped[int]
    """The authority's count within the household: the highest of a need is what holds."""
    late: Mapped[bool]
    """A later one of the same need or delivery was here before it: it is history only."""
    happened_at: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("sequence > 0", name="sequence_positive"),
        CheckConstraint(
            "(delivery_id IS NOT NULL) = (status IN ('confirmed', 'queried'))", name="subject"
        ),
        CheckConstraint("status NOT IN ('closed', 'queried') OR reason IS NOT NULL", name="reason"),
        Index("ix_authority_reply_standing", "need_id", "sequence"),
        Index("ix_authority_reply_created_at", "created_at", "id"),
    )
