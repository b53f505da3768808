"""Service facts and acceptances, recomputed (INV-18, INV-24, INV-27, INV-28)."""

from typing import Any

from sqlalchemy import Select, Text, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from nexus.casework.cases.model import Case, CaseState
from nexus.casework.visits.model import PERFORMED, Visit
from nexus.matching.pledges.model import Delivery
from nexus.purchasing.acceptance.model import (
    TAKEN,
    Acceptance,
    AcceptanceDeduction,
    AcceptanceLine,
    AcceptedFact,
)
from nexus.purchasing.contracts.model import Contract, ContractItem, Milestone
from nexus.purchasing.facts.model import FactState, ServiceFact
from nexus.purchasing.facts.queries import ARRIVED, HELD
from nexus.supervision.ledger.queries import finding
from nexus.volunteering.hours.model import RecordState, ServiceRecord
from nexus.volunteering.tasks.model import VolunteerTask


def _once() -> Select[Any]:
    row = ServiceFact
    return (
        finding(row.fact_id, "it is counted more than once", times=func.count())
        .where(row.state == FactState.COUNTED)
        .group_by(row.fact_kind, row.fact_id)
        .having(func.count() > 1)
    )


def _fits() -> Select[Any]:
    """Of the item's kind and contract, within its term."""
    row, item, contract = ServiceFact, ContractItem, Contract
    return (
        finding(row.id, "it does not fit the item it counts for")
        .join(item, item.id == row.contract_item_id)
        .join(contract, contract.id == row.contract_id)
        .where(
            row.state == FactState.COUNTED,
            or_(
                item.contract_id != row.contract_id,
                item.fact_kind != row.fact_kind,
                row.happened_on < contract.starts_on,
            ),
        )
    )


def _happened() -> Select[Any]:
    """What counts took place, and nobody disputes it."""
    row = ServiceFact
    sources: tuple[tuple[Any, Any, Any], ...] = (
        (row.visit_id, Visit, Visit.state.in_(PERFORMED)),
        (row.case_id, Case, Case.state == CaseState.CLOSED),
        (row.delivery_id, Delivery, Delivery.state.in_(ARRIVED)),
        (row.record_id, ServiceRecord, ServiceRecord.state == RecordState.EFFECTIVE),
        (row.task_id, VolunteerTask, VolunteerTask.state.in_(HELD)),
    )
    gone = [
        and_(key.is_not(None), ~exists().where(table.id == key, done))
        for key, table, done in sources
    ]
    return finding(row.id, "what it counts did not take place, or is disputed").where(
        row.state == FactState.COUNTED, or_(*gone)
    )


def _within_facts() -> Select[Any]:
    """What was accepted rested on facts of its period when it was decided."""
    row, line = Acceptance, AcceptanceLine
    behind, fact = aliased(AcceptedFact), aliased(ServiceFact)
    stood = or_(fact.state == FactState.COUNTED, fact.withdrawn_at > row.decided_at)
    total = (
        select(func.coalesce(func.sum(behind.quantity), 0))
        .join(fact, fact.id == behind.fact_id)
        .where(
            behind.line_id == line.id,
            behind.live,
            stood,
            fact.contract_item_id == line.contract_item_id,
            fact.quantity == behind.quantity,
            fact.happened_on >= row.from_on,
            fact.happened_on < row.until_on,
        )
        .scalar_subquery()
    )
    what = "more is accepted than its facts come to"
    return (
        finding(line.id, what, accepted=line.accepted, counted=total)
        .join(row, row.id == line.acceptance_id)
        .where(line.accepted > total)
    )


def _adds_up() -> Select[Any]:
    """The lines come to what is claimed, and the deductions to what is deducted."""
    row, line, cut = Acceptance, aliased(AcceptanceLine), aliased(AcceptanceDeduction)
    lines = (
        select(func.sum(func.round(line.claimed * line.unit_price_fen)))
        .where(line.acceptance_id == row.id)
        .scalar_subquery()
    )
    cuts = (
        select(func.coalesce(func.sum(cut.fen), 0))
        .where(cut.acceptance_id == row.id)
        .scalar_subquery()
    )
    taken = case((row.state.in_(TAKEN), row.claimed_fen - cuts), else_=0)
    return finding(row.id, "its sums do not hold", claimed_fen=row.claimed_fen).where(
        or_(lines != row.claimed_fen, cuts != row.deduction_fen, row.accepted_fen != taken)
    )


def _milestones() -> Select[Any]:
    row, acceptance = Milestone, aliased(Acceptance)
    total = (
        select(func.coalesce(func.sum(acceptance.accepted_fen), 0))
        .where(acceptance.milestone_id == row.id)
        .scalar_subquery()
    )
    what = "what is accepted of it is not the sum of its acceptances"
    return finding(row.id, what, accepted_fen=row.accepted_fen, acceptances_fen=total).where(
        row.accepted_fen != total
    )


def _by_another() -> Select[Any]:
    """Who decides submitted nothing of it, and recorded and claimed none of its facts."""
    row, behind, fact = Acceptance, aliased(AcceptedFact), aliased(ServiceFact)
    mine = exists().where(
        behind.acceptance_id == row.id,
        behind.live,
        fact.id == behind.fact_id,
        or_(fact.entered_by == row.decided_by, fact.claimed_by == row.decided_by),
    )
    return finding(row.id, "who decided it had a hand in it").where(
        or_(row.decided_by.in_((row.submitted_by, row.manager_id)), mine)
    )


def _redrawn() -> Select[Any]:
    """The sample is what its seed draws from the facts it was drawn from (core/drawing.py)."""
    row, behind = Acceptance, AcceptedFact
    lot = func.sha256(
        func.convert_to(row.sample_seed + ":" + cast(behind.fact_id, Text), literal("UTF8"))
    )
    place = func.row_number().over(partition_by=row.id, order_by=(lot, cast(behind.fact_id, Text)))
    ranked = (
        select(row.id, row.sample_size, behind.sampled, place.label("place"))
        .join(behind, behind.acceptance_id == row.id)
        .where(row.sample_seed.is_not(None), behind.live | behind.sampled)
        .subquery()
    )
    drawn = ranked.c.place <= ranked.c.sample_size
    return (
        finding(ranked.c.id, "its sample is not what its seed draws", facts=func.count())
        .select_from(ranked)
        .where(ranked.c.sampled != drawn)
        .group_by(ranked.c.id)
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-27 what happened counts once": _once(),
    "INV-27 facts fit their items": _fits(),
    "INV-27 what counts took place": _happened(),
    "INV-28 acceptance within facts": _within_facts(),
    "INV-28 acceptance adds up": _adds_up(),
    "INV-24 milestones equal acceptances": _milestones(),
    "INV-18 acceptance by another": _by_another(),
    "INV-28 samples draw again": _redrawn(),
}
