"""Reports as they were found once, kept whole."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id


class ReportSnapshot(Base):
    """One report as it was found at one moment, to be issued again in any format. Never changed."""

    __tablename__ = "report_snapshot"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    """Of its definition."""
    definition_version: Mapped[int]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date]
    """End-exclusive."""
    found_at: Mapped[datetime]
    with_rows: Mapped[bool]
    """Whether it holds the rows of the ledger behind its numbers."""
    content: Mapped[str]
    """The canonical text; any format is made of it again."""
    hash: Mapped[str]
    """SHA-256 of the content, in hex."""
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    """Whose account kept it."""
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("until_on > from_on", name="period"),
        CheckConstraint("definition_version >= 1", name="version_counted"),
        CheckConstraint(
            "hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')", name="hash_of_content"
        ),
        Index("ix_report_snapshot_created_at", "created_at", "id"),
    )
