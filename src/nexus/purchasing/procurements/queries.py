"""Procurements with their items, gaps and awards, as operations and those above need them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor
from nexus.purchasing.budgets.model import BudgetLine
from nexus.purchasing.procurements import model, policy

LIVE_AWARDS = (model.AwardState.PENDING, model.AwardState.ACTIVE)


async def take_procurement(
    act: Act, row_id: UUID, expected_version: int | None = None
) -> model.Procurement:
    """The procurement, visible and locked."""
    return await act.take(
        model.Procurement, row_id, visible=policy.visible, expected_version=expected_version
    )


async def items_of(session: AsyncSession, procurement_id: UUID) -> Sequence[model.ProcurementItem]:
    """Its items in their order."""
    row = model.ProcurementItem
    found = await session.scalars(
        select(row).where(row.procurement_id == procurement_id).order_by(row.position)
    )
    return found.all()


async def lines_of(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, BudgetLine]:
    """The budget lines by id."""
    found = await session.scalars(select(BudgetLine).where(BudgetLine.id.in_(ids)))
    return {row.id: row for row in found}


async def awarded_fen(session: AsyncSession, procurement_id: UUID) -> int:
    """What is awarded and not taken back, in fen."""
    row = model.Award
    total = select(func.coalesce(func.sum(row.value_fen), 0)).where(
        row.procurement_id == procurement_id, row.state.in_(LIVE_AWARDS)
    )
    return int((await session.execute(total)).scalar_one())


async def live_awards(session: AsyncSession, procurement_id: UUID) -> Sequence[model.Award]:
    """Its awards that stand, locked."""
    row = model.Award
    found = await session.scalars(
        select(row)
        .where(row.procurement_id == procurement_id, row.state.in_(LIVE_AWARDS))
        .order_by(row.id)
        .with_for_update()
    )
    return found.all()


def gaps_shown(actor: Actor, row: Any, limit: Any) -> Select[UUID, datetime]:
    """The gaps it is to fill, for a derived field."""
    link = aliased(model.ProcurementGap)
    chosen = select(link.gap_id, link.linked_at).where(link.procurement_id == row.id)
    return chosen.order_by(link.linked_at, link.gap_id).limit(limit)


def procurements_of_gap(actor: Actor, row: Any, limit: Any) -> Select[UUID, datetime]:
    """The procurements that are to fill the gap, for a derived field."""
    link = aliased(model.ProcurementGap)
    chosen = select(link.procurement_id, link.linked_at).where(link.gap_id == row.id)
    return chosen.order_by(link.linked_at, link.procurement_id).limit(limit)
