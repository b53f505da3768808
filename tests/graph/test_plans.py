"""Plans: kept by the shape of a request, never by its values; and the SQL they hold."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from nexus.acting import Actor, Role, shape
from nexus.graph.building import build_schema
from nexus.graph.caching import Recent
from nexus.graph.compiler import Compiler
from nexus.graph.declare import node
from nexus.graph.execution import Executor
from nexus.graph.identifiers import encode
from nexus.graph.plans import render
from nexus.graph.registering import registering
from nexus.graph.selections import Document
from nexus.graph.specs import Registry
from tests.graph import model
from tests.graph.library import LIBRARY

FIND = """query ($n: Int, $f: BookFilter, $o: BookOrder, $yes: Boolean = true, $i: ID = "x") {
  books(first: $n, filter: $f, orderBy: $o) { nodes { title @include(if: $yes) } }
  node(id: $i) { id }
}"""


@pytest.fixture
def executor() -> Iterator[Executor]:
    """Plans without a database."""
    return Executor(build_schema(LIBRARY), None, None, registry=LIBRARY)  # type: ignore[arg-type, return-value]


def plan(executor: Executor, document: str, role: Role = Role.RECIPIENT, **given: Any) -> Any:
    """The statement of the document's only operation."""
    prepared = executor.documents.prepare(document)
    operation = prepared.operation(None)
    values = executor._variables(operation, given).coerced
    return executor.planner.statement(prepared, operation, values, role)


def test_values_share_a_plan(executor: Executor) -> None:
    first = plan(executor, FIND, n=6, f={"title": ["a"], "onShelf": True}, i=encode("Book", "1"))
    other = plan(executor, FIND, n=9, f={"title": [], "onShelf": False}, i=encode("Book", "2"))
    assert first is other


@pytest.mark.parametrize(
    "given",
    [
        {"n": None},
        {"n": 11},
        {"f": {}},
        {"f": {"title": ["a"], "onShelf": None}},
        {"o": "NEWEST"},
        {"yes": False},
        {"i": encode("Shelf", "4")},
    ],
)
def test_another_shape_is_another_plan(executor: Executor, given: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"n": 9, "f": {"title": ["a"], "onShelf": True}}
    assert plan(executor, FIND, **usual) is not plan(executor, FIND, **{**usual, **given})
    assert plan(executor, FIND, Role.DPO, **usual) is not plan(executor, FIND, **usual)


def test_values_are_never_text_of_the_statement(executor: Executor) -> None:
    secret = "'; DROP TABLE lib_book; --"
    literal = f'{{ books(filter: {{title: ["{secret}"], text: "{secret}"}}) {{ totalCount }} }}'
    assert secret not in plan(executor, literal).sql
    assert secret not in plan(executor, FIND, f={"title": [secret]}).sql


def test_only_what_is_selected_is_computed(executor: Executor) -> None:
    sql = plan(executor, "{ books { nodes { title } } }").sql
    assert "count(" not in sql
    assert "base64" not in sql
    assert "lib_author" not in sql
    assert "row_number" not in sql
    assert "ORDER BY" in sql
    assert "row_number" not in plan(executor, "{ books { totalCount } }").sql


def test_a_known_page_is_a_literal(executor: Executor) -> None:
    """So that PostgreSQL knows how few rows a generic plan must fetch."""
    assert "LIMIT 20)" in plan(executor, "{ books { nodes { title } } }").sql
    assert "LIMIT 5)" in plan(executor, "{ books(first: 5) { nodes { title } } }").sql
    sql = plan(executor, FIND, n=6).sql
    assert "LIMIT 10)" in sql
    assert "LIMIT $" in sql


def test_one_more_row_only_for_who_asks_where_the_page_ends(executor: Executor) -> None:
    sql = plan(executor, "{ books { nodes { title } pageInfo { hasNextPage } } }").sql
    assert "LIMIT 21)" in sql
    assert "row_number" in sql
    assert "row_number" in plan(executor, "{ books(last: 3) { nodes { title } } }").sql


def test_every_table_is_read_through_its_policy(executor: Executor) -> None:
    document = "{ books { nodes { author { books { totalCount nodes { id } } } } } }"
    sql = plan(executor, document).sql
    assert sql.count("lib_book AS") == sql.count("state != 'lost'") == 3
    assert sql.count("lib_author AS") == sql.count("hidden") == 1


def test_plans_are_bounded(executor: Executor) -> None:
    executor.planner._plans.capacity = 3
    for number in range(9):
        plan(executor, f"{{ books(first: {number}) {{ totalCount }} }}")
    assert len(executor.planner._plans) == 3


def test_a_subquery_that_lost_its_row_is_found() -> None:
    """Two levels deep, SQLAlchemy reads the outer table anew: every row would be let through."""
    registry = Registry()

    def sees(actor: Actor, row: Any) -> Any:
        author, shelf = aliased(model.Author), aliased(model.Shelf)
        inner = exists().where(shelf.code == row.shelf_code)
        return exists().where(author.id == row.author_id, inner)

    with registering(registry):

        @node(model.Book, visible=sees)
        class Book:
            title: str

        @node(model.Author, visible=lambda actor, row: row.hidden)
        class Author:
            name: str

    schema = build_schema(LIBRARY)._schema
    document = Document(schema, registry, {}, {})
    compiler = Compiler(document, shape(Role.RECIPIENT), lambda item, values: "", Recent(1))
    row = compiler.alias(model.Book)
    built = select(row.title).where(sees(compiler.actor, row)).scalar_subquery()
    with pytest.raises(RuntimeError, match="not correlated"):
        render(built, compiler)
