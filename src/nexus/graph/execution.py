"""Executes a prepared document: a query as one statement, a mutation deed by deed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import strawberry
from graphql import OperationType
from graphql.execution.values import VariableValues, get_variable_values
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Actor
from nexus.core import refusals
from nexus.graph import specs
from nexus.graph.building import core_schema
from nexus.graph.costs import COST_LIMIT, within_limit
from nexus.graph.deeds import DEED_COST, Deeds
from nexus.graph.documents import Documents, Operation, Prepared
from nexus.graph.errors import RequestCode, RequestError, as_bytes
from nexus.graph.introspection import Introspection
from nexus.graph.plans import Planner, Statement
from nexus.graph.quotas import Purse
from nexus.graph.reading import Lanes, Reader, make_pool
from nexus.graph.registering import MAIN
from nexus.graph.scopes import Scopes, ScopeTable
from nexus.graph.selections import Document, Field, Values
from nexus.graph.streams import Opened, Streams

__all__ = ["Answer", "Executor", "make_pool", "utcnow"]

MAX_VARIABLE_ERRORS = 10
NO_VARIABLES = VariableValues({}, {})


@dataclass
class Answer:
    """A response in parts: `data` as JSON bytes, errors, and what it may cost.

    `surcharge` is the part of the cost that does not depend on how many rows there are.
    """

    data: bytes
    cost: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    surcharge: int = 0

    @property
    def actual(self) -> int:
        """What it came to: an object in the answer for each row, at most what was asked for.

        By the braces, because to read the answer again would cost as much as to make it.
        """
        return min(self.cost, self.surcharge + self.data.count(b"{", 1))

    def body(self) -> bytes:
        """The response as it goes to the socket."""
        cost = b',"extensions":{"cost":{"requested":%d,"actual":%d,"limit":%d}}}' % (
            self.cost,
            self.actual,
            COST_LIMIT,
        )
        if not self.errors:
            return b'{"data":' + self.data + cost
        return b'{"errors":' + as_bytes(self.errors) + b',"data":' + self.data + cost


class Executor:
    """Runs documents for actors over one schema and one database.

    `secret` keys the hashes of mutations' inputs, which may hold personal data; it must be the
    same in every process. `info` is what deeds find in `session.info`; `scopes` is what narrowed
    credentials are held to.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        pool: Lanes,
        engine: AsyncEngine,
        *,
        registry: specs.Registry = MAIN,
        secret: bytes = b"",
        info: Mapping[str, Any] | None = None,
        scopes: ScopeTable | None = None,
    ) -> None:
        self.schema = core_schema(schema)
        self.registry = registry
        self.scopes = Scopes(self.schema, registry, scopes or ScopeTable({}, ()))
        self.introspection = Introspection(self.schema)
        self.documents = Documents(self.schema, self.introspection)
        self.planner = Planner(self.schema, registry, self.introspection)
        self.streams = Streams(self.schema, registry, self.planner)
        self.reader = Reader(pool)
        self.deeds = Deeds(schema, registry, self.planner, self.reader, engine, secret, info or {})

    async def execute(
        self,
        text: str,
        actor: Actor,
        *,
        variables: dict[str, Any] | None = None,
        operation_name: str | None = None,
        only_queries: bool = False,
        purse: Purse | None = None,
    ) -> Answer:
        """Run one operation, paid from the purse. RequestError when it cannot be executed."""
        prepared = self.documents.prepare(text)
        operation = prepared.operation(operation_name)
        kind = operation.node.operation
        if kind is OperationType.SUBSCRIPTION:
            message = "Subscribe over a WebSocket, or with Accept: text/event-stream."
            raise RequestError(422, RequestCode.OPERATION_UNSUPPORTED, message)
        if only_queries and kind is not OperationType.QUERY:
            message = "GET only reads: send a mutation by POST."
            raise RequestError(405, RequestCode.METHOD_NOT_ALLOWED, message, {"Allow": "POST"})
        if actor.grant is not None and actor.grant.scopes is not None:
            self.scopes.check(prepared, operation, actor.grant.scopes)
        known = self._variables(operation, variables)
        if kind is OperationType.QUERY:
            return await self._query(prepared, operation, known.coerced, actor, purse)
        data, cost, errors = await self.deeds.run(prepared, operation, known, actor, purse)
        return Answer(data, cost, errors, DEED_COST * operation.extent.width)

    def is_subscription(self, text: str, operation_name: str | None) -> bool:
        """Whether the operation to run is a subscription. RequestError when there is none."""
        operation = self.documents.prepare(text).operation(operation_name)
        return operation.node.operation is OperationType.SUBSCRIPTION

    def follow(
        self,
        text: str,
        actor: Actor,
        *,
        variables: dict[str, Any] | None = None,
        operation_name: str | None = None,
    ) -> Opened | None:
        """The subscription, ready for news; None when the operation is none. RequestError."""
        prepared = self.documents.prepare(text)
        operation = prepared.operation(operation_name)
        if operation.node.operation is not OperationType.SUBSCRIPTION:
            return None
        if actor.grant is not None and actor.grant.scopes is not None:
            self.scopes.check(prepared, operation, actor.grant.scopes)
        known = self._variables(operation, variables)
        return self.streams.open(prepared, operation, known.coerced, actor)

    def _variables(self, operation: Operation, given: dict[str, Any] | None) -> VariableValues:
        definitions = operation.node.variable_definitions
        if not definitions:
            return NO_VARIABLES
        if operation.plainly and (plain := operation.plain.read(given or {})) is not None:
            return VariableValues({}, plain)
        try:
            coerced = get_variable_values(
                self.schema,
                definitions,
                given or {},
                max_errors=MAX_VARIABLE_ERRORS,
                hide_suggestions=True,
            )
        except RecursionError:
            message = "The variables nest too deeply."
            raise RequestError(422, RequestCode.VARIABLES_INVALID, message) from None
        if isinstance(coerced, list):
            raise RequestError(422, RequestCode.VARIABLES_INVALID, coerced)
        return coerced

    async def _query(
        self,
        prepared: Prepared,
        operation: Operation,
        values: Values,
        actor: Actor,
        purse: Purse | None,
    ) -> Answer:
        if operation.extent.rows == 0:
            if purse is not None:
                await purse.pay(0)
            return Answer(self._about_schema(prepared, operation, values).encode())
        try:
            statement: Statement = self.planner.statement(prepared, operation, values, actor.role)
            cost = within_limit(statement.total(values))
            parameters = statement.parameters(values, actor)
        except refusals.Refusal as refusal:
            raise RequestError(422, refusal.code, refusal.message) from None
        if purse is not None and not purse.spend(cost):
            await purse.pay(cost)
        found = await self.reader.fetch(statement.sql, parameters, statement.course)
        return Answer(found, cost, surcharge=statement.surcharge)

    def _about_schema(self, prepared: Prepared, operation: Operation, values: Values) -> str:
        """The data of a query that asks for the schema only: no row, so no database."""
        document = Document(self.schema, self.registry, prepared.fragments, values)
        fields = document.fields("Query", [operation.node.selection_set])

        def value(item: Field) -> str:
            if item.name == "__typename":
                return '"Query"'
            return self.introspection.answer(prepared.text, document, item, values)

        return "{" + ",".join(f'"{item.key}":{value(item)}' for item in fields) + "}"


def utcnow() -> datetime:
    """The edge's clock: nothing below asks for the time."""
    return datetime.now(UTC)
