"""Reads all that the public sees of a purchase."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import SHANGHAI
from nexus.areas.model import CodeEntry
from nexus.evaluation.evaluations.model import Evaluation
from nexus.exchange.ocds.publishing.rules import Agreed, Judged, Paid, Purchase
from nexus.organizations.model import Organization
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.contracts.model import (
    Contract,
    ContractAmendment,
    ContractItem,
    ContractTarget,
    Milestone,
)
from nexus.purchasing.payments.model import Payment, PaymentState
from nexus.purchasing.procurements.model import Award, Procurement, ProcurementItem


async def purchase_of(session: AsyncSession, procurement_id: UUID) -> Purchase | None:
    """The purchase; None while its tender is not out."""
    procurement = await session.get(Procurement, procurement_id)
    if procurement is None or procurement.published_at is None:
        return None
    items = await _listed(
        session, ProcurementItem, ProcurementItem.procurement_id, [procurement.id], "position"
    )
    awards = [
        one
        for one in (await _listed(session, Award, Award.procurement_id, [procurement.id], "no"))[
            procurement.id
        ]
        if one.awarded_on is not None
    ]
    agreed = await _agreed(session, procurement.id, {one.id: one.no for one in awards})
    parts = [*items[procurement.id], *(item for one in agreed for item in one.items)]
    parties = {procurement.buyer_id, *(one.supplier_id for one in awards)}
    parties |= {one.contract.supplier_id for one in agreed}
    return Purchase(
        procurement,
        items[procurement.id],
        awards,
        agreed,
        {one.id: one for one in await _rows(session, Organization, parties)},
        {
            one.id: (one.code, one.title)
            for one in await _rows(
                session, CatalogueItem, {part.catalogue_item_id for part in parts}
            )
        },
        await _units(session, {part.unit for part in parts}),
    )


async def _agreed(
    session: AsyncSession, procurement_id: UUID, awards: dict[UUID, str]
) -> list[Agreed]:
    row = Contract
    found = await session.scalars(
        select(row)
        .where(row.procurement_id == procurement_id, row.published_on.is_not(None))
        .order_by(row.no)
    )
    contracts = [one for one in found if one.award_id in awards]
    keys = [one.id for one in contracts]
    items = await _listed(session, ContractItem, ContractItem.contract_id, keys, "position")
    targets = await _listed(session, ContractTarget, ContractTarget.contract_id, keys, "position")
    steps = await _listed(session, Milestone, Milestone.contract_id, keys, "position")
    amended = await _listed(
        session, ContractAmendment, ContractAmendment.contract_id, keys, "edition"
    )
    paid = await _listed(
        session, Payment, Payment.contract_id, keys, "no", Payment.executed_at.is_not(None)
    )
    judged = await _listed(
        session,
        Evaluation,
        Evaluation.contract_id,
        keys,
        "no",
        Evaluation.published_at.is_not(None),
    )
    return [
        Agreed(
            one,
            awards[one.award_id],
            items[one.id],
            targets[one.id],
            steps[one.id],
            amended[one.id],
            [part for row in paid[one.id] for part in _paid(row)],
            [_judged(one, row) for row in judged[one.id]],
        )
        for one in contracts
    ]


def _paid(row: Payment) -> list[Paid]:
    """The transfer; where it came back, that as well."""
    assert row.executed_at is not None
    gone = Paid(row.no, row.amount_fen, _day(row.executed_at), row.milestone_id)
    if row.state is not PaymentState.REVERSED:
        return [gone]
    assert row.closed_at is not None
    return [gone, Paid(f"{row.no}-R", -row.amount_fen, _day(row.closed_at), row.milestone_id)]


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def _judged(contract: Contract, row: Evaluation) -> Judged:
    assert row.published_at is not None
    assert row.total is not None
    assert row.grade is not None
    return Judged(
        row.no,
        f"{contract.title}绩效评价",
        row.published_at,
        row.from_on,
        row.until_on,
        row.total,
        row.grade.value,
        row.scheme_version or "",
    )


async def _listed(
    session: AsyncSession, table: Any, key: Any, keys: Sequence[UUID], order: str, *where: Any
) -> dict[UUID, list[Any]]:
    """The rows that point at each of the keys, in order."""
    by_key: dict[UUID, list[Any]] = defaultdict(list)
    if keys:
        found = await session.scalars(
            select(table).where(key.in_(keys), *where).order_by(getattr(table, order))
        )
        for row in found:
            by_key[getattr(row, key.key)].append(row)
    return by_key


async def _rows(session: AsyncSession, table: Any, keys: Iterable[UUID]) -> list[Any]:
    return list(await session.scalars(select(table).where(table.id.in_(list(keys)))))


async def _units(session: AsyncSession, codes: set[str]) -> dict[str, str]:
    row = CodeEntry
    found = await session.execute(
        select(row.code, row.label_zh_hans).where(row.list_name == "unit", row.code.in_(codes))
    )
    return {row[0]: row[1] for row in found}


async def procurement_behind(
    session: AsyncSession, object_type: str, object_id: UUID
) -> UUID | None:
    """The procurement behind an object that the public sees; None where news of it changes nothing.

    A payment is seen once it was executed, an evaluation once it was published.
    """
    match object_type:
        case "procurement":
            return object_id
        case "award":
            return await session.scalar(select(Award.procurement_id).where(Award.id == object_id))
        case "contract":
            return await _of_contract(session, object_id)
        case "milestone":
            contract = await session.scalar(
                select(Milestone.contract_id).where(Milestone.id == object_id)
            )
            return await _of_contract(session, contract)
        case "payment":
            contract = await session.scalar(
                select(Payment.contract_id).where(
                    Payment.id == object_id, Payment.executed_at.is_not(None)
                )
            )
            return await _of_contract(session, contract)
        case "evaluation":
            contract = await session.scalar(
                select(Evaluation.contract_id).where(
                    Evaluation.id == object_id, Evaluation.published_at.is_not(None)
                )
            )
            return await _of_contract(session, contract)
    return None


async def _of_contract(session: AsyncSession, contract_id: UUID | None) -> UUID | None:
    return await session.scalar(select(Contract.procurement_id).where(Contract.id == contract_id))


async def public_procurements(session: AsyncSession) -> Sequence[UUID]:
    """Every procurement whose tender is out."""
    row = Procurement
    found = await session.scalars(
        select(row.id).where(row.published_at.is_not(None)).order_by(row.published_at, row.id)
    )
    return found.all()
