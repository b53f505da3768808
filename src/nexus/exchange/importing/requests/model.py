"""Mapping profiles under names, and sheets of the rows that something was wrong with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.exchange.importing.model import ImportRun


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


class ImportSheet(Base):
    """The rows of a file that something was wrong with, as a workbook, sealed; kept for a week."""

    __tablename__ = "import_sheet"

    run_id: Mapped[UUID] = mapped_column(ForeignKey(ImportRun.id), primary_key=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    rows: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    __table_args__ = (CheckConstraint("rows > 0", name="not_empty"),)
