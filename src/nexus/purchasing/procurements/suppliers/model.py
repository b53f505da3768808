"""Framework lists and open calls, who was admitted to them, and what grades mean for suppliers."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.purchasing.catalogue.model import CatalogueItem


class SupplierListKind(StrEnum):
    """How suppliers are drawn from it (T21c)."""

    FRAMEWORK = "framework"
    """Chosen once, called upon for each purchase."""
    OPEN_CALL = "open_call"
    """Whoever meets the terms is admitted while it is open."""


class SupplierListState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    ENDED = "ended"


_L = SupplierListState
LIST_TRANSITIONS = Transitions(
    SupplierListState,
    {
        "open": {_L.DRAFT: _L.OPEN, _L.CLOSED: _L.OPEN},
        "close": {_L.OPEN: _L.CLOSED},
        "end": {_L.OPEN: _L.ENDED, _L.CLOSED: _L.ENDED},
    },
)


class SupplierList(Base):
    """A buyer's list of suppliers for catalogue items, open to applications for a time."""

    __tablename__ = "supplier_list"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    kind: Mapped[SupplierListKind]
    terms: Mapped[str]
    """What a supplier must meet to be admitted."""
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    """End-exclusive: purchases are made from it until the day before."""
    state: Mapped[SupplierListState] = mapped_column(default=_L.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        CheckConstraint("state <> 'ended' OR state_reason IS NOT NULL", name="reason_given"),
        Index("ix_supplier_list_created_at", "created_at", "id"),
    )


class SupplierListItem(Base):
    """A catalogue item that is bought from the list."""

    __tablename__ = "supplier_list_item"

    list_id: Mapped[UUID] = mapped_column(ForeignKey(SupplierList.id), primary_key=True)
    catalogue_item_id: Mapped[UUID] = mapped_column(
        ForeignKey(CatalogueItem.id), primary_key=True, index=True
    )


class AdmissionState(StrEnum):
    APPLIED = "applied"
    ADMITTED = "admitted"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REMOVED = "removed"


_A = AdmissionState
ADMISSION_TRANSITIONS = Transitions(
    AdmissionState,
    {
        "admit": {_A.APPLIED: _A.ADMITTED},
        "refuse": {_A.APPLIED: _A.REFUSED},
        "suspend": {_A.ADMITTED: _A.SUSPENDED},
        "reinstate": {_A.SUSPENDED: _A.ADMITTED},
        "withdraw": {_A.APPLIED: _A.WITHDRAWN, _A.ADMITTED: _A.WITHDRAWN},
        "remove": {_A.ADMITTED: _A.REMOVED, _A.SUSPENDED: _A.REMOVED},
    },
)


class SupplierAdmission(Base):
    """A supplier's application to a list, and what became of it."""

    __tablename__ = "supplier_admission"

    id: Mapped[Id]
    list_id: Mapped[UUID] = mapped_column(ForeignKey(SupplierList.id), index=True)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The list's."""
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    statement: Mapped[str]
    """How the supplier meets the terms."""
    state: Mapped[AdmissionState] = mapped_column(default=_A.APPLIED)
    state_reason: Mapped[str | None]
    applied_at: Mapped[datetime]
    applied_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL) "
            "AND (state IN ('applied', 'withdrawn') OR decided_at IS NOT NULL)",
            name="decided_whole",
        ),
        CheckConstraint(
            "state NOT IN ('refused', 'suspended', 'removed') OR state_reason IS NOT NULL",
            name="reason_given",
        ),
        Index(
            "uq_supplier_admission_live",
            "list_id",
            "supplier_id",
            unique=True,
            postgresql_where=text("state IN ('applied', 'admitted', 'suspended')"),
        ),
        Index("ix_supplier_admission_applied_at", "applied_at", "id"),
    )


class StandingEffect(StrEnum):
    """What a grade means (domain.md 8.12)."""

    PRIORITY = "priority"
    NORMAL = "normal"
    RECTIFICATION = "rectification"
    BARRED = "barred"


class SupplierStanding(Base):
    """What an evaluation means for a supplier with a buyer in a year. Never changed.

    The latest row of a source holds: a correction is a new row with the same `source_id`.
    """

    __tablename__ = "supplier_standing"

    id: Mapped[Id]
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    buyer_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The buyer's."""
    year: Mapped[int]
    """Calendar year in which it holds."""
    effect: Mapped[StandingEffect]
    grade: Mapped[str]
    """Code list `evaluation_grade`."""
    source_type: Mapped[str]
    source_id: Mapped[UUID]
    """The evaluation that gave it."""
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("year BETWEEN 2000 AND 2200", name="year"),
        UniqueConstraint("source_id", "supplier_id", "recorded_at"),
        Index("ix_supplier_standing_holds", "supplier_id", "buyer_id", "year"),
        Index("ix_supplier_standing_recorded_at", "recorded_at", "id"),
    )
