"""Pledges, the allocation ledger they book in, and the deliveries that move it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Fen, Id
from nexus.core.states import Transitions
from nexus.matching.helped.model import HelpOverride


class PledgeState(StrEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    PARTLY_FULFILLED = "partly_fulfilled"
    FULFILLED = "fulfilled"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    RELEASE_REQUESTED = "release_requested"
    RELEASED = "released"


_P = PledgeState
PLEDGE_TRANSITIONS = Transitions(
    PledgeState,
    {
        "accept": {_P.OFFERED: _P.ACCEPTED},
        "reject": {_P.OFFERED: _P.REJECTED},
        "withdraw": {_P.OFFERED: _P.WITHDRAWN, _P.ACCEPTED: _P.WITHDRAWN},
        "expire": {_P.OFFERED: _P.EXPIRED, _P.ACCEPTED: _P.EXPIRED},
        "request_release": {
            _P.ACCEPTED: _P.RELEASE_REQUESTED,
            _P.PARTLY_FULFILLED: _P.RELEASE_REQUESTED,
        },
        "release": {_P.RELEASE_REQUESTED: _P.RELEASED},
        "keep": {_P.RELEASE_REQUESTED: _P.ACCEPTED},
        "fulfil_partly": {_P.ACCEPTED: _P.PARTLY_FULFILLED},
        "fulfil": {_P.ACCEPTED: _P.FULFILLED, _P.PARTLY_FULFILLED: _P.FULFILLED},
        "unfulfil": {_P.PARTLY_FULFILLED: _P.ACCEPTED},
        "give_back": {_P.FULFILLED: _P.RELEASED},
    },
)
LIVE_PLEDGE = "state IN ('offered', 'accepted', 'partly_fulfilled', 'release_requested')"


class Pledge(Base):
    """An organization takes up a published need line, in a quantity (认领)."""

    __tablename__ = "pledge"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"), index=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("need_line.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offer.id"), index=True)
    quantity: Mapped[Decimal]
    amount_fen: Mapped[Fen | None]
    planned_on: Mapped[date | None]
    expires_at: Mapped[datetime]
    note: Mapped[str | None]
    state: Mapped[PledgeState] = mapped_column(default=_P.OFFERED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None]
    override_id: Mapped[UUID | None] = mapped_column(ForeignKey(HelpOverride.id), unique=True)
    """The leave it used to pass a limit of help (INV-10)."""

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        Index(
            "uq_pledge_live",
            "line_id",
            "organization_id",
            text("coalesce(offer_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
            postgresql_where=text(LIVE_PLEDGE),
        ),
        Index("ix_pledge_created_at", "created_at", "id"),
        Index(
            "ix_pledge_expires_at",
            "expires_at",
            postgresql_where=text("state IN ('offered', 'accepted', 'release_requested')"),
        ),
    )


class Bucket(StrEnum):
    """Where a quantity stands. OPEN is the world outside; RELEASED and REVERSED give it back."""

    OPEN = "open"
    RESERVED = "reserved"
    COMMITTED = "committed"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    REVERSED = "reversed"


MOVES = frozenset(
    {
        (Bucket.OPEN, Bucket.RESERVED),
        (Bucket.OPEN, Bucket.COMMITTED),
        (Bucket.RESERVED, Bucket.COMMITTED),
        (Bucket.RESERVED, Bucket.RELEASED),
        (Bucket.COMMITTED, Bucket.RELEASED),
        (Bucket.COMMITTED, Bucket.DELIVERED),
        (Bucket.DELIVERED, Bucket.CONFIRMED),
        (Bucket.DELIVERED, Bucket.REVERSED),
    }
)
"""The ways a quantity may go; from OPEN straight to COMMITTED when the offer was pre-approved."""


class Allocation(Base):
    """Binds a need line to its source. The buckets are the sums of its moves (INV-01, INV-04).

    Only the database posts: a trigger on `allocation_move` adds every move to the buckets here and
    to the counters of the line and the offer.
    """

    __tablename__ = "allocation"

    id: Mapped[Id]
    pledge_id: Mapped[UUID] = mapped_column(ForeignKey("pledge.id"), unique=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("need_line.id"), index=True)
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("offer.id"), index=True)
    quantity: Mapped[Decimal]
    amount_fen: Mapped[Fen | None]
    reserved: Mapped[Decimal] = mapped_column(server_default="0")
    committed: Mapped[Decimal] = mapped_column(server_default="0")
    delivered: Mapped[Decimal] = mapped_column(server_default="0")
    confirmed: Mapped[Decimal] = mapped_column(server_default="0")
    released: Mapped[Decimal] = mapped_column(server_default="0")
    reversed: Mapped[Decimal] = mapped_column(server_default="0")
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "least(reserved, committed, delivered, confirmed, released, reversed) >= 0",
            name="buckets_not_negative",
        ),
        CheckConstraint(
            "reserved + committed + delivered + confirmed + released + reversed IN (0, quantity)",
            name="buckets_sum",
        ),
    )


class AllocationMove(Base):
    """One entry of the ledger: a quantity goes from one bucket to another. Append-only (INV-21)."""

    __tablename__ = "allocation_move"

    id: Mapped[Id]
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocation.id"), index=True)
    from_bucket: Mapped[Bucket]
    to_bucket: Mapped[Bucket]
    quantity: Mapped[Decimal]
    delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey("delivery.id"), index=True)
    moved_at: Mapped[datetime]
    moved_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "(from_bucket, to_bucket) IN ("
            + ", ".join(sorted(f"('{source}', '{target}')" for source, target in MOVES))
            + ")",
            name="listed_move",
        ),
        CheckConstraint(
            "delivery_id IS NOT NULL OR to_bucket NOT IN ('delivered', 'confirmed', 'reversed')",
            name="names_delivery",
        ),
    )


class DeliveryState(StrEnum):
    RECORDED = "recorded"
    ACKNOWLEDGED = "acknowledged"
    VERIFIED = "verified"
    DISPUTED = "disputed"
    REVERSED = "reversed"


_D = DeliveryState
DELIVERY_TRANSITIONS = Transitions(
    DeliveryState,
    {
        "acknowledge": {_D.RECORDED: _D.ACKNOWLEDGED},
        "verify": {_D.ACKNOWLEDGED: _D.VERIFIED},
        "dispute": {_D.RECORDED: _D.DISPUTED},
        "uphold": {_D.DISPUTED: _D.ACKNOWLEDGED},
        "reverse": {_D.DISPUTED: _D.REVERSED},
    },
)


class Acknowledgement(StrEnum):
    SIGNATURE = "signature"
    OTP = "otp"
    VOICE = "voice"
    GUARDIAN = "guardian"
    WITNESSED = "witnessed"


class Delivery(Base):
    """Help that reached the recipient, and their word for it."""

    __tablename__ = "delivery"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """Whose pledge it fulfils; the recorder may be somebody else."""
    pledge_id: Mapped[UUID] = mapped_column(ForeignKey("pledge.id"), index=True)
    allocation_id: Mapped[UUID] = mapped_column(ForeignKey("allocation.id"), index=True)
    quantity: Mapped[Decimal]
    delivered_on: Mapped[date]
    place: Mapped[str | None]
    """The type of place (home, station, school), never an address."""
    evidence: Mapped[dict[str, Any] | None]
    state: Mapped[DeliveryState] = mapped_column(default=_D.RECORDED)
    state_reason: Mapped[str | None]
    acknowledgement: Mapped[Acknowledgement | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "acknowledged_by IS NULL OR acknowledged_by <> created_by",
            name="acknowledger_not_recorder",
        ),
        Index("ix_delivery_created_at", "created_at", "id"),
        Index("ix_delivery_unconfirmed", "created_at", postgresql_where=text("state = 'recorded'")),
    )
