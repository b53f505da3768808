"""Releases and records to the letter, the processes they tell of, and what is wrong with them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id

OWN = "nexus"
"""The source of what nexus itself publishes."""


class DocumentKind(StrEnum):
    RELEASE = "release"
    RECORD = "record"


class FindingCode(StrEnum):
    AMOUNT_NEGATIVE = "amount_negative"
    AMOUNT_NOT_A_NUMBER = "amount_not_a_number"
    AMOUNT_WITHOUT_CURRENCY = "amount_without_currency"
    BUYER_BLANK = "buyer_blank"
    BUYER_ID_CHANGED = "buyer_id_changed"
    CODE_UNKNOWN = "code_unknown"
    CONTRACT_AFTER_FAILURE = "contract_after_failure"
    CONTRACT_WITHOUT_AWARD = "contract_without_award"
    DATE_MISSING = "date_missing"
    DATE_UNREADABLE = "date_unreadable"
    DATE_WITHOUT_TIME = "date_without_time"
    DATES_IN_TWO_ORDERS = "dates_in_two_orders"
    ID_MISSING = "id_missing"
    ID_REPEATED = "id_repeated"
    IDENTIFIER_BLANK = "identifier_blank"
    KEY_REPEATED = "key_repeated"
    OCID_MISSING = "ocid_missing"
    OCID_PREFIX = "ocid_prefix"
    PARTY_UNLISTED = "party_unlisted"
    PERIOD_REVERSED = "period_reversed"
    RECORD_DISAGREES = "record_disagrees"
    RELEASES_ELSEWHERE = "releases_elsewhere"
    RELEASE_ID_REPEATED = "release_id_repeated"
    SAME_MOMENT = "same_moment"
    TAG_MISSING = "tag_missing"
    TWO_BUYERS = "two_buyers"
    TWO_CURRENCIES = "two_currencies"
    TYPE_CHANGED = "type_changed"


class ContractingDocument(Base):
    """One release or record exactly as it came. Never changed, never removed."""

    __tablename__ = "contracting_document"

    id: Mapped[Id]
    source: Mapped[str]
    kind: Mapped[DocumentKind]
    ocid: Mapped[str | None]
    release_no: Mapped[str | None]
    released_at: Mapped[datetime | None]
    """Its date, where it has one that can be read without guessing."""
    tags: Mapped[list[str]]
    digest: Mapped[str]
    """SHA-256 of the content with its names sorted, in hexadecimal."""
    original: Mapped[str]
    """The JSON text, every character of it."""
    package: Mapped[str | None]
    """The JSON text of what stood around it in its package."""
    file: Mapped[str | None]
    position: Mapped[int]
    """Its place among the documents of its file, or among the releases of its process, from 1."""
    first_run_id: Mapped[UUID | None] = mapped_column(ForeignKey("import_run.id"), index=True)
    """Null for what nexus itself publishes."""
    first_seen_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("digest", "source", "kind"),
        CheckConstraint(
            f"(source = '{OWN}') = (first_run_id IS NULL) AND "
            f"(source <> '{OWN}' OR (kind = 'release' AND ocid IS NOT NULL AND "
            "release_no IS NOT NULL AND released_at IS NOT NULL))",
            name="own_is_whole",
        ),
        Index(
            "uq_contracting_document_own_release",
            "ocid",
            "release_no",
            unique=True,
            postgresql_where=f"source = '{OWN}'",
        ),
        Index("ix_contracting_document_own", "id", postgresql_where=f"source = '{OWN}'"),
        Index("ix_contracting_document_process", "source", "ocid", "released_at", "id"),
        Index("ix_contracting_document_release_no", "release_no"),
        Index("ix_contracting_document_ocid", "ocid"),
        Index("ix_contracting_document_first_seen_at", "first_seen_at", "id"),
    )


class ContractingProcess(Base):
    """What the releases of one process come to when they are merged in the order of their dates."""

    __tablename__ = "contracting_process"

    id: Mapped[Id]
    source: Mapped[str]
    ocid: Mapped[str]
    compiled: Mapped[dict[str, Any]]
    """The compiled release; U+0000, which the database cannot hold, is U+FFFD here."""
    title: Mapped[str | None]
    buyer_name: Mapped[str | None]
    tender_status: Mapped[str | None]
    amount: Mapped[Decimal | None] = mapped_column(Numeric(20, 4))
    """Of the contracts together, else of the awards, else of the tender: in one currency only."""
    currency: Mapped[str | None]
    first_released_at: Mapped[datetime | None]
    last_released_at: Mapped[datetime | None]
    documents: Mapped[int]
    findings: Mapped[int]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("source", "ocid"),
        Index("ix_contracting_process_ocid", "ocid"),
        CheckConstraint("(amount IS NULL) = (currency IS NULL)", name="amount_has_currency"),
        CheckConstraint("documents > 0 AND findings >= 0", name="counted"),
        Index("ix_contracting_process_changed_at", "changed_at", "id"),
    )


class ContractingFinding(Base):
    """Something in a process, or in a document without one, that does not add up."""

    __tablename__ = "contracting_finding"

    id: Mapped[Id]
    source: Mapped[str]
    process_id: Mapped[UUID | None] = mapped_column(ForeignKey(ContractingProcess.id), index=True)
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey(ContractingDocument.id), index=True)
    """The document it is in; null where it is between several."""
    code: Mapped[FindingCode]
    path: Mapped[str]
    """Where, as a JSON pointer (RFC 6901); empty for the whole."""
    message: Mapped[str]

    __table_args__ = (
        CheckConstraint(
            "process_id IS NOT NULL OR document_id IS NOT NULL", name="about_something"
        ),
        Index("ix_contracting_finding_code", "code", "id"),
        Index("ix_contracting_finding_source", "source", "code", "id"),
    )
