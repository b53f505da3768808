"""Pairings of helpers with households, their contacts, and what helpers gave."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Fen, Id
from nexus.core.states import Transitions


class HelperKind(StrEnum):
    WORKER = "worker"
    VOLUNTEER_ORGANIZATION = "volunteer_organization"
    PARTY_ORGANIZATION = "party_organization"
    """One of its members helps; who, it knows itself."""


class PairingState(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


TRANSITIONS = Transitions(
    PairingState,
    {
        "contact": {PairingState.ACTIVE: PairingState.ACTIVE},
        "end": {PairingState.ACTIVE: PairingState.ENDED},
    },
)

# Hashes in a range, because a plain equality would need an extension.
_HELPER = "coalesce(worker_id, organization_id)::text || household_id::text"
_PAIR = f"hashtextextended({_HELPER}, 0)"
_ONE_HELPER = (
    "(helper_kind = 'worker') = (worker_id IS NOT NULL) "
    "AND num_nonnulls(worker_id, organization_id) = 1"
)


class Pairing(Base):
    """A helper and a household for a time (结对帮扶, T22)."""

    __tablename__ = "pairing"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    helper_kind: Mapped[HelperKind]
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("worker.id"), index=True)
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    last_contact_at: Mapped[datetime | None]
    state: Mapped[PairingState] = mapped_column(default=PairingState.ACTIVE)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint(_ONE_HELPER, name="one_helper"),
        CheckConstraint("valid_to >= valid_from", name="period"),
        CheckConstraint("state = 'active' OR valid_to IS NOT NULL", name="ended"),
        ExcludeConstraint(
            (text(f"int8range({_PAIR}, {_PAIR}, '[]')"), "&&"),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="ex_pairing_period",
            using="gist",
        ),
        Index("ix_pairing_created_at", "created_at", "id"),
    )


class ContactMeans(StrEnum):
    VISIT = "visit"
    PHONE = "phone"
    MESSAGE = "message"
    ACTIVITY = "activity"


class PairingContact(Base):
    """One contact of a helper with the household. Never changed."""

    __tablename__ = "pairing_contact"

    id: Mapped[Id]
    pairing_id: Mapped[UUID] = mapped_column(ForeignKey(Pairing.id))
    means: Mapped[ContactMeans]
    performed_at: Mapped[datetime]
    """By the device's clock."""
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID]
    note: Mapped[str | None]
    """Names nobody."""

    __table_args__ = (
        CheckConstraint("performed_at <= recorded_at + interval '1 minute'", name="not_to_come"),
        Index("ix_pairing_contact_pairing_id", "pairing_id", "performed_at", "id"),
    )


class ContributionKind(StrEnum):
    HOURS = "hours"
    CASH = "cash"
    GOODS = "goods"
    SERVICE = "service"


class Contribution(Base):
    """What a helper gave, countable for awards (贡献记录, T22). Never changed."""

    __tablename__ = "contribution"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    pairing_id: Mapped[UUID | None] = mapped_column(ForeignKey(Pairing.id))
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    """Who answers for the record."""
    helper_kind: Mapped[HelperKind]
    worker_id: Mapped[UUID | None] = mapped_column(ForeignKey("worker.id"))
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"))
    kind: Mapped[ContributionKind]
    minutes: Mapped[int | None]
    amount_fen: Mapped[Fen | None]
    """The money given, or what goods are worth."""
    quantity: Mapped[Decimal | None]
    unit: Mapped[str | None]
    item_code: Mapped[str | None]
    given_on: Mapped[date]
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("contribution.id"))
    """The record in whose place this one stands."""
    void: Mapped[bool]
    """A correction that only takes the earlier record away."""
    reason: Mapped[str | None]
    """Why it corrects."""
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("corrects_id"),
        CheckConstraint(_ONE_HELPER, name="one_helper"),
        CheckConstraint("kind <> 'hours' OR minutes IS NOT NULL", name="hours_in_minutes"),
        CheckConstraint("kind <> 'cash' OR amount_fen IS NOT NULL", name="cash_in_fen"),
        CheckConstraint(
            "kind NOT IN ('goods', 'service') OR (quantity IS NOT NULL AND unit IS NOT NULL)",
            name="goods_counted",
        ),
        CheckConstraint("minutes > 0 AND amount_fen > 0 AND quantity > 0", name="positive"),
        CheckConstraint("(corrects_id IS NULL) = (reason IS NULL)", name="corrected_with_reason"),
        CheckConstraint("corrects_id IS NOT NULL OR NOT void", name="void_corrects"),
        CheckConstraint("corrects_id <> id", name="corrects_another"),
        Index("ix_contribution_pairing_id", "pairing_id", "given_on", "id"),
        Index("ix_contribution_worker_id", "worker_id", "given_on", "id"),
        Index("ix_contribution_organization_id", "organization_id", "given_on", "id"),
        Index("ix_contribution_recorded_at", "recorded_at", "id"),
    )
