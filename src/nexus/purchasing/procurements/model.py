"""Procurements with their items and gaps, bids and awards."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Fen, Id
from nexus.core.states import Transitions
from nexus.matching.suggestions.model import Gap
from nexus.purchasing.budgets.model import BudgetLine
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.procurements.suppliers.model import SupplierList


class ProcurementMethod(StrEnum):
    """OCDS code list `method`, unchanged."""

    OPEN = "open"
    SELECTIVE = "selective"
    LIMITED = "limited"
    DIRECT = "direct"


class ProcurementState(StrEnum):
    PLANNING = "planning"
    TENDER = "tender"
    AWARD = "award"
    CONTRACTED = "contracted"
    UNSUCCESSFUL = "unsuccessful"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"


_P = ProcurementState
TRANSITIONS = Transitions(
    ProcurementState,
    {
        "revise": {_P.PLANNING: _P.PLANNING},
        "link_gap": {_P.PLANNING: _P.PLANNING, _P.TENDER: _P.TENDER},
        "publish": {_P.PLANNING: _P.TENDER},
        "award": {_P.TENDER: _P.AWARD, _P.AWARD: _P.AWARD},
        "contract": {_P.AWARD: _P.CONTRACTED, _P.CONTRACTED: _P.CONTRACTED},
        "fail": {_P.TENDER: _P.UNSUCCESSFUL, _P.AWARD: _P.UNSUCCESSFUL},
        "cancel": {
            _P.PLANNING: _P.CANCELLED,
            _P.TENDER: _P.CANCELLED,
            _P.AWARD: _P.CANCELLED,
        },
        "withdraw": {_P.PLANNING: _P.WITHDRAWN, _P.TENDER: _P.WITHDRAWN},
    },
)


class Procurement(Base):
    """One process of buying services, from planning to contract (OCDS contracting process)."""

    __tablename__ = "procurement"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    ocid: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    rationale: Mapped[str]
    """Why it is bought: the need that nobody meets."""
    method: Mapped[ProcurementMethod]
    method_details: Mapped[str | None]
    """The method in the buyer's own law, such as 竞争性磋商."""
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    list_id: Mapped[UUID | None] = mapped_column(ForeignKey(SupplierList.id), index=True)
    """The framework list or open call it draws on: then only who is admitted may bid."""
    value_fen: Mapped[Fen]
    """The sum of its items: the most that may be awarded."""
    tender_starts_on: Mapped[date | None]
    tender_ends_on: Mapped[date | None]
    """End-exclusive: bids are opened on this day."""
    contract_starts_on: Mapped[date | None]
    contract_ends_on: Mapped[date | None]
    """End-exclusive."""
    state: Mapped[ProcurementState] = mapped_column(default=_P.PLANNING)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    published_at: Mapped[datetime | None]
    """When the tender went out."""
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        CheckConstraint("ocid ~ '^ocds-[0-9a-z]{6}-.+'", name="ocid_shape"),
        CheckConstraint("value_fen >= 0", name="value_not_negative"),
        CheckConstraint(
            "(tender_starts_on IS NULL) = (tender_ends_on IS NULL) "
            "AND tender_ends_on > tender_starts_on",
            name="tender_period",
        ),
        CheckConstraint(
            "(contract_starts_on IS NULL) = (contract_ends_on IS NULL) "
            "AND contract_ends_on > contract_starts_on",
            name="contract_period",
        ),
        CheckConstraint(
            "state NOT IN ('tender', 'award', 'contracted', 'unsuccessful') "
            "OR (published_at IS NOT NULL AND tender_ends_on IS NOT NULL AND value_fen > 0)",
            name="published_whole",
        ),
        CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('unsuccessful', 'cancelled', 'withdrawn')) "
            "AND (ended_at IS NULL OR state_reason IS NOT NULL)",
            name="ended_whole",
        ),
        Index("ix_procurement_created_at", "created_at", "id"),
    )


class ProcurementItem(Base):
    """What is bought: a catalogue item, how much of it, at most at what price, from which line."""

    __tablename__ = "procurement_item"

    id: Mapped[Id]
    procurement_id: Mapped[UUID] = mapped_column(ForeignKey(Procurement.id))
    position: Mapped[int]
    catalogue_item_id: Mapped[UUID] = mapped_column(ForeignKey(CatalogueItem.id), index=True)
    budget_line_id: Mapped[UUID] = mapped_column(ForeignKey(BudgetLine.id), index=True)
    quantity: Mapped[Decimal]
    unit: Mapped[str]
    """Code list `unit` (UNECE Rec 20), the catalogue item's."""
    unit_price_fen: Mapped[Fen]
    value_fen: Mapped[Fen]

    __table_args__ = (
        UniqueConstraint("procurement_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_price_fen > 0", name="unit_price_positive"),
        CheckConstraint("value_fen = round(quantity * unit_price_fen)", name="value"),
    )


class ProcurementGap(Base):
    """A gap that the procurement is to fill (T18c): linked once, never taken back."""

    __tablename__ = "procurement_gap"

    procurement_id: Mapped[UUID] = mapped_column(ForeignKey(Procurement.id), primary_key=True)
    gap_id: Mapped[UUID] = mapped_column(ForeignKey(Gap.id), primary_key=True, index=True)
    linked_at: Mapped[datetime]
    linked_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)


class BidState(StrEnum):
    """OCDS code list `bidStatus`, with the word of the market for `pending`."""

    SUBMITTED = "submitted"
    VALID = "valid"
    DISQUALIFIED = "disqualified"
    WITHDRAWN = "withdrawn"


_B = BidState
BID_TRANSITIONS = Transitions(
    BidState,
    {
        "accept": {_B.SUBMITTED: _B.VALID},
        "disqualify": {_B.SUBMITTED: _B.DISQUALIFIED, _B.VALID: _B.DISQUALIFIED},
        "withdraw": {_B.SUBMITTED: _B.WITHDRAWN},
    },
)


class Bid(Base):
    """What a supplier asks for all items of a procurement. Sealed until the tender ends."""

    __tablename__ = "bid"

    id: Mapped[Id]
    procurement_id: Mapped[UUID] = mapped_column(ForeignKey(Procurement.id), index=True)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The procurement's."""
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    value_fen: Mapped[Fen]
    statement: Mapped[str]
    """How the supplier would do it."""
    opens_on: Mapped[date]
    """The day its procurement's bids are opened: before it only the supplier sees it."""
    state: Mapped[BidState] = mapped_column(default=_B.SUBMITTED)
    state_reason: Mapped[str | None]
    submitted_at: Mapped[datetime]
    submitted_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("value_fen > 0", name="value_positive"),
        CheckConstraint(
            "(decided_by IS NOT NULL) = (state IN ('valid', 'disqualified'))", name="decided"
        ),
        CheckConstraint("state <> 'disqualified' OR state_reason IS NOT NULL", name="reason_given"),
        Index(
            "uq_bid_live",
            "procurement_id",
            "supplier_id",
            unique=True,
            postgresql_where=text("state IN ('submitted', 'valid')"),
        ),
        Index("ix_bid_submitted_at", "submitted_at", "id"),
    )


class AwardState(StrEnum):
    """OCDS code list `awardStatus`, unchanged."""

    PENDING = "pending"
    ACTIVE = "active"
    UNSUCCESSFUL = "unsuccessful"
    CANCELLED = "cancelled"


_W = AwardState
AWARD_TRANSITIONS = Transitions(
    AwardState,
    {
        "activate": {_W.PENDING: _W.ACTIVE},
        "fail": {_W.PENDING: _W.UNSUCCESSFUL},
        "cancel": {_W.PENDING: _W.CANCELLED, _W.ACTIVE: _W.CANCELLED},
    },
)


class Award(Base):
    """The decision for a supplier, proposed by one person of the buyer and confirmed by another."""

    __tablename__ = "award"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    procurement_id: Mapped[UUID] = mapped_column(ForeignKey(Procurement.id), index=True)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The procurement's."""
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    bid_id: Mapped[UUID | None] = mapped_column(ForeignKey(Bid.id), index=True)
    value_fen: Mapped[Fen]
    rationale: Mapped[str]
    """Why this supplier."""
    awarded_on: Mapped[date | None]
    """The day it was confirmed."""
    state: Mapped[AwardState] = mapped_column(default=_W.PENDING)
    state_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("value_fen > 0", name="value_positive"),
        CheckConstraint(
            "awarded_on IS NULL OR decided_by IS DISTINCT FROM created_by",
            name="inv_18_second_person",
        ),
        CheckConstraint(
            "(state <> 'active' OR awarded_on IS NOT NULL) "
            "AND (awarded_on IS NULL OR state IN ('active', 'cancelled')) "
            "AND (state = 'pending') = (decided_by IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint(
            "state NOT IN ('unsuccessful', 'cancelled') OR state_reason IS NOT NULL",
            name="reason_given",
        ),
        Index(
            "uq_award_live",
            "procurement_id",
            "supplier_id",
            unique=True,
            postgresql_where=text("state IN ('pending', 'active')"),
        ),
        Index("ix_award_created_at", "created_at", "id"),
    )
