"""The rows an acceptance works on, what stands behind its lines, and what reports ask of it."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act
from nexus.areas.queries import parameter
from nexus.core.refusals import NotFound
from nexus.purchasing.acceptance import model, policy, rules
from nexus.purchasing.acceptance.model import Acceptance, AcceptanceLine, AcceptedFact
from nexus.purchasing.contracts.model import Contract, ContractItem, Milestone
from nexus.purchasing.facts import policy as facts_policy
from nexus.purchasing.facts.model import FactState, ServiceFact

RATIO, LEAST = "acceptance_sample_ratio", "acceptance_sample_least"


async def take_milestone(act: Act, milestone_id: UUID) -> tuple[Contract, Milestone]:
    """The milestone, locked, and its contract, held, of a party to it. NotFound."""
    contract = await act.session.scalar(
        select(Contract)
        .join(Milestone, Milestone.contract_id == Contract.id)
        .where(Milestone.id == milestone_id, facts_policy.party(act.actor, Contract))
        .with_for_update(read=True, of=Contract)
        .execution_options(populate_existing=True)
    )
    if contract is None:
        raise NotFound("No such Milestone, or it is not yours to see.")
    return contract, await lock_milestone(act.session, milestone_id)


async def lock_milestone(session: AsyncSession, milestone_id: UUID) -> Milestone:
    """The milestone of a row that the actor sees, locked."""
    found = await session.execute(
        select(Milestone)
        .where(Milestone.id == milestone_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


async def take_contract(session: AsyncSession, contract_id: UUID) -> Contract:
    """The contract of a row that the actor sees, held against changes."""
    found = await session.execute(
        select(Contract)
        .where(Contract.id == contract_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return found.scalar_one()


async def items_of(session: AsyncSession, contract_id: UUID) -> Sequence[ContractItem]:
    """The items of a contract, by position."""
    row = ContractItem
    found = await session.scalars(
        select(row).where(row.contract_id == contract_id).order_by(row.position)
    )
    return found.all()


async def open_no(session: AsyncSession, milestone_id: UUID) -> str | None:
    """The number of the acceptance of the milestone that is not decided."""
    row = Acceptance
    found = await session.scalars(
        select(row.no).where(row.milestone_id == milestone_id, row.state.in_(model.OPEN))
    )
    return found.first()


async def free_facts(
    session: AsyncSession, contract_id: UUID, from_on: date, until_on: date
) -> dict[UUID, list[tuple[UUID, Decimal]]]:
    """By item, the counted facts of the period that stand behind nothing yet, earliest first.

    They are held as they are until the commit.
    """
    fact, behind = ServiceFact, AcceptedFact
    found = await session.execute(
        select(fact.contract_item_id, fact.id, fact.quantity)
        .where(
            fact.contract_id == contract_id,
            fact.state == FactState.COUNTED,
            fact.happened_on >= from_on,
            fact.happened_on < until_on,
            ~exists().where(behind.fact_id == fact.id, behind.live),
        )
        .order_by(fact.happened_on, fact.id)
        .with_for_update(read=True)
    )
    by_item: dict[UUID, list[tuple[UUID, Decimal]]] = defaultdict(list)
    for item_id, fact_id, quantity in found:
        by_item[item_id].append((fact_id, quantity))
    return by_item


async def take(act: Act, row_id: UUID, expected_version: int | None) -> Acceptance:
    """The acceptance, visible and locked."""
    return await act.take(
        Acceptance, row_id, visible=policy.visible, expected_version=expected_version
    )


def _stands(fact: Any, behind: Any) -> ColumnElement[bool]:
    """A fact stands behind its line: it is live, counted, and nobody found it unfounded."""
    return and_(
        behind.live,
        fact.state == FactState.COUNTED,
        behind.finding.is_distinct_from(model.SampleFinding.UNFOUNDED),
    )


async def hold_frame(session: AsyncSession, acceptance_id: UUID) -> Sequence[AcceptedFact]:
    """What stands behind the acceptance, held to the commit with the facts themselves."""
    behind, fact = AcceptedFact, ServiceFact
    found = await session.scalars(
        select(behind)
        .join(fact, fact.id == behind.fact_id)
        .where(behind.acceptance_id == acceptance_id, _stands(fact, behind))
        .order_by(behind.id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return found.all()


async def supported(session: AsyncSession, acceptance_id: UUID) -> list[rules.Supported]:
    """Each line with what its facts come to now."""
    line, behind, fact = AcceptanceLine, AcceptedFact, ServiceFact
    found = await session.execute(
        select(
            line.id,
            line.contract_item_id,
            line.position,
            line.claimed,
            func.coalesce(func.sum(case((_stands(fact, behind), behind.quantity))), 0),
            line.unit_price_fen,
        )
        .join(behind, behind.line_id == line.id, isouter=True)
        .join(fact, fact.id == behind.fact_id, isouter=True)
        .where(line.acceptance_id == acceptance_id)
        .group_by(line.id)
        .order_by(line.position)
    )
    return [rules.Supported(*row) for row in found]


async def findings(session: AsyncSession, acceptance_id: UUID) -> list[model.SampleFinding | None]:
    """What was found of each fact of the sample that still stands."""
    behind, fact = AcceptedFact, ServiceFact
    found = await session.scalars(
        select(behind.finding)
        .join(fact, fact.id == behind.fact_id)
        .where(
            behind.acceptance_id == acceptance_id,
            behind.sampled,
            behind.live,
            fact.state == FactState.COUNTED,
        )
    )
    return list(found.all())


async def has_hand_in(session: AsyncSession, acceptance_id: UUID, account_id: UUID) -> bool:
    """Whether the account recorded or claimed any of the facts behind it (INV-18)."""
    behind, fact = AcceptedFact, ServiceFact
    mine = (
        exists()
        .where(
            behind.acceptance_id == acceptance_id,
            fact.id == behind.fact_id,
            or_(fact.entered_by == account_id, fact.claimed_by == account_id),
        )
        .select()
    )
    return bool(await session.scalar(mine))


async def sample_share(session: AsyncSession, *, on: date, area_code: str) -> tuple[Any, Any]:
    """(the share of facts that is looked at, how many at least), in force on the day."""
    ratio = await parameter(session, RATIO, on=on, area_code=area_code)
    return ratio, await parameter(session, LEAST, on=on, area_code=area_code)


def lost(actor: Any, row: Any) -> ColumnElement[Decimal]:
    """SQL of a line: what of it rests on facts that were withdrawn after it was accepted."""
    behind, fact = aliased(AcceptedFact), aliased(ServiceFact)
    found = (
        select(func.coalesce(func.sum(behind.quantity), 0))
        .join(fact, fact.id == behind.fact_id)
        .where(behind.line_id == row.id, behind.live, fact.state == FactState.WITHDRAWN)
    )
    return found.correlate_except(behind, fact).scalar_subquery()


def open_fen(actor: Any, row: Any) -> ColumnElement[int]:
    """SQL of a milestone: what of it may still be claimed."""
    return row.value_fen - row.accepted_fen  # type: ignore[no-any-return]


async def acceptance_of(
    session: AsyncSession, fact_id: UUID
) -> tuple[Acceptance, AcceptedFact] | None:
    """The acceptance that the fact stands behind, both locked."""
    found = await session.execute(
        select(Acceptance, AcceptedFact)
        .join(AcceptedFact, AcceptedFact.acceptance_id == Acceptance.id)
        .where(AcceptedFact.fact_id == fact_id, AcceptedFact.live)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])
