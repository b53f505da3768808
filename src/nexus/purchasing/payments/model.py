"""Invoices for what was accepted, and payments of them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Fen, Id
from nexus.core.states import Transitions
from nexus.purchasing.contracts.model import Contract, Milestone


class InvoiceState(StrEnum):
    SUBMITTED = "submitted"
    MATCHED = "matched"
    APPROVED = "approved"
    REJECTED = "rejected"


_I = InvoiceState
INVOICE_TRANSITIONS = Transitions(
    InvoiceState,
    {
        "match": {_I.SUBMITTED: _I.MATCHED},
        "approve": {_I.MATCHED: _I.APPROVED},
        "reject": {_I.SUBMITTED: _I.REJECTED, _I.MATCHED: _I.REJECTED},
    },
)
CLAIMING = (_I.MATCHED, _I.APPROVED)
"""What counts against the accepted amount of its milestone."""


class Invoice(Base):
    """What a supplier asks for an accepted milestone (发票); its number is theirs, once."""

    __tablename__ = "invoice"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str]
    """The supplier's own."""
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id), index=True)
    milestone_id: Mapped[UUID] = mapped_column(ForeignKey(Milestone.id), index=True)
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The contract's."""
    amount_fen: Mapped[Fen]
    issued_on: Mapped[date]
    submitted_at: Mapped[datetime]
    submitted_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    matched_at: Mapped[datetime | None]
    matched_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    pay_due_at: Mapped[datetime | None]
    """The first moment at which paying it is late."""
    pay_late_at: Mapped[datetime | None]
    """… and at which it is far too late."""
    pay_rule: Mapped[str | None]
    """The versions of the two figures."""
    state: Mapped[InvoiceState] = mapped_column(default=_I.SUBMITTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("supplier_id <> buyer_id", name="two_parties"),
        CheckConstraint(
            "(matched_at IS NULL) = (matched_by IS NULL) "
            "AND (state NOT IN ('matched', 'approved') OR matched_at IS NOT NULL)",
            name="matched_whole",
        ),
        CheckConstraint(
            "(state = 'approved') = (approved_at IS NOT NULL) "
            "AND (approved_at IS NULL) = (approved_by IS NULL) "
            "AND (approved_at IS NULL) = (pay_due_at IS NULL) "
            "AND (approved_at IS NULL) = (pay_late_at IS NULL) "
            "AND (approved_at IS NULL) = (pay_rule IS NULL)",
            name="approved_whole",
        ),
        CheckConstraint(
            "matched_by IS DISTINCT FROM submitted_by "
            "AND (approved_by IS NULL OR approved_by NOT IN (submitted_by, matched_by))",
            name="inv_18_three_persons",
        ),
        CheckConstraint("state <> 'rejected' OR state_reason IS NOT NULL", name="reason_given"),
        Index(
            "uq_invoice_number",
            "supplier_id",
            "number",
            unique=True,
            postgresql_where=text("state <> 'rejected'"),
        ),
        Index("ix_invoice_supplier_id", "supplier_id", "submitted_at", "id"),
        Index("ix_invoice_submitted_at", "submitted_at", "id"),
        Index("ix_invoice_to_pay", "pay_due_at", postgresql_where=text("state = 'approved'")),
    )


class PaymentState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    EXECUTED = "executed"
    RECONCILED = "reconciled"
    FAILED = "failed"
    REVERSED = "reversed"


_P = PaymentState
PAYMENT_TRANSITIONS = Transitions(
    PaymentState,
    {
        "approve": {_P.REQUESTED: _P.APPROVED},
        "execute": {_P.APPROVED: _P.EXECUTED},
        "reconcile": {_P.EXECUTED: _P.RECONCILED},
        "fail": {_P.REQUESTED: _P.FAILED, _P.APPROVED: _P.FAILED},
        "retry": {_P.FAILED: _P.REQUESTED},
        "reverse": {_P.EXECUTED: _P.REVERSED},
    },
)
LIVE = (_P.REQUESTED, _P.APPROVED, _P.EXECUTED, _P.RECONCILED)
PAID = (_P.EXECUTED, _P.RECONCILED)
LIVE_PAYMENT = "state IN ('requested', 'approved', 'executed', 'reconciled')"


class Payment(Base):
    """One transfer for one approved invoice (OCDS transaction). Its effect is one journal."""

    __tablename__ = "payment"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey(Invoice.id), index=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id), index=True)
    milestone_id: Mapped[UUID] = mapped_column(ForeignKey(Milestone.id))
    instalment: Mapped[int]
    """1 for the first payment of the milestone, and so on; never given twice."""
    payer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    payee_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    """The contract's supplier."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The contract's."""
    amount_fen: Mapped[Fen]
    attempt: Mapped[int] = mapped_column(default=1)
    """1, and one more each time it is requested again after it failed."""
    requested_at: Mapped[datetime]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    executed_at: Mapped[datetime | None]
    executed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    bank_reference: Mapped[str | None]
    """The treasury's or bank's number of the transfer."""
    closed_at: Mapped[datetime | None]
    """When it was reconciled or reversed."""
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[PaymentState] = mapped_column(default=_P.REQUESTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("milestone_id", "instalment"),
        UniqueConstraint("payer_id", "bank_reference"),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("instalment > 0 AND attempt > 0", name="counted"),
        CheckConstraint("payer_id <> payee_id", name="two_parties"),
        CheckConstraint(
            "(approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NOT NULL "
            "OR state NOT IN ('approved', 'executed', 'reconciled', 'reversed'))",
            name="approved_whole",
        ),
        CheckConstraint(
            "(executed_at IS NOT NULL) = (state IN ('executed', 'reconciled', 'reversed')) "
            "AND (executed_at IS NULL) = (executed_by IS NULL) "
            "AND (executed_at IS NULL) = (bank_reference IS NULL)",
            name="executed_whole",
        ),
        CheckConstraint(
            "(closed_at IS NOT NULL) = (state IN ('reconciled', 'reversed')) "
            "AND (closed_at IS NULL) = (closed_by IS NULL)",
            name="closed_whole",
        ),
        CheckConstraint(
            "approved_by IS DISTINCT FROM requested_by "
            "AND executed_by IS DISTINCT FROM requested_by "
            "AND closed_by IS DISTINCT FROM requested_by",
            name="inv_18_approver",
        ),
        CheckConstraint(
            "state NOT IN ('failed', 'reversed') OR state_reason IS NOT NULL", name="reason_given"
        ),
        Index(
            "uq_payment_inv_25_live",
            "invoice_id",
            unique=True,
            postgresql_where=text(LIVE_PAYMENT),
        ),
        Index("ix_payment_payer_id", "payer_id", "requested_at", "id"),
        Index("ix_payment_payee_id", "payee_id", "requested_at", "id"),
        Index("ix_payment_requested_at", "requested_at", "id"),
    )
