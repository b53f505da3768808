"""Documents: parsed, limited and validated once, then kept."""

from dataclasses import dataclass
from functools import cached_property

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    OverlappingFieldsCanBeMergedRule,
    VariableNode,
    parse,
    specified_rules,
    validate,
)

from nexus.graph.caching import Recent
from nexus.graph.coercing import PlainVariables
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.introspection import Introspection
from nexus.graph.limits import MAX_COMMENTS, MAX_FRAGMENTS, MAX_TOKENS, Extent, Measure, too_large
from nexus.graph.overlaps import Overlaps

MAX_ERRORS = 5
KEPT_TOKENS = 100_000
"""Tokens of all documents kept, about 1 kB of memory each."""

RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]


@dataclass(frozen=True)
class Operation:
    """One operation of a document and what it expands to."""

    schema: GraphQLSchema
    node: OperationDefinitionNode
    extent: Extent

    @cached_property
    def plain(self) -> PlainVariables:
        """What reads its variables where they are plainly right."""
        return PlainVariables(self.schema, self.node.variable_definitions or ())

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None

    @cached_property
    def plainly(self) -> bool:
        """Whether the values alone will do, without where each of them came from.

        They do not where graphql-core has to put them into a literal of a mutation's own argument.
        """
        return self.node.operation is OperationType.QUERY or all(
            isinstance(root, FieldNode)
            and all(isinstance(given.value, VariableNode) for given in root.arguments or ())
            for root in self.node.selection_set.selections
        )


@dataclass(frozen=True)
class Prepared:
    """A document that passed limits and validation."""

    text: str
    fragments: dict[str, FragmentDefinitionNode]
    operations: dict[str | None, Operation]

    def operation(self, name: str | None) -> Operation:
        """The operation to run; 422 when the name is missing or unknown."""
        if name:
            found = self.operations.get(name)
            if found is None:
                message = f"The document has no operation {name[:100]!r}."
                raise RequestError(422, RequestCode.OPERATION_UNKNOWN, message)
            return found
        if len(self.operations) != 1:
            message = "Name the operation to run: there are several."
            raise RequestError(422, RequestCode.OPERATION_NAME_MISSING, message)
        return next(iter(self.operations.values()))


class Documents:
    """Prepares documents for one schema; the valid ones are kept by their text."""

    def __init__(self, schema: GraphQLSchema, introspection: Introspection) -> None:
        self.schema = schema
        self.introspection = introspection
        self._kept: Recent[str, Prepared] = Recent(KEPT_TOKENS)

    def prepare(self, text: str) -> Prepared:
        """Parse, limit and validate. RequestError: 400 for syntax, 422 for the rest."""
        found = self._kept.get(text)
        if found is not None:
            return found
        try:
            prepared, tokens = self._prepare(text)
        except RecursionError:
            raise too_large("The document nests too deeply.") from None
        return self._kept.put(text, prepared, tokens)

    def _prepare(self, text: str) -> tuple[Prepared, int]:
        document = _parse(text)
        fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        if len(fragments) > MAX_FRAGMENTS:
            raise too_large(f"The document has more than {MAX_FRAGMENTS} fragments.")
        measure = Measure(fragments)
        found = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        operations = {
            operation.name: operation
            for operation in (
                Operation(self.schema, node, measure.operation(node)) for node in found
            )
        }
        errors = validate(
            self.schema, document, RULES, max_errors=MAX_ERRORS, hide_suggestions=True
        )
        if not errors:
            overlaps = Overlaps(self.schema, fragments)
            errors = [error for node in found if (error := overlaps.find(node))]
        if errors:
            raise RequestError(422, RequestCode.GRAPHQL_VALIDATION_FAILED, errors)
        for node in found:
            self.introspection.check(fragments, node.selection_set)
        return Prepared(text, fragments, operations), document.token_count


def _parse(text: str) -> DocumentNode:
    try:
        return parse(
            text,
            max_lexical_tokens=MAX_TOKENS,
            max_comments=MAX_COMMENTS,
            allow_empty_selection_sets=False,
        )
    except GraphQLError as error:
        if "Parsing aborted" in error.message:
            raise too_large(f"The document has more than {MAX_TOKENS} tokens.") from None
        raise RequestError(400, RequestCode.GRAPHQL_PARSE_FAILED, [error]) from None
