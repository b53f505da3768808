"""Contracts with their items, targets and milestones, and the earlier editions of their text."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Fen, Id
from nexus.core.states import Transitions
from nexus.purchasing.budgets.model import BudgetLine
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.procurements.model import Award, Procurement


class TermReason(StrEnum):
    """What together allows a term of more than a year (MOF Order 102, art. 24)."""

    FIXED_CONTENT = "fixed_content"
    """购买内容相对固定"""
    CONTINUITY = "continuity"
    """连续性强"""
    STABLE_FUNDING = "stable_funding"
    """经费来源稳定"""
    STABLE_PRICE = "stable_price"
    """价格变化幅度小"""


class ContractState(StrEnum):
    """OCDS 1.2: pending and active, then a code of `contractFinalStatus`."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED_SUCCESSFULLY = "terminated_successfully"
    TERMINATED_EARLY = "terminated_early"
    CANCELLED = "cancelled"
    UNSUCCESSFUL = "unsuccessful"


_C = ContractState
TRANSITIONS = Transitions(
    ContractState,
    {
        "sign": {_C.PENDING: _C.ACTIVE},
        "publish": {_C.ACTIVE: _C.ACTIVE, _C.SUSPENDED: _C.SUSPENDED},
        "amend": {_C.ACTIVE: _C.ACTIVE, _C.SUSPENDED: _C.SUSPENDED},
        "reassign": {_C.PENDING: _C.PENDING, _C.ACTIVE: _C.ACTIVE, _C.SUSPENDED: _C.SUSPENDED},
        "suspend": {_C.ACTIVE: _C.SUSPENDED},
        "resume": {_C.SUSPENDED: _C.ACTIVE},
        "complete": {_C.ACTIVE: _C.TERMINATED_SUCCESSFULLY},
        "terminate": {
            _C.ACTIVE: _C.TERMINATED_EARLY,
            _C.SUSPENDED: _C.TERMINATED_EARLY,
        },
        "cancel": {_C.PENDING: _C.CANCELLED},
        "fail": {_C.PENDING: _C.UNSUCCESSFUL},
    },
)
UNSIGNED = (_C.PENDING, _C.CANCELLED, _C.UNSUCCESSFUL)


class Contract(Base):
    """What a buyer and a supplier agreed, under an award (OCDS contract)."""

    __tablename__ = "contract"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    procurement_id: Mapped[UUID] = mapped_column(ForeignKey(Procurement.id), index=True)
    award_id: Mapped[UUID] = mapped_column(ForeignKey(Award.id), index=True)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Where it is carried out."""
    manager_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    """The buyer's person who looks after it (contractImplementationManager)."""
    title: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    """End-exclusive."""
    value_fen: Mapped[Fen]
    """The sum of its items (INV-24)."""
    data_protection_clause: Mapped[str]
    """What the supplier must and must not do with data about recipients."""
    term_reasons: Mapped[list[str]]
    """Values of `TermReason`: all four for a term of more than a year."""
    term_months: Mapped[int]
    """The longest term without reasons, as the figure stood when it was drawn up."""
    reasoned_term_months: Mapped[int]
    """The longest term with all four reasons."""
    term_rule: Mapped[str]
    """The version of those figures."""
    signed_on: Mapped[date | None]
    signed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    publish_due_at: Mapped[datetime | None]
    """The first moment at which publishing is late."""
    publish_rule: Mapped[str | None]
    published_on: Mapped[date | None]
    state: Mapped[ContractState] = mapped_column(default=_C.PENDING)
    state_reason: Mapped[str | None]
    edition: Mapped[int] = mapped_column(default=1)
    """1, and one more with every amendment."""
    version: Mapped[int] = mapped_column(default=1)
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        CheckConstraint("value_fen > 0", name="value_positive"),
        CheckConstraint("ends_on > starts_on", name="period"),
        CheckConstraint("buyer_id <> supplier_id", name="two_parties"),
        CheckConstraint("length(btrim(data_protection_clause)) > 0", name="data_protected"),
        CheckConstraint(
            "term_reasons <@ ARRAY['fixed_content', 'continuity', 'stable_funding', "
            "'stable_price']",
            name="term_reasons_known",
        ),
        CheckConstraint(
            "ends_on <= starts_on + make_interval(months => term_months) OR (term_reasons @> "
            "ARRAY['fixed_content', 'continuity', 'stable_funding', 'stable_price'] "
            "AND ends_on <= starts_on + make_interval(months => reasoned_term_months))",
            name="inv_26_term",
        ),
        CheckConstraint(
            "(state IN ('pending', 'cancelled', 'unsuccessful')) = (signed_on IS NULL) "
            "AND (signed_on IS NULL) = (signed_by IS NULL) "
            "AND (signed_on IS NULL) = (publish_due_at IS NULL) "
            "AND (signed_on IS NULL) = (publish_rule IS NULL)",
            name="signed_whole",
        ),
        CheckConstraint("published_on >= signed_on", name="published_after_signing"),
        CheckConstraint("published_on IS NULL OR signed_on IS NOT NULL", name="published_signed"),
        CheckConstraint("signed_by IS DISTINCT FROM created_by", name="inv_18_second_person"),
        CheckConstraint(
            "(ended_at IS NOT NULL) = (state IN ('terminated_successfully', 'terminated_early', "
            "'cancelled', 'unsuccessful'))",
            name="ended_whole",
        ),
        CheckConstraint(
            "state NOT IN ('suspended', 'terminated_early', 'cancelled', 'unsuccessful') "
            "OR state_reason IS NOT NULL",
            name="reason_given",
        ),
        CheckConstraint("edition > 0", name="edition_positive"),
        Index(
            "uq_contract_live",
            "award_id",
            unique=True,
            postgresql_where=text("state NOT IN ('cancelled', 'unsuccessful')"),
        ),
        Index("ix_contract_created_at", "created_at", "id"),
        Index(
            "ix_contract_to_publish",
            "publish_due_at",
            postgresql_where=text("published_on IS NULL AND signed_on IS NOT NULL"),
        ),
        Index("ix_contract_running", "ends_on", postgresql_where=text("ended_at IS NULL")),
    )


class FactKind(StrEnum):
    """Which facts count for an item (domain.md 7.10)."""

    VISIT = "visit"
    CASE = "case"
    DELIVERY = "delivery"
    SERVICE_RECORD = "service_record"
    SESSION = "session"


class ContractItem(Base):
    """What is supplied: a catalogue item, how much, at what price, from which budget line.

    An amendment changes quantity and price; what it drops stays with quantity 0.
    """

    __tablename__ = "contract_item"

    id: Mapped[Id]
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id))
    position: Mapped[int]
    catalogue_item_id: Mapped[UUID] = mapped_column(ForeignKey(CatalogueItem.id), index=True)
    budget_line_id: Mapped[UUID] = mapped_column(ForeignKey(BudgetLine.id), index=True)
    unit: Mapped[str]
    """Code list `unit` (UNECE Rec 20), the catalogue item's."""
    quantity: Mapped[Decimal]
    unit_price_fen: Mapped[Fen]
    value_fen: Mapped[Fen]
    fact_kind: Mapped[FactKind]

    __table_args__ = (
        UniqueConstraint("contract_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("quantity >= 0", name="quantity_not_negative"),
        CheckConstraint("unit_price_fen > 0", name="unit_price_positive"),
        CheckConstraint("value_fen = round(quantity * unit_price_fen)", name="inv_24_value"),
    )


class TargetMetric(StrEnum):
    """What a target counts."""

    QUANTITY = "quantity"
    """Σ quantity of the counted facts, in the item's unit."""
    FACTS = "facts"
    """How many facts count."""
    HOUSEHOLDS = "households"
    """How many households they reached."""
    SATISFACTION = "satisfaction"
    """The mean of the clients' voices, 1 to 5."""


class ContractTarget(Base):
    """What must be reached: of one item, or of the whole contract."""

    __tablename__ = "contract_target"

    id: Mapped[Id]
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id))
    position: Mapped[int]
    item_id: Mapped[UUID | None] = mapped_column(ForeignKey(ContractItem.id), index=True)
    metric: Mapped[TargetMetric]
    title: Mapped[str]
    target_value: Mapped[Decimal]

    __table_args__ = (
        UniqueConstraint("contract_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("target_value >= 0", name="target_value_not_negative"),
        CheckConstraint(
            "metric <> 'satisfaction' OR target_value BETWEEN 1 AND 5", name="satisfaction"
        ),
        CheckConstraint("metric <> 'quantity' OR item_id IS NOT NULL", name="quantity_of_item"),
    )


class MilestoneKind(StrEnum):
    """Of OCDS `milestoneType`; payment is exported as `financing`."""

    DELIVERY = "delivery"
    REPORTING = "reporting"
    ASSESSMENT = "assessment"
    PAYMENT = "payment"


class MilestoneState(StrEnum):
    """OCDS `milestoneStatus`."""

    SCHEDULED = "scheduled"
    MET = "met"
    PARTIALLY_MET = "partially_met"
    NOT_MET = "not_met"


_M = MilestoneState
MILESTONE_TRANSITIONS = Transitions(
    MilestoneState,
    {
        "meet": {_M.SCHEDULED: _M.MET, _M.PARTIALLY_MET: _M.MET, _M.NOT_MET: _M.MET},
        "meet_partly": {
            _M.SCHEDULED: _M.PARTIALLY_MET,
            _M.PARTIALLY_MET: _M.PARTIALLY_MET,
            _M.NOT_MET: _M.PARTIALLY_MET,
        },
        "miss": {_M.SCHEDULED: _M.NOT_MET},
    },
)


class Milestone(Base):
    """A step of a contract, due on a day, worth so much once it is accepted."""

    __tablename__ = "milestone"

    id: Mapped[Id]
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id))
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The contract's."""
    position: Mapped[int]
    kind: Mapped[MilestoneKind]
    title: Mapped[str]
    due_on: Mapped[date]
    value_fen: Mapped[Fen]
    accepted_fen: Mapped[Fen] = mapped_column(default=0)
    paid_fen: Mapped[Fen] = mapped_column(default=0)
    state: Mapped[MilestoneState] = mapped_column(default=_M.SCHEDULED)
    state_reason: Mapped[str | None]
    met_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("contract_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("value_fen >= 0", name="value_not_negative"),
        CheckConstraint("paid_fen >= 0", name="paid_not_negative"),
        CheckConstraint("accepted_fen <= value_fen", name="inv_24_accepted"),
        CheckConstraint("paid_fen <= accepted_fen", name="inv_24_paid"),
        CheckConstraint(
            "(met_on IS NOT NULL) = (state IN ('met', 'partially_met'))", name="met_whole"
        ),
        CheckConstraint(
            "accepted_fen = 0 OR state IN ('met', 'partially_met')", name="accepted_is_met"
        ),
        Index("ix_milestone_due_on", "due_on", "id"),
    )


class ContractAmendment(Base):
    """One amendment: why, and the whole text before it. Never changed."""

    __tablename__ = "contract_amendment"

    id: Mapped[Id]
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id))
    edition: Mapped[int]
    """The edition that it made."""
    rationale: Mapped[str]
    before: Mapped[dict[str, Any]]
    """The earlier edition: contract, items, targets and milestones."""
    value_before_fen: Mapped[Fen]
    value_after_fen: Mapped[Fen]
    amended_on: Mapped[date]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        UniqueConstraint("contract_id", "edition"),
        CheckConstraint("edition > 1", name="edition_after_first"),
    )
