"""Executes a prepared document: a query as one statement, a mutation deed by deed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import strawberry
from graphql import OperationType
from graphql.execution.values import VariableValues, get_variable_values
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Actor
from nexus.core import refusals
from nexus.graph import specs
from nexus.graph.building import core_schema
from nexus.graph.costs import COST_LIMIT, within_limit
from nexus.graph.deeds import Deeds
from nexus.graph.documents import Documents, Operation, Prepared
from nexus.graph.errors import RequestCode, RequestError, as_bytes
from nexus.graph.introspection import Introspection
from nexus.graph.plans import Planner, Statement
from nexus.graph.reading import Reader, make_pool
from nexus.graph.registering import MAIN
from nexus.graph.selections import Document, Field, Values

__all__ = ["Answer", "Executor", "make_pool", "utcnow"]

MAX_VARIABLE_ERRORS = 10
NO_VARIABLES = VariableValues({}, {})


@dataclass
class Answer:
    """A response in parts: `data` as JSON bytes, errors, and what it cost."""

    data: bytes
    cost: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def body(self) -> bytes:
        """The response as it goes to the socket."""
        cost = b',"extensions":{"cost":{"requested":%d,"limit":%d}}}' % (self.cost, COST_LIMIT)
        if not self.errors:
            return b'{"data":' + self.data + cost
        return b'{"errors":' + as_bytes(self.errors) + b',"data":' + self.data + cost


class Executor:
    """Runs documents for actors over one schema and one database.

    `secret` keys the hashes of mutations' inputs, which may hold personal data; it must be the
    same in every process. `info` is what deeds find in `session.info`.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        pool: asyncpg.Pool,
        engine: AsyncEngine,
        *,
        registry: specs.Registry = MAIN,
        secret: bytes = b"",
        info: Mapping[str, Any] | None = None,
    ) -> None:
        self.schema = core_schema(schema)
        self.registry = registry
        self.introspection = Introspection(self.schema)
        self.documents = Documents(self.schema, self.introspection)
        self.planner = Planner(self.schema, registry, self.introspection)
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
    ) -> Answer:
        """Run one operation. RequestError when it cannot be executed at all."""
        prepared = self.documents.prepare(text)
        operation = prepared.operation(operation_name)
        kind = operation.node.operation
        if kind is OperationType.SUBSCRIPTION:
            message = "Subscriptions are not served over this transport."
            raise RequestError(422, RequestCode.OPERATION_UNSUPPORTED, message)
        if only_queries and kind is not OperationType.QUERY:
            message = "GET only reads: send a mutation by POST."
            raise RequestError(405, RequestCode.METHOD_NOT_ALLOWED, message, {"Allow": "POST"})
        known = self._variables(operation, variables)
        if kind is OperationType.QUERY:
            return await self._query(prepared, operation, known.coerced, actor)
        data, cost, errors = await self.deeds.run(prepared, operation, known, actor)
        return Answer(data, cost, errors)

    def _variables(self, operation: Operation, given: dict[str, Any] | None) -> VariableValues:
        definitions = operation.node.variable_definitions
        if not definitions:
            return NO_VARIABLES
        try:
            coerced = get_variable_values(
                self.schema, definitions, given or {}, max_errors=MAX_VARIABLE_ERRORS
            )
        except RecursionError:
            message = "The variables nest too deeply."
            raise RequestError(422, RequestCode.VARIABLES_INVALID, message) from None
        if isinstance(coerced, list):
            raise RequestError(422, RequestCode.VARIABLES_INVALID, coerced)
        return coerced

    async def _query(
        self, prepared: Prepared, operation: Operation, values: Values, actor: Actor
    ) -> Answer:
        if operation.extent.rows == 0:
            return Answer(self._about_schema(prepared, operation, values).encode())
        try:
            statement: Statement = self.planner.statement(prepared, operation, values, actor.role)
            cost = within_limit(statement.total(values))
            parameters = statement.parameters(values, actor)
        except refusals.Refusal as refusal:
            raise RequestError(422, refusal.code, refusal.message) from None
        return Answer(await self.reader.fetch(statement.sql, parameters), cost)

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
