"""The working set in the graph."""

import strawberry
from sqlalchemy import Text

from nexus.exchange.changes.queries import read_since
from nexus.exchange.syncing import queries
from nexus.graph.declare import Node, found, listed, node_of, query, record
from nexus.graph.specs import Given


@record
class WorksetEntry:
    """One row of a working set. A removed one left it: delete what you keep of it.

    `householdId` is the household it belongs to; `parentId` the case of a note or plan, and the
    plan of a goal.
    """

    object_type: str
    object_id: strawberry.ID
    removed: bool
    household_id: strawberry.ID | None
    parent_id: strawberry.ID | None
    node: Node | None = node_of(
        tuple(queries.TYPES), "type_name", "key", about="The row as it stands; null when removed."
    )


@record
class Workset:
    """All of a working set, or what changed. `nextCursor` is the `since` of the next time.

    Not `complete`: there was more than `first`; narrow the set by closing what is done, and after
    a `since` fetch all of it again. `hasMore`: what happened since was much; go on at once.
    """

    entries: list[WorksetEntry] = listed(queries.entries)
    next_cursor: str
    has_more: bool
    complete: bool


@query
class SyncQuery:
    sync_workset: Workset = found(
        queries.window,
        default=6000,
        maximum=6000,
        arguments={"since": (str, Given(Text(), read_since))},
        about=(
            "What a worker's device keeps: own open cases and their households, people, "
            "assessments, plans, goals, notes and needs, visits to make and made within 90 days, "
            "and late values that wait to be settled. With `since`, what changed."
        ),
    )
