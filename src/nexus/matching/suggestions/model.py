"""Gaps: published lines that no offer can serve."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class GapState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ADDRESSED = "addressed"
    WAIVED = "waived"


class GapRemedy(StrEnum):
    """What addresses a gap (domain.md 7.7)."""

    OFFER = "offer"
    PURCHASE_PLAN = "purchase_plan"
    GOVERNMENT = "government"


_G = GapState
TRANSITIONS = Transitions(
    GapState,
    {
        "acknowledge": {_G.OPEN: _G.ACKNOWLEDGED},
        "plan_purchase": {_G.OPEN: _G.ACKNOWLEDGED, _G.ACKNOWLEDGED: _G.ACKNOWLEDGED},
        "address": {_G.OPEN: _G.ADDRESSED, _G.ACKNOWLEDGED: _G.ADDRESSED},
        "waive": {_G.OPEN: _G.WAIVED, _G.ACKNOWLEDGED: _G.WAIVED},
    },
)


class Gap(Base):
    """A published line that no offer can serve, counted by category, area and kind (T18c)."""

    __tablename__ = "gap"

    id: Mapped[Id]
    line_id: Mapped[UUID] = mapped_column(ForeignKey("need_line.id"), index=True)
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"), index=True)
    category: Mapped[str]
    kind: Mapped[str]
    item_code: Mapped[str | None]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    state: Mapped[GapState] = mapped_column(default=_G.OPEN)
    state_reason: Mapped[str | None]
    addressed_by: Mapped[str | None]
    """The number of the offer, delivery, purchase plan or measure."""
    version: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    remedy: Mapped[GapRemedy | None]
    purchase_ref: Mapped[str | None]
    """The planned purchase that is to fill it: a reference code of the buyer's own."""

    __table_args__ = (
        Index(
            "uq_gap_live",
            "line_id",
            unique=True,
            postgresql_where=text("state IN ('open', 'acknowledged')"),
        ),
        CheckConstraint("remedy IS NULL OR state = 'addressed'", name="remedy_addresses"),
        Index("ix_gap_opened_at", "opened_at", "id"),
        Index("ix_gap_purchase_ref", "purchase_ref", postgresql_where="purchase_ref IS NOT NULL"),
    )
