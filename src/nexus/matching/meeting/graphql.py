"""The pack of a coordination meeting, in the graph."""

from datetime import datetime

from sqlalchemy import Text, column

from nexus.areas.graphql import Area
from nexus.graph.declare import found, listed, node_of, query, record, to_one
from nexus.graph.relay import Node
from nexus.graph.specs import Given
from nexus.matching.meeting import queries


@record
class MeetingItem:
    """A row to speak of. `why`: its state; of what is owed, its kind."""

    no: str
    why: str
    due_at: datetime | None
    since_at: datetime
    node: Node | None = node_of(
        ("Need", "Referral", "Gap", "Obligation"),
        "type_name",
        "subject_id",
        about="The row as it stands now.",
    )


@record
class CoordinationPack:
    """Where an area is stuck, as you see it now: each list is bounded by `first`."""

    as_of: datetime
    area: Area | None = to_one(column("area_code"))
    urgent_needs: list[MeetingItem] = listed(
        queries.urgent_needs,
        about="Of urgency U1 and U2, waiting for a decision or with something left open.",
    )
    stuck_referrals: list[MeetingItem] = listed(
        queries.stuck_referrals, about="Answers and outcomes that are late, and what is on hold."
    )
    gaps: list[MeetingItem] = listed(
        queries.open_gaps, about="What no offer can serve, the oldest first."
    )
    overdue_obligations: list[MeetingItem] = listed(
        queries.overdue_obligations, about="What is owed about rows in the area, and late."
    )


@query
class MeetingQuery:
    coordination_pack: CoordinationPack | None = found(
        queries.window,
        default=20,
        maximum=100,
        arguments={"area": (str, Given(Text()))},
        about="What a coordination meeting of the area has before it: open urgent needs, stuck "
        "referrals, gaps and overdue obligations. Null for an area outside your territory.",
    )
