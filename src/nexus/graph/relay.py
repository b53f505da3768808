"""The Relay vocabulary of the schema: nodes, connections, edges and page info."""

from typing import Generic, TypeVar

import strawberry

T = TypeVar("T")


@strawberry.interface(description="Anything with a global id (Relay).")
class Node:
    id: strawberry.ID


@strawberry.type(description="Where a page stands in its connection (Relay).")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A row and the cursor that points at it.")
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type(description="A page of rows. `totalCount` is counted only when asked for.")
class Connection(Generic[T]):
    total_count: int
    nodes: list[T]
    edges: list[Edge[T]]
    page_info: PageInfo
