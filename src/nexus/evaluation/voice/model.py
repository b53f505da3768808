"""What clients say of what they received under a contract."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.evaluation.evaluations.model import Evaluation
from nexus.purchasing.contracts.model import Contract
from nexus.purchasing.facts.model import ServiceFact


class VoiceWay(StrEnum):
    AT_DELIVERY = "at_delivery"
    """Collected by the supplier's people when it was done."""
    FOLLOW_UP = "follow_up"
    """Asked afterwards by the evaluator, who is independent of them."""


class VoiceState(StrEnum):
    ASKED = "asked"
    ANSWERED = "answered"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"


_V = VoiceState
TRANSITIONS = Transitions(
    VoiceState,
    {
        "answer": {_V.ASKED: _V.ANSWERED},
        "decline": {_V.ASKED: _V.DECLINED},
        "miss": {_V.ASKED: _V.UNREACHABLE},
    },
)


class ClientFeedback(Base):
    """One client was asked about one thing that was done. It names no person."""

    __tablename__ = "client_feedback"

    id: Mapped[Id]
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id), index=True)
    fact_id: Mapped[UUID] = mapped_column(ForeignKey(ServiceFact.id), index=True)
    evaluation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Evaluation.id), index=True)
    """The one that a follow-up is for."""
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The contract's, as is the area."""
    collector_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """Whose people ask: the supplier's at a delivery, the evaluator's afterwards."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    way: Mapped[VoiceWay]
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"), index=True)
    """By which the client may be asked."""
    satisfaction: Mapped[int | None]
    """1 (not at all) to 5."""
    text: Mapped[str | None]
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    """Who wrote down the answer, or that there was none."""
    state: Mapped[VoiceState] = mapped_column(default=_V.ASKED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("fact_id", "way"),
        CheckConstraint("satisfaction BETWEEN 1 AND 5", name="satisfaction_range"),
        CheckConstraint(
            "(state = 'answered') = (satisfaction IS NOT NULL) "
            "AND (text IS NULL OR state = 'answered')",
            name="answered_whole",
        ),
        CheckConstraint(
            "(state = 'asked') = (ended_at IS NULL) AND (ended_at IS NULL) = (ended_by IS NULL)",
            name="ended_whole",
        ),
        CheckConstraint(
            "(way = 'follow_up') = (evaluation_id IS NOT NULL) "
            "AND (way = 'follow_up') = (consent_id IS NOT NULL)",
            name="follow_up_whole",
        ),
        Index("ix_client_feedback_asked_at", "asked_at", "id"),
    )
