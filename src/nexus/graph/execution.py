"""Executes a prepared document: a query as one statement, a mutation field by field."""

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import strawberry
from graphql import (
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from strawberry.types.arguments import convert_argument

from nexus.acting import Act, Actor
from nexus.core import refusals
from nexus.graph import idempotency
from nexus.graph.building import core_schema
from nexus.graph.declare import MUTATIONS
from nexus.graph.plans import Planner, Prepared, RequestError, Statement, Values, is_query
from nexus.graph.selections import Document
from nexus.graph.specs import MutationSpec

log = logging.getLogger(__name__)

COST_LIMIT = 20_000
INTROSPECTION = ("__schema", "__type")


@dataclass
class Answer:
    """A response in parts: `data` as JSON bytes, errors, and what it cost."""

    data: bytes
    cost: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)

    def body(self) -> bytes:
        """The response as it goes to the socket."""
        extensions = json.dumps({"cost": {"requested": self.cost, "limit": COST_LIMIT}})
        errors = b""
        if self.errors:
            errors = b'"errors":' + json.dumps(self.errors, ensure_ascii=False).encode() + b","
        return b"{" + errors + b'"data":' + self.data + b',"extensions":' + extensions.encode() + b"}"


class Executor:
    """Runs documents for actors over one schema and one database."""

    def __init__(self, schema: strawberry.Schema, pool: asyncpg.Pool, engine: AsyncEngine) -> None:
        self.strawberry = schema
        self.schema = core_schema(schema)
        self.planner = Planner(self.schema)
        self.pool = pool
        self.engine = engine

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
        prepared = self.planner.prepare(text)
        operation = prepared.operation(operation_name)
        if operation.operation is OperationType.SUBSCRIPTION:
            raise self._refused(422, "OPERATION_UNSUPPORTED", "Subscriptions are not served here.")
        if only_queries and not is_query(operation):
            raise self._refused(405, "METHOD_NOT_ALLOWED", "Mutations need POST.")
        known = self._variables(operation, variables or {})
        if is_query(operation):
            return await self._query(prepared, operation, known.coerced, actor)
        return await self._mutation(prepared, operation, known, actor)

    def _refused(self, status: int, code: str, message: str) -> RequestError:
        return RequestError(status, code, [GraphQLError(message)])

    def _variables(
        self, operation: OperationDefinitionNode, given: dict[str, Any]
    ) -> VariableValues:
        try:
            coerced = get_variable_values(
                self.schema, operation.variable_definitions or (), given
            )
        except RecursionError:
            raise self._refused(422, "VARIABLES_INVALID", "The variables nest too deeply.") from None
        if isinstance(coerced, list):
            raise RequestError(422, "VARIABLES_INVALID", coerced)
        return coerced

    async def _query(
        self, prepared: Prepared, operation: OperationDefinitionNode, values: Values, actor: Actor
    ) -> Answer:
        document = Document(self.schema, prepared.fragments, values)
        fields = document.fields("Query", [operation.selection_set])
        if all(f.name.startswith("__") for f in fields):
            return self._introspect(prepared, operation, values)
        if any(f.name in INTROSPECTION for f in fields):
            raise self._refused(
                422, "INTROSPECTION_MIXED", "Ask for the schema and for data in two requests."
            )
        statement = self._plan(
            lambda: self.planner.statement(prepared, operation, values, actor.role)
        )
        data = await self._run(statement, values, actor)
        return Answer(data, statement.cost.total(values))

    def _introspect(
        self, prepared: Prepared, operation: OperationDefinitionNode, values: Values
    ) -> Answer:
        name = operation.name.value if operation.name else None
        result = execute_sync(
            self.schema, prepared.document, variable_values=values, operation_name=name
        )
        data = json.dumps(result.data, ensure_ascii=False).encode()
        return Answer(data, errors=[e.formatted for e in result.errors or []])  # type: ignore[misc]

    def _plan(self, compile_: Any) -> Statement:
        try:
            return compile_()  # type: ignore[no-any-return]
        except refusals.Refusal as refusal:
            raise self._refused(422, refusal.code, refusal.message) from None

    async def _run(self, statement: Statement, values: Values, actor: Actor) -> bytes:
        try:
            cost = statement.cost.total(values)
            if cost > COST_LIMIT:
                raise self._refused(
                    422,
                    "COST_EXCEEDED",
                    f"This request may cost {cost} rows; the limit is {COST_LIMIT}. "
                    "Ask for smaller pages.",
                )
            parameters = statement.parameters(values, actor)
        except refusals.Refusal as refusal:
            raise self._refused(422, refusal.code, refusal.message) from None
        async with self.pool.acquire() as connection:
            found = await connection.fetchval(statement.sql, *parameters)
        return bytes(found) if found is not None else b"null"

    # Mutations -----------------------------------------------------------------------------

    async def _mutation(
        self,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        known: VariableValues,
        actor: Actor,
    ) -> Answer:
        values = known.coerced
        document = Document(self.schema, prepared.fragments, values)
        parts: list[bytes] = []
        for item in document.fields("Mutation", [operation.selection_set]):
            if item.name == "__typename":
                answer = b'"Mutation"'
            else:
                spec = MUTATIONS[item.name]
                given = self._input(spec, item.node, known)
                outcome = await self._deed(spec, given, actor)
                answer = await self._payload(prepared, item, spec, outcome, values, actor)
            parts.append(json.dumps(item.key).encode() + b":" + answer)
        return Answer(b"{" + b",".join(parts) + b"}", cost=10 * len(parts))

    def _input(
        self, spec: MutationSpec, node: FieldNode, known: VariableValues
    ) -> dict[str, Any]:
        mutation = self.schema.mutation_type
        assert mutation is not None
        try:
            arguments = get_argument_values(mutation.fields[spec.name], node, known)
        except GraphQLError as error:
            raise RequestError(422, "VARIABLES_INVALID", [error]) from None
        return arguments["input"]  # type: ignore[no-any-return]

    async def _deed(
        self, spec: MutationSpec, given: dict[str, Any], actor: Actor
    ) -> UUID | dict[str, Any]:
        """Run the mutation once for its key: the row's id, or the refusal as a dict."""
        digest = idempotency.input_hash(spec.name, given)
        key = str(given["idempotencyKey"])
        config = self.strawberry.config
        registry = self.strawberry.schema_converter.scalar_registry
        value = convert_argument(given, spec.input_type, registry, config)
        try:
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                async with session.begin():
                    known = await idempotency.claim(
                        session, actor.account_id, key, digest, actor.now
                    )
                    if known is not None:
                        return _remembered(known)
                    row = await spec.run(Act(session, actor), value)
                    await idempotency.settle(session, actor.account_id, key, row_id=row.id)
                return row.id  # type: ignore[no-any-return]
        except refusals.IdempotencyKeyReused as refusal:
            return refusal.as_dict()
        except refusals.Refusal as refusal:
            return await self._remember(refusal, actor, key, digest)

    async def _remember(
        self, refusal: refusals.Refusal, actor: Actor, key: str, digest: bytes
    ) -> UUID | dict[str, Any]:
        told = refusal.as_dict()
        if not 0 < len(key) <= idempotency.MAX_KEY:
            return told
        async with AsyncSession(self.engine) as session, session.begin():
            known = await idempotency.remember_refusal(
                session, actor.account_id, key, digest, told, actor.now
            )
            return told if known is None else _remembered(known)

    async def _payload(
        self,
        prepared: Prepared,
        item: Any,
        spec: MutationSpec,
        outcome: UUID | dict[str, Any],
        values: Values,
        actor: Actor,
    ) -> bytes:
        document = Document(self.schema, prepared.fragments, values)
        if isinstance(outcome, dict):
            told = {
                f.key: "Refusal" if f.name == "__typename" else outcome[f.name]
                for f in document.fields("Refusal", item.below)
            }
            return json.dumps(told, ensure_ascii=False).encode()
        statement = self._plan(
            lambda: self.planner.payload(
                prepared, item.key, spec.returns, item.below, values, actor.role
            )
        )
        found = await self._run(statement, {**values, "row_id": outcome}, actor)
        if found != b"null":
            return found
        gone = refusals.NotFound(f"Done, but this {spec.returns} is no longer yours to see.")
        return json.dumps(
            {
                f.key: "Refusal" if f.name == "__typename" else gone.as_dict()[f.name]
                for f in document.fields("Refusal", item.below)
            },
            ensure_ascii=False,
        ).encode()


def _remembered(known: idempotency.IdempotencyKey) -> UUID | dict[str, Any]:
    if known.refusal is not None:
        return known.refusal
    if known.row_id is None:
        raise RuntimeError("an idempotency key was committed without its answer")
    return known.row_id


def utcnow() -> datetime:
    """The edge's clock: nothing below asks for the time."""
    return datetime.now(UTC)


async def make_pool(url: str, *, size: int = 10) -> asyncpg.Pool:
    """The read path's pool: named prepared statements, no reset query, a statement timeout."""

    async def no_reset(connection: Any) -> None:
        return None

    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        reset=no_reset,
        statement_cache_size=1000,
        max_cacheable_statement_size=0,
        server_settings={
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": "5000",
            "default_transaction_read_only": "on",
        },
    )
