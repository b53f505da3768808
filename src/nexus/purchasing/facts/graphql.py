"""Service facts in the graph, and how far a contract has come."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from sqlalchemy import column

from nexus.casework.cases.graphql import Case
from nexus.casework.visits.graphql import Visit
from nexus.graph.declare import (
    Connection,
    classified,
    derived,
    extend,
    mutation,
    node,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode, split
from nexus.graph.specs import Order
from nexus.matching.deliveries.graphql import Delivery
from nexus.purchasing.contracts.graphql import Contract, ContractItem, ContractTarget
from nexus.purchasing.contracts.model import FactKind, TargetMetric
from nexus.purchasing.facts import model, operations, policy, queries, rules
from nexus.volunteering.hours.graphql import ServiceRecord
from nexus.volunteering.tasks.graphql import VolunteerTask

register_enums(model.FactState, model.ClaimWay, FactKind, TargetMetric)
LATEST = Order(("happened_on",), descending=True)
guard(
    "uq_service_fact_inv_27",
    "It is counted already: what happened counts once.",
    kind=rules.AlreadyCounted,
    rule="INV-27",
)


@node(
    model.ServiceFact,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={"withdraw_fact": ("withdraw", policy.may_withdraw)},
)
class ServiceFact:
    """One thing that happened counts for one contract item, and for no other (INV-27)."""

    fact_kind: FactKind
    happened_on: date
    quantity: Decimal
    claim: model.ClaimWay
    claimed_at: datetime
    withdrawn_at: datetime | None
    state: model.FactState
    state_reason: str | None = classified(
        model.ServiceFact.state_reason, allowed=policy.may_read_words
    )
    version: int
    contract: Contract | None = to_one(model.ServiceFact.contract_id)
    item: ContractItem | None = to_one(model.ServiceFact.contract_item_id)
    visit: Visit | None = to_one(model.ServiceFact.visit_id)
    case: Case | None = to_one(model.ServiceFact.case_id)
    delivery: Delivery | None = to_one(model.ServiceFact.delivery_id)
    service_record: ServiceRecord | None = to_one(model.ServiceFact.record_id)
    session: VolunteerTask | None = to_one(
        model.ServiceFact.task_id, about="An activity that took place."
    )


@record
class ItemProgress:
    """What was counted for an item; the ratio is to the contracted quantity."""

    item: ContractItem | None = to_one(column("item_id"))
    unit: str
    contracted: Decimal
    quantity_counted: Decimal
    facts_counted: int
    households_reached: int
    ratio: Decimal | None


@record
class TargetProgress:
    """What was reached of a target. `reached` is null where facts do not tell it."""

    target: ContractTarget | None = to_one(column("target_id"))
    item: ContractItem | None = to_one(column("item_id"))
    metric: TargetMetric
    target_value: Decimal
    reached: Decimal | None
    met: bool | None


@extend(Contract)
class ContractFacts:
    service_facts: Connection[ServiceFact] = to_many(model.ServiceFact.contract_id, order=LATEST)
    progress: list[ItemProgress] = derived(
        queries.progress,
        default=100,
        maximum=500,
        about="Each item with what was counted for it; for who sees the facts.",
    )
    target_progress: list[TargetProgress] = derived(
        queries.target_progress,
        default=100,
        maximum=500,
        about="Each target with what was reached; for who sees the facts.",
    )


@extend(ContractItem)
class ItemFacts:
    service_facts: Connection[ServiceFact] = to_many(
        model.ServiceFact.contract_item_id, order=LATEST
    )


ServiceFactResult = result("ServiceFact", ServiceFact)
ContractItemResult = result("ContractItem", ContractItem)
KINDS = {
    "Visit": FactKind.VISIT,
    "Case": FactKind.CASE,
    "Delivery": FactKind.DELIVERY,
    "ServiceRecord": FactKind.SERVICE_RECORD,
    "VolunteerTask": FactKind.SESSION,
}
"""What may be counted, by type."""


@strawberry.input
class ClaimFactInput:
    """`happenedId` is the id of a visit, case, delivery, service record or volunteer task."""

    contract_item_id: strawberry.ID
    happened_id: strawberry.ID
    idempotency_key: str


@mutation(ServiceFactResult)
async def claim_fact(act, input: ClaimFactInput):  # type: ignore[no-untyped-def]
    """Count one thing that happened for a contract item; it counts once, wherever."""
    parts = split(input.happened_id)
    kind_name = parts[0] if parts else ""
    return await operations.claim_fact(
        act,
        decode(input.contract_item_id, "ContractItem"),
        kind=KINDS.get(kind_name),
        fact_id=decode(input.happened_id, kind_name),
    )


@strawberry.input
class ClaimFactsInput:
    """`untilOn` is end-exclusive."""

    contract_item_id: strawberry.ID
    from_on: date
    until_on: date
    idempotency_key: str


@mutation(ContractItemResult)
async def claim_facts(act, input: ClaimFactsInput):  # type: ignore[no-untyped-def]
    """Count all of a period that may count for the item and counts nowhere, 2,000 at a time."""
    return await operations.claim_period(
        act,
        decode(input.contract_item_id, "ContractItem"),
        from_on=input.from_on,
        until_on=input.until_on,
    )


transition(
    "withdraw_fact",
    ServiceFactResult,
    operations.withdraw_fact,
    "It was counted wrongly, with a reason; it may be claimed anew where it belongs.",
)
