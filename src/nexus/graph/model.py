"""The platform's own table of quotas. Keys of idempotency have theirs beside what uses them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base


class QuotaBucket(Base):
    """How far a caller's bucket is from full. Unlogged: a crash forgives what was spent."""

    __tablename__ = "quota_bucket"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy reads it so

    holder: Mapped[UUID] = mapped_column(primary_key=True)
    """An account, or the keyed hash of an address."""
    full_at: Mapped[datetime]
