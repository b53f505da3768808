"""Items of the guiding catalogue: three levels of code, editions that follow one another."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Fen, Id
from nexus.core.states import Transitions


class FundingSource(StrEnum):
    """Whence the money for purchases may come, and from nowhere else (T21d, domain.md 8.10)."""

    F1 = "F1"
    """已有社会救助工作经费"""
    F2 = "F2"
    """困难群众救助补助资金"""
    F3 = "F3"
    """其他规定允许的社会救助专项经费"""


class CatalogueKind(StrEnum):
    TRANSACTIONAL = "transactional"
    """事务性: surveys, filing, visits on behalf of the authority."""
    SERVICE = "service"
    """服务性: care, counselling, inclusion."""


class CatalogueItemState(StrEnum):
    DRAFT = "draft"
    EFFECTIVE = "effective"
    RETIRED = "retired"


_C = CatalogueItemState
TRANSITIONS = Transitions(
    CatalogueItemState,
    {
        "publish": {_C.DRAFT: _C.EFFECTIVE},
        "retire": {_C.EFFECTIVE: _C.RETIRED},
    },
)
IN_FORCE = "state IN ('effective', 'retired')"


class CatalogueItem(Base):
    """One edition of one entry of the list."""

    __tablename__ = "catalogue_item"

    id: Mapped[Id]
    code: Mapped[str]
    """Three levels, dotted: A.02.03."""
    title: Mapped[str]
    kind: Mapped[CatalogueKind]
    unit: Mapped[str]
    """Code list `unit`."""
    reference_price_fen: Mapped[Fen | None]
    """For one unit; null where the list names none."""
    funding_sources: Mapped[list[str]]
    edition: Mapped[int]
    effective_from: Mapped[date | None]
    effective_to: Mapped[date | None]
    """End-exclusive."""
    state: Mapped[CatalogueItemState] = mapped_column(default=_C.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        UniqueConstraint("code", "edition"),
        CheckConstraint(r"code ~ '^[A-Z0-9]+\.[A-Z0-9]+\.[A-Z0-9]+$'", name="code_shape"),
        CheckConstraint("edition > 0", name="edition_positive"),
        CheckConstraint("reference_price_fen > 0", name="reference_price_positive"),
        CheckConstraint(
            "cardinality(funding_sources) > 0 AND funding_sources <@ ARRAY['F1', 'F2', 'F3']",
            name="t21d_funding_sources",
        ),
        CheckConstraint("effective_to >= effective_from", name="period"),
        CheckConstraint(
            f"({IN_FORCE}) = (effective_from IS NOT NULL) "
            f"AND ({IN_FORCE}) = (published_by IS NOT NULL)",
            name="published_whole",
        ),
        CheckConstraint("published_by IS DISTINCT FROM created_by", name="publisher_not_drafter"),
        CheckConstraint(
            "state <> 'retired' OR (effective_to IS NOT NULL AND state_reason IS NOT NULL)",
            name="retired_whole",
        ),
        ExcludeConstraint(
            (
                text("int8range(hashtextextended(code, 0), hashtextextended(code, 0), '[]')"),
                "&&",
            ),
            (text("daterange(effective_from, effective_to)"), "&&"),
            name="ex_catalogue_item_one_edition",
            where=text(IN_FORCE),
            using="gist",
        ),
        Index("ix_catalogue_item_code", "code", "edition", "id"),
    )
