"""Obligations: who owes what about which row, until when."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class ObligationKind(StrEnum):
    SUPPLEMENT = "supplement"
    """What was left out when help came first (T15c)."""
    STOP_PROCESSING = "stop_processing"
    """A consent ended: who held data under it says that it has stopped (INV-12)."""
    DATA_DELETION = "data_deletion"
    DISCLOSURE = "disclosure"
    """A charity tells what became of the money it raised."""
    RECHECK_FOLLOW_UP = "recheck_follow_up"
    """Circumstances are to be checked again (T24)."""
    RECTIFICATION = "rectification"
    MISSING_MATERIAL = "missing_material"
    """Material that the one-time notice named (T23b)."""
    REVIEW = "review"
    """An authority looks again at what was bound: its giver may no longer give."""
    TRANCHE_CONDITION = "tranche_condition"
    CONFERENCE_FOLLOW_UP = "conference_follow_up"


PER_ORGANIZATION = (ObligationKind.STOP_PROCESSING, ObligationKind.DATA_DELETION)
"""Kinds that several organizations may owe about one subject; the others one at a time."""


class ObligationState(StrEnum):
    OPEN = "open"
    DONE = "done"
    WAIVED = "waived"


_O = ObligationState
TRANSITIONS = Transitions(
    ObligationState, {"discharge": {_O.OPEN: _O.DONE}, "waive": {_O.OPEN: _O.WAIVED}}
)
_SHARED = ", ".join(f"'{kind}'" for kind in PER_ORGANIZATION)


class Obligation(Base):
    """One thing that one organization must do about one row."""

    __tablename__ = "obligation"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    """Numbered by the owner's area: the subject's would tell where a person lives."""
    kind: Mapped[ObligationKind]
    subject_type: Mapped[str]
    """The table of the row it is about."""
    subject_id: Mapped[UUID]
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """Its one owner (INV-20)."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The territory whose authorities watch it."""
    due_at: Mapped[datetime | None]
    """The first moment that is too late; null while its clock waits for an emergency to end."""
    rule: Mapped[str | None]
    """The version of the figure that set `due_at`."""
    details: Mapped[dict[str, Any] | None]
    """Codes, human numbers and counts that tell the owner what to do; never a name."""
    evidence: Mapped[str | None]
    state: Mapped[ObligationState] = mapped_column(default=_O.OPEN)
    state_reason: Mapped[str | None]
    overdue_told_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    sorts_at: Mapped[datetime] = mapped_column(
        Computed(
            "COALESCE(due_at, '3000-01-01 00:00:00+00'::timestamp with time zone)", persisted=True
        )
    )
    """`due_at` as a sort key: what is undated comes last."""

    __table_args__ = (
        CheckConstraint("state <> 'done' OR evidence IS NOT NULL", name="done_has_evidence"),
        CheckConstraint(
            "state <> 'waived' OR (state_reason IS NOT NULL AND closed_by IS NOT NULL)",
            name="inv_22_waived_by_and_why",
        ),
        CheckConstraint(
            "(state = 'open') = (closed_at IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL)",
            name="closed_whole",
        ),
        CheckConstraint(
            "due_at IS NOT NULL OR (kind = 'supplement' AND overdue_told_at IS NULL)",
            name="only_a_supplement_is_undated",
        ),
        Index(
            "uq_obligation_open",
            "kind",
            "subject_id",
            unique=True,
            postgresql_where=text(f"state = 'open' AND kind NOT IN ({_SHARED})"),
        ),
        Index(
            "uq_obligation_open_of",
            "kind",
            "subject_id",
            "organization_id",
            unique=True,
            postgresql_where=text(f"state = 'open' AND kind IN ({_SHARED})"),
        ),
        Index("ix_obligation_subject", "subject_id", "created_at", "id"),
        Index("ix_obligation_sorts_at", "sorts_at", "id"),
        Index("ix_obligation_created_at", "created_at", "id"),
        Index("ix_obligation_open_due", "sorts_at", "id", postgresql_where=text("state = 'open'")),
        Index(
            "ix_obligation_untold",
            "due_at",
            postgresql_where=text("state = 'open' AND overdue_told_at IS NULL"),
        ),
    )
