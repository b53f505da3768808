"""What is owed about pledges, in the graph."""

from nexus.graph.declare import Connection, extend, to_many
from nexus.graph.specs import Order
from nexus.matching.pledges.graphql import Pledge
from nexus.obligations import model
from nexus.obligations.graphql import Obligation


@extend(Pledge)
class PledgeObligations:
    obligations: Connection[Obligation] = to_many(
        model.Obligation.subject_id,
        order=Order(("created_at",)),
        about="What is owed about it, as far as you see it.",
    )
