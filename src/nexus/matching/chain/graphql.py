"""The assistance chain in the graph."""

from datetime import datetime

import strawberry
from sqlalchemy import Text

from nexus.graph.declare import found, listed, node_of, query, record
from nexus.graph.relay import Node
from nexus.graph.specs import Given
from nexus.matching.chain import queries

NODES = tuple(table.__name__ for table, _, _ in queries.MOMENTS)


@record
class AssistanceStep:
    """One moment of one row, such as `delivery.confirmed`."""

    at: datetime
    kind: str
    node: Node | None = node_of(NODES, "type_name", "key", about="The row as it stands now.")


@record
class AssistanceChain:
    """What happened for one household, oldest first: as much of it as you see."""

    steps: list[AssistanceStep] = listed(queries.steps)


@query
class ChainQuery:
    assistance_chain: AssistanceChain | None = found(
        queries.window,
        default=200,
        maximum=500,
        arguments={
            "household": (strawberry.ID, Given(Text(), queries.read_household)),
            "alias": (str, Given(Text())),
        },
        about=(
            "All that happened for a household, of what you see. Authorities and stations name the "
            "household; who helps gives the alias it knows a person of it by, and is shown its own "
            "part."
        ),
    )
