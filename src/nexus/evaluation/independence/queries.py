"""Every link between two organizations since a day: declared ties, contracts, posts."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.casework.model import Station, Worker
from nexus.evaluation.independence import model
from nexus.purchasing.contracts.model import UNSIGNED, Contract

MONTHS = "evaluator_independence_months"
"""The parameter that says how far back is looked."""


def ties_between(one: Any, other: Any, since: Any) -> Any:
    """SQL: what links the two organizations since the day, as words; each argument value or SQL."""
    tie, contract = aliased(model.OrganizationTie), aliased(Contract)
    declared = select(tie.kind).where(
        _both(tie.organization_id, tie.other_id, one, other),
        or_(tie.until_on.is_(None), tie.until_on > since),
    )
    bought = select(literal("contract").label("kind")).where(
        _both(contract.buyer_id, contract.supplier_id, one, other),
        contract.state.not_in(UNSIGNED),
        contract.ends_on > since,
    )
    posted = _posted(one, other, since)
    return union_all(declared, bought, posted)


def _posted(one: Any, other: Any, since: Any) -> Select[Any]:
    """An account of one held a post at a station that the other runs, or the reverse."""
    account, worker, station = aliased(Account), aliased(Worker), aliased(Station)
    return (
        select(literal("employment").label("kind"))
        .select_from(worker)
        .join(account, account.id == worker.account_id)
        .join(station, station.id == worker.station_id)
        .where(
            _both(account.organization_id, station.organization_id, one, other),
            or_(worker.valid_to.is_(None), worker.valid_to > since),
        )
    )


def _both(left: Any, right: Any, one: Any, other: Any) -> Any:
    return or_(and_(left == one, right == other), and_(left == other, right == one))


async def ties(session: AsyncSession, one: UUID, other: UUID, since: date) -> list[str]:
    """The kinds of ties, each once, in order."""
    found = await session.scalars(ties_between(one, other, since))
    return sorted({str(kind) for kind in found})
