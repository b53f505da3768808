"""Work items, and the desks on which they lie. Only the database writes them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id

LATE = 10
"""Ranks below it are overdue; within both, the lower the more urgent (0, 10: no urgency lies
above 4)."""


class WorkItem(Base):
    """Something that waits to be done about one row (T5e). Gone once it is done."""

    __tablename__ = "work_item"

    id: Mapped[Id]
    kind: Mapped[str]
    """What waits, such as `need.verify`: the noun and what should be done."""
    subject_type: Mapped[str]
    """The table of the row it is about."""
    subject_id: Mapped[UUID]
    no: Mapped[str | None]
    """The row's human number."""
    area_code: Mapped[AreaCode | None]
    """The division whose people act, or watch."""
    organization_id: Mapped[UUID | None]
    """The organization that should act."""
    station_id: Mapped[UUID | None]
    assignee_id: Mapped[UUID | None]
    """The account to whom it is assigned."""
    sent_by_id: Mapped[UUID | None]
    """The account that waits for it."""
    sent_by_organization_id: Mapped[UUID | None]
    """The organization that waits for it."""
    urgency: Mapped[int] = mapped_column(SmallInteger)
    """1 to 4 as U1 to U4 (domain.md 8.3)."""
    clock: Mapped[str | None]
    """The parameter that made `due_at` when the item appeared; null: the row itself has it."""
    due_at: Mapped[datetime | None]
    """The first moment that is too late."""
    late: Mapped[bool]
    """Its time was up when the clock last looked."""
    since_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("subject_id", "kind"),
        CheckConstraint("urgency BETWEEN 1 AND 4", name="urgency_known"),
        CheckConstraint("NOT late OR due_at IS NOT NULL", name="late_has_due"),
        Index("ix_work_item_to_be_late", "due_at", postgresql_where=text("NOT late")),
    )


class WorkDesk(Base):
    """One desk on which an item lies. The primary key is the order of every list.

    `a:` and the code of a division around it (`a:` alone is the country), `o:` an organization,
    `t:` a station, `u:` a person; `so:` and `su:` who sent it.
    """

    __tablename__ = "work_desk"

    desk: Mapped[AreaCode] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
    """That of the item, or the year 3000."""
    item_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    """No foreign key: to check ten for every item would cost more than the rest of it."""
    subject_id: Mapped[UUID]
