"""The worklist in the graph."""

from typing import Any

from sqlalchemy import or_

from nexus.acting import Actor
from nexus.graph.relay import Node
from nexus.graph.specs import May
from nexus.graph.sql import as_predicate
from nexus.graph.subscribing import heard, stream, subscription
from nexus.matching.deliveries import policy as deliveries_policy
from nexus.matching.deliveries.graphql import Delivery
from nexus.matching.pledges import policy as pledges_policy
from nexus.matching.pledges.graphql import Pledge
from nexus.needs import policy as needs_policy
from nexus.needs.graphql import Need


def any_of_these(*mays: May) -> May:
    """Whoever may do one of these, whatever state the row is in."""

    def may(actor: Actor, row: Any) -> Any:
        return or_(*(as_predicate(one(actor, row)) for one in mays))

    return may


@subscription
class WorklistSubscription:
    worklist_changed: Node = stream(
        heard(
            Need,
            *("need.submitted", "need.returned", "need.verified", "need.rejected"),
            *("need.published", "need.reopened", "need.cancelled"),
            concerns=any_of_these(
                needs_policy.may_submit, needs_policy.may_verify, needs_policy.may_publish
            ),
        ),
        heard(
            Pledge,
            *("pledge.offered", "pledge.accepted", "pledge.rejected", "pledge.withdrawn"),
            *("pledge.expired", "pledge.release_requested", "pledge.released", "pledge.kept"),
            *("pledge.partly_fulfilled", "pledge.fulfilled", "pledge.unfulfilled"),
            concerns=any_of_these(
                pledges_policy.may_accept,
                pledges_policy.may_release,
                pledges_policy.may_record_delivery,
            ),
        ),
        heard(
            Delivery,
            *("delivery.recorded", "delivery.acknowledged", "delivery.disputed"),
            *("delivery.upheld", "delivery.reversed", "delivery.verified"),
            concerns=any_of_these(
                deliveries_policy.may_acknowledge,
                deliveries_policy.may_settle,
                deliveries_policy.may_verify,
            ),
        ),
        about="A need, pledge or delivery that you may have to act on came to wait or was dealt "
        "with: `allowedActions` says whether it waits for you now.",
    )
