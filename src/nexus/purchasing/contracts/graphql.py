"""Contracts with their items, targets, milestones and earlier editions in the graph."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from sqlalchemy import Text, func
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.graph.declare import (
    JSON,
    Connection,
    Fen,
    any_of,
    at_most,
    classified,
    collection,
    computed,
    containing,
    extend,
    holds,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.purchasing.budgets.graphql import BudgetLine
from nexus.purchasing.catalogue.graphql import CatalogueItem
from nexus.purchasing.contracts import model, operations, policy, queries, rules
from nexus.purchasing.procurements.graphql import Award, Procurement
from nexus.volunteering.hours.graphql import of

register_enums(
    *(model.TermReason, model.ContractState, model.FactKind, model.TargetMetric),
    *(model.MilestoneKind, model.MilestoneState),
)
guard("uq_contract_live", "A contract stands under this award.", rule="INV-08")
BY_POSITION = Order(("position",))


@node(model.ContractItem, visible=policy.part_visible)
class ContractItem:
    """What is supplied: how much of a catalogue item, at what price; which facts count for it."""

    position: int
    unit: str
    quantity: Decimal
    unit_price_fen: Fen
    value_fen: Fen
    fact_kind: model.FactKind
    contract: "Contract | None" = to_one(model.ContractItem.contract_id)
    catalogue_item: CatalogueItem | None = to_one(model.ContractItem.catalogue_item_id)
    budget_line: BudgetLine | None = to_one(
        model.ContractItem.budget_line_id, about="Null unless you see the budget."
    )


@node(model.ContractTarget, visible=policy.part_visible)
class ContractTarget:
    """What must be reached: of one item, or of the whole contract."""

    position: int
    metric: model.TargetMetric
    title: str
    target_value: Decimal
    item: ContractItem | None = to_one(model.ContractTarget.item_id)


@node(
    model.Milestone,
    visible=policy.part_visible,
    transitions=model.MILESTONE_TRANSITIONS,
    actions={
        "meet_milestone": ("meet", policy.may_buy),
        "miss_milestone": ("miss", policy.may_buy),
    },
)
class Milestone:
    """A step of a contract, due on a day, worth so much once it is accepted."""

    position: int
    kind: model.MilestoneKind
    title: str
    due_on: date
    value_fen: Fen
    accepted_fen: Fen
    paid_fen: Fen
    state: model.MilestoneState
    state_reason: str | None = classified(
        model.Milestone.state_reason, allowed=policy.may_read_words
    )
    met_on: date | None
    version: int
    contract: "Contract | None" = to_one(model.Milestone.contract_id)


@node(model.ContractAmendment, visible=policy.part_visible)
class ContractAmendment:
    """Why an edition was made, and the whole text before it."""

    edition: int
    rationale: str
    before: JSON | None = classified(
        model.ContractAmendment.before,
        allowed=policy.may_read_words,
        about="The earlier edition: contract, items, targets, milestones.",
    )
    value_before_fen: Fen
    value_after_fen: Fen
    amended_on: date


@node(
    model.Contract,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "sign_contract": ("sign", policy.may_sign),
        "publish_contract": ("publish", policy.may_buy),
        "amend_contract": ("amend", policy.may_buy),
        "reassign_contract": ("reassign", policy.may_buy),
        "suspend_contract": ("suspend", policy.may_buy),
        "resume_contract": ("resume", policy.may_buy),
        "complete_contract": ("complete", policy.may_buy),
        "terminate_contract": ("terminate", policy.may_buy),
        "cancel_contract": ("cancel", policy.may_buy),
        "fail_contract": ("fail", policy.may_buy),
    },
)
class Contract:
    """What a buyer and a supplier agreed, under an award."""

    no: str
    title: str
    starts_on: date
    ends_on: date
    value_fen: Fen
    data_protection_clause: str
    term_reasons: list[model.TermReason] = computed(
        lambda actor, row: func.upper(row.term_reasons.cast(Text)).cast(ARRAY(Text())),
        about="All four, for a term of more than a year.",
    )
    term_rule: str
    signed_on: date | None
    publish_due_at: datetime | None
    published_on: date | None
    state: model.ContractState
    state_reason: str | None = classified(
        model.Contract.state_reason, allowed=policy.may_read_inner
    )
    edition: int
    version: int
    ended_at: datetime | None
    created_at: datetime
    procurement: Procurement | None = to_one(model.Contract.procurement_id)
    award: Award | None = to_one(model.Contract.award_id)
    buyer: Organization | None = to_one(model.Contract.buyer_id)
    supplier: Organization | None = to_one(model.Contract.supplier_id)
    area: Area | None = to_one(model.Contract.area_code)
    manager: Account | None = to_one(
        model.Contract.manager_id,
        allowed=policy.may_read_inner,
        about="The buyer's person who looks after it.",
    )
    items: Connection[ContractItem] = to_many(model.ContractItem.contract_id, order=BY_POSITION)
    targets: Connection[ContractTarget] = to_many(
        model.ContractTarget.contract_id, order=BY_POSITION
    )
    milestones: Connection[Milestone] = to_many(model.Milestone.contract_id, order=BY_POSITION)
    amendments: Connection[ContractAmendment] = to_many(
        model.ContractAmendment.contract_id, order=Order(("edition",))
    )


@extend(Procurement)
class ProcurementContracts:
    contracts: Connection[Contract] = to_many(
        model.Contract.procurement_id, order=Order(("created_at",))
    )


@query
class ContractQuery:
    contracts: Connection[Contract] = collection(
        "Contract",
        orders={
            "NEWEST": Order(("created_at",), descending=True),
            "ENDS_ON": Order(("ends_on",)),
        },
        filters={
            "state": any_of(model.Contract.state),
            "area": within(model.Contract.area_code),
            "buyer": of(model.Contract.buyer_id, "Organization"),
            "supplier": of(model.Contract.supplier_id, "Organization"),
            "unpublished": holds(queries.is_unpublished),
            "ends_by": at_most(model.Contract.ends_on, date),
            "text": containing(model.Contract.title, model.Contract.no),
        },
        about="Published contracts; your organization's; those of your territory.",
    )
    milestones: Connection[Milestone] = collection(
        "Milestone",
        orders={"DUE": Order(("due_on",))},
        filters={
            "state": any_of(model.Milestone.state),
            "kind": any_of(model.Milestone.kind),
            "contract": of(model.Milestone.contract_id, "Contract"),
            "running": holds(queries.is_running),
        },
        about="Milestones of the contracts you see, the first due first. `running`: of contracts "
        "that are active.",
    )


ContractResult = result("Contract", Contract)


@strawberry.input
class ContractItemInput:
    catalogue_item_id: strawberry.ID
    budget_line_id: strawberry.ID
    quantity: Decimal
    unit_price_fen: Fen
    fact_kind: model.FactKind


@strawberry.input
class MilestoneInput:
    """`position` names one that stands, to be changed by an amendment."""

    kind: model.MilestoneKind
    title: str
    due_on: date
    value_fen: Fen | None = None
    position: int | None = None


@strawberry.input
class ContractTargetInput:
    """`item` is the position of the item it is of; `position` names one that stands."""

    metric: model.TargetMetric
    title: str
    target_value: Decimal
    item: int | None = None
    position: int | None = None


def items_given(given: list[ContractItemInput] | None) -> list[rules.ItemInput]:
    """As the rules take them."""
    return [
        rules.ItemInput(
            catalogue_item_id=decode(one.catalogue_item_id, "CatalogueItem"),
            budget_line_id=decode(one.budget_line_id, "BudgetLine"),
            quantity=one.quantity,
            unit_price_fen=one.unit_price_fen,
            fact_kind=one.fact_kind,
        )
        for one in given or ()
    ]


def milestones_given(given: list[MilestoneInput] | None) -> list[rules.MilestoneInput]:
    """As the rules take them."""
    return [
        rules.MilestoneInput(**{**vars(one), "value_fen": one.value_fen or 0})
        for one in given or ()
    ]


def targets_given(given: list[ContractTargetInput] | None) -> list[rules.TargetInput]:
    """As the rules take them."""
    return [rules.TargetInput(**vars(one)) for one in given or ()]


@strawberry.input
class DrawUpContractInput:
    """`expectedVersion` is the award's. `endsOn` is end-exclusive."""

    award_id: strawberry.ID
    expected_version: int
    title: str
    area: str = strawberry.field(description="Where it is carried out.")
    manager_id: strawberry.ID = strawberry.field(description="An account of the buyer.")
    starts_on: date
    ends_on: date
    data_protection_clause: str
    term_reasons: list[model.TermReason] | None = None
    items: list[ContractItemInput]
    milestones: list[MilestoneInput] | None = None
    targets: list[ContractTargetInput] | None = None
    idempotency_key: str


@mutation(ContractResult)
async def draw_up_contract(act, input: DrawUpContractInput):  # type: ignore[no-untyped-def]
    """Draw up a contract under a confirmed award; the money of its lines is reserved for it."""
    text = rules.TextInput(
        title=input.title,
        area_code=input.area,
        manager_id=decode(input.manager_id, "Account"),
        starts_on=input.starts_on,
        ends_on=input.ends_on,
        data_protection_clause=input.data_protection_clause,
        term_reasons=input.term_reasons or (),
    )
    return await operations.draw_up_contract(
        act,
        decode(input.award_id, "Award"),
        expected_version=input.expected_version,
        text=text,
        items=items_given(input.items),
        milestones=milestones_given(input.milestones),
        targets=targets_given(input.targets),
    )


@strawberry.input
class SignContractInput:
    id: strawberry.ID
    expected_version: int
    signed_on: date
    idempotency_key: str


@mutation(ContractResult)
async def sign_contract(act, input: SignContractInput):  # type: ignore[no-untyped-def]
    """A second person of the buyer has signed it with the supplier: its money is committed."""
    return await operations.sign_contract(
        act,
        decode(input.id, "Contract"),
        expected_version=input.expected_version,
        signed_on=input.signed_on,
    )


@strawberry.input
class ReassignContractInput:
    id: strawberry.ID
    expected_version: int
    manager_id: strawberry.ID
    idempotency_key: str


@mutation(ContractResult)
async def reassign_contract(act, input: ReassignContractInput):  # type: ignore[no-untyped-def]
    """Another account of the buyer looks after it."""
    return await operations.reassign_contract(
        act,
        decode(input.id, "Contract"),
        expected_version=input.expected_version,
        manager_id=decode(input.manager_id, "Account"),
    )


for name, deed, about in (
    ("publish_contract", operations.publish_contract, "Everybody may read it, from today on."),
    ("suspend_contract", operations.suspend_contract, "It rests, with a reason."),
    ("resume_contract", operations.resume_contract, "It goes on."),
):
    transition(name, ContractResult, deed, about)
