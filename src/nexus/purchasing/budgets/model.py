"""Budget lines and the ledger whose entries are their sums."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Fen, Id
from nexus.core.states import Transitions
from nexus.purchasing.catalogue.model import CatalogueItem, FundingSource


class BudgetLineState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    FROZEN = "frozen"
    CLOSED = "closed"


_B = BudgetLineState
TRANSITIONS = Transitions(
    BudgetLineState,
    {
        "amend": {_B.DRAFT: _B.DRAFT},
        "approve": {_B.DRAFT: _B.APPROVED},
        "adjust": {_B.APPROVED: _B.APPROVED, _B.FROZEN: _B.FROZEN},
        "freeze": {_B.APPROVED: _B.FROZEN},
        "unfreeze": {_B.FROZEN: _B.APPROVED},
        "close": {_B.APPROVED: _B.CLOSED, _B.FROZEN: _B.CLOSED},
    },
)
"""A frozen line takes nothing new; what it holds can be given back."""


class BudgetLine(Base):
    """Money of one fiscal year from one source, for one buyer (T21d, INV-23).

    Only the database writes the five sums: a trigger on `budget_entry` posts every journal.
    """

    __tablename__ = "budget_line"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    fiscal_year: Mapped[int]
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    funding_source: Mapped[FundingSource]
    planned_fen: Mapped[Fen]
    """What is asked for; approving posts it."""
    approved_fen: Mapped[Fen] = mapped_column(server_default="0")
    adjusted_fen: Mapped[Fen] = mapped_column(server_default="0")
    """The sum of its adjustments; may be negative."""
    reserved_fen: Mapped[Fen] = mapped_column(server_default="0")
    committed_fen: Mapped[Fen] = mapped_column(server_default="0")
    """What contracts hold, whether paid already or not."""
    paid_fen: Mapped[Fen] = mapped_column(server_default="0")
    state: Mapped[BudgetLineState] = mapped_column(default=_B.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        CheckConstraint("fiscal_year BETWEEN 2000 AND 2100", name="fiscal_year_known"),
        CheckConstraint("planned_fen > 0", name="planned_positive"),
        CheckConstraint(
            "approved_fen >= 0 AND reserved_fen >= 0 AND committed_fen >= 0 AND paid_fen >= 0",
            name="sums_not_negative",
        ),
        CheckConstraint("paid_fen <= committed_fen", name="inv_23_paid"),
        CheckConstraint(
            "reserved_fen + committed_fen <= approved_fen + adjusted_fen", name="inv_23_budget"
        ),
        CheckConstraint("(state = 'draft') = (approved_by IS NULL)", name="approved_whole"),
        CheckConstraint("approved_by IS DISTINCT FROM created_by", name="inv_18_approver"),
        CheckConstraint(
            "state <> 'draft' OR (approved_fen = 0 AND adjusted_fen = 0)", name="draft_is_empty"
        ),
        Index("ix_budget_line_created_at", "created_at", "id"),
        Index("ix_budget_line_year", "buyer_id", "fiscal_year", "id"),
    )


class BudgetLineItem(Base):
    """What a line may buy: an entry of the catalogue, in whatever edition is in force."""

    __tablename__ = "budget_line_item"

    line_id: Mapped[UUID] = mapped_column(ForeignKey(BudgetLine.id), primary_key=True)
    catalogue_item_id: Mapped[UUID] = mapped_column(
        ForeignKey(CatalogueItem.id), primary_key=True, index=True
    )


class BudgetAdjustment(Base):
    """A line was raised or lowered during the year, by a document. Never changed."""

    __tablename__ = "budget_adjustment"

    id: Mapped[Id]
    line_id: Mapped[UUID] = mapped_column(ForeignKey(BudgetLine.id), index=True)
    fen: Mapped[Fen]
    """Signed."""
    document_no: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (CheckConstraint("fen <> 0", name="not_nothing"),)


class JournalKind(StrEnum):
    """What money did. The last three give back what those before them took."""

    APPROVE = "approve"
    ADJUST = "adjust"
    RESERVE = "reserve"
    COMMIT = "commit"
    PAY = "pay"
    RELEASE = "release"
    DECOMMIT = "decommit"
    UNPAY = "unpay"


class BudgetAccount(StrEnum):
    """Where money stands. The first two are the world outside, with the sign turned."""

    APPROPRIATION = "appropriation"
    ADJUSTMENT = "adjustment"
    AVAILABLE = "available"
    RESERVED = "reserved"
    COMMITTED = "committed"
    """Promised by a contract and not paid yet."""
    PAID = "paid"


class SubjectType(StrEnum):
    """The table of what holds money."""

    BUDGET_LINE = "budget_line"
    PROCUREMENT = "procurement"
    CONTRACT = "contract"
    PAYMENT = "payment"


class BudgetJournal(Base):
    """One deed of the ledger; its entries sum to nothing. Append-only (INV-21)."""

    __tablename__ = "budget_journal"

    id: Mapped[Id]
    kind: Mapped[JournalKind]
    subject_type: Mapped[SubjectType]
    subject_id: Mapped[UUID]
    """Whose deed it was: the line, procurement, contract or payment."""
    posted_at: Mapped[datetime]
    posted_by: Mapped[UUID]

    __table_args__ = (
        Index(
            "uq_budget_journal_once",
            "subject_id",
            "kind",
            unique=True,
            postgresql_where=text("kind IN ('approve', 'pay', 'unpay')"),
        ),
        Index("ix_budget_journal_subject", "subject_id", "posted_at", "id"),
    )


class BudgetEntry(Base):
    """Money goes into an account of a line, or with a minus out of it. Append-only (INV-21)."""

    __tablename__ = "budget_entry"

    id: Mapped[Id]
    journal_id: Mapped[UUID] = mapped_column(ForeignKey(BudgetJournal.id), index=True)
    budget_line_id: Mapped[UUID] = mapped_column(ForeignKey(BudgetLine.id), index=True)
    account: Mapped[BudgetAccount]
    subject_type: Mapped[SubjectType]
    subject_id: Mapped[UUID]
    """Who holds it there."""
    fen: Mapped[Fen]

    __table_args__ = (
        CheckConstraint("fen <> 0", name="not_nothing"),
        Index("ix_budget_entry_subject", "subject_id", "id"),
    )


class BudgetHolding(Base):
    """What one subject holds in one account of a line: the sum of its entries, never below zero.

    So nobody gives back, or pays out of, what another holds. Only the database writes it.
    """

    __tablename__ = "budget_holding"

    line_id: Mapped[UUID] = mapped_column(ForeignKey(BudgetLine.id), primary_key=True)
    account: Mapped[BudgetAccount] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    subject_type: Mapped[SubjectType]
    fen: Mapped[Fen]

    __table_args__ = (
        CheckConstraint("fen >= 0", name="own_only"),
        CheckConstraint("account IN ('reserved', 'committed', 'paid')", name="holds_there"),
    )
