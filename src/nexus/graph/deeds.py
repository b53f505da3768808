"""Mutations: each deed in a transaction of its own, once for its key; its payload compiled."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLError, VariableNode
from graphql.execution.values import VariableValues, get_argument_values
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, Actor
from nexus.core import refusals
from nexus.core.ids import new_id
from nexus.graph import costs, guards, idempotency, specs
from nexus.graph.documents import Operation, Prepared
from nexus.graph.errors import RequestCode, RequestError, as_bytes, masked, told
from nexus.graph.identifiers import decode
from nexus.graph.inputs import Inputs
from nexus.graph.plans import Planner, Statement
from nexus.graph.quotas import Purse
from nexus.graph.reading import Reader
from nexus.graph.selections import Document, Field, Values
from nexus.graph.transactions import Transactions
from nexus.graph.waiting import unavailable

T = TypeVar("T")

DEED_COST = 10
ATTEMPTS = 5


@dataclass(frozen=True)
class Told:
    """A refusal as the plain values of the GraphQL type."""

    refusal: dict[str, Any]


Outcome = UUID | Told | Mapping[str, Any]
"""The row's id, a refusal, or the mapping of a type without a table."""


@dataclass
class _Planned:
    """One root field, ready to run: nothing can be wrong with the request any more."""

    item: Field
    spec: specs.MutationSpec | None
    given: dict[str, Any]
    payload: Statement | None


class Deeds:
    """Runs the mutations of one schema."""

    def __init__(
        self,
        schema: strawberry.Schema,
        registry: specs.Registry,
        planner: Planner,
        reader: Reader,
        engine: AsyncEngine,
        secret: bytes,
        info: Mapping[str, Any],
    ) -> None:
        self.strawberry = schema
        self.inputs = Inputs(schema)
        self.schema = planner.schema
        self.registry = registry
        self.planner = planner
        self.reader = reader
        self.info = info
        self.transactions = Transactions(engine, info)
        self.secret = secret

    async def run(
        self,
        prepared: Prepared,
        operation: Operation,
        known: VariableValues,
        actor: Actor,
        purse: Purse | None = None,
    ) -> tuple[bytes, int, list[dict[str, Any]]]:
        """The fields in order, each committed before the next: data, cost, errors.

        Everything that can be wrong with the request is found, and paid, before the first deed.
        """
        values = known.coerced
        document = Document(self.schema, self.registry, prepared.fragments, values)
        items = document.fields("Mutation", [operation.node.selection_set])
        planned = [self._planned(prepared, operation, item, known, actor) for item in items]
        cost = costs.within_limit(
            sum(DEED_COST + (p.payload.total(values) if p.payload else 0) for p in planned)
        )
        if purse is not None:
            await purse.pay(cost)
        parts: list[bytes] = []
        errors: list[dict[str, Any]] = []
        for one in planned:
            try:
                answer = await self._answer(one, document, values, actor)
            except RequestError as error:
                if not parts:
                    raise
                answer = b"null"
                errors.append(told(error.errors[0].message, error.code, path=[one.item.key]))
            except Exception as error:
                answer = b"null"
                errors.append(masked(error, path=[one.item.key]))
            parts.append(b'"%s":%s' % (one.item.key.encode(), answer))
        return b"{" + b",".join(parts) + b"}", cost, errors

    def _planned(
        self,
        prepared: Prepared,
        operation: Operation,
        item: Field,
        known: VariableValues,
        actor: Actor,
    ) -> _Planned:
        if item.name == "__typename":
            return _Planned(item, None, {}, None)
        spec = self.registry.mutations[item.name]
        given = self._given(item, known)
        payload = None
        if self.registry.types[spec.returns].table is not None:
            try:
                payload = self.planner.payload(
                    prepared,
                    operation,
                    item.key,
                    spec.returns,
                    item.below,
                    known.coerced,
                    actor.role,
                )
                payload.parameters({**known.coerced, "row_id": None}, actor)
            except refusals.Refusal as refusal:
                raise RequestError(422, refusal.code, refusal.message) from None
        return _Planned(item, spec, given, payload)

    def _given(self, item: Field, known: VariableValues) -> dict[str, Any]:
        """The value of the field's one argument. RequestError 422 when it is none."""
        for argument in item.node.arguments or ():
            if isinstance(argument.value, VariableNode):
                given = known.coerced.get(argument.value.name.value)
                if isinstance(given, dict):
                    return given
        mutation: Any = self.schema.mutation_type
        field = mutation.fields[item.name]
        try:
            found = get_argument_values(field, item.node, known, hide_suggestions=True)
        except GraphQLError as error:
            raise RequestError(422, RequestCode.VARIABLES_INVALID, [error]) from None
        return found["input"]  # type: ignore[no-any-return]

    async def _answer(
        self, planned: _Planned, document: Document, values: Values, actor: Actor
    ) -> bytes:
        spec, item = planned.spec, planned.item
        if spec is None:
            return b'"Mutation"'
        outcome = await self._once(spec, planned.given, actor)
        if isinstance(outcome, UUID) and planned.payload is not None:
            parameters = planned.payload.parameters({**values, "row_id": outcome}, actor)
            found = await self.reader.fetch(planned.payload.sql, parameters, planned.payload.course)
            if found != b"null":
                return found
            gone = refusals.NotFound(f"Done, but this {spec.returns} is no longer yours to see.")
            outcome = Told(gone.as_dict())
        type_name, answer = spec.returns, outcome
        if isinstance(outcome, Told):
            type_name, answer = "Refusal", outcome.refusal
        assert isinstance(answer, Mapping)
        projected = {
            field.key: type_name if field.name == "__typename" else answer[field.name]
            for field in document.fields(type_name, item.below)
        }
        return as_bytes(projected)

    async def _once(self, spec: specs.MutationSpec, given: dict[str, Any], actor: Actor) -> Outcome:
        """Run the mutation, once for its key if it has one."""
        value = self.inputs.make(spec.input_type, given)
        if not spec.keyed:
            return await self._unkeyed(spec, value, actor)
        digest = idempotency.input_hash(self.secret, spec.name, given)
        key = idempotency.Key(actor.account_id, str(given["idempotencyKey"]), digest)
        # The row that a transition moves is named; one that a deed makes may take the id from here.
        expected = decode(given["id"], spec.returns) if "id" in given else new_id()

        async def deed(session: AsyncSession) -> Outcome:
            known = await idempotency.claim(session, key, actor.now, expected)
            if known is not None:
                return _remembered(known)
            row = await spec.run(Act(session, actor, row_id=expected), value)
            if row.id != expected:
                await idempotency.settle(session, key, row.id)
            return row.id  # type: ignore[no-any-return]

        try:
            return await self._transaction(deed)
        except refusals.IdempotencyKeyReused as refusal:
            return Told(refusal.as_dict())
        except refusals.Refusal as refusal:
            return await self._remember(refusal, key, actor)

    async def _unkeyed(self, spec: specs.MutationSpec, value: Any, actor: Actor) -> Outcome:
        async def deed(session: AsyncSession) -> Outcome:
            return await spec.run(Act(session, actor), value)  # type: ignore[no-any-return]

        try:
            return await self._transaction(deed)
        except refusals.Refusal as refusal:
            return Told(refusal.as_dict())

    async def _remember(
        self, refusal: refusals.Refusal, key: idempotency.Key, actor: Actor
    ) -> Outcome:
        """Keep the refusal as the key's answer; what a copy did meanwhile comes first."""
        told_values = refusal.as_dict()
        if not key.usable:
            return Told(told_values)

        async def keep(session: AsyncSession) -> Outcome:
            known = await idempotency.remember_refusal(session, key, told_values, actor.now)
            return Told(told_values) if known is None else _remembered(known)

        return await self._transaction(keep)

    async def _transaction(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run the work in a transaction, again when it lost a race for locks."""
        for attempt in range(ATTEMPTS):
            try:
                return await self.transactions.run(work)
            except DBAPIError as error:
                if guards.may_retry(error) and attempt + 1 < ATTEMPTS:
                    await asyncio.sleep(random.uniform(0.005, 0.02) * 2**attempt)  # noqa: S311
                    continue
                explained = _explained(error)
                if explained is None:
                    raise
                raise explained from error
            except Exception as error:
                if guards.is_lost(error):
                    raise unavailable("The database is being restarted.") from error
                raise
        raise AssertionError("unreachable")


def _explained(error: DBAPIError) -> Exception | None:
    """What the caller can be told of it; None when it is a fault."""
    refusal = guards.refusal_of(error)
    if refusal is not None:
        return refusal
    if guards.is_bad_value(error):
        return refusals.Invalid("A value holds something that cannot be stored, such as U+0000.")
    if guards.was_canceled(error):
        message = "This took too long and was undone."
        return RequestError(503, RequestCode.TIMEOUT, message, {"Retry-After": "1"})
    if guards.may_retry(error) or guards.is_lost(error):
        return unavailable("The database is busy or being restarted.")
    return None


def _remembered(known: idempotency.IdempotencyKey) -> Outcome:
    if known.refusal is not None:
        return Told(known.refusal)
    if known.row_id is None:
        raise RuntimeError("an idempotency key was committed without its answer")
    return known.row_id
