"""Lists with their items, who is admitted, and who is barred."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor
from nexus.purchasing.procurements.suppliers import model, policy


async def take_list(
    act: Act, row_id: UUID, expected_version: int | None = None
) -> model.SupplierList:
    """The list, visible and locked."""
    return await act.take(
        model.SupplierList, row_id, visible=policy.list_visible, expected_version=expected_version
    )


def items_shown(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """What is bought from the list, for a derived field."""
    item = aliased(model.SupplierListItem)
    chosen = select(item.catalogue_item_id).where(item.list_id == row.id)
    return chosen.order_by(item.catalogue_item_id).limit(limit)


async def items_of(session: AsyncSession, list_id: UUID) -> set[UUID]:
    """The catalogue items that are bought from the list."""
    item = model.SupplierListItem
    found = await session.scalars(select(item.catalogue_item_id).where(item.list_id == list_id))
    return set(found)


async def is_admitted(session: AsyncSession, list_id: UUID, supplier_id: UUID) -> bool:
    """Whether the supplier is admitted to the list now."""
    row = model.SupplierAdmission
    asked = exists().where(
        row.list_id == list_id,
        row.supplier_id == supplier_id,
        row.state == model.AdmissionState.ADMITTED,
    )
    return bool(await session.scalar(select(asked)))


def standings(supplier_id: Any, buyer_id: Any, year: Any) -> Select[Any]:
    """The effect that holds of each source, of the supplier with the buyer in that year."""
    row = model.SupplierStanding
    last = func.row_number().over(
        partition_by=row.source_id, order_by=(row.recorded_at.desc(), row.id.desc())
    )
    ranked = (
        select(row.effect, row.grade, row.source_id, last.label("place"))
        .where(row.supplier_id == supplier_id, row.buyer_id == buyer_id, row.year == year)
        .subquery()
    )
    return select(ranked.c.effect, ranked.c.grade, ranked.c.source_id).where(ranked.c.place == 1)


async def is_barred(session: AsyncSession, *, supplier_id: UUID, buyer_id: UUID, year: int) -> bool:
    """Whether any evaluation bars the supplier from the buyer's awards of that year."""
    held = standings(supplier_id, buyer_id, year).subquery()
    asked = exists().where(held.c.effect == model.StandingEffect.BARRED)
    return bool(await session.scalar(select(asked)))
