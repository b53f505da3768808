"""The worklists in the graph."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import Text, column, or_
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.graph.declare import found, listed, node_of, query, record, to_one
from nexus.graph.relay import Node
from nexus.graph.specs import Given, May
from nexus.graph.sql import as_predicate
from nexus.graph.subscribing import heard, stream, subscription
from nexus.matching.deliveries import policy as deliveries_policy
from nexus.matching.deliveries.graphql import Delivery
from nexus.matching.pledges import policy as pledges_policy
from nexus.matching.pledges.graphql import Pledge
from nexus.matching.worklist import queries
from nexus.matching.worklist.queries import List
from nexus.needs import policy as needs_policy
from nexus.needs.graphql import Need
from nexus.needs.model import Urgency

NODES = (
    *("Assessment", "Case", "CasePlan", "Visit", "ChangeReport"),
    *("Need", "Pledge", "Delivery", "Feedback", "Gap", "Recognition", "Consent", "Offer"),
    *("Obligation", "Alert", "DiscoveryReport", "Referral", "DuplicateSuspicion"),
)
"""The types of what waits, by name: some stand above this slice."""


@record
class WorkItem:
    """Something that waits to be done about one row, why, and until when."""

    kind: str
    sentence: str
    no: str | None
    urgency: Urgency
    due_at: datetime | None
    overdue: bool
    since_at: datetime
    node: Node | None = node_of(NODES, "type_name", "subject_id", about="What it is about.")
    assignee: Account | None = to_one(
        column("assignee_id"), about="To whom it is assigned, if you may see the account."
    )


@record
class WorkCount:
    """How much of one kind is on a list. `more`: counting stopped there."""

    kind: str
    items: int
    overdue: int
    more: bool


@record
class Worklist:
    """A page of a worklist: what is overdue first, then by urgency, then by when it is due."""

    items: list[WorkItem] = listed(queries.entries)
    has_more: bool
    end_cursor: str | None
    counts: list[WorkCount] = listed(
        queries.counts, about="By kind, over the whole list; up to 200 of each."
    )


_ARGUMENTS: dict[str, tuple[Any, Given]] = {
    "after": (str, Given(Text(), queries.read_after)),
    "kinds": (list[str], Given(ARRAY(Text()))),
}


def _list(which: List, about: str, **more: tuple[Any, Given]) -> Any:
    return found(
        queries.window(which),
        default=20,
        maximum=100,
        arguments=_ARGUMENTS | more,
        apart={"counts": queries.counted(which)},
        about=about,
    )


@query
class WorklistQuery:
    waiting_for_me: Worklist = _list(
        List.WAITING,
        "What waits for you: you see every row of it, and may do what its `kind` says.",
    )
    sent_by_me: Worklist = _list(
        List.SENT,
        "What you sent (a charity: what your organization sent) and others have not answered.",
    )
    overdue_work: Worklist = _list(
        List.OVERDUE,
        "What is overdue in your territory, or with your organization. Turns so within a minute.",
    )
    team_work: Worklist = _list(
        List.TEAM,
        "What lies with a station you name; else with your station or your organization.",
        station=(strawberry.ID, Given(Text(), queries.read_station)),
    )


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
