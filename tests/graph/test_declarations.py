"""What cannot be declared, and that all that is declared can be asked for by every role."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased

from nexus.acting import Actor, Role, always, shape
from nexus.core.embedded import Database
from nexus.graph import identifiers
from nexus.graph.building import build_schema
from nexus.graph.declare import (
    MUTATIONS,
    TYPES,
    Connection,
    classified,
    collection,
    mutation,
    node,
    one,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
)
from nexus.graph.execution import Executor, make_pool
from nexus.graph.registering import registering
from nexus.graph.specs import Order, Registry
from nexus.schema import make_schema
from tests.graph import model
from tests.graph.conftest import NOW
from tests.graph.library import CreateBookInput, GreetInput
from tests.graph.whole import everything, shallow


def sees_all(actor: Actor, row: Any) -> Any:
    return always()


def test_a_type_needs_a_policy() -> None:
    with registering(Registry()) as registry:
        with pytest.raises(TypeError, match="visible"):
            node(model.Book)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="policy"):
            node(model.Book, visible=None)  # type: ignore[arg-type]
    assert registry.types == {}


def test_a_field_needs_a_column() -> None:
    with registering(Registry()), pytest.raises(TypeError, match="neither a column nor declared"):

        @node(model.Book, visible=sees_all)
        class Book:
            weather: str


def lies() -> dict[str, tuple[dict[str, Any], str]]:
    """Field declarations that are not true of their table, and what is said of them."""
    return {
        "null for sure": ({"weight": Decimal}, "can be null"),
        "withheld for sure": (
            {"title": (str, classified(model.Book.title, allowed=lambda a, r: False))},
            "can be withheld",
        ),
        "a time as text": ({"created_at": str}, "holds DateTime, not String"),
        "money as a number": ({"value_fen": int}, "holds Fen, not Int"),
        "a decimal as a number": ({"price": float}, "holds Decimal, not Float"),
        "a state as text": ({"state": str}, "holds BookState, not String"),
    }


@pytest.mark.parametrize("name", lies())
def test_a_lie_fails_the_build(name: str) -> None:
    fields, complaint = lies()[name]
    body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for key, declared in fields.items():
        annotation, value = declared if isinstance(declared, tuple) else (declared, None)
        body["__annotations__"][key] = annotation
        if value is not None:
            body[key] = value
    with registering(Registry()) as registry:
        register_enums(model.BookState)
        made: Any = node(model.Book, visible=sees_all)(type("Book", (), body))

        @query
        class Root:
            books: Connection[made] = collection("Book", orders={"ID": Order(())})

    with pytest.raises(TypeError, match=complaint):
        build_schema(registry)


def test_a_relation_for_sure_fails_the_build() -> None:
    with registering(Registry()) as registry:

        @node(model.Author, visible=sees_all)
        class Author:
            name: str

        @node(model.Book, visible=sees_all)
        class Book:
            author: Author = to_one(model.Book.author_id)

        @query
        class Root:
            any_author: Author = one(lambda actor, row: row.name == "Ai")
            books: Connection[Book] = collection("Book", orders={"ID": Order(())})

    with pytest.raises(TypeError) as caught:
        build_schema(registry)
    assert str(caught.value).count("may not be visible") == 2


def test_pages_are_not_sorted_by_what_can_be_null() -> None:
    with registering(Registry()) as registry:

        @node(model.Book, visible=sees_all)
        class Book:
            title: str

        @node(model.Author, visible=sees_all)
        class Author:
            books: Connection[Book] = to_many(model.Book.author_id, order=Order(("weight",)))

        @query
        class Root:
            books: Connection[Book] = collection("Book", orders={"ID": Order(())})

    with pytest.raises(TypeError, match="sorted by weight, which can be null"):
        build_schema(registry)


def test_a_deed_has_a_key_exactly_if_its_answer_is_kept() -> None:
    with registering(Registry()) as registry:

        @node(model.Book, visible=sees_all)
        class Book:
            title: str

        @record
        class Secret:
            text: str

        @query
        class Root:
            books: Connection[Book] = collection("Book", orders={"ID": Order(())})

        @mutation(result("Book", Book))
        async def keyless(act, input: GreetInput):  # type: ignore[no-untyped-def]
            """A row without a key."""

        @mutation(result("Secret", Secret))
        async def keyed(act, input: CreateBookInput):  # type: ignore[no-untyped-def]
            """A key without a row."""

    with pytest.raises(TypeError) as caught:
        build_schema(registry)
    assert "keyless: its input needs idempotency_key" in str(caught.value)
    assert "keyed: its answer cannot be kept" in str(caught.value)


def test_every_action_is_a_mutation() -> None:
    make_schema()
    unknown = {(t.name, a) for t in TYPES.values() for a in t.actions if a not in MUTATIONS}
    assert not unknown


def documents(executor: Executor) -> dict[str, str]:
    """One document a type and one a root field, with all there is to select."""
    made = {
        name: f"query ($id: ID!) {{ node(id: $id) {{ ... on {name} "
        f"{{ {everything(executor.schema, name)} }} }} }}"
        for name, spec in TYPES.items()
        if spec.table is not None
    }
    root: Any = executor.schema.query_type
    for name, field in root.fields.items():
        if not any(str(argument.type).endswith("!") for argument in field.args.values()):
            made[f"Query.{name}"] = f"{{ {name}{shallow(field.type)} }}"
    return made


READERS = (Role.ANONYMOUS, Role.GOV_CLERK, Role.CHARITY_USER)


@pytest.mark.parametrize("role", READERS)
async def test_every_field_can_be_asked_for(database: Database, role: Role) -> None:
    """PostgreSQL takes every statement; nothing fails for want of rows."""
    pool = await make_pool(database.app_url)
    executor: Any = Executor(make_schema(), pool, None)  # type: ignore[arg-type]
    actor = Actor(role, UUID(int=1), UUID(int=2), "44", NOW)
    asked = documents(executor)
    assert len(asked) > 30
    for name, text in asked.items():
        spec = TYPES.get(name)
        key: Any = UUID(int=3) if spec is None or spec.key == "id" else "44"
        values = {"id": identifiers.encode(name, key)} if spec else {}
        await executor.execute(text, actor, variables=values)
    await pool.close()


@pytest.mark.parametrize("role", [role for role in Role if role not in READERS])
def test_every_policy_answers_for_every_role(role: Role) -> None:
    """In SQL or with a plain yes or no, where the actor is a shape."""
    make_schema()
    actor = shape(role)
    for spec in TYPES.values():
        if spec.table is None or spec.visible is None:
            continue
        row = aliased(spec.table)
        answers = [spec.visible(actor, row), *(may(actor, row) for _, may in spec.actions.values())]
        rules = [getattr(declared, "allowed", None) for declared in spec.fields.values()]
        answers += [allowed(actor, row) for allowed in rules if allowed]
        assert all(isinstance(answer, bool | ColumnElement) for answer in answers), spec.name
