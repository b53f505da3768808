"""Gaps: published lines that no offer can serve."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class GapState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    ADDRESSED = "addressed"
    WAIVED = "waived"


_G = GapState
TRANSITIONS = Transitions(
    GapState,
    {
        "acknowledge": {_G.OPEN: _G.ACKNOWLEDGED},
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
    version: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_gap_live",
            "line_id",
            unique=True,
            postgresql_where=text("state IN ('open', 'acknowledged')"),
        ),
        Index("ix_gap_opened_at", "opened_at", "id"),
    )
