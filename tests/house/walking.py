"""Walks over the schema: from rows of a type along random edges, reading every field on the way."""

from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import GraphQLSchema, get_named_type, is_leaf_type

from nexus.graph import specs
from nexus.graph.specs import Registry
from tests.house.matrix_world import World, kind_of

DEEPEST = 3
BROADEST = 2
ROWS = 5
"""Rows asked for in one walk."""


@dataclass
class Walk:
    """A document, the type it starts from, and the ids of that type to choose from."""

    text: str
    ids: list[str]


class Walker:
    """Makes walks from a seed; the same seed makes the same walks."""

    def __init__(self, schema: GraphQLSchema, registry: Registry, world: World, seed: int) -> None:
        self.schema, self.types, self.random = schema, registry.types, Random(seed)
        self.rows: dict[str, list[str]] = {}
        for place in world.places.values():
            for key in place.rows:
                self.rows.setdefault(kind_of(key), []).append(place.id(key))
        self.lists = [
            name for name, one in self.types["Query"].fields.items() if isinstance(one, specs.Pages)
        ]

    def walk(self) -> Walk:
        """From rows by their ids, or from a root collection."""
        start = self.random.choice(sorted(self.rows))
        below = self._object(start, 0)
        if self.random.random() < 0.3:
            root = self.random.choice(self.lists)
            below = self._object(self.types["Query"].targets[root], 0)
            arguments = self.random.choice(("first: 8", "last: 8"))
            return Walk(f"{{ {root}({arguments}) {{ totalCount nodes {{ {below} }} }} }}", [])
        text = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {start} {{ {below} }} }} }}"
        return Walk(text, self.rows[start])

    def variables(self, walk: Walk) -> dict[str, Any]:
        """Some of the walk's rows, whoever may see them."""
        return {"ids": self.random.sample(walk.ids, ROWS)} if walk.ids else {}

    def _object(self, name: str, depth: int) -> str:
        """Every leaf of the type, and a few of its edges."""
        spec = self.types[name]
        found: Any = self.schema.get_type(name)
        leaves = [f for f in spec.fields if is_leaf_type(get_named_type(found.fields[f].type))]
        edges = [f for f in spec.fields if f not in leaves]
        if depth >= DEEPEST:
            return " ".join(["__typename", *leaves])
        chosen = self.random.sample(edges, min(len(edges), self.random.randint(1, BROADEST)))
        return " ".join(["__typename", *leaves, *(self._edge(spec, f, depth) for f in chosen)])

    def _edge(self, spec: specs.TypeSpec, field: str, depth: int) -> str:
        declared, target = spec.fields[field], spec.targets[field]
        if target == "Node":
            return f"{field} {{ id }}"
        below = self._object(target, depth + 1)
        match declared:
            case specs.Pages():
                return f"{field}(first: 3) {{ totalCount nodes {{ {below} }} }}"
            case specs.Derived():
                return f"{field}(first: 2) {{ {below} }}"
        return f"{field} {{ {below} }}"
