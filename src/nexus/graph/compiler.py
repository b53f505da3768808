"""A selection set becomes one SQL expression that returns finished JSON.

Every table it touches gets its type's policy; a classified column its redaction. Values of
variables are parameters, never text of the statement, so one plan serves every value.
"""

import json
from collections import Counter
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

from graphql import SelectionSetNode
from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    FromClause,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    inspect,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import QueryableAttribute, aliased
from sqlalchemy.orm.util import AliasedClass

from nexus.acting import Actor, Role
from nexus.graph import specs
from nexus.graph.caching import Recent
from nexus.graph.costs import FOUND, Cost, Size
from nexus.graph.freezing import Frozen, Kept, keep, marked
from nexus.graph.limits import too_large
from nexus.graph.nodes import node_of, one_node, some_nodes
from nexus.graph.pages import Page
from nexus.graph.scalars import as_json
from nexus.graph.selections import Argument, Document, Field, Values
from nexus.graph.sql import as_predicate, build_object, compact, global_id, list_of, quoted

MAX_PARTS = 10_000
"""Of the rules in a statement, in parts of SQL: half a second of CPU to compile and to plan."""

Binder = Callable[[Values], Any]
Introspect = Callable[[Field, Values], str]


class Compiler:
    """Compiles one operation for one actor shape. Collects the binders of its parameters."""

    def __init__(
        self,
        document: Document,
        actor: Actor,
        introspect: Introspect,
        frozen: Recent[Hashable, Frozen],
    ) -> None:
        self.document = document
        self.types = document.registry.types
        self.actor = actor
        self.introspect = introspect
        self.frozen = frozen
        """The selects of found rows, kept from statement to statement."""
        self.binders: dict[str, Binder] = {}
        self.cost = Cost(weight=0)
        self._names = 0
        self._size = 0
        self._aliases: Counter[Any] = Counter()

    def weighed(self, rule: Any, built: Any) -> Any:
        """What a declaration's function made, counted. RequestError 422 past the size allowed.

        A statement takes as long to compile and to plan as it has parts, whatever rows there are.
        """
        self._size += _size(rule, self.actor.role, built)
        if self._size > MAX_PARTS:
            raise too_large(
                "The rules of all that is selected make too long a statement: select fewer "
                "fields, or ask twice."
            )
        return built

    def parameter(self, binder: Binder, kind: Any) -> Any:
        """A SQL parameter fed by the binder on every request."""
        name = f"p{len(self.binders)}"
        self.binders[name] = binder
        return bindparam(name, None, type_=kind)

    def name(self, prefix: str) -> str:
        """A name that nothing else in the statement has."""
        self._names += 1
        return f"{prefix}{self._names}"

    def alias(self, table: Any) -> Any:
        """The table under a name of its own: each stands in exactly one FROM."""
        self._aliases[table] += 1
        return _alias(table, f"t{self._aliases[table]}_{table.__tablename__}")

    def root(self, type_name: str, sets: list[SelectionSetNode]) -> ColumnElement[Any]:
        """The `data` object of a query."""
        return self.object(self.types[type_name], None, sets, self.cost)

    def by_key(self, type_name: str, sets: list[SelectionSetNode]) -> ColumnElement[Any]:
        """One node of a known type by the parameter `row_id`, or null when it is not visible."""
        target = self.types[type_name]
        column = getattr(target.table, target.key)
        self.binders["row_id"] = lambda values: values["row_id"]
        wanted: Any = bindparam("row_id", None, type_=column.type)
        return self.single(
            target, sets, self.cost.add(), lambda t: getattr(t, target.key) == wanted
        )

    def object(
        self, spec: specs.TypeSpec, row: Any, sets: list[SelectionSetNode], cost: Cost
    ) -> ColumnElement[Any]:
        """The JSON object of one row."""
        return build_object(
            [
                (item.key, self.value(spec, row, item, cost))
                for item in self.document.fields(spec.name, sets)
            ]
        )

    def value(self, spec: specs.TypeSpec, row: Any, item: Field, cost: Cost) -> ColumnElement[Any]:
        """The JSON value of one field."""
        if item.name == "__typename":
            return quoted(spec.name)
        if item.name.startswith("__"):
            text = self.parameter(lambda values: self.introspect(item, values), Text())
            return cast(text, JSON)
        match declared := spec.fields[item.name]:
            case specs.GlobalId():
                return global_id(spec.name, getattr(row, declared.key))
            case specs.Column():
                return self._allowed(declared, row, as_json(column(spec, row, declared.name)))
            case specs.Computed():
                shown = _made(declared.expression, self.actor, row)
                return as_json(self.weighed(declared.expression, shown))
            case (
                specs.ToOne()
                | specs.Pages()
                | specs.Derived()
                | specs.One()
                | specs.Found()
                | specs.Listed()
            ):
                return self._relation(spec, row, item, declared, cost)
            case specs.Static():
                cost.add()
                return self._static(spec, item, declared)
            case specs.NodeOf():
                return node_of(self, row, item, declared, cost)
            case specs.NodeById():
                return (some_nodes if declared.many else one_node)(self, spec, item, cost)
            case specs.Actions():
                return self._actions(spec, row)
            case specs.Redactions():
                return self._redactions(spec, row)

    def _relation(
        self, spec: specs.TypeSpec, row: Any, item: Field, declared: Any, cost: Cost
    ) -> ColumnElement[Any]:
        target = self.types[spec.targets[item.name]]
        match declared:
            case specs.ToOne():
                pointer = column(spec, row, declared.key)
                found = self.single(
                    target, item.below, cost.add(), lambda t: getattr(t, target.key) == pointer
                )
                return self._allowed(declared, row, found)
            case specs.Pages():
                built = Page(self, spec, row, item, declared, target).connection(cost)
                return self._allowed(declared, row, built)
            case specs.One():
                return self.single(
                    target,
                    item.below,
                    cost.add(),
                    lambda t: declared.predicate(self.actor, t),
                    sure=False,
                )
            case specs.Found():
                return self._found(spec, item, declared, target, cost)
            case specs.Listed():
                rows = declared.select(self.actor, row).correlate(row).subquery(self.name("d"))
                return self._list(target, rows, item, cost)
        return self._derived(spec, row, item, declared, cost)

    def _allowed(self, declared: Any, row: Any, shown: ColumnElement[Any]) -> ColumnElement[Any]:
        if declared.allowed is None:
            return shown
        allowed = self.weighed(declared.allowed, _made(declared.allowed, self.actor, row))
        return case((as_predicate(allowed), shown))

    def seen(self, spec: specs.TypeSpec, row: Any) -> ColumnElement[bool]:
        """The type's policy for this row."""
        assert spec.visible is not None
        seen = as_predicate(_made(spec.visible, self.actor, row))
        return self.weighed(spec.visible, seen)  # type: ignore[no-any-return]

    def single(
        self,
        target: specs.TypeSpec,
        sets: list[SelectionSetNode],
        cost: Cost,
        predicate: Callable[[Any], Any],
        *,
        sure: bool = True,
    ) -> ColumnElement[Any]:
        """The visible row that the predicate finds, as an object; null when there is none.

        Unless it is sure that there is at most one, the first by its key.
        """
        row = self.alias(target.table)
        built = self.object(target, row, sets, cost)
        found = select(built).select_from(row).where(predicate(row), self.seen(target, row))
        if not sure:
            found = found.order_by(getattr(row, target.key)).limit(1)
        return found.correlate_except(row).scalar_subquery()

    def _actions(self, spec: specs.TypeSpec, row: Any) -> ColumnElement[Any]:
        possible = []
        for name, (verb, may) in spec.actions.items():
            allowed = _made(may, self.actor, row)
            if allowed is False:
                continue
            here = [as_predicate(self.weighed(may, allowed))]
            if verb is not None and spec.transitions is not None:
                sources = [state.value for state in spec.transitions.sources(verb)]
                here.append(cast(row.state, Text).in_(sources))
            possible.append(case((and_(*here), quoted(name))))
        return compact(possible)

    def _redactions(self, spec: specs.TypeSpec, row: Any) -> ColumnElement[Any]:
        withheld = []
        for name, declared in spec.fields.items():
            allowed = getattr(declared, "allowed", None)
            if allowed is not None:
                judged = as_predicate(self.weighed(allowed, _made(allowed, self.actor, row)))
                shown = func.coalesce(judged, false())
                withheld.append(case((~shown, quoted(name))))
        return compact(withheld)

    def _derived(
        self, spec: specs.TypeSpec, row: Any, item: Field, declared: specs.Derived, cost: Cost
    ) -> ColumnElement[Any]:
        target = self.types[spec.targets[item.name]]
        given = self.document.argument(spec.name, item.node, "first")
        size = Size("first", given, declared.default, declared.maximum)
        own = cost.add(rows=size.fixed if size.fixed is not None else size.value)
        limit = self._limit(size)
        found = declared.select(self.actor, row, limit).correlate(row)
        return self._list(target, found.subquery(self.name("d")), item, own)

    def _limit(self, size: Size) -> Any:
        """The size of a list in SQL: a literal where it is known, so that plans can count on it."""
        if size.fixed is not None:
            return literal_column(str(size.fixed), Integer())
        return self.parameter(size.value, Integer())

    def _list(
        self, target: specs.TypeSpec, rows: Any, item: Field, cost: Cost
    ) -> ColumnElement[Any]:
        built = self.object(target, rows, item.below, cost)
        return select(list_of(built)).select_from(rows).correlate_except(rows).scalar_subquery()

    def _found(
        self,
        spec: specs.TypeSpec,
        item: Field,
        declared: specs.Found,
        target: specs.TypeSpec,
        cost: Cost,
    ) -> ColumnElement[Any]:
        first = self.document.argument(spec.name, item.node, "first")
        size = Size("first", first, declared.default, declared.maximum)
        cost.add(weight=FOUND)
        own = cost.add(rows=size.fixed if size.fixed is not None else size.value)
        given = {
            name: argument
            for name in declared.arguments
            if (argument := self.document.argument(spec.name, item.node, name)) is not None
        }
        selected = {below.name for below in self.document.fields(target.name, item.below)}
        apart = sorted(selected & declared.apart.keys())
        key = (spec.name, item.name, self.actor.role, size.fixed, *sorted(given), None, *apart)
        frozen = self.frozen.get(key)
        if frozen is None:
            frozen = self.frozen.put(key, self._freeze(declared, size, sorted(given), apart))
        values = {
            name: self._argument(declared.arguments[name], argument)
            for name, argument in given.items()
        }
        if size.fixed is None:
            values["first"] = self._limit(size)
        rows = frozen.filled(values).subquery(self.name("d"))
        built = self.object(target, rows, item.below, own)
        return select(built).select_from(rows).correlate_except(rows).scalar_subquery()

    def _freeze(
        self, declared: specs.Found, size: Size, given: list[str], apart: list[str]
    ) -> Frozen:
        """The select of a found row, for this role and these arguments."""
        limit = marked("first", Integer()) if size.fixed is None else self._limit(size)
        marks = {name: marked(name, declared.arguments[name].bind_type) for name in given}
        made = declared.select(self.actor, limit, marks)
        for name in apart:
            made = made.add_columns(declared.apart[name](self.actor, marks).label(name))
        return Frozen(made)

    def _argument(self, known: specs.Given, given: Argument) -> Any:
        return self.parameter(lambda values: known.convert(given.value(values)), known.bind_type)

    def _static(
        self, spec: specs.TypeSpec, item: Field, declared: specs.Static
    ) -> ColumnElement[Any]:
        given = {
            name: self.document.argument(spec.name, item.node, shown)
            for shown, name in declared.arguments.items()
        }
        target = spec.targets[item.name]

        def binder(values: Values) -> str:
            known = {n: argument.value(values) for n, argument in given.items() if argument}
            answer = declared.value(**known)
            return json.dumps(self._project(target, answer, item), ensure_ascii=False)

        return cast(self.parameter(binder, Text()), JSON)

    def _project(self, type_name: str, answer: Any, item: Field) -> Any:
        if isinstance(answer, list):
            return [self._project(type_name, one, item) for one in answer]
        if not isinstance(answer, dict) or type_name not in self.types:
            return answer
        projected = {}
        for below in self.document.fields(type_name, item.below):
            if below.name == "__typename":
                projected[below.key] = type_name
            else:
                target = self.types[type_name].targets[below.name]
                projected[below.key] = self._project(target, answer[below.name], below)
        return projected


_SIZES: dict[tuple[Any, Role], int] = {}


def _size(rule: Any, role: Role, built: Any) -> int:
    """How many parts its SQL has: counted once for a role, whatever the row comes from."""
    known = _SIZES.get((rule, role))
    if known is None:
        known = _SIZES[rule, role] = 1 + _parts(built)
    return known


def _parts(built: Any) -> int:
    if isinstance(built, Kept):
        return built.parts
    if not isinstance(built, ClauseElement):
        return 0
    below = (one for one in built.get_children() if not isinstance(one, FromClause))
    return 1 + sum(_parts(one) for one in below)


@lru_cache(maxsize=2048)
def _alias(table: Any, name: str) -> Any:
    """Kept, because to make the columns of an alias costs most of a compilation."""
    return aliased(table, name=name)


@lru_cache(maxsize=8192)
def _kept(rule: Any, actor: Actor, table: Any, name: str) -> Any:
    row = _alias(table, name)
    made = rule(actor, row)
    if isinstance(made, bool):
        return made
    if isinstance(made, QueryableAttribute):
        made = made.__clause_element__()
    return keep(made, row, _parts(made))


def _made(rule: Any, actor: Actor, row: Any) -> Any:
    """What a declaration's function makes of the row; of a table's row it is kept as text."""
    if not isinstance(row, AliasedClass):
        return rule(actor, row)
    known: Any = inspect(row)
    return _kept(rule, actor, known.class_, known.selectable.name)


def column(spec: specs.TypeSpec, row: Any, name: str) -> Any:
    """A column of the type's row: an attribute of its table, or a column of a derived select."""
    return getattr(row, name) if spec.table is not None else row.c[name]
