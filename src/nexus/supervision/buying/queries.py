"""Procurements, awards and contracts, recomputed from their parts."""

from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from nexus.matching.suggestions.model import Gap, GapState
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.catalogue.queries import in_force
from nexus.purchasing.contracts.model import (
    Contract,
    ContractAmendment,
    ContractItem,
    Milestone,
    TermReason,
)
from nexus.purchasing.procurements.model import (
    Award,
    AwardState,
    Procurement,
    ProcurementGap,
    ProcurementItem,
    ProcurementState,
)
from nexus.supervision.ledger.queries import finding

LIVE = (AwardState.PENDING, AwardState.ACTIVE)


def _sum(column: Any, *where: Any) -> Any:
    return select(func.coalesce(func.sum(column), 0)).where(*where).scalar_subquery()


def _procurement_equals_items() -> Select[Any]:
    row, item = Procurement, aliased(ProcurementItem)
    summed = _sum(item.value_fen, item.procurement_id == row.id)
    return finding(
        row.id, "its value is not the sum of its items", value=row.value_fen, sum=summed
    ).where(row.value_fen != summed)


def _awards_within_procurement() -> Select[Any]:
    row, award = Procurement, aliased(Award)
    summed = _sum(award.value_fen, award.procurement_id == row.id, award.state.in_(LIVE))
    return finding(
        row.id, "more is awarded than was put out", value=row.value_fen, awarded=summed
    ).where(summed > row.value_fen)


def _contract_equals_items() -> Select[Any]:
    row, item = Contract, aliased(ContractItem)
    summed = _sum(item.value_fen, item.contract_id == row.id)
    return finding(
        row.id, "its value is not the sum of its items", value=row.value_fen, sum=summed
    ).where(row.value_fen != summed)


def _milestones_within_contract() -> Select[Any]:
    row, step = Contract, aliased(Milestone)
    summed = _sum(step.value_fen, step.contract_id == row.id)
    return finding(
        row.id, "its milestones are worth more than it", value=row.value_fen, sum=summed
    ).where(summed > row.value_fen)


def _contract_has_its_award() -> Select[Any]:
    row, award = Contract, aliased(Award)
    fits = exists().where(
        award.id == row.award_id,
        award.state == AwardState.ACTIVE,
        award.procurement_id == row.procurement_id,
        award.supplier_id == row.supplier_id,
        award.buyer_id == row.buyer_id,
    )
    return finding(row.id, "no award in force stands behind it", fen=row.value_fen).where(
        row.signed_on.is_not(None), ~fits
    )


def _procurement_is_contracted() -> Select[Any]:
    """Contracted means a signed contract, and a signed contract means contracted."""
    row, contract = Procurement, aliased(Contract)
    signed = exists().where(contract.procurement_id == row.id, contract.signed_on.is_not(None))
    contracted = row.state == ProcurementState.CONTRACTED
    return finding(row.id, "its state and its contracts differ", fen=row.value_fen).where(
        contracted != signed
    )


def _items_in_force() -> Select[Any]:
    row, item, named = Contract, aliased(ContractItem), aliased(CatalogueItem)
    award = aliased(Award)
    return (
        finding(row.id, "an item was not in the catalogue on the day", code=named.code)
        .join(award, award.id == row.award_id)
        .join(item, and_(item.contract_id == row.id, item.quantity > 0))
        .join(named, named.id == item.catalogue_item_id)
        .where(
            row.signed_on.is_not(None),
            ~func.coalesce(in_force(named, award.awarded_on), False),
        )
    )


def _term_has_its_reasons() -> Select[Any]:
    row = Contract
    plain = row.starts_on + func.make_interval(0, row.term_months)
    longest = row.starts_on + func.make_interval(0, row.reasoned_term_months)
    whole = func.cardinality(row.term_reasons) == len(TermReason)
    return finding(row.id, "its term is longer than its reasons allow", edition=row.edition).where(
        row.ends_on > plain, or_(~whole, row.ends_on > longest)
    )


def _edition_is_told() -> Select[Any]:
    row, amendment = Contract, aliased(ContractAmendment)
    told = select(func.count()).where(amendment.contract_id == row.id).scalar_subquery()
    return finding(
        row.id, "an edition of it has no amendment", edition=row.edition, amendments=told
    ).where(row.edition != told + 1)


def _award_second_person() -> Select[Any]:
    row = Award
    return finding(row.id, "who proposed it confirmed it", fen=row.value_fen).where(
        row.awarded_on.is_not(None), row.decided_by == row.created_by
    )


def _contract_second_person() -> Select[Any]:
    row = Contract
    return finding(row.id, "who drew it up signed it", edition=row.edition).where(
        row.signed_by == row.created_by
    )


def _linked_gap_is_planned() -> Select[Any]:
    link, gap, row = ProcurementGap, aliased(Gap), aliased(Procurement)
    live = gap.state.in_((GapState.OPEN, GapState.ACKNOWLEDGED))
    return (
        finding(link.gap_id, "a procurement is to fill it, and it does not say so", no=row.no)
        .join(gap, gap.id == link.gap_id)
        .join(row, row.id == link.procurement_id)
        .where(live, or_(gap.purchase_ref.is_(None), gap.state == GapState.OPEN))
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-18 award has a second person": _award_second_person(),
    "INV-18 contract has a second person": _contract_second_person(),
    "INV-19 contract has its award": _contract_has_its_award(),
    "INV-19 procurement is contracted": _procurement_is_contracted(),
    "INV-21 each edition has its amendment": _edition_is_told(),
    "INV-24 procurement equals items": _procurement_equals_items(),
    "INV-24 awards within procurement": _awards_within_procurement(),
    "INV-24 contract equals items": _contract_equals_items(),
    "INV-24 milestones within contract": _milestones_within_contract(),
    "INV-26 items in force at award": _items_in_force(),
    "INV-26 term has its reasons": _term_has_its_reasons(),
    "T18c linked gap is planned": _linked_gap_is_planned(),
}
