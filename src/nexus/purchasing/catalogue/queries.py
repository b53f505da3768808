"""What the catalogue says on a day."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.purchasing.catalogue.model import CatalogueItem, CatalogueItemState


def in_force(row: Any, on: Any) -> ColumnElement[bool]:
    """SQL: this edition counts on that day."""
    return and_(
        row.state != CatalogueItemState.DRAFT,
        row.effective_from <= on,
        or_(row.effective_to.is_(None), row.effective_to > on),
    )


async def not_in_force(session: AsyncSession, ids: Iterable[UUID], on: date) -> list[str]:
    """The codes of those that do not count on the day, in order (INV-26)."""
    row = CatalogueItem
    found = await session.scalars(
        select(row.code).where(row.id.in_(list(ids)), ~in_force(row, on)).order_by(row.code)
    )
    return list(found)


async def next_edition(session: AsyncSession, code: str) -> int:
    """The number of the edition to come; drafting of one code goes one at a time."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"catalogue {code}", 0)))
    )
    last = await session.scalar(
        select(func.max(CatalogueItem.edition)).where(CatalogueItem.code == code)
    )
    return (last or 0) + 1


async def open_edition(session: AsyncSession, code: str) -> CatalogueItem | None:
    """The edition in force without an end, locked."""
    row = CatalogueItem
    found = await session.scalars(
        select(row)
        .where(
            row.code == code,
            row.state == CatalogueItemState.EFFECTIVE,
            row.effective_to.is_(None),
        )
        .with_for_update()
    )
    return found.one_or_none()
