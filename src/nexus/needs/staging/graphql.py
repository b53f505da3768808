"""The tranches of a need in the graph."""

from datetime import datetime

from nexus.graph.declare import (
    Connection,
    Fen,
    classified,
    extend,
    node,
    register_enums,
    to_many,
    transition,
)
from nexus.graph.specs import Order
from nexus.needs import model, policy
from nexus.needs.graphql import Need, NeedResult
from nexus.needs.staging import operations

register_enums(model.TrancheGround)


@node(model.Tranche, visible=policy.line_visible)
class Tranche:
    """A released step of a staged need: its lines may be pledged. Later ones are held."""

    no: int
    ground: model.TrancheGround
    released_at: datetime
    amount_fen: Fen | None = classified(model.Tranche.amount_fen, allowed=policy.may_read_line_area)
    reason: str | None = classified(model.Tranche.reason, allowed=policy.may_read_line_text)


@extend(Need)
class NeedTranches:
    tranches: Connection[Tranche] = to_many(
        model.Tranche.need_id, order=Order(("no",)), about="What is released of a staged need."
    )


transition(
    "release_tranche",
    NeedResult,
    operations.release_tranche,
    "Free the next tranche: the one before has arrived, or an approver decides, with a reason.",
)
