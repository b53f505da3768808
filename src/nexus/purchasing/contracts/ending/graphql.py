"""Ending contracts, and taking awards back, in the graph."""

from nexus.graph.declare import transition
from nexus.purchasing.contracts.ending import operations
from nexus.purchasing.contracts.graphql import ContractResult
from nexus.purchasing.procurements.awarding.graphql import AwardResult

for name, deed, about in (
    ("complete_contract", operations.complete_contract, "All milestones are settled: it is over."),
    ("terminate_contract", operations.terminate_contract, "It ends before its time, for a reason."),
    ("cancel_contract", operations.cancel_contract, "It is not signed after all, with a reason."),
    ("fail_contract", operations.fail_contract, "The supplier did not sign, with a reason."),
):
    transition(name, ContractResult, deed, about)
transition(
    "cancel_award",
    AwardResult,
    operations.cancel_award,
    "The buyer takes it back, with a reason, while no contract stands under it.",
)
