"""A second executor, written for nothing but to be plainly right.

graphql-core walks the query and calls a resolver for every field. Rows come from simple loads of
whole tables through the type's policy, with the verdict of every other policy function beside
them; pages are cut from lists in Python. It shares the declarations with the compiler, and no code.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    execute,
    parse,
)
from sqlalchemy import Text, and_, cast, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from nexus.acting import Actor
from nexus.core.refusals import Refusal
from nexus.graph import specs


class RefusedError(Exception):
    """The code that the compiled executor must refuse with as well."""


@dataclass(frozen=True)
class Row:
    """One visible row: its columns and, by name, what expressions and policies say of it."""

    spec: specs.TypeSpec
    key: Any
    columns: dict[str, Any]
    said: dict[str, Any] = field(default_factory=dict)


def _sql(answer: Any) -> Any:
    return literal(answer) if isinstance(answer, bool) else answer


def _literal(value: Any, known: Any) -> Any:
    """The value with its type, which is the value's own where the select does not know it."""
    return literal(value) if isinstance(known, NullType) else literal(value, known)


class World:
    """The database as one actor sees it, loaded table by table when first asked for."""

    def __init__(
        self,
        connection: AsyncConnection,
        registry: specs.Registry,
        actor: Actor,
        turn: asyncio.Lock | None = None,
    ) -> None:
        self.connection, self.registry, self.actor = connection, registry, actor
        self._rows: dict[str, dict[Any, Row]] = {}
        self._turn = turn or asyncio.Lock()
        self._answers: dict[Any, Any] = {}

    async def _execute(self, statement: Any) -> Any:
        """One load at a time; graphql-core drops siblings of a failed field, loads go on."""
        return await asyncio.shield(self._locked(statement))

    async def _locked(self, statement: Any) -> Any:
        async with self._turn:
            return await self.connection.execute(statement, self.actor.binds())

    async def rows(self, spec: specs.TypeSpec) -> dict[Any, Row]:
        """Every row of the type that the actor sees, by key."""
        if spec.name not in self._rows:
            self._rows[spec.name] = await self._load(spec)
        return self._rows[spec.name]

    async def _load(self, spec: specs.TypeSpec) -> dict[Any, Row]:
        table, actor = spec.table, self.actor
        said: dict[str, Any] = {}
        for name, declared in spec.fields.items():
            if isinstance(declared, specs.Computed):
                said[name] = declared.expression(actor, table)
            elif getattr(declared, "allowed", None) is not None:
                said[f"allowed {name}"] = _sql(declared.allowed(actor, table))  # type: ignore[misc,union-attr]
        for name, (_, may) in spec.actions.items():
            said[f"may {name}"] = _sql(may(actor, table))
        columns = {a.key: getattr(table, a.key) for a in table.__mapper__.column_attrs}
        labelled = [c.label(f"c {n}") for n, c in columns.items()]
        labelled += [_sql(e).label(f"s {n}") for n, e in said.items()]
        assert spec.visible is not None
        found = await self._execute(
            select(*labelled).select_from(table).where(_sql(spec.visible(actor, table)))
        )
        loaded = {}
        for raw in found.mappings():
            values = {name: raw[f"c {name}"] for name in columns}
            verdicts = {name: raw[f"s {name}"] for name in said}
            loaded[values[spec.key]] = Row(spec, values[spec.key], values, verdicts)
        return loaded

    async def keys(self, spec: specs.TypeSpec, order: specs.Order) -> list[tuple[Any, list[str]]]:
        """The keys of the whole table in an order, with the texts of their sort keys."""
        known = (spec.name, order.columns, order.descending)
        if known not in self._answers:
            parts = [getattr(spec.table, name) for name in (*order.columns, spec.key)]
            sort = [part.desc() if order.descending else part.asc() for part in parts]
            key = getattr(spec.table, spec.key)
            texts = [cast(part, Text) for part in parts]
            found = await self._execute(select(key, *texts).order_by(*sort))
            self._answers[known] = [(row[0], list(row[1:])) for row in found]
        return self._answers[known]  # type: ignore[no-any-return]

    async def matching(self, spec: specs.TypeSpec, condition: Any, known: Any) -> set[Any]:
        """The keys of the rows of the table for which a condition holds."""
        known = (spec.name, known)
        if known not in self._answers:
            key = getattr(spec.table, spec.key)
            found = await self._execute(select(key).where(_sql(condition)))
            self._answers[known] = {row[0] for row in found}
        return self._answers[known]  # type: ignore[no-any-return]

    async def derived(
        self, row: "Row | FoundRow | None", declared: specs.Derived, limit: int
    ) -> "list[FoundRow]":
        """What a derived select finds beside one row, or by itself."""
        if isinstance(row, FoundRow):
            return await self._beside(
                row, lambda one: declared.select(self.actor, one, literal(limit))
            )
        known = (row and (row.spec.name, row.key), id(declared), limit)
        if known not in self._answers:
            self._answers[known] = await self._derive(row, declared, literal(limit))
        return self._answers[known]  # type: ignore[no-any-return]

    async def _derive(
        self, row: Row | None, declared: specs.Derived, limit: Any
    ) -> "list[FoundRow]":
        if row is None:
            statement = declared.select(self.actor, None, limit)
            return FoundRow.all(await self._execute(statement), statement)
        table = row.spec.table
        beside = declared.select(self.actor, table, limit).correlate(table)
        lateral = beside.lateral("beside")
        joined = select(lateral).select_from(table).join(lateral, literal(True))
        found = await self._execute(joined.where(getattr(table, row.spec.key) == row.key))
        return FoundRow.all(found, beside)

    async def _beside(self, row: "FoundRow", make: Callable[[Any], Any]) -> "list[FoundRow]":
        """What a select finds beside a row that is no table's."""
        values = [_literal(value, row.types[name]).label(name) for name, value in row.items()]
        one = select(*values).subquery("one")
        statement = make(one).correlate(one)
        beside = statement.lateral("beside")
        found = await self._execute(select(beside).select_from(one).join(beside, literal(True)))
        return FoundRow.all(found, statement)

    async def computed(self, row: "FoundRow", declared: specs.Computed) -> Any:
        """What an expression says beside a row that is no table's."""
        (said,) = await self._beside(
            row, lambda one: select(declared.expression(self.actor, one).label("said"))
        )
        return said["said"]

    async def found(
        self, declared: specs.Found, size: int, given: dict[str, Any]
    ) -> "FoundRow | None":
        """The row of a select over arguments, if there is one."""
        statement = declared.select(self.actor, literal(size), given).add_columns(
            *(made(self.actor, given).label(name) for name, made in declared.apart.items())
        )
        rows = FoundRow.all(await self._execute(statement), statement)
        assert len(rows) <= 1
        return rows[0] if rows else None

    async def listed(self, row: "FoundRow", declared: specs.Listed) -> "list[FoundRow]":
        """What a select finds beside a found row."""
        return await self._beside(row, lambda one: declared.select(self.actor, one))


class FoundRow(dict[str, Any]):
    """A row of a select that is no table's; it knows the types of its columns."""

    def __init__(self, values: dict[str, Any], types: dict[str, Any]) -> None:
        super().__init__(values)
        self.types = types

    @classmethod
    def all(cls, found: Any, statement: Any) -> "list[FoundRow]":
        """The rows that a select found."""
        types = {str(column.key): column.type for column in statement.selected_columns}
        return [cls(dict(one), types) for one in found.mappings()]


@dataclass(frozen=True)
class Slice:
    """A page: its rows with their cursors, and what Relay wants to know of it."""

    target: specs.TypeSpec
    total: int
    edges: list[tuple[str, Row]]
    more_after: bool
    more_before: bool


def cursor(order_name: str, texts: list[str]) -> str:
    """The cursor of a row by the texts of its sort keys."""
    payload = json.dumps([order_name, *texts], ensure_ascii=False)
    return base64.b64encode(payload.encode()).decode()


def global_id(spec: specs.TypeSpec, key: Any) -> str:
    """The Relay id."""
    return base64.b64encode(f"{spec.name}:{key}".encode()).decode()


class Reference:
    """Answers documents over a schema of its own, whose resolvers it sets."""

    def __init__(self, schema: GraphQLSchema, registry: specs.Registry) -> None:
        self.schema, self.registry = schema, registry
        for type_ in schema.type_map.values():
            if type_.name.startswith("__"):
                continue
            if isinstance(type_, GraphQLEnumType):
                type_.coerce_output_value = _enum_name  # type: ignore[assignment,method-assign]
            elif isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
                type_.resolve_type = lambda source, info, abstract: source.spec.name
            elif isinstance(type_, GraphQLObjectType):
                type_.is_type_of = None
                for name, found in type_.fields.items():
                    found.resolve = self._resolver(type_.name, name)

    async def answer(
        self, world: World, document: str, variables: dict[str, Any] | None = None
    ) -> Any:
        """The data. RefusedError when the arguments make no sense."""
        result: Any = execute(
            self.schema, parse(document), context_value=world, variable_values=variables
        )
        if hasattr(result, "__await__"):
            result = await result
        for error in result.errors or []:
            if isinstance(error.original_error, Refusal | RefusedError):
                raise RefusedError(getattr(error.original_error, "code", str(error.original_error)))
            raise error
        return result.data

    def _resolver(self, type_name: str, name: str) -> Callable[..., Any]:
        part = PARTS.get(name)
        if type_name == "PageInfo" or type_name.endswith(("Connection", "Edge")):
            assert part is not None, (type_name, name)
            return lambda source, info: part(source)
        spec = self.registry.types.get(type_name)
        declared = spec.fields.get(name) if spec else None
        if spec is None or declared is None:
            return lambda source, info: source[name]

        async def resolve(source: Any, info: Any, **given: Any) -> Any:
            return await self._value(info.context, spec, name, declared, source, given)

        return resolve

    async def _value(
        self,
        world: World,
        spec: specs.TypeSpec,
        name: str,
        declared: specs.Spec,
        source: Any,
        given: dict[str, Any],
    ) -> Any:
        allowed = not isinstance(source, Row) or source.said.get(f"allowed {name}", True) is True
        if not allowed:
            return None
        match declared:
            case specs.GlobalId():
                return global_id(spec, source.key)
            case specs.Column():
                if isinstance(source, Row):
                    return source.columns[declared.name]
                return source[declared.name if declared.name in source else name]
            case specs.Computed() if isinstance(source, FoundRow):
                return await world.computed(source, declared)
            case specs.Computed():
                return source.said[name]
            case specs.ToOne():
                columns = source.columns if isinstance(source, Row) else source
                target = self.registry.types[spec.targets[name]]
                return (await world.rows(target)).get(columns[declared.key])
            case specs.Pages():
                return await self._page(world, spec, name, declared, source, given)
            case specs.Derived():
                size = self._size("first", given.get("first"), declared.default, declared.maximum)
                return await world.derived(source, declared, size)
            case specs.Found():
                size = self._size("first", given.get("first"), declared.default, declared.maximum)
                arguments = {
                    name: literal(known.convert(given[name]), known.bind_type)
                    for name, known in declared.arguments.items()
                    if given.get(name) is not None
                }
                return await world.found(declared, size, arguments)
            case specs.Listed():
                return await world.listed(source, declared)
            case specs.NodeOf():
                columns = source.columns if isinstance(source, Row) else source
                called = columns[declared.type_column]
                known = [t for name in declared.types if (t := self.registry.types.get(name))]
                for target in known:
                    table = target.table.__tablename__
                    if called == (table if isinstance(source, Row) else target.name):
                        rows = await world.rows(target)
                        return rows.get(columns[declared.key_column])
                return None
            case specs.One():
                target = self.registry.types[spec.targets[name]]
                condition = declared.predicate(world.actor, target.table)
                keys = await world.matching(target, condition, name)
                found = [row for key, row in (await world.rows(target)).items() if key in keys]
                return min(found, key=lambda row: row.key) if found else None
            case specs.Static():
                names = {declared.arguments[k]: v for k, v in given.items() if v is not None}
                return declared.value(**names)
            case specs.NodeById():
                if declared.many:
                    return [await self._node(world, one) for one in given["ids"]]
                return await self._node(world, given["id"])
            case specs.Actions():
                return [action for action in spec.actions if self._possible(spec, action, source)]
            case specs.Redactions():
                return [
                    other
                    for other in spec.fields
                    if f"allowed {other}" in source.said
                    and source.said[f"allowed {other}"] is not True
                ]

    def _possible(self, spec: specs.TypeSpec, action: str, row: Row) -> bool:
        verb = spec.actions[action][0]
        if (
            verb is not None
            and spec.transitions is not None
            and row.columns["state"] not in spec.transitions.sources(verb)
        ):
            return False
        return row.said[f"may {action}"] is True

    async def _node(self, world: World, given: str) -> Row | None:
        try:
            name, separator, key = base64.b64decode(given, validate=True).decode().partition(":")
            spec = self.registry.types[name]
            assert separator
            assert spec.table is not None
            is_text = isinstance(getattr(spec.table, spec.key).type, Text)
            known: Any = key if is_text else UUID(key)
            assert str(known) == key
        except (ValueError, KeyError, AssertionError):
            return None
        return (await world.rows(spec)).get(known)

    def _size(self, name: str, given: int | None, default: int, maximum: int) -> int:
        size = default if given is None else given
        if not 0 <= size <= maximum:
            raise RefusedError("PAGE_TOO_LARGE")
        return size

    async def _page(
        self,
        world: World,
        spec: specs.TypeSpec,
        name: str,
        declared: specs.Pages,
        source: Any,
        given: dict[str, Any],
    ) -> Slice:
        target = self.registry.types[spec.targets[name]]
        first, last = given.get("first"), given.get("last")
        if first is not None and last is not None:
            raise RefusedError("BAD_ARGUMENT")
        size = self._size("first", last if first is None else first, 20, 1000)
        order_name = getattr(given.get("orderBy"), "value", given.get("orderBy"))
        order_name = order_name or next(iter(declared.orders))
        order = declared.orders[order_name]
        visible = await world.rows(target)
        chosen = set(visible)
        if declared.foreign_key is not None:
            parent = source.columns[declared.parent_key]
            chosen = {k for k in chosen if visible[k].columns[declared.foreign_key] == parent}
        for entry, value in (given.get("filter") or {}).items():
            if value is not None:
                chosen &= await self._filtered(world, target, declared, entry, value)
        everything = [
            (cursor(order_name, texts), visible[key])
            for key, texts in await world.keys(target, order)
            if key in chosen
        ]
        before, between, after = everything, everything, everything
        before, after = [], []
        if given.get("after") is not None:
            cut = await self._beyond(world, target, order_name, order, given["after"], onward=True)
            before = [edge for edge in between if edge[1].key not in cut]
            between = [edge for edge in between if edge[1].key in cut]
        if given.get("before") is not None:
            cut = await self._beyond(
                world, target, order_name, order, given["before"], onward=False
            )
            after = [e for e in everything if e[1].key not in cut]
            between = [edge for edge in between if edge[1].key in cut]
        if last is not None:
            shown = between[len(between) - size :] if size < len(between) else between
            return Slice(target, len(everything), shown, bool(after), len(between) > size)
        return Slice(target, len(everything), between[:size], len(between) > size, bool(before))

    async def _filtered(
        self, world: World, target: specs.TypeSpec, declared: specs.Pages, entry: str, value: Any
    ) -> set[Any]:
        found = declared.filters[entry]
        ready = found.convert(value)
        condition = found.predicate(target.table, literal(ready, found.bind_type))
        return await world.matching(target, condition, (id(declared), entry, repr(value)))

    async def _beyond(
        self,
        world: World,
        target: specs.TypeSpec,
        order_name: str,
        order: specs.Order,
        given: str,
        *,
        onward: bool,
    ) -> set[Any]:
        """The keys of the rows after a cursor (before it when not onward), spelled out."""
        try:
            name, *texts = json.loads(base64.b64decode(given, validate=True))
            assert name == order_name
            assert len(texts) == len(order.columns) + 1
        except (ValueError, AssertionError):
            raise RefusedError("BAD_CURSOR") from None
        columns = [getattr(target.table, c) for c in (*order.columns, target.key)]
        values = [
            cast(literal(text, Text()), c.type) for text, c in zip(texts, columns, strict=True)
        ]
        cases = []
        for at, (column, value) in enumerate(zip(columns, values, strict=True)):
            same = [c == v for c, v in zip(columns[:at], values[:at], strict=True)]
            further = column > value if order.descending != onward else column < value
            cases.append(and_(*same, further))
        return await world.matching(target, or_(*cases), ("beyond", given, onward))


PARTS: dict[str, Callable[[Any], Any]] = {
    "totalCount": lambda page: page.total,
    "nodes": lambda page: [row for _, row in page.edges],
    "edges": lambda page: page.edges,
    "pageInfo": lambda page: page,
    "cursor": lambda edge: edge[0],
    "node": lambda edge: edge[1],
    "hasNextPage": lambda page: page.more_after,
    "hasPreviousPage": lambda page: page.more_before,
    "startCursor": lambda page: page.edges[0][0] if page.edges else None,
    "endCursor": lambda page: page.edges[-1][0] if page.edges else None,
}


def _enum_name(value: Any) -> str:
    return value.name if isinstance(value, Enum) else str(value).upper()
