"""Probes of Relay's server specifications: object identification and cursor connections."""

import base64
import secrets
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.core.ids import new_id
from nexus.graph.building import core_schema
from nexus.graph.identifiers import encode
from nexus.needs.model import Need, NeedState, Visibility
from nexus.schema import make_schema
from tests.conftest import Api
from tests.making import making

ROWS = 7
PAGE = """
    query ($f: NeedFilter, $o: NeedOrder, $first: Int, $after: String, $last: Int,
           $before: String) {
        needs(filter: $f, orderBy: $o, first: $first, after: $after, last: $last, before: $before) {
            totalCount
            nodes { id }
            edges { cursor node { id no } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }
"""


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """The schema as graphql-core has it."""
    return core_schema(make_schema())


@pytest.fixture
def title() -> str:
    """A title that only this test's needs have."""
    return f"棉被 {secrets.token_hex(4)}"


@pytest.fixture
async def needs(engine: AsyncEngine, title: str) -> list[Need]:
    """Published needs, newest last."""
    async with making(engine) as m:
        return [await m.need(public_title=title) for _ in range(ROWS)]


@pytest.fixture
def page(api: Api, charity: Account, title: str) -> Any:
    """A page of this test's needs, newest first."""

    async def ask(**variables: Any) -> Any:
        answer = await api(charity)(PAGE, f={"text": title}, **variables)
        return answer["data"]["needs"] if "data" in answer else answer["errors"][0]["extensions"]

    return ask


def numbers(found: Any) -> list[str]:
    """The needs on the page, in its order."""
    assert found["nodes"] == [{"id": edge["node"]["id"]} for edge in found["edges"]]
    return [edge["node"]["no"] for edge in found["edges"]]


# Object identification -------------------------------------------------------------------------


def test_node_is_an_interface_of_one_id(schema: GraphQLSchema) -> None:
    node = schema.get_type("Node")
    assert isinstance(node, GraphQLInterfaceType)
    assert {name: str(field.type) for name, field in node.fields.items()} == {"id": "ID!"}
    query = schema.query_type
    assert query is not None
    assert str(query.fields["node"].type) == "Node"
    assert {n: str(a.type) for n, a in query.fields["node"].args.items()} == {"id": "ID!"}
    assert str(query.fields["nodes"].type) == "[Node]!"
    assert {n: str(a.type) for n, a in query.fields["nodes"].args.items()} == {"ids": "[ID!]!"}


def test_what_has_a_global_id_is_a_node(schema: GraphQLSchema) -> None:
    objects = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    named = [
        kind for kind in objects if "id" in kind.fields and str(kind.fields["id"].type) == "ID!"
    ]
    assert len(named) > 20
    assert [kind.name for kind in named if "Node" not in {i.name for i in kind.interfaces}] == []


async def test_an_object_is_found_again_by_its_id(
    api: Api, charity: Account, needs: list[Need]
) -> None:
    given = encode("Need", needs[0].id)
    query = "query ($i: ID!) { node(id: $i) { __typename id ... on Need { no } } }"
    answer = await api(charity)(query, i=given)
    assert answer["data"]["node"] == {"__typename": "Need", "id": given, "no": needs[0].no}


async def test_ids_are_opaque_and_of_one_type(
    api: Api, charity: Account, needs: list[Need]
) -> None:
    id_ = encode("Need", needs[0].id)
    assert base64.b64decode(id_, validate=True)
    other = encode("Offer", needs[0].id)
    answer = await api(charity)("query ($i: ID!) { node(id: $i) { id } }", i=other)
    assert answer["data"] == {"node": None}


async def test_foreign_missing_and_malformed_ids_are_answered_alike(
    api: Api, engine: AsyncEngine, charity: Account
) -> None:
    async with making(engine) as m:
        draft = await m.need(NeedState.DRAFT)
        named = await m.need(visibility=Visibility.NAMED)
    ids = [
        encode("Need", draft.id),
        encode("Need", named.id),
        encode("Need", new_id()),
        encode("Nothing", new_id()),
        encode("Need", "x"),
        "nonsense",
        "",
    ]
    query = "query ($i: ID!) { node(id: $i) { id __typename } }"
    answers = {
        (await api.post(charity, {"query": query, "variables": {"i": one}})).content for one in ids
    }
    assert len(answers) == 1
    assert b'{"node" : null}' in answers.pop().replace(b'":null', b'" : null')


async def test_nodes_keep_their_order_and_their_gaps(
    api: Api, charity: Account, needs: list[Need]
) -> None:
    ids = [encode("Need", needs[1].id), "nonsense", encode("Need", needs[0].id)]
    query = "query ($i: [ID!]!) { nodes(ids: $i) { id } }"
    answer = await api(charity)(query, i=[*ids, ids[0]])
    first, last = {"id": ids[0]}, {"id": ids[2]}
    assert answer["data"]["nodes"] == [first, None, last, first]
    assert (await api(charity)(query, i=[]))["data"]["nodes"] == []


# Connections: the types ------------------------------------------------------------------------


def connections(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    """Every connection type."""
    return [
        kind
        for name, kind in schema.type_map.items()
        if name.endswith("Connection") and isinstance(kind, GraphQLObjectType)
    ]


def test_connections_have_edges_and_page_info(schema: GraphQLSchema) -> None:
    assert len(connections(schema)) > 15
    for kind in connections(schema):
        base = kind.name.removesuffix("Connection")
        types = {name: str(field.type) for name, field in kind.fields.items()}
        assert types == {
            "totalCount": "Int!",
            "nodes": f"[{base}!]!",
            "edges": f"[{base}Edge!]!",
            "pageInfo": "PageInfo!",
        }
        edge: Any = schema.get_type(f"{base}Edge")
        shown = {name: str(field.type) for name, field in edge.fields.items()}
        assert shown == {"cursor": "String!", "node": f"{base}!"}


def test_page_info_is_relays(schema: GraphQLSchema) -> None:
    info: Any = schema.get_type("PageInfo")
    assert {name: str(field.type) for name, field in info.fields.items()} == {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    }


def test_what_gives_a_connection_takes_its_arguments(schema: GraphQLSchema) -> None:
    found = 0
    for kind in schema.type_map.values():
        for field in getattr(kind, "fields", {}).values():
            if str(getattr(field, "type", "")).rstrip("!").endswith("Connection"):
                found += 1
                taken = {name: str(argument.type) for name, argument in field.args.items()}
                assert taken.items() >= {
                    "first": "Int", "after": "String", "last": "Int", "before": "String",
                }.items()  # fmt: skip
    assert found > 20


# Connections: their pages ----------------------------------------------------------------------


async def test_first_takes_from_the_beginning(page: Any, needs: list[Need]) -> None:
    found = await page(first=3)
    assert numbers(found) == [need.no for need in needs[:-4:-1]]
    assert found["totalCount"] == ROWS
    assert found["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": found["edges"][0]["cursor"],
        "endCursor": found["edges"][-1]["cursor"],
    }


async def test_last_takes_from_the_end_in_the_same_order(page: Any, needs: list[Need]) -> None:
    found = await page(last=3)
    assert numbers(found) == [need.no for need in needs[2::-1]]
    assert found["pageInfo"]["hasPreviousPage"] is True
    assert found["pageInfo"]["hasNextPage"] is False


@pytest.mark.parametrize("size", [1, 2, 3, ROWS - 1, ROWS, ROWS + 1])
@pytest.mark.parametrize("backward", [False, True])
async def test_a_walk_meets_every_row_once(
    page: Any, needs: list[Need], size: int, backward: bool
) -> None:
    met: list[str] = []
    given: dict[str, Any] = {"last": size} if backward else {"first": size}
    for _ in range(ROWS + 1):
        found = await page(**given)
        met = numbers(found) + met if backward else met + numbers(found)
        if not found["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
            break
        bound = {"before": "startCursor"} if backward else {"after": "endCursor"}
        given |= {name: found["pageInfo"][cursor] for name, cursor in bound.items()}
    assert met == [need.no for need in reversed(needs)]


async def test_a_page_between_two_cursors(page: Any, needs: list[Need]) -> None:
    cursors = [edge["cursor"] for edge in (await page())["edges"]]
    found = await page(after=cursors[1], before=cursors[5])
    assert numbers(found) == [need.no for need in needs[4:1:-1]]
    found = await page(first=2, after=cursors[1], before=cursors[5])
    assert numbers(found) == [need.no for need in needs[4:2:-1]]
    assert found["pageInfo"]["hasNextPage"] is True
    assert found["pageInfo"]["hasPreviousPage"] is True
    found = await page(last=2, after=cursors[1], before=cursors[5])
    assert numbers(found) == [need.no for need in needs[3:1:-1]]


async def test_cursors_hold_while_rows_come(
    page: Any, engine: AsyncEngine, needs: list[Need], title: str
) -> None:
    """What comes in before the cursor is not met again, what comes behind it is."""
    first = await page(first=3)
    async with making(engine) as m:
        await m.need(public_title=title)
        behind = await m.need(public_title=title, created_at=needs[1].created_at)
    rest = await page(first=100, after=first["pageInfo"]["endCursor"])
    expected = [need.no for need in needs[3::-1]]
    assert [no for no in numbers(rest) if no != behind.no] == expected
    assert behind.no in numbers(rest)
    assert rest["totalCount"] == ROWS + 2


async def test_a_cursor_holds_when_its_row_goes(
    page: Any, engine: AsyncEngine, needs: list[Need]
) -> None:
    first = await page(first=3)
    async with making(engine) as m:
        gone = await m.session.get_one(Need, needs[-3].id)
        gone.public_title = "something else"
        await m.session.commit()
    rest = await page(first=100, after=first["pageInfo"]["endCursor"])
    assert numbers(rest) == [need.no for need in needs[3::-1]]


async def test_an_empty_page_has_no_cursors(page: Any, needs: list[Need]) -> None:
    nothing = {"startCursor": None, "endCursor": None}
    found = await page(first=0)
    assert numbers(found) == []
    assert found["totalCount"] == ROWS
    assert found["pageInfo"].items() >= nothing.items()
    end = (await page(first=100))["pageInfo"]["endCursor"]
    found = await page(first=5, after=end)
    assert numbers(found) == []
    assert found["pageInfo"] == nothing | {"hasNextPage": False, "hasPreviousPage": True}


async def test_what_is_no_page_is_refused(page: Any, needs: list[Need]) -> None:
    cursor = (await page(first=1))["pageInfo"]["endCursor"]
    for given, code in (
        ({"first": -1}, "PAGE_TOO_LARGE"),
        ({"last": -1}, "PAGE_TOO_LARGE"),
        ({"first": 1001}, "PAGE_TOO_LARGE"),
        ({"first": 1, "last": 1}, "BAD_ARGUMENT"),
        ({"after": "nonsense"}, "BAD_CURSOR"),
        ({"before": ""}, "BAD_CURSOR"),
        ({"after": cursor, "o": "URGENCY"}, "BAD_CURSOR"),
    ):
        assert (await page(**given))["code"] == code, given


async def test_the_order_is_the_same_in_every_direction(page: Any, needs: list[Need]) -> None:
    for order in ("NEWEST", "PUBLISHED", "URGENCY", "NEEDED_BY"):
        whole = numbers(await page(o=order))
        assert numbers(await page(o=order, first=4)) == whole[:4]
        assert numbers(await page(o=order, last=4)) == whole[-4:]
