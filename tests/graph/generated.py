"""Random queries over any schema: selections, aliases, fragments, directives, variables."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql import get_nullable_type as nullable

from nexus.graph.specs import Registry

KEPT_FOR_ITSELF = ("stateMachine",)


@dataclass
class Pool:
    """Values that mean something in the world asked about."""

    ids: list[str]
    texts: dict[str, list[str]]
    """By type: what its text columns hold."""
    cursors: dict[tuple[str, str], list[str]]
    """By type and field of a connection."""
    areas: list[str] = field(default_factory=lambda: ["CN", "44", "4401", "440103", "9"])


@dataclass
class Query:
    """A document with the values of its variables."""

    text: str
    variables: dict[str, Any]


class Literal(str):
    """An enum value or another text to write without quotes."""


class Generator:
    """Makes queries from a seed; the same seed makes the same queries."""

    def __init__(self, schema: GraphQLSchema, registry: Registry, pool: Pool, seed: int) -> None:
        self.schema, self.registry, self.pool = schema, registry, pool
        self.random = Random(seed)

    def query(self) -> Query:
        """One query of a few root fields."""
        return _Writing(self).query()


class _Writing:
    """One query being written."""

    def __init__(self, made_by: Generator) -> None:
        self.schema, self.pool, self.random = made_by.schema, made_by.pool, made_by.random
        self.registry = made_by.registry
        self.definitions: list[str] = []
        self.values: dict[str, Any] = {}
        self.fragments: list[str] = []
        self.left = self.random.choice((8, 15, 30, 50))
        """Fields that may still be added."""

    def query(self) -> Query:
        root: Any = self.schema.query_type
        body = self._object(root, {}, depth=0)
        head = ""
        if self.definitions:
            head = f"query Q({', '.join(self.definitions)}) "
        elif self.random.random() < 0.3:
            head = "query "
        return Query("\n".join([f"{head}{{ {body} }}", *self.fragments]), self.values)

    # Selections ----------------------------------------------------------------------------

    def _object(self, type_: Any, keys: dict[str, Any], *, depth: int) -> str:
        """Selections on an object or abstract type; `keys` are the response keys used so far."""
        if is_abstract_type(type_):
            return self._abstract(type_, keys, depth=depth)
        names = list(type_.fields)
        if depth > 6:
            names = [n for n in names if is_leaf_type(get_named_type(type_.fields[n].type))]
        wanted = self.random.randint(1, 3 if depth == 0 else 6)
        parts = []
        for _ in range(wanted):
            if self.left <= 0 or not names:
                break
            self.left -= 1
            if self.random.random() < 0.06:
                parts.append(self._plain("__typename", keys))
                continue
            parts.append(self._maybe_fragment(type_, self.random.choice(names), keys, depth))
        parts = [part for part in parts if part]
        return " ".join(parts) or self._plain("__typename", keys)

    def _abstract(self, type_: Any, keys: dict[str, Any], *, depth: int) -> str:
        parts = [self._plain("__typename", keys)]
        possible = list(self.schema.get_possible_types(type_))
        for target in self.random.sample(possible, min(len(possible), self.random.randint(1, 3))):
            inner = self._object(target, keys, depth=depth + 1)
            parts.append(f"... on {target.name}{self._directive()} {{ {inner} }}")
        if type_.name == "Node" and self.random.random() < 0.5:
            parts.append("id" if keys.setdefault("id", ("id", "", "ID!")) else "")
        return " ".join(parts)

    def _plain(self, name: str, keys: dict[str, Any]) -> str:
        known = keys.setdefault(name, (name, "", "String!"))
        return name if known[0] == name else ""

    def _maybe_fragment(self, type_: Any, name: str, keys: dict[str, Any], depth: int) -> str:
        field_text = self._field(type_, name, keys, depth)
        if not field_text:
            return ""
        chance = self.random.random()
        if chance < 0.08:
            on = f" on {type_.name}" if self.random.random() < 0.5 else ""
            return f"...{on}{self._directive()} {{ {field_text} }}"
        if chance < 0.16:
            fragment = f"F{len(self.fragments)}"
            self.fragments.append("")
            self.fragments[int(fragment[1:])] = (
                f"fragment {fragment} on {type_.name} {{ {field_text} }}"
            )
            return f"...{fragment}{self._directive()}"
        return field_text

    def _field(self, type_: Any, name: str, keys: dict[str, Any], depth: int) -> str:
        found = type_.fields[name]
        target = get_named_type(found.type)
        arguments = self._arguments(type_, name, found)
        shown = str(found.type)
        key = name
        if self.random.random() < 0.12 or not _fits(keys.get(key), name, arguments, shown):
            key = f"a{len(keys)}_{self.random.randint(0, 99)}"
        if not _fits(keys.get(key), name, arguments, shown):
            return ""
        below = keys.setdefault(key, (name, arguments, shown, {}))[3:]
        selection = ""
        if not is_leaf_type(target):
            inner = self._object(target, below[0] if below else {}, depth=depth + 1)
            selection = f" {{ {inner} }}"
        alias = f"{key}: " if key != name else ""
        return f"{alias}{name}{arguments}{self._directive()}{selection}"

    def _directive(self) -> str:
        if self.random.random() > 0.05:
            return ""
        name = self.random.choice(("skip", "include"))
        value = self.random.random() < 0.5
        if self.random.random() < 0.5:
            return f" @{name}(if: {str(value).lower()})"
        return f" @{name}(if: {self._variable('Boolean!', value)})"

    # Arguments -----------------------------------------------------------------------------

    def _arguments(self, type_: Any, name: str, found: Any) -> str:
        given: dict[str, str] = {}
        paging = self.random.random()
        for key, argument in found.args.items():
            needed = is_non_null_type(argument.type)
            if key in ("first", "last"):
                if (key == "first") != (paging < 0.7) and self.random.random() > 0.01:
                    continue
                if key == "first" and paging < 0.15:
                    continue
                value: Any = self._size()
            elif key in ("after", "before") or (key, str(argument.type)) == ("since", "String"):
                if self.random.random() > 0.25:
                    continue
                value = self._cursor(type_, name)
                if value is None:
                    continue
            elif not needed and self.random.random() < 0.5:
                continue
            else:
                value = self._value(argument.type, get_named_type(found.type).name, key)
            given[key] = self._given(argument.type, value)
        if not given:
            return ""
        return "(" + ", ".join(f"{key}: {text}" for key, text in given.items()) + ")"

    def _size(self) -> int:
        return self.random.choices((0, 1, 2, 3, 7, 1000, -1, 1001), (4, 20, 20, 10, 4, 1, 1, 1))[0]

    def _cursor(self, type_: Any, name: str) -> str | None:
        known = self.pool.cursors.get((type_.name, name))
        if self.random.random() < 0.02:
            return "bm9uc2Vuc2U="
        return self.random.choice(known) if known else None

    def _given(self, type_: Any, value: Any) -> str:
        """The value as a literal, or through a variable, which may be left to its default."""
        if self.random.random() < 0.6:
            return _written(value)
        name = f"v{len(self.definitions)}"
        self.definitions.append("")
        place = len(self.definitions) - 1
        chance = self.random.random()
        if chance < 0.15 and not is_non_null_type(type_):
            if self.random.random() < 0.5:
                self.values[name] = None
            self.definitions[place] = f"${name}: {type_}"
        elif chance < 0.3:
            self.definitions[place] = f"${name}: {nullable(type_)} = {_written(value)}"
            if is_non_null_type(type_) and self.random.random() < 0.3:
                self.values[name] = _plain(value)
        else:
            self.definitions[place] = f"${name}: {type_}"
            self.values[name] = _plain(value)
        return f"${name}"

    def _variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self.definitions)}"
        self.definitions.append(f"${name}: {type_}")
        self.values[name] = value
        return f"${name}"

    def _value(self, type_: Any, about: str, key: str) -> Any:
        if is_non_null_type(type_):
            return self._value(type_.of_type, about, key)
        if is_list_type(type_):
            return [
                self._value(type_.of_type, about, key) for _ in range(self.random.randint(0, 3))
            ]
        if is_enum_type(type_):
            return Literal(self.random.choice(list(type_.values)))
        if is_input_object_type(type_):
            return {
                name: (
                    None
                    if self.random.random() < 0.05 and not is_non_null_type(entry.type)
                    else self._value(entry.type, about, name)
                )
                for name, entry in type_.fields.items()
                if self.random.random() < 0.4 or is_non_null_type(entry.type)
            }
        return self._scalar(type_.name, about, key)

    def _scalar(self, name: str, about: str, key: str) -> Any:
        choice = self.random.choice
        if name == "ID":
            return choice((*self.random.sample(self.pool.ids, min(6, len(self.pool.ids))), "nope"))
        if name == "Int":
            return choice((0, 1, 2, 5, 100))
        if name == "Boolean":
            return choice((True, False))
        if name == "Decimal":
            return choice(("0", "1.5", "10", "99.125"))
        if name == "Date":
            return choice(("2020-01-01", "2026-04-01", "2026-12-31", "2031-01-01"))
        if name == "DateTime":
            return choice(("2026-01-01T00:00:00Z", "2026-05-01T08:00:00.123456+08:00"))
        if name == "Fen":
            return choice((0, 1, 100_000))
        if key in ("type",):
            return choice(("Need", "Pledge", "Book", "Nothing"))
        about = about.removesuffix("Connection")
        texts = self.pool.texts.get(about, [])
        return choice(
            (*self.pool.areas, *self.random.sample(texts, min(4, len(texts))), "%_\\", "")
        )


def _fits(known: Any, name: str, arguments: str, shown: str) -> bool:
    return known is None or known[:3] == (name, arguments, shown)


def _written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Literal | int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_written(v)}" for key, v in value.items()) + "}"
    return "[" + ", ".join(_written(one) for one in value) + "]"


def _plain(value: Any) -> Any:
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def flat(lists: Iterable[Iterable[Any]]) -> list[Any]:
    """One list of all."""
    return [one for inner in lists for one in inner]
