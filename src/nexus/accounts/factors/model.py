"""The secrets that codes are made from, sealed, and the codes for a lost device, hashed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id


class SecondFactor(Base):
    """A device's secret. An account has at most one that counts and one not yet confirmed."""

    __tablename__ = "second_factor"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    """Sealed for this row alone; the codes of the device are made from it (RFC 4226)."""
    key_version: Mapped[int]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    """When a code of the device was given; null: it does not count yet."""
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The latest step of 30 s whose code was used: it and all before count no more."""

    __table_args__ = (
        CheckConstraint("(confirmed_at IS NULL) = (last_step IS NULL)", name="confirmed_by_a_code"),
        Index(
            "uq_second_factor_active",
            "account_id",
            unique=True,
            postgresql_where=text("confirmed_at IS NOT NULL"),
        ),
        Index(
            "uq_second_factor_pending",
            "account_id",
            unique=True,
            postgresql_where=text("confirmed_at IS NULL"),
        ),
    )


class RecoveryCode(Base):
    """A code for a lost device, good once; it goes with its factor."""

    __tablename__ = "recovery_code"

    factor_id: Mapped[UUID] = mapped_column(
        ForeignKey("second_factor.id", ondelete="CASCADE"), primary_key=True
    )
    hmac: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """Keyed hash of the code."""
    used_at: Mapped[datetime | None]
