"""Contracts with their parts, as operations and those above need them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act
from nexus.areas.queries import parameter
from nexus.purchasing.contracts import model, policy
from nexus.purchasing.contracts.rules import Term
from nexus.purchasing.procurements.model import Award
from nexus.purchasing.procurements.queries import LIVE_AWARDS

P = TypeVar("P", model.ContractItem, model.ContractTarget, model.Milestone)


async def take_contract(
    act: Act, row_id: UUID, expected_version: int | None = None
) -> model.Contract:
    """The contract, visible and locked."""
    return await act.take(
        model.Contract, row_id, visible=policy.visible, expected_version=expected_version
    )


async def take_milestone(
    act: Act, row_id: UUID, expected_version: int | None = None
) -> tuple[model.Milestone, model.Contract]:
    """The milestone and its contract, visible and locked, the contract first."""
    found = await act.find(model.Milestone, row_id, visible=policy.part_visible)
    contract = await take_contract(act, found.contract_id)
    row = await act.take(
        model.Milestone, row_id, visible=policy.part_visible, expected_version=expected_version
    )
    return row, contract


async def items_of(session: AsyncSession, contract_id: UUID) -> Sequence[model.ContractItem]:
    """Its items in their order."""
    return await _parts(session, model.ContractItem, contract_id)


async def targets_of(session: AsyncSession, contract_id: UUID) -> Sequence[model.ContractTarget]:
    """Its targets in their order."""
    return await _parts(session, model.ContractTarget, contract_id)


async def milestones_of(session: AsyncSession, contract_id: UUID) -> Sequence[model.Milestone]:
    """Its milestones in their order."""
    return await _parts(session, model.Milestone, contract_id)


async def _parts(session: AsyncSession, part: type[P], contract_id: UUID) -> Sequence[P]:
    found = await session.scalars(
        select(part).where(part.contract_id == contract_id).order_by(part.position)
    )
    return found.all()


async def term_figures(session: AsyncSession, *, on: date, area_code: str) -> Term:
    """The longest terms in force on that day in the area (INV-26)."""
    short = await parameter(session, "contract_term_months", on=on, area_code=area_code)
    long = await parameter(session, "contract_reasoned_term_months", on=on, area_code=area_code)
    return Term(
        months=short.whole,
        reasoned_months=long.whole,
        rule=f"{short.version} {long.version}",
    )


async def first_value(session: AsyncSession, row: model.Contract) -> int:
    """Fen of the first edition."""
    amendment = model.ContractAmendment
    first = select(amendment.value_before_fen).where(
        amendment.contract_id == row.id, amendment.edition == 2
    )
    found = await session.scalar(first)
    return row.value_fen if found is None else found


async def live_contracts_of(session: AsyncSession, award_id: UUID) -> Sequence[str]:
    """The numbers of the contracts of an award that are neither cancelled nor unsuccessful."""
    row = model.Contract
    found = await session.scalars(
        select(row.no).where(
            row.award_id == award_id,
            row.state.not_in((model.ContractState.CANCELLED, model.ContractState.UNSUCCESSFUL)),
        )
    )
    return found.all()


async def unsigned_awards(session: AsyncSession, procurement_id: UUID) -> int:
    """How many standing awards of a procurement have no signed contract yet."""
    signed = select(model.Contract.award_id).where(model.Contract.signed_on.is_not(None))
    count = select(func.count()).where(
        Award.procurement_id == procurement_id,
        Award.state.in_(LIVE_AWARDS),
        Award.id.not_in(signed),
    )
    return int((await session.execute(count)).scalar_one())


async def unsettled_milestones(session: AsyncSession, contract_id: UUID) -> Sequence[str]:
    """The titles of milestones on which nothing has been said."""
    row = model.Milestone
    found = await session.scalars(
        select(row.title)
        .where(row.contract_id == contract_id, row.state == model.MilestoneState.SCHEDULED)
        .order_by(row.position)
    )
    return found.all()


async def owed_fen(session: AsyncSession, contract_id: UUID) -> int:
    """Fen accepted and not paid yet."""
    row = model.Milestone
    total = select(func.coalesce(func.sum(row.accepted_fen - row.paid_fen), 0)).where(
        row.contract_id == contract_id
    )
    return int((await session.execute(total)).scalar_one())


def is_unpublished(row: Any) -> ColumnElement[bool]:
    """SQL: signed and not published yet."""
    return and_(row.signed_on.is_not(None), row.published_on.is_(None))


def is_running(row: Any) -> ColumnElement[bool]:
    """SQL: the milestone's contract is active."""
    contract = aliased(model.Contract)
    return exists().where(
        contract.id == row.contract_id, contract.state == model.ContractState.ACTIVE
    )
