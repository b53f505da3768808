"""Amending contracts in the graph."""

from datetime import date
from decimal import Decimal

import strawberry

from nexus.graph.declare import Fen, mutation
from nexus.graph.identifiers import decode
from nexus.purchasing.contracts import model, rules
from nexus.purchasing.contracts.amending import operations
from nexus.purchasing.contracts.graphql import (
    ContractItemInput,
    ContractResult,
    ContractTargetInput,
    MilestoneInput,
    items_given,
    milestones_given,
    targets_given,
)


@strawberry.input
class ContractItemChange:
    """New figures of the item in that position; quantity 0 drops it."""

    position: int
    quantity: Decimal
    unit_price_fen: Fen


@strawberry.input
class AmendContractInput:
    """What is given takes the place of what stood. `items` are new ones."""

    id: strawberry.ID
    expected_version: int
    rationale: str
    title: str | None = None
    ends_on: date | None = None
    data_protection_clause: str | None = None
    term_reasons: list[model.TermReason] | None = None
    item_changes: list[ContractItemChange] | None = None
    items: list[ContractItemInput] | None = None
    milestones: list[MilestoneInput] | None = None
    targets: list[ContractTargetInput] | None = None
    idempotency_key: str


TEXT = ("title", "ends_on", "data_protection_clause", "term_reasons")


@mutation(ContractResult)
async def amend_contract(act, input: AmendContractInput):  # type: ignore[no-untyped-def]
    """A new edition, with its reasons; more money is committed first, less is given back."""
    return await operations.amend_contract(
        act,
        decode(input.id, "Contract"),
        expected_version=input.expected_version,
        rationale=input.rationale,
        changes={name: v for name in TEXT if (v := getattr(input, name)) is not None},
        item_changes=[rules.ItemChange(**vars(one)) for one in input.item_changes or ()],
        items=items_given(input.items),
        milestones=milestones_given(input.milestones),
        targets=targets_given(input.targets),
    )
