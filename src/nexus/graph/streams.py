"""Subscriptions opened: which rows an event tells them of, and the statement that reads a row.

The statement holds the policy of the row, as every read does: who may no longer see it is told
nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from graphql import GraphQLSchema
from sqlalchemy import ColumnElement, and_, bindparam

from nexus.acting import Actor, Role
from nexus.core import refusals
from nexus.core.following import News
from nexus.graph import specs
from nexus.graph.compiler import Compiler
from nexus.graph.costs import within_limit
from nexus.graph.documents import Operation, Prepared
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.plans import Planner, Statement
from nexus.graph.selections import Document, Field, Values
from nexus.graph.sql import as_predicate

ROOT = "Subscription"
ROW = "#row"
"""Where the row's key stands among the values: no variable can have this name."""


@dataclass(frozen=True, eq=False)
class Opened:
    """One subscription of a document, with its variables."""

    declared: specs.Stream
    prepared: Prepared
    operation: Operation
    item: Field
    values: Values
    facts: dict[str, str]
    """What an event must say, where it says it at all."""
    cost: int

    def rows(self, news: News) -> Iterator[tuple[specs.Heard, UUID]]:
        """The rows the event tells of; none when it cannot concern this subscription."""
        for name, value in self.facts.items():
            if str(news.facts.get(name, value)) != value:
                return
        for heard in self.declared.heard:
            if news.kind in heard.kinds:
                if heard.fact is None:
                    yield heard, news.object_id
                elif heard.fact in news.facts:
                    yield heard, UUID(news.facts[heard.fact])

    def data(self, row: bytes) -> bytes:
        """The answer's `data` for the row's JSON."""
        return b'{"%s":%s}' % (self.item.key.encode(), row)


class Streams:
    """Opens the subscriptions of one schema."""

    def __init__(self, schema: GraphQLSchema, registry: specs.Registry, planner: Planner) -> None:
        self.schema = schema
        self.registry = registry
        self.planner = planner

    def open(
        self, prepared: Prepared, operation: Operation, values: Values, actor: Actor
    ) -> Opened:
        """The subscription, checked as far as it can be before there is news. RequestError."""
        document = Document(self.schema, self.registry, prepared.fragments, values)
        fields = document.fields(ROOT, [operation.node.selection_set])
        if len(fields) != 1:
            message = "A subscription follows exactly one field."
            raise RequestError(422, RequestCode.GRAPHQL_VALIDATION_FAILED, message)
        item = fields[0]
        declared = self.registry.streams[item.name]
        try:
            facts = self._facts(document, item, declared)
            opened = Opened(declared, prepared, operation, item, values, facts, 0)
            statements = [self.statement(opened, heard, actor.role) for heard in declared.heard]
            cost = within_limit(max(statement.total(values) for statement in statements))
            for statement in statements:
                statement.parameters({**values, ROW: None}, actor)
        except refusals.Refusal as refusal:
            raise RequestError(422, refusal.code, refusal.message) from None
        return replace(opened, cost=cost)

    def statement(self, opened: Opened, heard: specs.Heard, role: Role) -> Statement:
        """The SQL that reads one row for this role: null unless it is seen, fits and concerns."""
        shaped = self.planner.shape(opened.prepared, opened.operation, opened.values)
        text, name = opened.prepared.text, opened.operation.name
        return self.planner.made(
            (text, name, role, shaped, heard.type_name, heard.fact),
            opened.prepared,
            opened.values,
            role,
            lambda compiler: self._row(compiler, opened, heard),
        )

    def _row(self, compiler: Compiler, opened: Opened, heard: specs.Heard) -> ColumnElement[Any]:
        target = self.registry.types[heard.type_name]
        key = getattr(target.table, target.key)
        compiler.binders["row"] = lambda values: values[ROW]
        wanted: Any = bindparam("row", None, type_=key.type)

        def fits(row: Any) -> ColumnElement[bool]:
            conditions = list(_narrowed(compiler, opened.item, opened.declared, row))
            if heard.concerns is not None:
                conditions.append(as_predicate(heard.concerns(compiler.actor, row)))
            return and_(getattr(row, target.key) == wanted, *conditions)

        return compiler.single(target, opened.item.below, compiler.cost.add(), fits)

    def _facts(self, document: Document, item: Field, declared: specs.Stream) -> dict[str, str]:
        found = {}
        for name, narrowing in declared.arguments.items():
            given = document.argument(ROOT, item.node, name)
            if given is not None and narrowing.fact is not None:
                found[narrowing.fact] = str(narrowing.filter.convert(given.now))
        return found


def _narrowed(
    compiler: Compiler, item: Field, declared: specs.Stream, row: Any
) -> Iterator[ColumnElement[bool]]:
    """The conditions of the field's filter and of its other arguments."""
    document = compiler.document
    filtered = document.argument(ROOT, item.node, "filter") if declared.filters else None
    if filtered is not None:
        for name, value in filtered.now.items():
            if value is not None:
                yield _holds(compiler, declared.filters[name], row, _entry(filtered, name))
    for name, narrowing in declared.arguments.items():
        given = document.argument(ROOT, item.node, name)
        if given is not None:
            yield _holds(compiler, narrowing.filter, row, given.value)


def _entry(filtered: Any, name: str) -> Any:
    return lambda values: filtered.value(values)[name]


def _holds(compiler: Compiler, entry: specs.Filter, row: Any, value: Any) -> ColumnElement[bool]:
    parameter = compiler.parameter(lambda values: entry.convert(value(values)), entry.bind_type)
    return entry.predicate(row, parameter)
