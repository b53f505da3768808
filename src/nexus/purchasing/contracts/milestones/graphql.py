"""Settling milestones by the buyer's word, in the graph."""

from nexus.graph.declare import result, transition
from nexus.purchasing.contracts.graphql import Milestone
from nexus.purchasing.contracts.milestones import operations

MilestoneResult = result("Milestone", Milestone)
transition(
    "meet_milestone",
    MilestoneResult,
    operations.meet_milestone,
    "It is met, where no money rests on it; with money an acceptance says so.",
)
transition(
    "miss_milestone", MilestoneResult, operations.miss_milestone, "It was not met, with a reason."
)
