"""Evaluations and their scores."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.evaluation.schemes.model import (
    BodyKind,
    EvaluationScheme,
    Grade,
    Points,
    SchemeIndicator,
)
from nexus.purchasing.contracts.model import Contract
from nexus.purchasing.procurements.suppliers.model import StandingEffect


class EvaluationState(StrEnum):
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    DRAFT = "draft"
    RESPONSE_PERIOD = "response_period"
    FINAL = "final"
    PUBLISHED = "published"
    RECTIFYING = "rectifying"
    CLOSED = "closed"


_E = EvaluationState
TRANSITIONS = Transitions(
    EvaluationState,
    {
        "start": {_E.PLANNED: _E.IN_PROGRESS},
        "score": {_E.IN_PROGRESS: _E.IN_PROGRESS, _E.DRAFT: _E.DRAFT},
        "draft": {_E.IN_PROGRESS: _E.DRAFT},
        "open_response": {_E.DRAFT: _E.RESPONSE_PERIOD},
        "respond": {_E.RESPONSE_PERIOD: _E.RESPONSE_PERIOD},
        "redraft": {_E.RESPONSE_PERIOD: _E.DRAFT},
        "finalize": {_E.RESPONSE_PERIOD: _E.FINAL},
        "publish": {_E.FINAL: _E.PUBLISHED},
        "rectify": {_E.PUBLISHED: _E.RECTIFYING, _E.RECTIFYING: _E.RECTIFYING},
        "close": {_E.PUBLISHED: _E.CLOSED, _E.RECTIFYING: _E.CLOSED},
    },
)
SCORING = (_E.IN_PROGRESS, _E.DRAFT)
PUBLIC = (_E.PUBLISHED, _E.RECTIFYING, _E.CLOSED)


class Evaluation(Base):
    """What an independent evaluator, the buyer and the clients say of a contract's period."""

    __tablename__ = "evaluation"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id), index=True)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The contract's, as are supplier and area."""
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    evaluator_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The third party."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    scheme_id: Mapped[UUID] = mapped_column(ForeignKey(EvaluationScheme.id), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date]
    """End-exclusive."""
    independence_months: Mapped[int]
    """How far back the evaluator was checked for ties, and by which figure."""
    independence_rule: Mapped[str]
    planned_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    started_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    report: Mapped[str | None]
    drafted_at: Mapped[datetime | None]
    response_due_at: Mapped[datetime | None]
    """The first moment that is too late for the supplier's word."""
    response_rule: Mapped[str | None]
    response_told_at: Mapped[datetime | None]
    """When the clock said that it was over."""
    response: Mapped[str | None]
    responded_at: Mapped[datetime | None]
    responded_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    earlier_responses: Mapped[Any] = mapped_column(JSONB)
    """[{response, respondedAt}]: the supplier's words on drafts that were changed since."""
    total: Mapped[Decimal | None] = mapped_column(Points)
    body_scores: Mapped[dict[str, Any] | None]
    """{body: points}, as text."""
    grade: Mapped[Grade | None]
    effect: Mapped[StandingEffect | None]
    scheme_version: Mapped[str | None]
    """The scheme's code and revision, such as GZ-SERVICE/2."""
    finalized_at: Mapped[datetime | None]
    finalized_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    published_at: Mapped[datetime | None]
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    closed_at: Mapped[datetime | None]
    state: Mapped[EvaluationState] = mapped_column(default=_E.PLANNED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("until_on > from_on", name="period"),
        CheckConstraint("evaluator_id NOT IN (buyer_id, supplier_id)", name="inv_18_third_party"),
        CheckConstraint(
            "(state IN ('planned', 'in_progress')) = (report IS NULL) "
            "AND (report IS NULL) = (drafted_at IS NULL)",
            name="drafted_whole",
        ),
        CheckConstraint(
            "(response_due_at IS NULL) = (response_rule IS NULL) "
            "AND (state NOT IN ('response_period', 'final', 'published', 'rectifying', 'closed') "
            "OR response_due_at IS NOT NULL)",
            name="response_whole",
        ),
        CheckConstraint(
            "(response IS NULL) = (responded_at IS NULL) "
            "AND (response IS NULL) = (responded_by IS NULL)",
            name="responded_whole",
        ),
        CheckConstraint(
            "(state IN ('final', 'published', 'rectifying', 'closed')) = "
            "(finalized_at IS NOT NULL) "
            "AND (finalized_at IS NULL) = (finalized_by IS NULL) "
            "AND (finalized_at IS NULL) = (total IS NULL) "
            "AND (finalized_at IS NULL) = (body_scores IS NULL) "
            "AND (finalized_at IS NULL) = (grade IS NULL) "
            "AND (finalized_at IS NULL) = (effect IS NULL) "
            "AND (finalized_at IS NULL) = (scheme_version IS NULL)",
            name="final_whole",
        ),
        CheckConstraint(
            "jsonb_typeof(earlier_responses) = 'array'", name="earlier_responses_listed"
        ),
        CheckConstraint("total BETWEEN 0 AND 100", name="total_range"),
        CheckConstraint(
            "finalized_at IS NULL OR responded_at IS NOT NULL OR finalized_at >= response_due_at",
            name="inv_19_after_response",
        ),
        CheckConstraint(
            "(state IN ('published', 'rectifying', 'closed')) = (published_at IS NOT NULL) "
            "AND (published_at IS NULL) = (published_by IS NULL)",
            name="published_whole",
        ),
        CheckConstraint(
            "published_by <> finalized_by AND published_by <> planned_by",
            name="inv_18_released_by_another",
        ),
        CheckConstraint("(closed_at IS NOT NULL) = (state = 'closed')", name="closed_whole"),
        Index(
            "uq_evaluation_open",
            "contract_id",
            unique=True,
            postgresql_where=text(
                "state IN ('planned', 'in_progress', 'draft', 'response_period', 'final')"
            ),
        ),
        Index("ix_evaluation_created_at", "created_at", "id"),
        Index(
            "ix_evaluation_response",
            "response_due_at",
            postgresql_where=text("state = 'response_period' AND response_told_at IS NULL"),
        ),
    )


class EvaluationScore(Base):
    """What one body gives one leaf, and on what evidence."""

    __tablename__ = "evaluation_score"

    id: Mapped[Id]
    evaluation_id: Mapped[UUID] = mapped_column(ForeignKey(Evaluation.id))
    indicator_id: Mapped[UUID] = mapped_column(ForeignKey(SchemeIndicator.id), index=True)
    body: Mapped[BodyKind]
    score: Mapped[Decimal] = mapped_column(Points)
    evidence: Mapped[str]
    fact_ids: Mapped[list[UUID]]
    """Service facts of the contract that it rests on."""
    scored_at: Mapped[datetime]
    scored_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        UniqueConstraint("evaluation_id", "indicator_id", "body"),
        CheckConstraint("score BETWEEN 0 AND 100", name="inv_29_range"),
        CheckConstraint("length(btrim(evidence)) > 0", name="evidence_given"),
    )
