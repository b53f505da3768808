"""The linear check of merging fields finds a conflict exactly where the usual one does."""

from random import Random
from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    build_schema,
    parse,
    validate,
)

from nexus.graph.overlaps import Overlaps

SCHEMA = build_schema(
    """
    interface Being { id: ID! name(full: Boolean): String friend: Being }
    type Cat implements Being {
      id: ID! name(full: Boolean): String friend: Being lives: Int! tags: [String!] home: Home
    }
    type Dog implements Being {
      id: ID! name(full: Boolean): String friend: Being lives: String tags: [Int] home: Home!
    }
    type Home { id: Int pet: Being cat(age: Int): Cat }
    union Pet = Cat | Dog
    type Query { being: Being pet: Pet cat(age: Int): Cat dog: Dog home: Home }
    """
)


def conflict(schema: GraphQLSchema, text: str) -> bool:
    """Whether our check finds one."""
    document = parse(text)
    fragments: dict[str, Any] = {}
    operations = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
        elif isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
    return any(Overlaps(schema, fragments).find(one) for one in operations)


def usual(schema: GraphQLSchema, text: str) -> bool:
    """Whether graphql-core's rule finds one."""
    return bool(validate(schema, parse(text), [OverlappingFieldsCanBeMergedRule]))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("cat { id id }", False),
        ("cat { a: id a: name }", True),
        ("cat { name name(full: true) }", True),
        ("cat { name(full: true) name(full: true) }", False),
        ("cat(age: 1) { id } cat(age: 2) { id }", True),
        ("pet { ... on Cat { lives } ... on Dog { lives } }", True),
        ("pet { ... on Cat { x: id } ... on Dog { x: name } }", True),
        ("pet { ... on Cat { x: home { id } } ... on Dog { x: home { id } } }", True),
        ("pet { ... on Cat { x: friend { id } } ... on Dog { x: friend { name } } }", False),
        ("pet { ... on Cat { x: friend { y: id } } ... on Dog { x: friend { y: name } } }", True),
        ("being { name ... on Cat { name(full: true) } }", True),
        ("pet { ... on Cat { name } ... on Dog { name(full: true) } }", False),
        ("home { cat { id } } home { cat(age: 1) { id } }", True),
        ("home { pet { id ... on Cat { id } } }", False),
    ],
)
def test_known_cases(selection: str, expected: bool) -> None:
    text = f"{{ {selection} }}"
    assert usual(SCHEMA, text) == expected
    assert conflict(SCHEMA, text) == expected


class Writer:
    """Writes valid documents that are full of near conflicts."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.fragments: list[str] = []

    def document(self) -> str:
        body = self.selection("Query", 0)
        return "\n".join([f"{{ {body} }}", *self.fragments])

    def selection(self, type_name: str, depth: int) -> str:
        parts = [self.part(type_name, depth) for _ in range(self.random.choice((1, 2, 2, 3)))]
        return " ".join(parts)

    def part(self, type_name: str, depth: int) -> str:
        chance = self.random.random()
        if chance < 0.2:
            on = self.random.choice(self.possible(type_name))
            return f"... on {on} {{ {self.selection(on, depth)} }}"
        if chance < 0.3 and len(self.fragments) < 3:
            on = self.random.choice(self.possible(type_name))
            place = len(self.fragments)
            self.fragments.append("")
            inner = self.selection(on, depth)
            self.fragments[place] = f"fragment F{place} on {on} {{ {inner} }}"
            return f"...F{place} "
        return self.field(type_name, depth)

    def possible(self, type_name: str) -> list[str]:
        if type_name in ("Being", "Pet"):
            return ["Cat", "Dog", "Being"]
        return [type_name] + (["Being"] if type_name in ("Cat", "Dog") else [])

    def field(self, type_name: str, depth: int) -> str:
        found: Any = SCHEMA.get_type(type_name)
        names = ["__typename"] if type_name == "Pet" else list(found.fields)
        name = self.random.choice(names)
        alias = self.random.choice(("", "", "", "", "", "x: "))
        arguments = ""
        if name == "name" and self.random.random() < 0.3:
            arguments = "(full: true)"
        if name == "cat" and self.random.random() < 0.3:
            arguments = f"(age: {self.random.randint(1, 2)})"
        below = {"being": "Being", "friend": "Being", "pet": "Being", "cat": "Cat", "dog": "Dog"}
        below["home"] = "Home"
        target = "Pet" if (type_name, name) == ("Query", "pet") else below.get(name)
        if target is None:
            return f"{alias}{name}{arguments}"
        if depth > 1:
            return "__typename"
        return f"{alias}{name}{arguments} {{ {self.selection(target, depth + 1)} }}"


def test_generated_cases() -> None:
    found = {True: 0, False: 0}
    for seed in range(1000):
        text = Writer(seed).document()
        expected = usual(SCHEMA, text)
        assert conflict(SCHEMA, text) == expected, text
        found[expected] += 1
    assert min(found.values()) > 150
