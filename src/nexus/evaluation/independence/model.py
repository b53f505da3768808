"""Ties between organizations, as somebody declared them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id


class TieKind(StrEnum):
    CONTRACT = "contract"
    EMPLOYMENT = "employment"
    """The same person works or worked for both."""
    OWNERSHIP = "ownership"
    """One holds, founded or governs the other."""


class OrganizationTie(Base):
    """Two organizations were linked for a time. Never changed."""

    __tablename__ = "organization_tie"

    id: Mapped[Id]
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    other_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    kind: Mapped[TieKind]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    """End-exclusive; none while it lasts."""
    note: Mapped[str]
    declared_at: Mapped[datetime]
    declared_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        CheckConstraint("organization_id <> other_id", name="two_organizations"),
        CheckConstraint("until_on > from_on", name="period"),
        Index("ix_organization_tie_declared_at", "declared_at", "id"),
    )
