"""What was asked for, and how its last download went."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions


class ExportDataset(StrEnum):
    NEEDS = "needs"
    LINES = "lines"
    OFFERS = "offers"
    PLEDGES = "pledges"
    DELIVERIES = "deliveries"
    ORGANIZATIONS = "organizations"
    GAPS = "gaps"
    FEEDBACK = "feedback"
    EMERGENCIES = "emergencies"
    RELAXATIONS = "relaxations"


class ExportFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


class ExportState(StrEnum):
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


_E = ExportState
LIVE = (_E.READY, _E.RUNNING, _E.DONE, _E.FAILED)
TRANSITIONS = Transitions(
    ExportState,
    {
        "start": dict.fromkeys(LIVE, _E.RUNNING),
        "finish": {_E.RUNNING: _E.DONE},
        "fail": {_E.RUNNING: _E.FAILED},
        "expire": dict.fromkeys(LIVE, _E.EXPIRED),
    },
)


class Export(Base):
    """A dataset that an account may download until `expires_at`; its rows are not kept."""

    __tablename__ = "export"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    """With whose eyes it is read."""
    scopes: Mapped[list[str] | None]
    """What the credential that asked was narrowed to; null: all that the account may."""
    dataset: Mapped[ExportDataset]
    format: Mapped[ExportFormat]
    filter: Mapped[dict[str, Any]]
    """The filter of the dataset's collection, as the caller wrote it."""
    link: Mapped[str]
    """The signed path of its download."""
    state: Mapped[ExportState] = mapped_column(default=_E.READY)
    failure: Mapped[str | None]
    """A code: why the last download did not come to its end."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    downloads: Mapped[int] = mapped_column(default=0)
    """Counts the downloads begun; the figures below are of the last."""
    rows_expected: Mapped[int | None]
    rows: Mapped[int | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    """Before compression."""
    started_at: Mapped[datetime | None]
    moved_at: Mapped[datetime | None]
    """When the running download last showed life."""
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("downloads >= 0", name="downloads_not_negative"),
        Index("ix_export_live", "expires_at", postgresql_where="state <> 'expired'"),
    )
