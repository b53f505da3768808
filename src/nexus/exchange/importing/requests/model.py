"""Mapping profiles under names."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id


class ImportProfile(Base):
    """One edition of a profile. Editions are never changed."""

    __tablename__ = "import_profile"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    name: Mapped[str]
    edition: Mapped[int]
    kind: Mapped[str]
    toml: Mapped[str]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("account_id", "name", "edition"),)
