"""What a line has left, may buy, and holds for whom."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, all_, any_, cast, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.purchasing.budgets.model import (
    BudgetAccount,
    BudgetEntry,
    BudgetHolding,
    BudgetLine,
    BudgetLineItem,
)
from nexus.purchasing.catalogue.model import CatalogueItem, CatalogueItemState


def available_fen(row: Any) -> Any:
    """SQL: what a line has left."""
    return row.approved_fen + row.adjusted_fen - row.reserved_fen - row.committed_fen


async def may_buy(session: AsyncSession, line_id: UUID, item_id: UUID) -> bool:
    """Whether the line lists the catalogue item, in whatever edition, and its source may pay it."""
    line, listed = aliased(BudgetLine), aliased(BudgetLineItem)
    named, item = aliased(CatalogueItem), aliased(CatalogueItem)
    found = await session.scalar(
        select(literal(1))
        .where(line.id == line_id, listed.line_id == line.id)
        .where(named.id == listed.catalogue_item_id, item.id == item_id)
        .where(item.code == named.code)
        .where(cast(line.funding_source, Text) == any_(item.funding_sources))
        .limit(1)
    )
    return found is not None


async def held_fen(
    session: AsyncSession, subject_id: UUID, account: BudgetAccount
) -> dict[UUID, int]:
    """What the subject holds in that account, by line, where it holds something."""
    row = BudgetHolding
    found = await session.execute(
        select(row.line_id, row.fen)
        .where(row.subject_id == subject_id, row.account == account, row.fen > 0)
        .order_by(row.line_id)
    )
    return {held.line_id: held.fen for held in found}


async def unfit_items(session: AsyncSession, ids: Iterable[UUID], funding_source: str) -> list[str]:
    """The codes among those items that are not in the list, or that this source may not pay."""
    row = CatalogueItem
    found = await session.scalars(
        select(row.code)
        .where(
            row.id.in_(list(ids)),
            (row.state != CatalogueItemState.EFFECTIVE)
            | (literal(funding_source, Text()) != all_(row.funding_sources)),
        )
        .order_by(row.code)
    )
    return list(found)


async def known_items(session: AsyncSession, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are entries of the catalogue and no drafts."""
    row = CatalogueItem
    found = await session.scalars(
        select(row.id).where(row.id.in_(list(ids)), row.state != CatalogueItemState.DRAFT)
    )
    return set(found)


def entries_of_line(line_id: Any) -> Select[Any]:
    """Every entry of a line, newest first."""
    row = BudgetEntry
    return select(row).where(row.budget_line_id == line_id).order_by(row.id.desc())
