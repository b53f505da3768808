"""Notices of missing material, one a report or need."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.discovery.model import DiscoveryReport
from nexus.needs.model import Need


class MissingNotice(Base):
    """What was still missing, told at once and once (T23b). Never changed."""

    __tablename__ = "missing_notice"

    id: Mapped[Id]
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey(DiscoveryReport.id), unique=True)
    need_id: Mapped[UUID | None] = mapped_column(ForeignKey(Need.id), unique=True)
    items: Mapped[list[str]]
    """Code list `missing_material`."""
    note: Mapped[str | None]
    due_at: Mapped[datetime]
    given_at: Mapped[datetime]
    given_by: Mapped[UUID]
    late: Mapped[bool]
    """Given after the first response, not with it."""

    __table_args__ = (
        CheckConstraint("num_nonnulls(report_id, need_id) = 1", name="one_subject"),
        CheckConstraint("cardinality(items) > 0", name="item_named"),
    )
