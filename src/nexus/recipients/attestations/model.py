"""Attestations, and the public keys that they are signed under."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, Sequence
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions

STATUS_INDEXES = Sequence("attestation_status_seq", metadata=Base.metadata, minvalue=0, start=0)


class AttestationState(StrEnum):
    ISSUED = "issued"
    REVOKED = "revoked"


_A = AttestationState
TRANSITIONS = Transitions(AttestationState, {"revoke": {_A.ISSUED: _A.REVOKED}})


class SigningKey(Base):
    """A public key that attestations were signed under: kept, so that old ones still verify."""

    __tablename__ = "signing_key"

    id: Mapped[Id]
    thumbprint: Mapped[str] = mapped_column(unique=True)
    """RFC 7638, the `kid` of the tokens."""
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("octet_length(public_key) = 32", name="ed25519"),)


class Attestation(Base):
    """A signed statement for one organization and purpose; nothing in it names the person."""

    __tablename__ = "attestation"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    recognition_id: Mapped[UUID] = mapped_column(ForeignKey("recognition.id"), index=True)
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)
    """Whom it is about: the subject, or the member of the household who consented."""
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    alias: Mapped[str]
    """The name that organization knows the person by (INV-15)."""
    purpose: Mapped[str]
    """Code list `consent_purpose`."""
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"), index=True)
    legal_basis: Mapped[str | None]
    """Code list `legal_basis`, where the law needs no consent."""
    category: Mapped[str]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The county; of a protected address the province."""
    valid_until: Mapped[date]
    """The first day on which it no longer holds."""
    validity_rule: Mapped[str]
    """The version of the parameter that bounds it."""
    token: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the token."""
    key_id: Mapped[UUID] = mapped_column(ForeignKey("signing_key.id"), index=True)
    status_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    state: Mapped[AttestationState] = mapped_column(default=_A.ISSUED)
    state_reason: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("num_nonnulls(consent_id, legal_basis) = 1", name="one_basis"),
        CheckConstraint("(state = 'revoked') = (revoked_at IS NOT NULL)", name="revoked"),
        CheckConstraint("length(area_code) <= 6", name="no_finer_than_county"),
    )


class AttestationStatus(StrEnum):
    """What whoever checks a token is told."""

    VALID = "valid"
    REVOKED = "revoked"
    EXPIRED = "expired"
