"""Plans: a statement is compiled once for a document, a role and the shape of its variables."""

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from graphql import (
    GraphQLSchema,
    SelectionSetNode,
    VariableDefinitionNode,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    type_from_ast,
)
from sqlalchemy import Text, cast, func, select

from nexus.acting import Actor, Role, shape
from nexus.core.prepared import DIALECT
from nexus.graph.caching import Recent
from nexus.graph.compiler import Binder, Compiler
from nexus.graph.costs import Cost, room
from nexus.graph.courses import Course
from nexus.graph.documents import Operation, Prepared
from nexus.graph.freezing import Frozen
from nexus.graph.introspection import Introspection
from nexus.graph.nodes import type_named
from nexus.graph.selections import Document, Values
from nexus.graph.specs import Registry
from nexus.graph.sql import quoted

PLANS = 2000
FROZEN = 400
"""Selects of found rows, of up to 100 kB each."""
_ALIASED = re.compile(r" AS (t\d+_\w+)")

Shape = Callable[[Values], Hashable]


@dataclass(frozen=True)
class Statement:
    """SQL text with numbered parameters, how to fill them, and what it may cost."""

    sql: str
    binders: tuple[Binder | str, ...]
    """For each parameter a binder, or the name of the actor's value."""
    checks: tuple[Binder, ...]
    """Binders whose values the statement has no use for, but which may refuse them."""
    cost: Cost
    fixed_cost: int | None
    surcharge: int = 0
    course: Course = field(default_factory=Course)

    def parameters(self, values: Values, actor: Actor) -> list[Any]:
        """The parameters in order; a refusal when a value is out of its bounds."""
        for check in self.checks:
            check(values)
        own = actor.binds()
        return [own[b] if isinstance(b, str) else b(values) for b in self.binders]

    def total(self, values: Values) -> int:
        """What it may cost with these values of variables."""
        return self.cost.total(values) if self.fixed_cost is None else self.fixed_cost


class Planner:
    """The statements of one schema, kept by what they depend on; never by variables' values."""

    def __init__(
        self, schema: GraphQLSchema, registry: Registry, introspection: Introspection
    ) -> None:
        self.schema = schema
        self.registry = registry
        self.introspection = introspection
        self._plans: Recent[Hashable, Statement] = Recent(PLANS)
        self._shapes: Recent[Hashable, Shape] = Recent(PLANS)
        self._frozen: Recent[Hashable, Frozen] = Recent(FROZEN)

    def statement(
        self, prepared: Prepared, operation: Operation, values: Values, role: Role
    ) -> Statement:
        """The SQL of a query operation for this role and this shape of variables."""
        key = (prepared.text, operation.name, role, self.shape(prepared, operation, values))
        found = self._plans.get(key)
        if found is not None:
            return found
        sets = [operation.node.selection_set]
        return self._plans.put(key, self._compile(prepared, "Query", sets, values, role))

    def payload(
        self,
        prepared: Prepared,
        operation: Operation,
        response_key: str,
        type_name: str,
        sets: list[SelectionSetNode],
        values: Values,
        role: Role,
    ) -> Statement:
        """The SQL that reads a mutation's row back: parameter `row_id` names it."""
        shaped = self.shape(prepared, operation, values)
        key = (prepared.text, operation.name, role, shaped, response_key)
        found = self._plans.get(key)
        if found is not None:
            return found
        return self._plans.put(key, self._compile(prepared, type_name, sets, values, role))

    def made(
        self,
        key: Hashable,
        prepared: Prepared,
        values: Values,
        role: Role,
        build: Callable[[Compiler], Any],
    ) -> Statement:
        """The SQL of what `build` makes, kept by the key."""
        found = self._plans.get(key)
        if found is not None:
            return found
        compiler = self._compiler(prepared, values, role)
        return self._plans.put(key, render(build(compiler), compiler))

    def shape(self, prepared: Prepared, operation: Operation, values: Values) -> Hashable:
        """What of the variables' values a statement of the operation depends on."""
        if not operation.node.variable_definitions:
            return None
        key = (prepared.text, operation.name)
        found = self._shapes.get(key)
        if found is None:
            found = self._shapes.put(key, self._shape(operation))
        return found(values)

    def _shape(self, operation: Operation) -> Shape:
        extent = operation.extent
        parts: list[tuple[str, Callable[[Any], Hashable]]] = []
        for definition in operation.node.variable_definitions or ():
            name = definition.variable.name.value
            if name in extent.conditions:
                parts.append((name, bool))
            if name in extent.sizes:
                parts.append((name, _room_for))
            if name in extent.arguments:
                parts.append((name, self._of_type(definition)))
        return lambda values: tuple(part(values.get(name)) for name, part in parts)

    def _of_type(self, definition: VariableDefinitionNode) -> Callable[[Any], Hashable]:
        """By a variable's type, what of its value matters: mostly whether there is one."""
        found = type_from_ast(self.schema, definition.type)
        inner: Any = found.of_type if is_non_null_type(found) else found
        if is_list_type(inner):
            item = inner.of_type.of_type if is_non_null_type(inner.of_type) else inner.of_type
            return self._id_types if getattr(item, "name", "") == "ID" else _is_given
        if inner.name == "ID":
            return lambda value: (value is not None, type_named(self.registry, value))
        if is_enum_type(inner):
            return lambda value: value.value if isinstance(value, Enum) else value
        if is_input_object_type(inner):
            return _given_keys
        return _is_given

    def _id_types(self, value: Any) -> Hashable:
        if value is None:
            return None
        return frozenset(type_named(self.registry, one) for one in value)

    def _compile(
        self,
        prepared: Prepared,
        type_name: str,
        sets: list[SelectionSetNode],
        values: Values,
        role: Role,
    ) -> Statement:
        compiler = self._compiler(prepared, values, role)
        built = (
            compiler.root(type_name, sets)
            if type_name == "Query"
            else compiler.by_key(type_name, sets)
        )
        return render(built, compiler)

    def _compiler(self, prepared: Prepared, values: Values, role: Role) -> Compiler:
        document = Document(self.schema, self.registry, prepared.fragments, values)
        return Compiler(
            document,
            shape(role),
            lambda item, now: self.introspection.answer(prepared.text, document, item, now),
            self._frozen,
        )


def render(built: Any, compiler: Compiler) -> Statement:
    """The expression as a statement that gives its JSON as UTF-8 bytes."""
    text = func.convert_to(cast(built, Text), quoted("UTF8"))
    compiled = select(text).compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    sql = str(compiled)
    aliases = _ALIASED.findall(sql)
    if len(aliases) != len(set(aliases)):
        # A predicate two levels deep that is not correlated reads a table of its own: every row.
        raise RuntimeError("a policy's subquery is not correlated to the row it judges")
    actors = shape(Role.ANONYMOUS).binds()
    names = compiled.positiontup or []
    binders: list[Binder | str] = []
    for name in names:
        if name in actors:
            binders.append(name)
        else:
            binders.append(compiler.binders[name])
    cost = compiler.cost
    unused = (b for name, b in compiler.binders.items() if name not in names)
    fixed_cost = cost.total({}) if cost.fixed() else None
    surcharge = sum(part.weight for part in cost.below if part.weight > 1)
    return Statement(sql, tuple(binders), tuple(unused), cost, fixed_cost, surcharge)


def _room_for(value: Any) -> Hashable:
    return room(value) if isinstance(value, int) else None


def _is_given(value: Any) -> Hashable:
    return value is not None


def _given_keys(value: Any) -> Hashable:
    if not isinstance(value, dict):
        return value is not None
    return tuple((key, _given_keys(below)) for key, below in sorted(value.items()))
