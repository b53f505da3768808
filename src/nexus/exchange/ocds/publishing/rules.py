"""What a purchase looks like as OCDS 1.1, and which tags a change of it has. No database here.

Names of natural persons are not published, nor what people wrote, except for titles and the
reasons of awards and amendments, which were checked for personal data when they were entered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from nexus.acting import SHANGHAI
from nexus.organizations.model import Organization
from nexus.purchasing.contracts.model import (
    Contract,
    ContractAmendment,
    ContractItem,
    ContractState,
    ContractTarget,
    Milestone,
    MilestoneKind,
)
from nexus.purchasing.procurements.model import Award, Procurement, ProcurementItem

LANGUAGE = "zh"
CURRENCY = "CNY"
SECOND = timedelta(seconds=1)
PREFIX_SCHEME = "CN-USCC"
"""The unified social credit code (GB 32100)."""

Json = dict[str, Any]

TENDER_STATUS = {
    "planning": "planned",
    "tender": "active",
    "award": "complete",
    "contracted": "complete",
    "unsuccessful": "unsuccessful",
    "cancelled": "cancelled",
    "withdrawn": "withdrawn",
}
CONTRACT_STATUS = {
    ContractState.PENDING: "pending",
    ContractState.ACTIVE: "active",
    ContractState.SUSPENDED: "active",
    ContractState.TERMINATED_SUCCESSFULLY: "terminated",
    ContractState.TERMINATED_EARLY: "terminated",
    ContractState.CANCELLED: "cancelled",
    ContractState.UNSUCCESSFUL: "cancelled",
}
"""OCDS 1.1. What 1.2 calls its `finalStatus` is given beside it."""
FINAL_STATUS = {
    ContractState.TERMINATED_SUCCESSFULLY: "terminatedSuccessfully",
    ContractState.TERMINATED_EARLY: "terminatedEarly",
    ContractState.CANCELLED: "cancelled",
    ContractState.UNSUCCESSFUL: "unsuccessful",
}
MILESTONE_TYPE = {MilestoneKind.PAYMENT: "financing"}
MILESTONE_STATUS = {
    "scheduled": "scheduled",
    "met": "met",
    "partially_met": "partiallyMet",
    "not_met": "notMet",
}


@dataclass(frozen=True)
class Paid:
    """Money that went out, or came back: then `fen` is below zero."""

    no: str
    fen: int
    paid_on: date
    milestone_id: Any


@dataclass(frozen=True)
class Judged:
    """A published evaluation."""

    no: str
    title: str
    published_at: datetime
    from_on: date
    until_on: date
    total: Decimal
    grade: str
    scheme: str


@dataclass(frozen=True)
class Agreed:
    """A published contract with its parts."""

    contract: Contract
    award_no: str
    items: Sequence[ContractItem]
    targets: Sequence[ContractTarget] = ()
    milestones: Sequence[Milestone] = ()
    amendments: Sequence[ContractAmendment] = ()
    payments: Sequence[Paid] = ()
    evaluations: Sequence[Judged] = ()


@dataclass(frozen=True)
class Purchase:
    """All that the public sees of a purchase. `catalogue`: catalogue item → (code, title)."""

    procurement: Procurement
    items: Sequence[ProcurementItem]
    awards: Sequence[Award]
    agreed: Sequence[Agreed]
    organizations: Mapping[Any, Organization]
    catalogue: Mapping[Any, tuple[str, str]]
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit code → its name."""


def content_of(purchase: Purchase) -> Json:
    """The release without its id, date and tags."""
    procurement = purchase.procurement
    found: Json = {
        "ocid": procurement.ocid,
        "language": LANGUAGE,
        "initiationType": "tender",
        "parties": _parties(purchase),
        "buyer": _reference(purchase, procurement.buyer_id),
        "planning": _planning(procurement),
        "tender": _tender(purchase),
    }
    if purchase.awards:
        found["awards"] = [_award(purchase, one) for one in purchase.awards]
    if purchase.agreed:
        found["contracts"] = [_contract(purchase, one) for one in purchase.agreed]
    return found


def _parties(purchase: Purchase) -> list[Json]:
    buyer = purchase.procurement.buyer_id
    suppliers = dict.fromkeys(
        [
            *(one.supplier_id for one in purchase.awards),
            *(one.contract.supplier_id for one in purchase.agreed),
        ]
    )
    paid = any(one.payments for one in purchase.agreed)
    payees = {one.contract.supplier_id for one in purchase.agreed if one.payments}
    parties = [_party(purchase, buyer, ["buyer", "procuringEntity", *(["payer"] if paid else [])])]
    for supplier in suppliers:
        roles = ["supplier", *(["payee"] if supplier in payees else [])]
        parties.append(_party(purchase, supplier, roles))
    return parties


def _party(purchase: Purchase, key: Any, roles: list[str]) -> Json:
    row = purchase.organizations[key]
    found: Json = {"id": row.no, "name": row.name, "roles": roles}
    if row.uscc:
        found["identifier"] = {"scheme": PREFIX_SCHEME, "id": row.uscc, "legalName": row.name}
    return found


def _reference(purchase: Purchase, key: Any) -> Json:
    row = purchase.organizations[key]
    return {"id": row.no, "name": row.name}


def _planning(row: Procurement) -> Json:
    return {"rationale": row.rationale, "budget": {"amount": money(row.value_fen)}}


def _tender(purchase: Purchase) -> Json:
    row = purchase.procurement
    found: Json = {
        "id": row.no,
        "title": row.title,
        "status": TENDER_STATUS[row.state.value],
        "procuringEntity": _reference(purchase, row.buyer_id),
        "procurementMethod": row.method.value,
        "mainProcurementCategory": "services",
        "value": money(row.value_fen),
        "items": [_item(purchase, one) for one in purchase.items],
    }
    if row.method_details:
        found["procurementMethodDetails"] = row.method_details
    if row.tender_starts_on and row.tender_ends_on:
        found["tenderPeriod"] = period(row.tender_starts_on, row.tender_ends_on)
    if row.contract_starts_on and row.contract_ends_on:
        found["contractPeriod"] = period(row.contract_starts_on, row.contract_ends_on)
    return found


def _item(purchase: Purchase, row: ProcurementItem | ContractItem) -> Json:
    code, title = purchase.catalogue[row.catalogue_item_id]
    unit: Json = {"scheme": "UNCEFACT", "id": row.unit}
    if row.unit in purchase.units:
        unit["name"] = purchase.units[row.unit]
    return {
        "id": str(row.position),
        "description": title,
        "classification": {"scheme": "nexus-catalogue", "id": code, "description": title},
        "quantity": number(row.quantity),
        "unit": {**unit, "value": money(row.unit_price_fen)},
    }


def _award(purchase: Purchase, row: Award) -> Json:
    assert row.awarded_on is not None
    return {
        "id": row.no,
        "title": purchase.procurement.title,
        "description": row.rationale,
        "status": row.state.value,
        "date": start_of(row.awarded_on),
        "value": money(row.value_fen),
        "suppliers": [_reference(purchase, row.supplier_id)],
    }


def _contract(purchase: Purchase, agreed: Agreed) -> Json:
    row = agreed.contract
    found: Json = {
        "id": row.no,
        "awardID": agreed.award_no,
        "title": row.title,
        "status": CONTRACT_STATUS[row.state],
        "period": period(row.starts_on, row.ends_on),
        "value": money(row.value_fen),
        "items": [_item(purchase, one) for one in agreed.items],
    }
    if row.signed_on:
        found["dateSigned"] = start_of(row.signed_on)
    if row.state in FINAL_STATUS:
        found["finalStatus"] = FINAL_STATUS[row.state]
    if agreed.targets:
        found["agreedMetrics"] = [_target(agreed, one) for one in agreed.targets]
    if agreed.amendments:
        found["amendments"] = [_amendment(row, one) for one in agreed.amendments]
    if implementation := _implementation(purchase, agreed):
        found["implementation"] = implementation
    return found


def _target(agreed: Agreed, row: ContractTarget) -> Json:
    places = {item.id: str(item.position) for item in agreed.items}
    observation: Json = {"id": "1", "measure": str(number(row.target_value))}
    if row.item_id in places:
        observation["dimensions"] = {"item": places[row.item_id]}
    return {
        "id": f"{row.metric.value}-{row.position}",
        "title": row.title,
        "observations": [observation],
    }


def _amendment(contract: Contract, row: ContractAmendment) -> Json:
    before, after = money(row.value_before_fen), money(row.value_after_fen)
    return {
        "id": f"{contract.no}-{row.edition}",
        "date": start_of(row.amended_on),
        "rationale": row.rationale,
        "description": (
            f"Edition {row.edition}; value {before['amount']} → {after['amount']} {CURRENCY}."
        ),
    }


def _implementation(purchase: Purchase, agreed: Agreed) -> Json:
    found: Json = {}
    if agreed.milestones:
        found["milestones"] = [_milestone(one) for one in agreed.milestones]
    if agreed.payments:
        places = {one.id: one for one in agreed.milestones}
        found["transactions"] = [
            _transaction(purchase, agreed.contract, one, places) for one in agreed.payments
        ]
    if agreed.evaluations:
        found["documents"] = [_report(one) for one in agreed.evaluations]
        found["metrics"] = [_grade(one) for one in agreed.evaluations]
    return found


def _milestone(row: Milestone) -> Json:
    found: Json = {
        "id": str(row.position),
        "title": row.title,
        "type": MILESTONE_TYPE.get(row.kind, row.kind.value),
        "dueDate": start_of(row.due_on),
        "status": MILESTONE_STATUS[row.state.value],
        "value": money(row.value_fen),
    }
    if row.met_on:
        found["dateMet"] = start_of(row.met_on)
    return found


def _transaction(
    purchase: Purchase, contract: Contract, one: Paid, places: Mapping[Any, Milestone]
) -> Json:
    found: Json = {
        "id": one.no,
        "date": start_of(one.paid_on),
        "value": money(one.fen),
        "payer": _reference(purchase, contract.buyer_id),
        "payee": _reference(purchase, contract.supplier_id),
    }
    if (milestone := places.get(one.milestone_id)) is not None:
        found["relatedImplementationMilestone"] = {
            "id": str(milestone.position),
            "title": milestone.title,
        }
    return found


def _report(one: Judged) -> Json:
    return {
        "id": one.no,
        "documentType": "evaluationReports",
        "title": one.title,
        "description": f"Grade {one.grade}, {number(one.total)} of 100 by scheme {one.scheme}.",
        "datePublished": stamp(one.published_at),
        "language": LANGUAGE,
    }


def _grade(one: Judged) -> Json:
    return {
        "id": one.no,
        "title": one.title,
        "observations": [
            {
                "id": "total",
                "period": period(one.from_on, one.until_on),
                "measure": str(number(one.total)),
                "notes": one.grade,
            }
        ],
    }


def money(fen: int) -> Json:
    """An OCDS value in yuan."""
    return {"amount": number(Decimal(fen) / 100), "currency": CURRENCY}


def number(value: Decimal) -> int | float:
    """A JSON number."""
    return int(value) if value == value.to_integral_value() else float(value)


def stamp(at: datetime) -> str:
    """A moment as OCDS has it, in the time of Shanghai."""
    return at.astimezone(SHANGHAI).replace(microsecond=0).isoformat()


def start_of(day: date) -> str:
    """The beginning of a day in Shanghai."""
    return stamp(datetime.combine(day, time(), SHANGHAI))


def period(start: date, end: date) -> Json:
    """A period whose `end` is the first day after it: in OCDS its last second."""
    last = datetime.combine(end, time(), SHANGHAI) - timedelta(seconds=1)
    return {"startDate": start_of(start), "endDate": stamp(last)}
