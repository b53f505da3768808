"""Certificates with their lines: a snapshot of effective records (INV-33)."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.recipients.vault.contacts.model import ContactReveal
from nexus.volunteering.hours.model import ServiceRecord

PUBLICITY_DAYS = 7
"""Least days of a publicity, where the organization applies one (2015 guidance)."""


class CertificateState(StrEnum):
    PREPARED = "prepared"
    ISSUED = "issued"
    DROPPED = "dropped"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


_C = CertificateState
TRANSITIONS = Transitions(
    CertificateState,
    {
        "issue": {_C.PREPARED: _C.ISSUED},
        "drop": {_C.PREPARED: _C.DROPPED},
        "revoke": {_C.ISSUED: _C.REVOKED},
        "supersede": {_C.ISSUED: _C.SUPERSEDED},
    },
)


class Certificate(Base):
    """What an organization certifies of one volunteer's service in a period."""

    __tablename__ = "certificate"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    """The serial."""
    volunteer_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The issuer, which is the recorder of every line."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date]
    """End-exclusive."""
    total_minutes: Mapped[int]
    line_count: Mapped[int]
    publicity_from_on: Mapped[date | None]
    publicity_until_on: Mapped[date | None]
    """End-exclusive; it is not issued before this day."""
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("certificate.id"), index=True)
    """An earlier one that no longer holds, in whose place it is."""
    prepared_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    """The handler (经办人)."""
    issued_at: Mapped[datetime | None]
    issued_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    """The person in charge (负责人)."""
    code: Mapped[str | None] = mapped_column(unique=True)
    """Verification code of 130 random bits, from the issue on."""
    snapshot_hash: Mapped[str | None]
    """SHA-256 of what was issued, in hex."""
    ended_at: Mapped[datetime | None]
    """When it was dropped, revoked or superseded."""
    state: Mapped[CertificateState] = mapped_column(default=_C.PREPARED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("until_on > from_on", name="period"),
        CheckConstraint("total_minutes > 0 AND line_count > 0", name="not_empty"),
        CheckConstraint("issued_by IS DISTINCT FROM prepared_by", name="handler_not_in_charge"),
        CheckConstraint(
            "(issued_at IS NULL) = (state IN ('prepared', 'dropped')) "
            "AND (issued_at IS NULL) = (issued_by IS NULL) "
            "AND (issued_at IS NULL) = (code IS NULL) "
            "AND (issued_at IS NULL) = (snapshot_hash IS NULL)",
            name="issued_whole",
        ),
        CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('dropped', 'revoked', 'superseded')) "
            "AND (ended_at IS NULL OR state_reason IS NOT NULL)",
            name="ended_whole",
        ),
        CheckConstraint("code ~ '^[0-9A-HJKMNP-TV-Z]{26}$'", name="code_shape"),
        CheckConstraint("snapshot_hash ~ '^[0-9a-f]{64}$'", name="hash_shape"),
        CheckConstraint(
            "(publicity_from_on IS NULL) = (publicity_until_on IS NULL) "
            f"AND publicity_until_on >= publicity_from_on + {PUBLICITY_DAYS}",
            name="publicity",
        ),
        CheckConstraint(
            "publicity_until_on <= (issued_at AT TIME ZONE 'Asia/Shanghai')::date",
            name="issued_after_publicity",
        ),
        Index(
            "uq_certificate_prepared",
            "organization_id",
            "volunteer_id",
            unique=True,
            postgresql_where=text("state = 'prepared'"),
        ),
        Index("ix_certificate_created_at", "created_at", "id"),
    )


class CertificateLine(Base):
    """One record on a certificate, as it was when that was prepared. Never changed."""

    __tablename__ = "certificate_line"

    certificate_id: Mapped[UUID] = mapped_column(ForeignKey(Certificate.id), primary_key=True)
    record_id: Mapped[UUID] = mapped_column(
        ForeignKey(ServiceRecord.id), primary_key=True, index=True
    )
    task_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer_task.id"), index=True)
    day_on: Mapped[date]
    minutes: Mapped[int]

    __table_args__ = (CheckConstraint("minutes > 0", name="minutes_positive"),)


class CertificatePaper(Base):
    """One request to print a certificate with its holder's name; who asked is kept."""

    __tablename__ = "certificate_paper"

    id: Mapped[Id]
    certificate_id: Mapped[UUID] = mapped_column(ForeignKey(Certificate.id), index=True)
    reveal_id: Mapped[UUID] = mapped_column(ForeignKey(ContactReveal.id), unique=True)
    """The name is read under it, for five minutes."""
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    link: Mapped[str]
    """The signed path."""
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_certificate_paper_created_at", "created_at", "id"),)
