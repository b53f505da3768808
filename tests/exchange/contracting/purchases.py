"""A purchase made up in memory, as the queries would read it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from nexus.exchange.ocds.publishing.rules import Agreed, Judged, Paid, Purchase
from nexus.organizations.model import Organization
from nexus.purchasing.contracts.model import (
    Contract,
    ContractAmendment,
    ContractItem,
    ContractState,
    ContractTarget,
    Milestone,
    MilestoneKind,
    MilestoneState,
    TargetMetric,
)
from nexus.purchasing.procurements.model import (
    Award,
    AwardState,
    Procurement,
    ProcurementItem,
    ProcurementMethod,
    ProcurementState,
)

SPACE = UUID(int=7)
OCID = "ocds-nexus0-PR-440103-2026-000001"


def key(name: str) -> UUID:
    return uuid5(SPACE, name)


def organization(name: str) -> Organization:
    return Organization(
        id=key(name), no=f"ORG-{name}", name=f"Example {name}", uscc="91440101MA5XXXXX0Q"
    )


def procurement(**changes: Any) -> Procurement:
    values: dict[str, Any] = {
        "id": key("procurement"),
        "no": "PR-440103-2026-000001",
        "ocid": OCID,
        "title": "上门探访服务",
        "rationale": "Three needs that nobody meets.",
        "method": ProcurementMethod.OPEN,
        "method_details": "竞争性磋商",
        "buyer_id": key("buyer"),
        "value_fen": 37_000_050,
        "tender_starts_on": date(2026, 1, 5),
        "tender_ends_on": date(2026, 1, 26),
        "contract_starts_on": date(2026, 2, 1),
        "contract_ends_on": date(2027, 2, 1),
        "state": ProcurementState.CONTRACTED,
        "published_at": datetime(2026, 1, 4, 8, tzinfo=UTC),
    }
    return Procurement(**values | changes)


def _item(table: Any, **more: Any) -> Any:
    return table(
        id=key("item"),
        position=1,
        catalogue_item_id=key("catalogue"),
        quantity=Decimal("1000.500"),
        unit="E48",
        unit_price_fen=36_981,
        value_fen=37_000_050,
        **more,
    )


def award(**changes: Any) -> Award:
    values: dict[str, Any] = {
        "id": key("award"),
        "no": "AW-440103-2026-000001",
        "supplier_id": key("supplier"),
        "value_fen": 37_000_050,
        "rationale": "The best of two bids.",
        "awarded_on": date(2026, 1, 28),
        "state": AwardState.ACTIVE,
    }
    return Award(**values | changes)


def contract(**changes: Any) -> Contract:
    values: dict[str, Any] = {
        "id": key("contract"),
        "no": "CO-440103-2026-000001",
        "award_id": key("award"),
        "buyer_id": key("buyer"),
        "supplier_id": key("supplier"),
        "title": "上门探访服务合同",
        "starts_on": date(2026, 2, 1),
        "ends_on": date(2027, 2, 1),
        "value_fen": 37_000_050,
        "signed_on": date(2026, 1, 30),
        "published_on": date(2026, 1, 31),
        "state": ContractState.ACTIVE,
    }
    return Contract(**values | changes)


def milestone(position: int = 1, **changes: Any) -> Milestone:
    values: dict[str, Any] = {
        "id": key(f"milestone {position}"),
        "position": position,
        "kind": MilestoneKind.DELIVERY,
        "title": "First quarter",
        "due_on": date(2026, 5, 1),
        "value_fen": 9_000_000,
        "state": MilestoneState.SCHEDULED,
    }
    return Milestone(**values | changes)


def target() -> ContractTarget:
    return ContractTarget(
        id=key("target"),
        position=1,
        item_id=key("item"),
        metric=TargetMetric.QUANTITY,
        title="Visits",
        target_value=Decimal(1000),
    )


def amendment() -> ContractAmendment:
    return ContractAmendment(
        id=key("amendment"),
        edition=2,
        rationale="Fewer households than planned.",
        value_before_fen=37_000_050,
        value_after_fen=30_000_000,
        amended_on=date(2026, 6, 1),
    )


def agreed(**changes: Any) -> Agreed:
    values: dict[str, Any] = {
        "contract": contract(),
        "award_no": "AW-440103-2026-000001",
        "items": [_item(ContractItem)],
        "targets": [target()],
        "milestones": [milestone(), milestone(2, kind=MilestoneKind.PAYMENT)],
    }
    return Agreed(**values | changes)


def paid(no: str = "PY-1", fen: int = 9_000_000) -> Paid:
    return Paid(no, fen, date(2026, 5, 20), key("milestone 1"))


def judged() -> Judged:
    return Judged(
        "EV-440103-2026-000001",
        "Evaluation of the first year",
        datetime(2027, 3, 1, 2, tzinfo=UTC),
        date(2026, 2, 1),
        date(2027, 2, 1),
        Decimal("87.50"),
        "good",
        "GZ-SERVICE/2",
    )


def purchase(**changes: Any) -> Purchase:
    values: dict[str, Any] = {
        "procurement": procurement(),
        "items": [_item(ProcurementItem)],
        "awards": [award()],
        "agreed": [agreed()],
        "organizations": {key(name): organization(name) for name in ("buyer", "supplier")},
        "catalogue": {key("catalogue"): ("A.02.03", "上门探访")},
        "units": {"E48": "服务单元"},
    }
    return Purchase(**values | changes)


def met() -> list[Milestone]:
    """The first milestone is met, the second is to come."""
    first = milestone(state=MilestoneState.MET, met_on=date(2026, 5, 1))
    return [first, milestone(2, kind=MilestoneKind.PAYMENT)]


TENDER = {
    "procurement": procurement(state=ProcurementState.TENDER),
    "awards": [],
    "agreed": [],
}
"""Stages of a purchase, each with what is different from the whole of it."""
STAGES: list[tuple[dict[str, Any], list[str]]] = [
    (TENDER, ["planning", "tender"]),
    (
        {"procurement": procurement(state=ProcurementState.AWARD), "agreed": []},
        ["tenderUpdate", "award"],
    ),
    ({}, ["contract", "implementation"]),
    ({"agreed": [agreed(milestones=met())]}, ["implementationUpdate"]),
    ({"agreed": [agreed(milestones=met(), payments=[paid()])]}, ["implementationUpdate"]),
    (
        {
            "agreed": [
                agreed(
                    contract=contract(value_fen=30_000_000),
                    amendments=[amendment()],
                    milestones=met(),
                    payments=[paid()],
                )
            ]
        },
        ["contractAmendment"],
    ),
    (
        {
            "agreed": [
                agreed(
                    contract=contract(
                        value_fen=30_000_000, state=ContractState.TERMINATED_SUCCESSFULLY
                    ),
                    amendments=[amendment()],
                    milestones=met(),
                    payments=[paid()],
                    evaluations=[judged()],
                )
            ]
        },
        ["contractTermination", "implementationUpdate"],
    ),
]
