"""Names and phone numbers of people who told of something, sealed; requests to read them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id, TransactionId
from nexus.recipients.vault.model import SCHEMA


class Contact(Base):
    """One person's name and phone, sealed with a key of their own that erasure destroys.

    The application's role may write the ciphertext but not read it.
    """

    __tablename__ = "contact"

    id: Mapped[Id]
    fields: Mapped[list[str]]
    """Which are known: name, phone, id_number."""
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    key_version: Mapped[int]
    name: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    phone: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    phone_hmac: Mapped[bytes | None] = mapped_column(LargeBinary, index=True)
    """Two reports by one phone are found by it."""
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID]
    erased_at: Mapped[datetime | None]
    id_number: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """Of a volunteer, whose real name was proven by it."""
    id_number_hmac: Mapped[bytes | None] = mapped_column(LargeBinary)
    """One person is one volunteer."""

    __table_args__ = (
        CheckConstraint("(wrapped_key IS NULL) = (erased_at IS NOT NULL)", name="erased"),
        CheckConstraint(
            "erased_at IS NULL OR (name IS NULL AND phone IS NULL AND phone_hmac IS NULL "
            "AND id_number IS NULL AND id_number_hmac IS NULL)",
            name="erased_whole",
        ),
        CheckConstraint("cardinality(fields) > 0", name="field_named"),
        Index(
            "uq_vault_contact_id_number_hmac",
            "id_number_hmac",
            unique=True,
            postgresql_where=text("id_number_hmac IS NOT NULL"),
        ),
        {"schema": SCHEMA},
    )


class ContactReveal(Base):
    """A recorded request to read a contact in clear. Committed first, opened afterwards."""

    __tablename__ = "contact_reveal"

    id: Mapped[Id]
    contact_id: Mapped[UUID] = mapped_column(ForeignKey(Contact.id), index=True)
    purpose: Mapped[str]
    """A code of domain.md 8.8."""
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    requested_at: Mapped[datetime] = mapped_column(server_default=text("statement_timestamp()"))
    """By the database's clock; the application may not set it."""
    xact: Mapped[int] = mapped_column(TransactionId(), server_default=text("pg_current_xact_id()"))

    __table_args__ = ({"schema": SCHEMA},)
