"""The change feed in the graph."""

from datetime import datetime

import strawberry
from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.exchange.changes import queries, rules
from nexus.exchange.changes.rules import ChangedType
from nexus.graph.declare import Node, found, listed, node_of, query, record, register_enums
from nexus.graph.specs import Given

register_enums(ChangedType)

TYPES = tuple(noun.type_name for noun in rules.NOUNS.values())


def _tables(types: list[ChangedType]) -> list[str]:
    return [one.value for one in types]


@record
class Change:
    """One change of one object, as you may know it now.

    A tombstone says that the object, which you could see once, is not yours to see any more:
    delete what you keep of it. `sequence` counts all that happened to the object: apply a change
    only when it is higher than the last you applied to that object.
    """

    cursor: str
    kind: str
    object_type: ChangedType
    object_id: strawberry.ID
    sequence: int
    version: int | None
    occurred_at: datetime
    tombstone: bool
    node: Node | None = node_of(
        TYPES, "type_name", "key", about="The object as it stands now; null for a tombstone."
    )


@record
class ChangeFeed:
    """A page of the feed. `nextCursor` is the `since` of the next one, also when it is empty."""

    entries: list[Change] = listed(queries.entries)
    next_cursor: str
    has_more: bool
    latest_cursor: str


@query
class ChangeQuery:
    changes: ChangeFeed = found(
        queries.window,
        default=100,
        maximum=1000,
        arguments={
            "since": (str, Given(Text(), queries.read_since)),
            "types": (
                list[ChangedType],
                Given(ARRAY(Text()), lambda given: [t.value for t in given]),
            ),
            "kinds": (list[str], Given(ARRAY(Text()))),
        },
        about=(
            "What changed since a cursor, oldest first; from the beginning without one. A page may "
            "be short with more to come: go on while hasMore. latestCursor is the end as of now."
        ),
    )
