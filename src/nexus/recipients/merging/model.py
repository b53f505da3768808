"""Suspected duplicates: two records that may be one person."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class SuspicionState(StrEnum):
    OPEN = "open"
    MERGED = "merged"
    KEPT_APART = "kept_apart"


class SuspicionGround(StrEnum):
    """Why the two may be one."""

    NAME_AND_BIRTH = "name_and_birth"
    """The same name and year of birth in one county."""
    REPORTED = "reported"
    """Somebody who knows them said so."""


_S = SuspicionState
TRANSITIONS = Transitions(
    SuspicionState,
    {
        "propose": {_S.OPEN: _S.OPEN},
        "merge": {_S.OPEN: _S.MERGED},
        "keep_apart": {_S.OPEN: _S.KEPT_APART},
        "unmerge": {_S.MERGED: _S.KEPT_APART},
    },
)


class DuplicateSuspicion(Base):
    """Two records of recipients that may be one person."""

    __tablename__ = "duplicate_suspicion"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)
    """The one recorded later."""
    other_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)
    """The one recorded before."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Where the later one lives."""
    ground: Mapped[SuspicionGround]
    survivor_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    """The one that stays, by the proposal."""
    proposed_by: Mapped[UUID | None]
    proposed_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    household_merged_id: Mapped[UUID | None] = mapped_column(ForeignKey("household.id"), index=True)
    """The household that the merge pointed at that of the survivor, if it did."""
    state: Mapped[SuspicionState] = mapped_column(default=_S.OPEN)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("recipient_id <> other_id", name="two"),
        CheckConstraint("survivor_id IN (recipient_id, other_id)", name="survivor_is_one"),
        CheckConstraint(
            "(survivor_id IS NULL) = (proposed_by IS NULL) "
            "AND (survivor_id IS NULL) = (proposed_at IS NULL)",
            name="proposal_whole",
        ),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decision_whole"),
        CheckConstraint(
            "state <> 'merged' OR (survivor_id IS NOT NULL AND decided_by <> proposed_by)",
            name="inv_18_second_person",
        ),
        CheckConstraint(
            "state <> 'kept_apart' OR state_reason IS NOT NULL", name="apart_with_reason"
        ),
        CheckConstraint(
            "state = 'merged' OR household_merged_id IS NULL", name="household_while_merged"
        ),
        Index(
            "uq_duplicate_suspicion_pair",
            text("least(recipient_id, other_id)"),
            text("greatest(recipient_id, other_id)"),
            unique=True,
            postgresql_where=text("state IN ('open', 'merged')"),
        ),
        Index("ix_duplicate_suspicion_state", "state", "created_at", "id"),
    )
