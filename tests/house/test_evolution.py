"""The schema changes without breaking clients: against the last release, and in two steps."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLSchema, build_schema, find_breaking_changes

from nexus.graph.declare import deprecated, record, static
from nexus.graph.registering import registering
from nexus.graph.specs import Registry

ROOT = Path(__file__).parents[2] / "schema"
ALLOWED = re.compile(r"^- (.+)$", re.M)
REASON = re.compile(r"(\d{4}-\d{2}-\d{2}): use (\w+)")


def breaking(before: GraphQLSchema, after: GraphQLSchema) -> set[str]:
    """What a client of the earlier schema can stumble over, one line each."""
    return {f"{c.type.name}: {c.description}" for c in find_breaking_changes(before, after)}


def allowed(text: str) -> set[str]:
    """The changes that the list allows."""
    return set(ALLOWED.findall(text.partition("## Allowed")[2]))


def deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Every deprecated coordinate and its reason."""
    for kind in schema.type_map.values():
        members = {**getattr(kind, "fields", {}), **getattr(kind, "values", {})}
        for name, member in members.items():
            parts = {f"{kind.name}.{name}": member}
            for argument, given in getattr(member, "args", {}).items():
                parts[f"{kind.name}.{name}({argument})"] = given
            for coordinate, part in parts.items():
                if part.deprecation_reason is not None:
                    yield coordinate, part.deprecation_reason


def undated(schema: GraphQLSchema) -> list[str]:
    """Deprecations without a day or without what takes their place."""
    wrong = []
    for coordinate, reason in deprecations(schema):
        found = REASON.match(reason)
        try:
            assert found is not None
            date.fromisoformat(found[1])
        except (AssertionError, ValueError):
            wrong.append(f"{coordinate}: {reason}")
    return wrong


def read(name: str) -> GraphQLSchema:
    """A committed schema."""
    return build_schema((ROOT / name).read_text("utf-8"))


def test_nothing_breaks_that_is_not_listed() -> None:
    found = breaking(read("released.graphql"), read("nexus.graphql"))
    listed = allowed((ROOT / "breaking.md").read_text("utf-8"))
    assert found - listed == set(), "keep it, deprecate it, or list it in schema/breaking.md"
    assert listed - found == set(), "take what does not break any more off the list"


def test_what_is_deprecated_says_since_when_and_what_instead() -> None:
    assert undated(read("nexus.graphql")) == []


BEFORE = (
    "type Query { need(id: ID!): Need } type Need { no: String! state: State } enum State { A B }"
)


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (BEFORE.replace("no: String! ", ""), "FIELD_REMOVED: Field Need.no"),
        (BEFORE.replace("String!", "String"), "FIELD_CHANGED_KIND: Field Need.no"),
        (BEFORE.replace("ID!)", "ID!, at: Int!)"), "REQUIRED_ARG_ADDED: A required arg"),
        (BEFORE.replace("A B", "A"), "VALUE_REMOVED_FROM_ENUM: Enum value State.B"),
    ],
)
def test_a_breaking_change_is_seen(after: str, change: str) -> None:
    (found,) = breaking(build_schema(BEFORE), build_schema(after))
    assert found.startswith(change)
    assert allowed(f"Text - not a line\n## Allowed\n\n- {found}\n") == {found}


def test_what_is_added_breaks_nothing() -> None:
    more = BEFORE.replace("no: String!", "no: String! name: String").replace("A B", "A B C")
    assert breaking(build_schema(BEFORE), build_schema(more)) == set()


@pytest.mark.parametrize(
    ("reason", "fine"),
    [
        ("2026-11-24: use shownArea", True),
        ("2026-11-24: use shownArea, which is coarser", True),
        ("2026-13-24: use shownArea", False),
        ("use shownArea", False),
        ("2026-11-24", False),
        ("No longer supported", False),
    ],
)
def test_a_deprecation_has_a_date_and_a_successor(reason: str, fine: bool) -> None:
    schema = build_schema(f'type Query {{ area(a: Int @deprecated(reason: "{reason}")): Int }}')
    assert undated(schema) == ([] if fine else [f"Query.area(a): {reason}"])


def test_a_slice_deprecates_a_field() -> None:
    with registering(Registry()):

        @record
        class Query:
            """Only for this test."""

            title: str
            name: str = deprecated(date(2026, 11, 24), use="title")
            names: list[str] = deprecated(
                date(2026, 11, 24), use="title", declared=static(list, "All of them.")
            )

    schema = build_schema(strawberry.Schema(query=Query).as_str())
    reason = "2026-11-24: use title"
    assert dict(deprecations(schema)) == {"Query.name": reason, "Query.names": reason}
    assert undated(schema) == []
    declared = Query.__strawberry_definition__  # type: ignore[attr-defined]
    assert {field.name for field in declared.fields} == {"title", "name", "names"}
