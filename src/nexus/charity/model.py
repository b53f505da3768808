"""Charity projects, and offers with a capacity and typed eligibility."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Fen, Id
from nexus.core.states import Transitions


class ProjectState(StrEnum):
    DRAFT = "draft"
    FILED = "filed"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    DISCLOSED = "disclosed"
    ARCHIVED = "archived"
    CANCELLED = "cancelled"


_P = ProjectState
PROJECT_TRANSITIONS = Transitions(
    ProjectState,
    {
        "file": {_P.DRAFT: _P.FILED},
        "start": {_P.FILED: _P.ACTIVE},
        "pause": {_P.ACTIVE: _P.PAUSED},
        "resume": {_P.PAUSED: _P.ACTIVE},
        "complete": {_P.ACTIVE: _P.COMPLETED},
        "disclose": {_P.COMPLETED: _P.DISCLOSED},
        "archive": {_P.DISCLOSED: _P.ARCHIVED},
        "cancel": {_P.DRAFT: _P.CANCELLED, _P.FILED: _P.CANCELLED, _P.ACTIVE: _P.CANCELLED},
    },
)


class CharityProject(Base):
    """A charity's programme of help (HSDS `program`, 360Giving grantProgramme, T18a)."""

    __tablename__ = "charity_project"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    name: Mapped[str]
    filing_no: Mapped[str | None]
    field: Mapped[str]
    """Code list `charity_field` (domain.md 8.5)."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    public_fundraising: Mapped[bool] = mapped_column(default=False)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    budget_fen: Mapped[Fen]
    received_fen: Mapped[Fen] = mapped_column(default=0)
    spent_fen: Mapped[Fen] = mapped_column(default=0)
    state: Mapped[ProjectState] = mapped_column(default=_P.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("budget_fen >= 0", name="budget"),
        CheckConstraint("spent_fen <= received_fen", name="spend_within_received"),
        CheckConstraint("ends_on > starts_on", name="period"),
        Index("ix_charity_project_created_at", "created_at", "id"),
        Index("ix_charity_project_name", "name", "id"),
    )


class OfferKind(StrEnum):
    """The same words as a need line's kind, so that the two can be compared."""

    CASH = "cash"
    GOODS = "goods"
    SERVICE = "service"
    HOURS = "hours"


class OfferState(StrEnum):
    DRAFT = "draft"
    LISTED = "listed"
    PAUSED = "paused"
    BLOCKED = "blocked"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


LIVE_OFFER = "state IN ('listed', 'paused')"

_O = OfferState
OFFER_TRANSITIONS = Transitions(
    OfferState,
    {
        "list": {_O.DRAFT: _O.LISTED},
        "pause": {_O.LISTED: _O.PAUSED},
        "resume": {_O.PAUSED: _O.LISTED},
        "block": {_O.LISTED: _O.BLOCKED, _O.PAUSED: _O.BLOCKED},
        "unblock": {_O.BLOCKED: _O.PAUSED},
        "withdraw": {_O.DRAFT: _O.WITHDRAWN, _O.LISTED: _O.WITHDRAWN, _O.PAUSED: _O.WITHDRAWN},
        "expire": {_O.LISTED: _O.EXPIRED, _O.PAUSED: _O.EXPIRED},
    },
)


class Offer(Base):
    """Help an organization can give: HSDS `service` with `service_capacity` (T18a, T2b)."""

    __tablename__ = "offer"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("charity_project.id"), index=True)
    title: Mapped[str]
    summary: Mapped[str | None]
    kind: Mapped[OfferKind]
    category: Mapped[str]
    item_code: Mapped[str | None]
    item_key: Mapped[str] = mapped_column(Computed("coalesce(item_code, '')", persisted=True))
    """The item, or an empty text: a key that `offer_area` can repeat."""
    unit: Mapped[str]
    recipient_categories: Mapped[list[str]]
    """Empty means every category (domain.md 8.1)."""
    tiers: Mapped[list[str]]
    min_age: Mapped[int | None]
    max_age: Mapped[int | None]
    gender: Mapped[str | None]
    disability_only: Mapped[bool] = mapped_column(default=False)
    required_documents: Mapped[list[str]]
    capacity_maximum: Mapped[Decimal | None]
    """Null: capacity stated without a figure."""
    capacity_reserved: Mapped[Decimal] = mapped_column(default=Decimal(0))
    capacity_used: Mapped[Decimal] = mapped_column(default=Decimal(0))
    available_from: Mapped[date]
    available_to: Mapped[date | None]
    review_due_on: Mapped[date]
    """After this day the offer is stale: not suggested until its owner confirms it (6 months)."""
    pre_approved: Mapped[bool] = mapped_column(default=False)
    """A coordinator approved it beforehand: a pledge from it is accepted at once."""
    reviewed: Mapped[bool] = mapped_column(default=True)
    state: Mapped[OfferState] = mapped_column(default=_O.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("capacity_maximum > 0", name="capacity_positive"),
        CheckConstraint(
            "capacity_reserved >= 0 AND capacity_used >= 0", name="counters_not_negative"
        ),
        CheckConstraint(
            "capacity_reserved + capacity_used <= capacity_maximum", name="inv_02_capacity"
        ),
        CheckConstraint("max_age >= min_age", name="age_range"),
        CheckConstraint("gender IN ('female', 'male')", name="gender_known"),
        CheckConstraint("available_to > available_from", name="period"),
        UniqueConstraint(
            "id", "category", "kind", "unit", "item_key", "state", name="uq_offer_supply"
        ),
        Index("ix_offer_created_at", "created_at", "id"),
        Index("ix_offer_category_created_at", "category", "created_at", "id"),
        Index("ix_offer_review_due_on", "review_due_on", postgresql_where=text("state = 'listed'")),
        Index("ix_offer_available_to", "available_to", postgresql_where=text(LIVE_OFFER)),
    )


class OfferArea(Base):
    """A division an offer serves, with everything below it.

    It repeats what matching filters by, so that one index range is the supply of one division.
    The foreign key carries every change of the offer here: the two cannot differ.
    """

    __tablename__ = "offer_area"

    offer_id: Mapped[UUID] = mapped_column(primary_key=True)
    area_code: Mapped[AreaCode] = mapped_column(
        ForeignKey("area.code"), primary_key=True, index=True
    )
    category: Mapped[str]
    kind: Mapped[OfferKind]
    unit: Mapped[str]
    item_key: Mapped[str]
    state: Mapped[OfferState]

    __table_args__ = (
        ForeignKeyConstraint(
            ["offer_id", "category", "kind", "unit", "item_key", "state"],
            [
                "offer.id",
                "offer.category",
                "offer.kind",
                "offer.unit",
                "offer.item_key",
                "offer.state",
            ],
            name="fk_offer_area_supply",
            onupdate="CASCADE",
        ),
        Index(
            "ix_offer_area_supply",
            "category",
            "kind",
            "unit",
            "area_code",
            "item_key",
            "offer_id",
            postgresql_where=text("state = 'listed'"),
        ),
    )

    @classmethod
    def of(cls, offer: Offer, area_code: str) -> "OfferArea":
        """The row for an offer that is flushed, so that its state has its value."""
        return cls(
            offer_id=offer.id,
            area_code=area_code,
            category=offer.category,
            kind=offer.kind,
            unit=offer.unit,
            item_key=offer.item_code or "",
            state=offer.state,
        )
