"""What a compiled query answers: forms of values, selections, pages, ids, and what is withheld."""

import base64
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.graph.errors import RequestError
from nexus.graph.identifiers import encode
from tests.graph import model
from tests.graph.conftest import Library, actor
from tests.graph.test_library_generated import START

READER = actor(Role.RECIPIENT)


def book(title: str = "One", **more: Any) -> model.Book:
    """A book to add."""
    given = {"price": Decimal(1), "bought_on": START.date(), "created_at": START, **more}
    return model.Book(title=title, **given)


@pytest.fixture(autouse=True)
async def empty(library: Library) -> None:
    """Every test begins with an empty library."""
    await library.clear()


async def data(library: Library, document: str, **more: Any) -> Any:
    """The data; there are no errors."""
    answer = await library.ask(document, **more)
    assert "errors" not in answer
    return answer["data"]


async def test_values_have_one_form(library: Library) -> None:
    await library.add(
        book(
            '书"\\\n',
            price=Decimal("10.500"),
            weight=Decimal("1000.000"),
            value_fen=2**53,
            state=model.BookState.ON_SHELF,
            tags=["a", "ü"],
            facts={"b": [1, None]},
            bought_on=date(2026, 2, 28),
            created_at=START,
        ),
        book("Zero", price=Decimal("0.000"), created_at=START.replace(microsecond=0)),
    )
    document = """{ books { nodes {
        title price weight valueFen state tags facts boughtOn createdAt heavy shelf { code }
    } } }"""
    full, bare = sorted(
        (await data(library, document))["books"]["nodes"], key=lambda n: n["price"], reverse=True
    )
    assert full == {
        "title": '书"\\\n',
        "price": "10.5",
        "weight": "1000",
        "valueFen": 2**53,
        "state": "ON_SHELF",
        "tags": ["a", "ü"],
        "facts": {"b": [1, None]},
        "boughtOn": "2026-02-28",
        "createdAt": "2026-01-01T00:00:00.120001+00:00",
        "heavy": True,
        "shelf": None,
    }
    assert bare["price"] == "0"
    assert bare["createdAt"] == "2026-01-01T00:00:00+00:00"
    assert (bare["weight"], bare["facts"], bare["heavy"], bare["tags"]) == (None, None, None, [])


async def test_seventy_fields(library: Library) -> None:
    await library.add(model.Wide())
    fields = " ".join(f"c{n}" for n in range(70))
    found = await data(library, f"{{ wides {{ nodes {{ {fields} }} }} }}")
    assert found["wides"]["nodes"] == [{f"c{n}": n for n in range(70)}]


async def test_selections_are_merged_in_order(library: Library) -> None:
    author = model.Author(name="Ai", created_at=START)
    await library.add(author)
    await library.add(book(author_id=author.id))
    document = """
    query ($no: Boolean = false, $yes: Boolean!) {
      books { nodes {
        b: title author { name } ...F ... on Node { id @skip(if: true) } title
        ... @include(if: $no) { price } ... on Book @include(if: $yes) { author { id } } b: title
      } }
      books { totalCount }
    }
    fragment F on Book { pages author { bornOn } }
    """
    found = await data(library, document, variables={"yes": True})
    assert list(found["books"]) == ["nodes", "totalCount"]
    (node,) = found["books"]["nodes"]
    assert list(node) == ["b", "author", "pages", "title"]
    assert list(node["author"]) == ["name", "bornOn", "id"]


async def test_nothing_is_left_of_a_selection(library: Library) -> None:
    await library.add(book())
    document = (
        "{ books { nodes { title @skip(if: true) } pageInfo { startCursor @skip(if: true) } } }"
    )
    assert await data(library, document) == {"books": {"nodes": [{}], "pageInfo": {}}}
    assert await data(library, "{ books @skip(if: true) { totalCount } }") == {}


async def test_a_target_out_of_sight_is_null(library: Library) -> None:
    """Its parent stays: nothing is joined away."""
    hidden = model.Author(name="Bo", hidden=True, created_at=START)
    await library.add(hidden)
    await library.add(book(author_id=hidden.id))
    document = "{ books { totalCount nodes { title author { name } } } }"
    found = await data(library, document, by=READER)
    assert found["books"] == {"totalCount": 1, "nodes": [{"title": "One", "author": None}]}
    found = await data(library, document)
    assert found["books"]["nodes"][0]["author"] == {"name": "Bo"}


async def test_what_is_withheld_is_told(library: Library) -> None:
    await library.add(
        model.Author(name="Old", email="o@x", born_on=date(1950, 1, 1), created_at=START),
        model.Author(name="New", email="n@x", born_on=date(2001, 1, 1), created_at=START),
        model.Author(name="Unknown", email="u@x", created_at=START),
    )
    document = "{ authors { nodes { name email redactions secretBooks { totalCount } } } }"
    nodes = (await data(library, document, by=READER))["authors"]["nodes"]
    shown = {n["name"]: (n["email"], n["redactions"], n["secretBooks"]) for n in nodes}
    withheld = (None, ["email", "secretBooks"], None)
    assert shown == {"New": ("n@x", [], {"totalCount": 0}), "Old": withheld, "Unknown": withheld}
    nodes = (await data(library, document))["authors"]["nodes"]
    assert {n["name"]: n["redactions"] for n in nodes} == {"New": [], "Old": [], "Unknown": []}


async def test_allowed_actions_follow_state_and_policy(library: Library) -> None:
    await library.add(
        book("cheap", state=model.BookState.ON_SHELF, value_fen=999),
        book("dear", state=model.BookState.LENT, value_fen=1000),
    )
    document = "{ books { nodes { title allowedActions } } }"
    seen = {}
    for role in (Role.PLATFORM_ADMIN, Role.STATION_LEAD, Role.RECIPIENT):
        nodes = (await data(library, document, by=actor(role)))["books"]["nodes"]
        seen[role] = {node["title"]: node["allowedActions"] for node in nodes}
    assert seen == {
        Role.PLATFORM_ADMIN: {
            "cheap": ["lendBook", "loseBook", "praiseBook"],
            "dear": ["shelveBook", "praiseBook"],
        },
        Role.STATION_LEAD: {
            "cheap": ["lendBook", "praiseBook"],
            "dear": ["shelveBook", "praiseBook"],
        },
        Role.RECIPIENT: {"cheap": ["praiseBook"], "dear": ["praiseBook"]},
    }


async def test_the_state_machine_is_told(library: Library) -> None:
    document = """{
        stateMachine(type: "Book") {
          type states transitions { verb fromState toState mutation roles }
        }
        none: stateMachine(type: "Shelf") { type }
    }"""
    found = await data(library, document)
    assert found["none"] is None
    machine = found["stateMachine"]
    assert machine["states"] == ["ORDERED", "ON_SHELF", "LENT", "LOST"]
    assert machine["transitions"][-1] == {
        "verb": "lose",
        "fromState": "ON_SHELF",
        "toState": "LOST",
        "mutation": "loseBook",
        "roles": ["PLATFORM_ADMIN"],
    }
    assert machine["transitions"][0]["roles"] == ["PLATFORM_ADMIN", "STATION_LEAD"]


async def test_ids_that_are_not_to_be_seen_get_one_answer(library: Library) -> None:
    lost = book(state=model.BookState.LOST)
    await library.add(lost)
    document = "query ($id: ID!) { node(id: $id) { __typename id ... on Book { title } } }"
    many = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    wrong = [
        encode("Book", lost.id),
        encode("Book", new_id()),
        encode("Book", str(lost.id).upper()),
        encode("Author", lost.id),
        encode("Nothing", lost.id),
        encode("Shelf", "a\0b"),
        encode("Similar", lost.id),
        "Qm9vazo=",
        "nonsense",
        "",
        "é",
    ]
    answers = set()
    for one in wrong:
        answer = await library.executor.execute(document, READER, variables={"id": one})
        answers.add(answer.body())
    assert answers == {
        b'{"data":{"node":null},"extensions":{"cost":{"requested":1,"actual":0,"limit":20000}}}'
    }
    found = await data(library, many, variables={"ids": wrong}, by=READER)
    assert found == {"nodes": [None] * len(wrong)}
    assert (await data(library, many, variables={"ids": []})) == {"nodes": []}


async def test_nodes_come_in_the_order_asked(library: Library) -> None:
    one, two, shelf = book("1"), book("2"), model.Shelf(code="北 4", title="North")
    await library.add(one, two, shelf)
    ids = [encode("Book", two.id), encode("Shelf", "北 4"), "x", encode("Book", one.id)]
    document = """query ($ids: [ID!]!) { nodes(ids: $ids) {
        id __typename ... on Book { title } ... on Shelf { title code } } }"""
    found = (await data(library, document, variables={"ids": ids + ids[:1]}))["nodes"]
    assert [node and node["title"] for node in found] == ["2", "North", None, "1", "2"]
    assert [node and node["id"] for node in found] == [*ids[:2], None, ids[3], ids[0]]
    literal = document.replace("query ($ids: [ID!]!)", "").replace("$ids", json.dumps(ids))
    assert (await data(library, literal))["nodes"] == found[:4]


PAGE = """query ($first: Int, $after: String, $last: Int, $before: String, $order: BookOrder) {
  books(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
    edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} }"""


async def some_books(library: Library, count: int = 7) -> None:
    """Books with few titles, and moments that differ by a microsecond or not at all."""
    await library.add(
        *(
            book(
                "AB"[n % 2], created_at=START + timedelta(microseconds=n // 3), price=Decimal(n % 3)
            )
            for n in range(count)
        )
    )


@pytest.mark.parametrize("order", ["TITLE", "NEWEST", "STATE_PRICE", "DEAREST"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_pages_meet_without_gap_or_overlap(library: Library, order: str, size: int) -> None:
    await some_books(library)
    whole = await data(library, PAGE, variables={"order": order})
    ids = [node["id"] for node in whole["books"]["nodes"]]
    assert len(set(ids)) == 7
    onward: list[str] = []
    given: dict[str, Any] = {"first": size, "order": order}
    while True:
        page = (await data(library, PAGE, variables=given))["books"]
        assert page["pageInfo"]["hasPreviousPage"] == bool(onward)
        onward += [edge["node"]["id"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        given["after"] = page["pageInfo"]["endCursor"]
    assert onward == ids
    back: list[str] = []
    given = {"last": size, "order": order}
    while True:
        page = (await data(library, PAGE, variables=given))["books"]
        assert page["pageInfo"]["hasNextPage"] == bool(back)
        back = [edge["node"]["id"] for edge in page["edges"]] + back
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        given["before"] = page["pageInfo"]["startCursor"]
    assert back == ids


async def test_page_info_of_odd_pages(library: Library) -> None:
    nothing = {"startCursor": None, "endCursor": None}
    found = (await data(library, PAGE, variables={"first": 3}))["books"]
    assert found["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False, **nothing}
    assert found["edges"] == found["nodes"] == []
    await some_books(library)
    found = (await data(library, PAGE, variables={"first": 0}))["books"]
    assert found["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False, **nothing}
    found = (await data(library, PAGE, variables={"last": 0}))["books"]
    assert found["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True, **nothing}
    cursors = [e["cursor"] for e in (await data(library, PAGE))["books"]["edges"]]
    found = (await data(library, PAGE, variables={"first": 3, "after": cursors[-1]}))["books"]
    assert found["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True, **nothing}
    between = {"after": cursors[1], "before": cursors[4]}
    found = (await data(library, PAGE, variables={"first": 9, **between}))["books"]
    assert [edge["cursor"] for edge in found["edges"]] == cursors[2:4]
    assert found["pageInfo"]["startCursor"] == cursors[2]
    assert found["pageInfo"]["endCursor"] == cursors[3]
    found = (await data(library, PAGE, variables={"last": 1, **between}))["books"]
    assert [edge["cursor"] for edge in found["edges"]] == cursors[3:4]
    assert found["pageInfo"]["hasPreviousPage"]
    assert found["pageInfo"]["hasNextPage"]


async def test_a_cursor_holds_when_rows_come_and_go(library: Library) -> None:
    await some_books(library, 4)
    first = (await data(library, PAGE, variables={"first": 2, "order": "TITLE"}))["books"]
    await library.add(book("0"), book("C"))
    given = {"after": first["pageInfo"]["endCursor"], "order": "TITLE"}
    rest = (await data(library, PAGE, variables=given))["books"]["nodes"]
    assert len(rest) == 3
    assert not {n["id"] for n in rest} & {n["id"] for n in first["nodes"]}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'["TITLE"]').decode(),
        base64.b64encode(b'["TITLE","a","not an id"]').decode(),
        base64.b64encode(b'["TITLE","a",1]').decode(),
        base64.b64encode(f'["NEWEST","2026-13-01","{UUID(int=1)}"]'.encode()).decode(),
        base64.b64encode(f'["NEWEST","2026-01-01","{UUID(int=1)}"]'.encode()).decode(),
        base64.b64encode(b"[" * 10_000).decode(),
    ],
)
@pytest.mark.parametrize("selection", ["nodes { id }", "totalCount"])
async def test_what_is_no_cursor_is_refused(library: Library, cursor: str, selection: str) -> None:
    document = f"query ($c: String) {{ books(after: $c) {{ {selection} }} }}"
    with pytest.raises(RequestError) as caught:
        await library.ask(document, {"c": cursor})
    assert (caught.value.status, caught.value.code) == (422, "BAD_CURSOR")


async def test_variables_that_are_absent_or_null(library: Library) -> None:
    await some_books(library)
    document = """
    query ($n: Int = 2, $f: BookFilter = {title: ["A"]}, $t: [String!], $o: BookOrder) {
      books(first: $n, filter: $f, orderBy: $o) { nodes { title } }
      others: books(filter: {title: $t, text: null}) { totalCount }
    }"""
    found = await data(library, document)
    assert [n["title"] for n in found["books"]["nodes"]] == ["A", "A"]
    assert found["others"] == {"totalCount": 7}
    found = await data(library, document, variables={"n": None, "f": None, "t": None, "o": None})
    assert len(found["books"]["nodes"]) == 7
    found = await data(library, document, variables={"f": {}, "t": [], "n": 1})
    assert len(found["books"]["nodes"]) == 1
    assert found["others"] == {"totalCount": 0}
    found = await data(library, document, variables={"t": ["B"]})
    assert found["others"] == {"totalCount": 3}


async def test_an_empty_filter_value_is_a_value(library: Library) -> None:
    await library.add(book("50%"), book("500"), book("a_b"), book("aXb"))
    document = "query ($t: String) { books(filter: {text: $t}) { nodes { title } } }"
    for given, expected in (("50%", ["50%"]), ("_", ["a_b"]), ("", ["50%", "500", "aXb", "a_b"])):
        found = (await data(library, document, variables={"t": given}))["books"]["nodes"]
        assert sorted(n["title"] for n in found) == expected


async def test_the_cost_is_told_and_what_it_came_to(library: Library) -> None:
    """`actual` counts the objects that are there; nothing makes it more than was asked for."""
    await library.add(*(book(f"{n} {{{{ }}") for n in range(3)))

    async def cost(document: str) -> dict[str, int]:
        answer = json.loads((await library.executor.execute(document, READER)).body())
        found: dict[str, int] = answer["extensions"]["cost"]
        assert 0 <= found["actual"] <= found["requested"] <= found["limit"]
        return found

    assert await cost("{ __typename }") == {"requested": 0, "actual": 0, "limit": 20_000}
    assert (await cost("{ books(first: 500) { nodes { id } } }"))["actual"] == 50 + 1 + 3
    assert (await cost("{ books(first: 500) { nodes { title } } }"))["actual"] == 50 + 1 + 9
    assert (await cost("{ books(first: 0) { nodes { title } } }"))["actual"] == 50
