"""A selection set becomes one SQL expression that returns finished JSON.

Every table it touches gets its type's policy; a classified column its redaction. Values of
variables are parameters, never text of the statement, so one plan serves every value.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLObjectType, SelectionSetNode, VariableNode
from graphql.utilities import value_from_ast
from sqlalchemy import (
    ColumnElement,
    Integer,
    Numeric,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, aggregate_order_by, array
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.core.refusals import Refusal
from nexus.graph import identifiers, specs
from nexus.graph.declare import TYPES
from nexus.graph.selections import Document, Field

Values = dict[str, Any]
Binder = Callable[[Values], Any]
MAX_KEYS = 50
"""PostgreSQL functions take 100 arguments: 50 pairs of key and value."""


class PageTooLarge(Refusal):
    """`first` or `last` is negative or above the cap."""

    code = "PAGE_TOO_LARGE"


class BadArgument(Refusal):
    """Arguments that validation lets pass but that make no sense together."""

    code = "BAD_ARGUMENT"


@dataclass
class Cost:
    """Rows a part of the query may build: its own row, times its page, with what is below."""

    page: Binder = lambda values: 1
    below: list["Cost"] = field(default_factory=list)

    def total(self, values: Values) -> int:
        """The cost for these values of variables."""
        return int(self.page(values)) * (1 + sum(cost.total(values) for cost in self.below))


def quoted(text: str) -> ColumnElement[str]:
    """A string literal in the statement's text: keys and type names, never a caller's value."""
    return literal_column("'" + text.replace("'", "''") + "'", String())


class Compiler:
    """Compiles one operation for one actor shape. Collects the binders of its parameters."""

    def __init__(self, document: Document, actor: Actor) -> None:
        self.document = document
        self.actor = actor
        self.binders: dict[str, Binder] = {}
        self.cost = Cost()
        self._aliases = 0

    # Arguments -----------------------------------------------------------------------------

    def argument(self, type_name: str, node: FieldNode, name: str) -> Binder | None:
        """How to get the argument's value, or None when it is absent or null in this plan."""
        given = next((a.value for a in node.arguments or () if a.name.value == name), None)
        if given is None:
            return None
        if isinstance(given, VariableNode):
            variable = given.name.value
            if self.document.variables.get(variable) is None:
                return None
            return lambda values: values[variable]
        parent = self.document.schema.get_type(type_name)
        assert isinstance(parent, GraphQLObjectType)
        argument_type = parent.fields[node.name.value].args[name].type
        if value_from_ast(given, argument_type, self.document.variables) is None:
            return None
        return lambda values: value_from_ast(given, argument_type, values)

    def parameter(self, binder: Binder, kind: Any) -> Any:
        """A SQL parameter fed by the binder on every request."""
        name = f"p{len(self.binders)}"
        self.binders[name] = binder
        return bindparam(name, None, type_=kind)

    def alias(self, table: Any) -> Any:
        self._aliases += 1
        return aliased(table, name=f"t{self._aliases}")

    # Objects -------------------------------------------------------------------------------

    def root(self, type_name: str, sets: list[SelectionSetNode]) -> ColumnElement[Any]:
        """The `data` object of a query."""
        return self.object(TYPES[type_name], None, sets, self.cost)

    def by_key(self, type_name: str, sets: list[SelectionSetNode]) -> ColumnElement[Any]:
        """One node of a known type by the parameter `row_id`, or null when it is not visible."""
        target = TYPES[type_name]
        column = getattr(target.table, target.key)
        self.binders["row_id"] = lambda values: values["row_id"]
        wanted: Any = bindparam("row_id", None, type_=column.type)
        row = self.alias(target.table)
        built = self.object(target, row, sets, self.cost)
        found = select(built).where(getattr(row, target.key) == wanted, self._seen(target, row))
        return found.scalar_subquery()

    def object(
        self, spec: specs.TypeSpec, row: Any, sets: list[SelectionSetNode], cost: Cost
    ) -> ColumnElement[Any]:
        """The JSON object of one row."""
        pairs = [
            (item.key, self.value(spec, row, item, cost))
            for item in self.document.fields(spec.name, sets)
        ]
        return build_object(pairs)

    def value(
        self, spec: specs.TypeSpec, row: Any, item: Field, cost: Cost
    ) -> ColumnElement[Any]:
        """The JSON value of one field."""
        if item.name == "__typename":
            return quoted(spec.name)
        declared = spec.fields[item.name]
        match declared:
            case specs.Column():
                return self._column(spec, row, declared)
            case specs.Computed():
                return as_json(declared.expression(self.actor, row))
            case specs.ToOne():
                return self._to_one(spec, row, item, declared, cost)
            case specs.Pages():
                return self._pages(spec, row, item, declared, cost)
            case specs.Derived():
                return self._derived(spec, row, item, declared, cost)
            case specs.One():
                target = TYPES[spec.targets[item.name]]
                return self._single(target, item, cost, lambda t: declared.predicate(self.actor, t))
            case specs.Static():
                return self._static(spec, item, declared)
            case specs.NodeById():
                return self._nodes(spec, item, declared, cost)
            case specs.Actions():
                return self._actions(spec, row)
            case specs.Redactions():
                return self._redactions(spec, row)

    def _column(self, spec: specs.TypeSpec, row: Any, declared: specs.Column) -> ColumnElement[Any]:
        column = getattr(row, declared.name) if spec.table is not None else row.c[declared.name]
        if spec.table is not None and declared.name == spec.key:
            return global_id(spec.name, column)
        shown = as_json(column)
        if declared.allowed is None:
            return shown
        return case((as_predicate(declared.allowed(self.actor, row)), shown))

    def _seen(self, spec: specs.TypeSpec, row: Any) -> ColumnElement[bool]:
        assert spec.visible is not None
        return as_predicate(spec.visible(self.actor, row))

    def _single(
        self, target: specs.TypeSpec, item: Field, cost: Cost, predicate: Callable[[Any], Any]
    ) -> ColumnElement[Any]:
        own = Cost()
        cost.below.append(own)
        row = self.alias(target.table)
        built = self.object(target, row, item.below, own)
        return (
            select(built).where(predicate(row), self._seen(target, row)).correlate_except(row)
        ).scalar_subquery()

    def _to_one(
        self, spec: specs.TypeSpec, row: Any, item: Field, declared: specs.ToOne, cost: Cost
    ) -> ColumnElement[Any]:
        target = TYPES[spec.targets[item.name]]
        pointer = getattr(row, declared.key) if spec.table is not None else row.c[declared.key]
        found = self._single(target, item, cost, lambda t: getattr(t, target.key) == pointer)
        if declared.allowed is None:
            return found
        return case((as_predicate(declared.allowed(self.actor, row)), found))

    def _actions(self, spec: specs.TypeSpec, row: Any) -> ColumnElement[Any]:
        possible = []
        for name, (verb, may) in spec.actions.items():
            allowed = may(self.actor, row)
            if allowed is False:
                continue
            here = [as_predicate(allowed)]
            if verb is not None and spec.transitions is not None:
                sources = [state.value for state in spec.transitions.sources(verb)]
                here.append(cast(row.state, Text).in_(sources))
            possible.append(case((and_(*here), quoted(name))))
        return _compact(possible)

    def _redactions(self, spec: specs.TypeSpec, row: Any) -> ColumnElement[Any]:
        withheld = []
        for name, declared in spec.fields.items():
            allowed = getattr(declared, "allowed", None)
            if allowed is not None:
                shown = func.coalesce(as_predicate(allowed(self.actor, row)), false())
                withheld.append(case((~shown, quoted(name))))
        return _compact(withheld)

    # Lists ---------------------------------------------------------------------------------

    def _derived(
        self, spec: specs.TypeSpec, row: Any, item: Field, declared: specs.Derived, cost: Cost
    ) -> ColumnElement[Any]:
        target = TYPES[spec.targets[item.name]]
        given = self.argument(spec.name, item.node, "first")
        size = page_size("first", given, declared.default, declared.maximum)
        own = Cost(page=size)
        cost.below.append(own)
        limit = self.parameter(size, Integer())
        found = declared.select(self.actor, row, limit).correlate(row)
        rows = found.subquery(f"d{self._next()}")
        built = self.object(target, rows, item.below, own)
        listed = select(func.coalesce(func.json_agg(built), literal_column("'[]'::json")))
        return listed.select_from(rows).correlate_except(rows).scalar_subquery()

    def _next(self) -> int:
        self._aliases += 1
        return self._aliases

    def _pages(
        self, spec: specs.TypeSpec, row: Any, item: Field, declared: specs.Pages, cost: Cost
    ) -> ColumnElement[Any]:
        target = TYPES[spec.targets[item.name]]
        page = _Page(self, spec, row, item, declared, target)
        own = Cost(page=page.size)
        cost.below.append(own)
        built = page.connection(own)
        if declared.allowed is None:
            return built
        return case((as_predicate(declared.allowed(self.actor, row)), built))

    # The root's odd fields -----------------------------------------------------------------

    def _static(
        self, spec: specs.TypeSpec, item: Field, declared: specs.Static
    ) -> ColumnElement[Any]:
        names = [argument.name.value for argument in item.node.arguments or ()]
        binders = {name: self.argument(spec.name, item.node, name) for name in names}
        target = spec.targets[item.name]

        def binder(values: Values) -> str:
            given = {name: bind(values) for name, bind in binders.items() if bind is not None}
            answer = declared.value(**given)
            return json.dumps(self._project(target, answer, item), ensure_ascii=False)

        return cast(self.parameter(binder, Text()), JSON)

    def _project(self, type_name: str, answer: Any, item: Field) -> Any:
        if isinstance(answer, list):
            return [self._project(type_name, one, item) for one in answer]
        if not isinstance(answer, dict) or type_name not in TYPES:
            return answer
        projected = {}
        for below in self.document.fields(type_name, item.below):
            if below.name == "__typename":
                projected[below.key] = type_name
            else:
                target = TYPES[type_name].targets[below.name]
                projected[below.key] = self._project(target, answer[below.name], below)
        return projected

    def _nodes(
        self, spec: specs.TypeSpec, item: Field, declared: specs.NodeById, cost: Cost
    ) -> ColumnElement[Any]:
        given = self.argument(spec.name, item.node, "ids" if declared.many else "id")
        assert given is not None
        now = given(self.document.variables)
        if not declared.many:
            return self._node(now, item, cost, given)
        parts = [
            self._node(one, item, cost, lambda values, at=at: given(values)[at])
            for at, one in enumerate(now)
        ]
        return func.json_build_array(*parts) if parts else literal_column("'[]'::json")

    def _node(self, global_id: str, item: Field, cost: Cost, given: Binder) -> ColumnElement[Any]:
        target = node_type(global_id)
        if target is None:
            cost.below.append(Cost())
            return literal_column("NULL::json")
        column = getattr(target.table, target.key)

        def key(values: Values) -> Any:
            parts = identifiers.split(given(values))
            text = parts[1] if parts else ""
            return text if isinstance(column.type, Text) else identifiers.as_uuid(text)

        wanted = self.parameter(key, column.type)
        return self._single(target, item, cost, lambda t: getattr(t, target.key) == wanted)


class _Page:
    """One connection being compiled: keyset, limit, and the parts of it that were selected."""

    def __init__(
        self,
        compiler: Compiler,
        spec: specs.TypeSpec,
        row: Any,
        item: Field,
        declared: specs.Pages,
        target: specs.TypeSpec,
    ) -> None:
        self.compiler, self.spec, self.row = compiler, spec, row
        self.item, self.declared, self.target = item, declared, target
        first, last = (self._given(name) for name in ("first", "last"))
        if first and last:
            raise BadArgument("Give either first or last, not both.", field="last")
        self.backward = last is not None
        name = "last" if self.backward else "first"
        self.size = page_size(name, last or first, specs.PAGE_DEFAULT, specs.PAGE_MAX)
        self.order_name, self.order = self._order()
        self.parts = {f.name for f in compiler.document.fields(self._type_name(), item.below)}

    def _given(self, name: str) -> Binder | None:
        return self.compiler.argument(self.spec.name, self.item.node, name)

    def _type_name(self) -> str:
        return f"{self.target.name}Connection"

    def _order(self) -> tuple[str, specs.Order]:
        given = self._given("orderBy")
        if given is None:
            return next(iter(self.declared.orders.items()))
        value = given(self.compiler.document.variables)
        name = str(getattr(value, "value", value))
        return name, self.declared.orders[name]

    def _where(self, row: Any) -> list[ColumnElement[bool]]:
        conditions = [self.compiler._seen(self.target, row)]
        if self.declared.foreign_key is not None:
            parent = getattr(self.row, self.declared.parent_key)
            conditions.append(getattr(row, self.declared.foreign_key) == parent)
        given = self._given("filter")
        if given is not None:
            present = given(self.compiler.document.variables)
            for name, value in present.items():
                if value is not None:
                    conditions.append(self._filter(row, name, given))
        return conditions

    def _filter(self, row: Any, name: str, given: Binder) -> ColumnElement[bool]:
        entry = self.declared.filters[name]
        parameter = self.compiler.parameter(
            lambda values: entry.convert(given(values)[name]), entry.bind_type
        )
        return entry.predicate(row, parameter)

    def _keys(self, row: Any) -> list[Any]:
        return [getattr(row, name) for name in (*self.order.columns, self.target.key)]

    def _after(self, row: Any) -> list[ColumnElement[bool]]:
        """The keyset conditions of `after` and `before`: row comparisons an index can serve."""
        conditions = []
        for name, onward in (("after", True), ("before", False)):
            given = self._given(name)
            if given is None:
                continue
            keys = self._keys(row)
            values = [self._cursor_value(given, at, key) for at, key in enumerate(keys)]
            left, right = tuple_(*keys), tuple_(*values)
            smaller = self.order.descending == onward
            conditions.append(left < right if smaller else left > right)
        return conditions

    def _cursor_value(self, given: Binder, at: int, key: Any) -> Any:
        size = len(self.order.columns) + 1

        def binder(values: Values) -> Any:
            text = identifiers.read_cursor(given(values), self.order_name, size)[at]
            return read_key(text, key.type)

        return self.compiler.parameter(binder, key.type)

    def connection(self, cost: Cost) -> ColumnElement[Any]:
        """The JSON of the connection."""
        base = self.compiler.alias(self.target.table)
        where = self._where(base)
        pairs: list[tuple[str, ColumnElement[Any]]] = []
        fields = self.compiler.document.fields(self._type_name(), self.item.below)
        paged = self.parts & {"nodes", "edges", "pageInfo"}
        page = self._page(base, where) if paged else None
        for item in fields:
            if item.name == "totalCount":
                counted = self.compiler.alias(self.target.table)
                total = select(func.count()).select_from(counted).where(*self._where(counted))
                pairs.append((item.key, total.correlate_except(counted).scalar_subquery()))
            elif item.name == "__typename":
                pairs.append((item.key, quoted(self._type_name())))
            else:
                assert page is not None
                pairs.append((item.key, self._part(item, page, cost)))
        built = build_object(pairs)
        if page is None:
            return built
        return select(built).select_from(page).correlate_except(page).scalar_subquery()

    def _page(self, base: Any, where: list[ColumnElement[bool]]) -> Any:
        descending = self.order.descending != self.backward
        ordering = [key.desc() if descending else key.asc() for key in self._keys(base)]
        limit = self.compiler.parameter(lambda values: self.size(values) + 1, Integer())
        rank = func.row_number().over(order_by=ordering).label("rank__")
        inner = (
            select(base, rank).where(*where, *self._after(base)).order_by(*ordering).limit(limit)
        ).correlate_except(base)
        return inner.subquery(f"page{self.compiler._next()}")

    def _aggregate(self, page: Any, built: ColumnElement[Any]) -> ColumnElement[Any]:
        size = self.compiler.parameter(self.size, Integer())
        rank = page.c.rank__
        order = rank.desc() if self.backward else rank.asc()
        return func.coalesce(
            func.json_agg(aggregate_order_by(built, order)).filter(rank <= size),
            literal_column("'[]'::json"),
        )

    def _part(self, item: Field, page: Any, cost: Cost) -> ColumnElement[Any]:
        row = aliased(self.target.table, page)
        if item.name == "nodes":
            built = self.compiler.object(self.target, row, item.below, cost)
            return self._aggregate(page, built)
        if item.name == "edges":
            return self._aggregate(page, self._edge(item, row, cost))
        return self._page_info(item, page, row)

    def _edge(self, item: Field, row: Any, cost: Cost) -> ColumnElement[Any]:
        pairs: list[tuple[str, ColumnElement[Any]]] = []
        for below in self.compiler.document.fields(f"{self.target.name}Edge", item.below):
            if below.name == "cursor":
                pairs.append((below.key, self._cursor(row)))
            elif below.name == "node":
                node = self.compiler.object(self.target, row, below.below, cost)
                pairs.append((below.key, node))
            else:
                pairs.append((below.key, quoted(f"{self.target.name}Edge")))
        return build_object(pairs)

    def _cursor(self, row: Any) -> ColumnElement[Any]:
        texts = [cast(key, Text) for key in self._keys(row)]
        payload = cast(func.json_build_array(quoted(self.order_name), *texts), Text)
        return base64(payload)

    def _page_info(self, item: Field, page: Any, row: Any) -> ColumnElement[Any]:
        size = self.compiler.parameter(self.size, Integer())
        rank = page.c.rank__
        more = func.coalesce(func.bool_or(rank > size), false())
        came_after = true() if self._given("after") else false()
        came_before = true() if self._given("before") else false()
        lowest, highest = func.min(rank), func.max(case((rank <= size, rank)))
        ends = {
            "startCursor": highest if self.backward else lowest,
            "endCursor": lowest if self.backward else highest,
        }
        pairs: list[tuple[str, ColumnElement[Any]]] = []
        for below in self.compiler.document.fields("PageInfo", item.below):
            if below.name == "hasNextPage":
                pairs.append((below.key, came_before if self.backward else more))
            elif below.name == "hasPreviousPage":
                pairs.append((below.key, more if self.backward else came_after))
            elif below.name in ends:
                pairs.append((below.key, self._end(page, row, size, below.name)))
            else:
                pairs.append((below.key, quoted("PageInfo")))
        return build_object(pairs)

    def _end(self, page: Any, row: Any, size: Any, name: str) -> ColumnElement[Any]:
        """The cursor of the page's first or last row, by rank among the rows shown."""
        rank = page.c.rank__
        at_start = (name == "startCursor") != self.backward
        order = rank.asc() if at_start else rank.desc()
        cursors = func.array_agg(aggregate_order_by(self._cursor(row), order), type_=ARRAY(Text()))
        return cursors.filter(rank <= size)[1]  # type: ignore[index]


def page_size(name: str, given: Binder | None, default: int, maximum: int) -> Binder:
    """How many rows a list shows: the argument, checked on every request, or the default."""
    if given is None:
        return lambda values: default

    def size(values: Values) -> int:
        wanted = int(given(values))
        if not 0 <= wanted <= maximum:
            raise PageTooLarge(
                f"{name} is {wanted}; it must lie between 0 and {maximum}. "
                "Fetch the rest with the page's endCursor.",
                field=name,
                maximum=maximum,
            )
        return wanted

    return size


def node_type(global_id: str) -> specs.TypeSpec | None:
    """The declared node type a global id names, if it is one."""
    parts = identifiers.split(global_id)
    spec = TYPES.get(parts[0]) if parts else None
    if parts is None or spec is None or spec.table is None:
        return None
    column = getattr(spec.table, spec.key)
    if not isinstance(column.type, Text) and identifiers.as_uuid(parts[1]) is None:
        return None
    return spec


def read_key(text: str, kind: Any) -> Any:
    """A cursor's text as the Python value of the sort key's column type."""
    python_type = kind.python_type
    try:
        if hasattr(python_type, "fromisoformat"):
            return python_type.fromisoformat(text)
        return python_type(text)
    except (ValueError, ArithmeticError):
        raise identifiers.BadCursor("This is no cursor of this connection.") from None


def as_predicate(answer: Any) -> ColumnElement[bool]:
    """A policy's answer as SQL: it may be a plain bool when only the role decides."""
    if isinstance(answer, bool):
        return true() if answer else false()
    return answer  # type: ignore[no-any-return]


def as_json(column: Any) -> ColumnElement[Any]:
    """A column in the form its GraphQL scalar has: enums in capitals, decimals as text."""
    kind = column.type
    if getattr(kind, "enum_class", None) is not None:
        return func.upper(cast(column, Text))
    if isinstance(kind, Numeric) and kind.asdecimal and kind._type_affinity is Numeric:
        return cast(func.trim_scale(column), Text)
    return column  # type: ignore[no-any-return]


def base64(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Base64 without the line breaks PostgreSQL puts after 76 characters."""
    encoded = func.encode(func.convert_to(text, quoted("UTF8")), quoted("base64"))
    return func.translate(encoded, literal_column("E'\\n'"), literal_column("''"))


def global_id(type_name: str, key: Any) -> ColumnElement[Any]:
    """The Relay id; no line break can occur: the payload is at most 57 bytes."""
    payload = quoted(f"{type_name}:").concat(cast(key, Text))
    return func.encode(func.convert_to(payload, quoted("UTF8")), quoted("base64"))


def build_object(pairs: list[tuple[str, ColumnElement[Any]]]) -> ColumnElement[Any]:
    """A JSON object of the pairs, in order."""
    if len(pairs) > MAX_KEYS:
        raise BadArgument(
            f"{len(pairs)} fields in one selection; at most {MAX_KEYS} are allowed.",
            maximum=MAX_KEYS,
        )
    flat: list[ColumnElement[Any]] = []
    for key, value in pairs:
        flat += [quoted(key), value]
    return func.json_build_object(*flat, type_=JSON())


def _compact(entries: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    """A JSON array of the texts that are not null."""
    if not entries:
        return literal_column("'[]'::json")
    return func.to_json(
        func.array_remove(array(entries, type_=Text()), literal_column("NULL::text"))
    )

