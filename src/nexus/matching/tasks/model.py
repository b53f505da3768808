"""Which task works on which pledge, and every effective minute booked once."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions
from nexus.matching.pledges.model import Delivery, Pledge


class TaskLinkState(StrEnum):
    LINKED = "linked"
    UNLINKED = "unlinked"


_L = TaskLinkState
TRANSITIONS = Transitions(TaskLinkState, {"unlink": {_L.LINKED: _L.UNLINKED}})


class TaskLink(Base):
    """A task does what a pledge of its own organization promised to a need line."""

    __tablename__ = "task_link"

    id: Mapped[Id]
    task_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer_task.id"), index=True)
    pledge_id: Mapped[UUID] = mapped_column(ForeignKey(Pledge.id), index=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("need_line.id"), index=True)
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    minutes_a_unit: Mapped[int]
    """How many minutes make one unit of the line: 60 where it asks for hours."""
    state: Mapped[TaskLinkState] = mapped_column(default=_L.LINKED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("minutes_a_unit > 0", name="minutes_a_unit_positive"),
        Index(
            "uq_task_link_live",
            "pledge_id",
            unique=True,
            postgresql_where=text("state = 'linked'"),
        ),
        Index("ix_task_link_created_at", "created_at", "id"),
    )


class HoursBooking(Base):
    """Minutes of one record on one pledge; what no pledge owed is surplus. Append-only."""

    __tablename__ = "hours_booking"

    id: Mapped[Id]
    record_id: Mapped[UUID] = mapped_column(ForeignKey("service_record.id"))
    place: Mapped[int]
    """1, 2, …: a record may fill one pledge and go on with the next."""
    link_id: Mapped[UUID] = mapped_column(ForeignKey(TaskLink.id), index=True)
    delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey(Delivery.id), unique=True)
    """None: surplus, which nobody had asked for."""
    minutes: Mapped[int]
    quantity: Mapped[Decimal]
    """In the unit of the line."""
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("record_id", "place"),
        CheckConstraint("place > 0", name="place_positive"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
    )
