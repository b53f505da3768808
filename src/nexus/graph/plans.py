"""Plans: a document parsed, limited and validated once; a statement compiled once per shape."""

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    validate,
)
from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects.postgresql import asyncpg

from nexus.acting import Actor, Role, shape
from nexus.graph.compiler import Binder, Compiler, Cost, Values, node_type, quoted
from nexus.graph.selections import Document

MAX_TOKENS = 2000
MAX_DEPTH = 15
MAX_FIELDS = 1000
MAX_ALIASES = 50

_DIALECT = asyncpg.dialect()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """A bounded cache that drops what was used longest ago."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> V:
        self._kept[key] = value
        if len(self._kept) > self.size:
            self._kept.popitem(last=False)
        return value


class RequestError(Exception):
    """A request that cannot be executed: HTTP status, published code, GraphQL errors."""

    def __init__(self, status: int, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.errors = errors


@dataclass(frozen=True)
class Statement:
    """SQL text with numbered parameters, and how to fill them."""

    sql: str
    names: tuple[str, ...]
    binders: dict[str, Binder]
    cost: Cost

    def parameters(self, values: Values, actor: Actor) -> list[Any]:
        """The parameters in order; a refusal when a value is out of its bounds."""
        own = actor.binds()
        return [own[n] if n in own else self.binders[n](values) for n in self.names]


@dataclass(frozen=True)
class Prepared:
    """A document that passed limits and validation."""

    digest: bytes
    document: DocumentNode
    fragments: dict[str, FragmentDefinitionNode]
    operations: dict[str | None, OperationDefinitionNode]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run; 422 when the name is missing or unknown."""
        if name is not None:
            found = self.operations.get(name)
            if found is None:
                raise _refuse(422, "OPERATION_UNKNOWN", f"The document has no operation {name!r}.")
            return found
        if len(self.operations) != 1:
            raise _refuse(
                422, "OPERATION_NAME_MISSING", "Name the operation to run: there are several."
            )
        return next(iter(self.operations.values()))


def _refuse(status: int, code: str, message: str) -> RequestError:
    return RequestError(status, code, [GraphQLError(message)])


@dataclass
class _Size:
    depth: int
    fields: int
    aliases: int


def _measure(document: DocumentNode, fragments: dict[str, FragmentDefinitionNode]) -> None:
    """One memoised pass: each fragment is measured once, so time is linear in the document."""
    known: dict[str, _Size] = {}

    def of_set(selection_set: SelectionSetNode | None, open_: frozenset[str]) -> _Size:
        total = _Size(0, 0, 0)
        for node in selection_set.selections if selection_set else ():
            if isinstance(node, FieldNode):
                inner = of_set(node.selection_set, open_)
                exempt = node.name.value in ("__schema", "__type")
                size = _Size(
                    0 if exempt else inner.depth + 1,
                    inner.fields + 1,
                    inner.aliases + (node.alias is not None),
                )
            elif isinstance(node, InlineFragmentNode):
                size = of_set(node.selection_set, open_)
            else:
                assert isinstance(node, FragmentSpreadNode)
                size = of_fragment(node.name.value, open_)
            total.depth = max(total.depth, size.depth)
            total.fields += size.fields
            total.aliases += size.aliases
            if total.fields > MAX_FIELDS or total.aliases > MAX_ALIASES or total.depth > MAX_DEPTH:
                raise _refuse(
                    422,
                    "DOCUMENT_TOO_LARGE",
                    f"The document exceeds depth {MAX_DEPTH}, {MAX_FIELDS} fields or "
                    f"{MAX_ALIASES} aliases.",
                )
        return total

    def of_fragment(name: str, open_: frozenset[str]) -> _Size:
        if name in open_ or name not in fragments:
            return _Size(0, 0, 0)
        if name not in known:
            known[name] = of_set(fragments[name].selection_set, open_ | {name})
        return known[name]

    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            of_set(definition.selection_set, frozenset())


class Planner:
    """Holds the schema and the two caches: documents by their text, statements by their shape."""

    def __init__(self, schema: GraphQLSchema, *, documents: int = 1000, plans: int = 2000) -> None:
        self.schema = schema
        self._documents: Recent[bytes, Prepared] = Recent(documents)
        self._plans: Recent[Hashable, Statement] = Recent(plans)

    def prepare(self, text: str) -> Prepared:
        """Parse, limit and validate; RequestError 400 for syntax, 422 for the rest."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        found = self._documents.get(digest)
        return found or self._documents.put(digest, self._validated(digest, text))

    def _validated(self, digest: bytes, text: str) -> Prepared:
        try:
            document = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            raise RequestError(400, "GRAPHQL_PARSE_FAILED", [error]) from None
        except RecursionError:
            raise _refuse(422, "DOCUMENT_TOO_LARGE", "The document nests too deeply.") from None
        fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        operations = {
            d.name.value if d.name else None: d
            for d in document.definitions
            if isinstance(d, OperationDefinitionNode)
        }
        _measure(document, fragments)
        errors = validate(self.schema, document)
        if errors:
            raise RequestError(422, "GRAPHQL_VALIDATION_FAILED", errors)
        return Prepared(digest, document, fragments, operations)

    def statement(
        self, prepared: Prepared, operation: OperationDefinitionNode, values: Values, role: Role
    ) -> Statement:
        """The SQL of a query operation for this role and this shape of variables."""
        key = (prepared.digest, operation.name and operation.name.value, role, _shape(values))
        return self._plans.get(key) or self._plans.put(
            key, self._compile(prepared, "Query", [operation.selection_set], values, role)
        )

    def payload(
        self,
        prepared: Prepared,
        key: str,
        type_name: str,
        sets: list[SelectionSetNode],
        values: Values,
        role: Role,
    ) -> Statement:
        """The SQL that reads a mutation's row back: parameter `row_id` names it."""
        plan_key = (prepared.digest, key, type_name, role, _shape(values))
        return self._plans.get(plan_key) or self._plans.put(
            plan_key, self._compile(prepared, type_name, sets, values, role)
        )

    def _compile(
        self,
        prepared: Prepared,
        type_name: str,
        sets: list[SelectionSetNode],
        values: Values,
        role: Role,
    ) -> Statement:
        document = Document(self.schema, prepared.fragments, values)
        compiler = Compiler(document, shape(role))
        built = (
            compiler.root(type_name, sets)
            if type_name == "Query"
            else compiler.by_key(type_name, sets)
        )
        text = func.convert_to(cast(built, Text), quoted("UTF8"))
        compiled = select(text).compile(
            dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
        )
        literal = {
            name: (lambda values, value=value: value)
            for name, value in compiled.params.items()
            if name not in compiler.binders and not name.startswith("actor_")
        }
        return Statement(
            sql=str(compiled),
            names=tuple(compiled.positiontup or ()),
            binders={**literal, **compiler.binders},
            cost=compiler.cost,
        )


def _shape(value: Any) -> Hashable:
    """What of a value the statement depends on: presence, keys, booleans, enums, id types."""
    if value is None or isinstance(value, bool | Enum):
        return value
    if isinstance(value, dict):
        return tuple((key, _shape(below)) for key, below in sorted(value.items()))
    if isinstance(value, list):
        return tuple(_shape(one) for one in value) if value and _is_id(value[0]) else len(value) > 0
    return _is_id(value)


def _is_id(value: Any) -> Hashable:
    spec = node_type(value) if isinstance(value, str) else None
    return spec.name if spec else "value"


def is_query(operation: OperationDefinitionNode) -> bool:
    """Whether the operation only reads."""
    return operation.operation is OperationType.QUERY
