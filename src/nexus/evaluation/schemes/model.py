"""Schemes with their bodies, grades and indicators."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.purchasing.procurements.suppliers.model import StandingEffect

Points = Numeric(5, 2)
"""Points of 100, or percent."""


class SchemeState(StrEnum):
    DRAFT = "draft"
    EFFECTIVE = "effective"
    RETIRED = "retired"


_S = SchemeState
TRANSITIONS = Transitions(
    SchemeState,
    {
        "change": {_S.DRAFT: _S.DRAFT},
        "adopt": {_S.DRAFT: _S.EFFECTIVE},
        "retire": {_S.EFFECTIVE: _S.RETIRED},
    },
)


class BodyKind(StrEnum):
    """Who evaluates. The first three are in every scheme (domain.md 7.10)."""

    THIRD_PARTY = "third_party"
    BUYER = "buyer"
    CLIENT = "client"
    COMMITTEE = "committee"
    """村(居)委: entered by the station's or the township's people of the area."""
    AUTHORITY = "authority"
    """主管部门: the civil affairs authority of the area."""


class Aspect(StrEnum):
    """What a first-level indicator is about (决策、过程、产出、效益、满意度)."""

    DECISION = "decision"
    PROCESS = "process"
    OUTPUT = "output"
    BENEFIT = "benefit"
    SATISFACTION = "satisfaction"


class Grade(StrEnum):
    """Code list `evaluation_grade` (domain.md 8.12)."""

    EXCELLENT = "excellent"
    GOOD = "good"
    QUALIFIED = "qualified"
    UNQUALIFIED = "unqualified"


class EvaluationScheme(Base):
    """One revision of how a buyer's contracts are evaluated. Without a buyer it is a template."""

    __tablename__ = "evaluation_scheme"

    id: Mapped[Id]
    code: Mapped[str]
    revision: Mapped[int]
    title: Mapped[str]
    source: Mapped[str]
    """What it is based on."""
    buyer_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    """The buyer's."""
    least_answers: Mapped[int]
    """Fewer clients than this are not the clients' voice."""
    state: Mapped[SchemeState] = mapped_column(default=_S.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    adopted_at: Mapped[datetime | None]
    adopted_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        UniqueConstraint("buyer_id", "code", "revision", postgresql_nulls_not_distinct=True),
        CheckConstraint("revision > 0", name="revision_positive"),
        CheckConstraint("least_answers > 0", name="least_answers_positive"),
        CheckConstraint(
            "(adopted_at IS NULL) = (state = 'draft') AND (adopted_at IS NULL) = "
            "(adopted_by IS NULL)",
            name="adopted_whole",
        ),
        CheckConstraint("adopted_by <> created_by", name="inv_18_adopted_by_another"),
        CheckConstraint(
            "(buyer_id IS NULL) = (created_by IS NULL) "
            "AND (buyer_id IS NULL) = (area_code IS NULL) "
            "AND (buyer_id IS NOT NULL OR state = 'draft')",
            name="template_is_no_scheme",
        ),
        CheckConstraint("state <> 'retired' OR state_reason IS NOT NULL", name="reason_given"),
        Index(
            "uq_evaluation_scheme_effective",
            "buyer_id",
            "code",
            unique=True,
            postgresql_where=text("state = 'effective'"),
        ),
        Index("ix_evaluation_scheme_created_at", "created_at", "id"),
    )


class SchemeBody(Base):
    """A body that scores, and how much its score weighs (Σ 100)."""

    __tablename__ = "scheme_body"

    scheme_id: Mapped[UUID] = mapped_column(ForeignKey(EvaluationScheme.id), primary_key=True)
    kind: Mapped[BodyKind] = mapped_column(primary_key=True)
    weight: Mapped[Decimal] = mapped_column(Points)

    __table_args__ = (CheckConstraint("weight > 0 AND weight <= 100", name="weight_range"),)


class SchemeGrade(Base):
    """From which total on a grade is given, and what it means for the supplier."""

    __tablename__ = "scheme_grade"

    scheme_id: Mapped[UUID] = mapped_column(ForeignKey(EvaluationScheme.id), primary_key=True)
    grade: Mapped[Grade] = mapped_column(primary_key=True)
    from_total: Mapped[Decimal] = mapped_column(Points)
    effect: Mapped[StandingEffect]

    __table_args__ = (
        UniqueConstraint("scheme_id", "from_total"),
        CheckConstraint("from_total BETWEEN 0 AND 100", name="from_total_range"),
        CheckConstraint("(grade = 'unqualified') = (from_total = 0)", name="lowest_from_zero"),
    )


class SchemeIndicator(Base):
    """One node of the tree; only leaves are scored, each by the bodies it names."""

    __tablename__ = "scheme_indicator"

    id: Mapped[Id]
    scheme_id: Mapped[UUID] = mapped_column(ForeignKey(EvaluationScheme.id))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("scheme_indicator.id"), index=True)
    position: Mapped[int]
    code: Mapped[str]
    title: Mapped[str]
    guidance: Mapped[str | None]
    """What is looked at, and what earns the points."""
    aspect: Mapped[Aspect]
    """A child has its parent's."""
    weight: Mapped[Decimal] = mapped_column(Points)
    """Percent of its parent; Σ 100 among siblings."""
    bodies: Mapped[list[str]]
    """Values of `BodyKind`; none where it has children."""

    __table_args__ = (
        UniqueConstraint("scheme_id", "code"),
        UniqueConstraint("scheme_id", "parent_id", "position", postgresql_nulls_not_distinct=True),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint("weight > 0 AND weight <= 100", name="weight_range"),
        CheckConstraint(
            "bodies <@ ARRAY['third_party', 'buyer', 'client', 'committee', 'authority']",
            name="bodies_known",
        ),
    )
