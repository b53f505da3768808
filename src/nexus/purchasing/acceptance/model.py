"""Acceptances with their lines, the facts behind them, and deductions."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Fen, Id
from nexus.core.states import Transitions
from nexus.purchasing.contracts.model import Contract, ContractItem, Milestone
from nexus.purchasing.facts.model import ServiceFact


class AcceptanceState(StrEnum):
    SUBMITTED = "submitted"
    REVIEWING = "reviewing"
    ACCEPTED = "accepted"
    ACCEPTED_WITH_DEDUCTION = "accepted_with_deduction"
    REJECTED = "rejected"
    RESUBMITTED = "resubmitted"


_A = AcceptanceState
TRANSITIONS = Transitions(
    AcceptanceState,
    {
        "review": {_A.SUBMITTED: _A.REVIEWING},
        "check": {_A.REVIEWING: _A.REVIEWING},
        "accept": {_A.REVIEWING: _A.ACCEPTED},
        "deduct": {_A.REVIEWING: _A.ACCEPTED_WITH_DEDUCTION},
        "reject": {_A.REVIEWING: _A.REJECTED},
        "resubmit": {_A.REJECTED: _A.RESUBMITTED},
    },
)
OPEN = (_A.SUBMITTED, _A.REVIEWING)
TAKEN = (_A.ACCEPTED, _A.ACCEPTED_WITH_DEDUCTION)
_DECIDED = "state IN ('accepted', 'accepted_with_deduction', 'rejected', 'resubmitted')"
_TAKEN = "state IN ('accepted', 'accepted_with_deduction')"


class Acceptance(Base):
    """What is claimed for a milestone, and what of it was accepted (INV-28)."""

    __tablename__ = "acceptance"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    milestone_id: Mapped[UUID] = mapped_column(ForeignKey(Milestone.id), index=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The contract's."""
    round: Mapped[int] = mapped_column(default=1)
    """1, and one more with each resubmission."""
    previous_id: Mapped[UUID | None] = mapped_column(ForeignKey("acceptance.id"), unique=True)
    """The rejected one in whose place it is."""
    from_on: Mapped[date]
    until_on: Mapped[date]
    """End-exclusive."""
    claimed_fen: Mapped[Fen]
    """The sum of its lines; without lines what was agreed for the milestone."""
    deduction_fen: Mapped[Fen] = mapped_column(default=0)
    accepted_fen: Mapped[Fen] = mapped_column(default=0)
    documents: Mapped[Any] = mapped_column(JSONB)
    """[{title, documentType, sha256}]: papers beside the facts, by the hash of their bytes."""
    note: Mapped[str | None]
    manager_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    """Who managed the contract when it was decided on, or manages it."""
    sample_seed: Mapped[str | None]
    """32 hex digits, drawn when the review began."""
    sample_size: Mapped[int | None]
    frame_hash: Mapped[str | None]
    """SHA-256 of the facts that the sample was drawn from, in hex."""
    sample_rule: Mapped[str | None]
    """The version of the share that was drawn."""
    submitted_at: Mapped[datetime]
    submitted_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    reviewed_at: Mapped[datetime | None]
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    """Who began the review."""
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[AcceptanceState] = mapped_column(default=_A.SUBMITTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("until_on > from_on", name="period"),
        CheckConstraint("(round > 1) = (previous_id IS NOT NULL) AND round > 0", name="round"),
        CheckConstraint("claimed_fen > 0", name="claimed_positive"),
        CheckConstraint(
            "deduction_fen >= 0 AND accepted_fen >= 0 AND CASE WHEN "
            f"{_TAKEN} THEN accepted_fen = claimed_fen - deduction_fen "
            "ELSE accepted_fen = 0 AND deduction_fen = 0 END",
            name="inv_28_accepted",
        ),
        CheckConstraint(
            "(state = 'accepted_with_deduction') = (deduction_fen > 0)", name="deducted"
        ),
        CheckConstraint("sample_seed ~ '^[0-9a-f]{32}$'", name="seed_shape"),
        CheckConstraint("frame_hash ~ '^[0-9a-f]{64}$'", name="hash_shape"),
        CheckConstraint(
            "(state = 'submitted') = (reviewed_at IS NULL) "
            "AND (reviewed_at IS NULL) = (reviewed_by IS NULL) "
            "AND (reviewed_at IS NULL) = (sample_seed IS NULL) "
            "AND (reviewed_at IS NULL) = (sample_size IS NULL) "
            "AND (reviewed_at IS NULL) = (frame_hash IS NULL) "
            "AND (reviewed_at IS NULL) = (sample_rule IS NULL)",
            name="reviewed_whole",
        ),
        CheckConstraint(
            f"({_DECIDED}) = (decided_at IS NOT NULL) "
            "AND (decided_at IS NULL) = (decided_by IS NULL)",
            name="decided_whole",
        ),
        CheckConstraint(
            "reviewed_by IS DISTINCT FROM submitted_by "
            "AND decided_by IS DISTINCT FROM submitted_by",
            name="inv_18_not_submitter",
        ),
        CheckConstraint(
            "reviewed_by IS DISTINCT FROM manager_id AND decided_by IS DISTINCT FROM manager_id",
            name="inv_18_not_manager",
        ),
        CheckConstraint(
            "state NOT IN ('rejected', 'resubmitted') OR state_reason IS NOT NULL",
            name="reason_given",
        ),
        CheckConstraint("jsonb_typeof(documents) = 'array'", name="documents_listed"),
        Index(
            "uq_acceptance_open",
            "milestone_id",
            unique=True,
            postgresql_where=text("state IN ('submitted', 'reviewing')"),
        ),
        Index("ix_acceptance_submitted_at", "submitted_at", "id"),
    )


class AcceptanceLine(Base):
    """How much of one contract item is claimed, and how much of it was accepted."""

    __tablename__ = "acceptance_line"

    id: Mapped[Id]
    acceptance_id: Mapped[UUID] = mapped_column(ForeignKey(Acceptance.id))
    contract_item_id: Mapped[UUID] = mapped_column(ForeignKey(ContractItem.id), index=True)
    position: Mapped[int]
    """The item's."""
    claimed: Mapped[Decimal]
    counted: Mapped[Decimal]
    """What the facts behind it come to: as submitted, and anew when it is decided."""
    accepted: Mapped[Decimal | None]
    unit_price_fen: Mapped[Fen]
    """The contract's when it was submitted."""

    __table_args__ = (
        UniqueConstraint("acceptance_id", "contract_item_id"),
        CheckConstraint("claimed > 0", name="claimed_positive"),
        CheckConstraint(
            "accepted BETWEEN 0 AND claimed AND accepted <= counted", name="inv_28_accepted"
        ),
        CheckConstraint("unit_price_fen > 0", name="unit_price_positive"),
    )


class SampleFinding(StrEnum):
    """What the buyer found of a fact that was drawn."""

    CONFIRMED = "confirmed"
    DOUBTFUL = "doubtful"
    UNFOUNDED = "unfounded"


class AcceptedFact(Base):
    """A fact that stands behind a line. While it is live it stands behind no other (INV-28)."""

    __tablename__ = "accepted_fact"

    id: Mapped[Id]
    line_id: Mapped[UUID] = mapped_column(ForeignKey(AcceptanceLine.id))
    acceptance_id: Mapped[UUID] = mapped_column(ForeignKey(Acceptance.id))
    fact_id: Mapped[UUID] = mapped_column(ForeignKey(ServiceFact.id), index=True)
    quantity: Mapped[Decimal]
    """The fact's."""
    live: Mapped[bool] = mapped_column(default=True)
    """Not of a rejected acceptance, and not withdrawn before the decision."""
    sampled: Mapped[bool] = mapped_column(default=False)
    finding: Mapped[SampleFinding | None]
    finding_note: Mapped[str | None]
    found_at: Mapped[datetime | None]
    found_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "(finding IS NULL) = (found_at IS NULL) AND (finding IS NULL) = (found_by IS NULL) "
            "AND (finding IS NULL OR sampled)",
            name="finding_whole",
        ),
        Index("ix_accepted_fact_line_id", "line_id", "id"),
        Index("ix_accepted_fact_acceptance_id", "acceptance_id", "id"),
        Index("uq_accepted_fact_inv_28", "fact_id", unique=True, postgresql_where=text("live")),
    )


class DeductionReason(StrEnum):
    SHORTFALL = "shortfall"
    """Less was done than was claimed."""
    UNSUPPORTED = "unsupported"
    """No fact stands behind it any more."""
    UNFOUNDED = "unfounded"
    """The sample showed that it did not happen."""
    QUALITY = "quality"
    LATE = "late"
    BREACH = "breach"
    """Of another duty under the contract."""


class AcceptanceDeduction(Base):
    """So much is not paid, and why. Never changed."""

    __tablename__ = "acceptance_deduction"

    id: Mapped[Id]
    acceptance_id: Mapped[UUID] = mapped_column(ForeignKey(Acceptance.id))
    position: Mapped[int]
    line_id: Mapped[UUID | None] = mapped_column(ForeignKey(AcceptanceLine.id), index=True)
    """The line whose quantity it takes from; none where it is a sum only."""
    quantity: Mapped[Decimal | None]
    fen: Mapped[Fen]
    reason: Mapped[DeductionReason]
    note: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        UniqueConstraint("acceptance_id", "position"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("fen > 0", name="fen_positive"),
        CheckConstraint(
            "(quantity IS NULL) = (line_id IS NULL) AND (quantity IS NULL OR quantity > 0)",
            name="quantity_of_line",
        ),
        CheckConstraint("length(btrim(note)) > 0", name="inv_28_reason_given"),
    )
