"""The vault's tables, in a PostgreSQL schema of their own. No column holds identity in clear."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id, TransactionId

SCHEMA = "vault"


class IdentityField(StrEnum):
    """What is known of who a person is and where."""

    NAME = "name"
    ID_NUMBER = "id_number"
    """GB 11643, 18 characters."""
    PHONE = "phone"
    ADDRESS = "address"


class PersonKey(Base):
    """One person's data key, wrapped by the master key. Erasure destroys it; the row stays."""

    __tablename__ = "person_key"

    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), primary_key=True)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    key_version: Mapped[int]
    """Of the master key that wraps."""
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("(wrapped_key IS NULL) = (erased_at IS NOT NULL)", name="erased"),
        {"schema": SCHEMA},
    )


class IdentityEntry(Base):
    """One field of one person, sealed. The application's role may write it but not read it."""

    __tablename__ = "identity_field"

    recipient_id: Mapped[UUID] = mapped_column(
        ForeignKey(f"{SCHEMA}.person_key.recipient_id"), primary_key=True
    )
    field: Mapped[IdentityField] = mapped_column(primary_key=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    key_version: Mapped[int]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID]

    __table_args__ = ({"schema": SCHEMA},)


class BlindIndex(Base):
    """A keyed hash by which a known number finds its person, and nothing else."""

    __tablename__ = "blind_index"

    field: Mapped[IdentityField] = mapped_column(primary_key=True)
    hmac: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)

    __table_args__ = ({"schema": SCHEMA},)


class NameIndex(Base):
    """A keyed hash of a person's name, by which records of one person are suspected."""

    __tablename__ = "name_index"

    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), primary_key=True)
    hmac: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    examined_at: Mapped[datetime | None]
    """When it was compared with the others; null: it waits for the clock."""

    __table_args__ = (
        Index("ix_vault_name_index_waits", "recipient_id", postgresql_where="examined_at IS NULL"),
        {"schema": SCHEMA},
    )


class Reveal(Base):
    """A recorded request to read fields in clear. Committed first, opened afterwards."""

    __tablename__ = "reveal"

    id: Mapped[Id]
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)
    fields: Mapped[list[str]]
    purpose: Mapped[str]
    """A code of domain.md 8.8."""
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    requested_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
    """By the database's clock; the application may not set it."""
    xact: Mapped[int] = mapped_column(TransactionId(), server_default=text("pg_current_xact_id()"))
    """The transaction that asked: it must have committed before anything is opened."""

    __table_args__ = (
        CheckConstraint("cardinality(fields) > 0", name="field_named"),
        {"schema": SCHEMA},
    )
