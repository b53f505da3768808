"""What an import remembers: which object a row of a source is, and what each import did."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions
from nexus.exchange.uploads.model import Upload


class ObjectType(StrEnum):
    NEED = "need"
    OFFER = "offer"
    HOUSEHOLD = "household"
    RECIPIENT = "recipient"
    RECOGNITION = "recognition"
    DISCOVERY_REPORT = "discovery_report"


class ExternalRef(Base):
    """The id a row has in the system it came from, and the object it is here (domain.md 7.0)."""

    __tablename__ = "external_ref"

    id: Mapped[Id]
    system: Mapped[str]
    type: Mapped[str]
    value: Mapped[str]
    """The row's key: normalised, and never an identity number."""
    object_type: Mapped[ObjectType | None]
    object_id: Mapped[UUID | None]
    """Null while the row asks for nothing: it is known, but no need stands behind it."""
    parts: Mapped[dict[str, Any]]
    """Part of the row's content → digest, so that a change is found and named."""
    first_seen_at: Mapped[datetime]
    last_run_id: Mapped[UUID] = mapped_column(ForeignKey("import_run.id"), index=True)
    """The last import whose file had the row, taken or rejected."""
    absent_since: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("system", "type", "value"),
        CheckConstraint("(object_type IS NULL) = (object_id IS NULL)", name="object_whole"),
        Index("ix_external_ref_object", "object_type", "object_id"),
    )


class ImportRunState(StrEnum):
    REQUESTED = "requested"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_R = ImportRunState
RUN_TRANSITIONS = Transitions(
    ImportRunState,
    {
        "start": {_R.REQUESTED: _R.RUNNING, _R.RUNNING: _R.RUNNING},
        "finish": {_R.RUNNING: _R.DONE},
        "fail": {_R.REQUESTED: _R.FAILED, _R.RUNNING: _R.FAILED},
    },
)


class ImportRun(Base):
    """One import: who vouched for which file when, and its figures.

    What is below `counts` is of imports that were asked for over the API.
    """

    __tablename__ = "import_run"

    id: Mapped[Id]
    kind: Mapped[str]
    system: Mapped[str]
    type: Mapped[str]
    digest: Mapped[str]
    """SHA-256 over the files in their order, in hexadecimal."""
    voucher_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    started_at: Mapped[datetime]
    counts: Mapped[dict[str, Any]]
    state: Mapped[ImportRunState] = mapped_column(default=_R.DONE)
    version: Mapped[int] = mapped_column(default=1)
    dry_run: Mapped[bool] = mapped_column(default=False)
    upload_id: Mapped[UUID | None] = mapped_column(ForeignKey(Upload.id), index=True)
    profile_text: Mapped[str | None]
    """The profile as it was when the import was asked for, in TOML."""
    report: Mapped[dict[str, Any] | None]
    """Notes, warnings, and what is wrong with which row."""
    link: Mapped[str | None]
    """The signed path of the rows that something was wrong with."""
    failure: Mapped[str | None]
    """The code of why nothing was imported."""
    failure_message: Mapped[str | None]
    rows_total: Mapped[int | None]
    rows_done: Mapped[int | None]
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_import_run_source", "system", "type", "started_at"),
        Index(
            "ix_import_run_due",
            "started_at",
            postgresql_where="state IN ('requested', 'running')",
        ),
        CheckConstraint(
            "state NOT IN ('requested', 'running') OR "
            "(upload_id IS NOT NULL AND profile_text IS NOT NULL)",
            name="asked_for_whole",
        ),
    )
