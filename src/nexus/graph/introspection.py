"""`__schema` and `__type`, answered by graphql-core from the schema alone."""

import json
from collections.abc import Hashable

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
)

from nexus.graph.caching import Recent
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.selections import Document, Field, Values

COST_LIMIT = 60_000
"""Values in an introspection, by the sizes of this schema's own lists."""
KEPT = 4_000_000
"""Characters of answers and their documents kept."""


class Introspection:
    """Answers for one schema, which does not change while it runs: so a few are kept."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._kept: Recent[Hashable, str] = Recent(KEPT)
        self._sizes = {
            "types": len(schema.type_map),
            "directives": len(schema.directives),
            "possibleTypes": 20,
            "fields": 8,
            "inputFields": 3,
            "enumValues": 4,
            "args": 2,
        }

    def answer(self, text: str, document: Document, item: Field, values: Values) -> str:
        """The JSON of one introspection field. RequestError 422 when it would cost too much."""
        key = (text, item.key, repr(sorted(values.items())))
        found = self._kept.get(key)
        if found is not None:
            return found
        if sum(self._cost(document, below) for below in item.below) > COST_LIMIT:
            raise RequestError(
                422, RequestCode.COST_EXCEEDED, "This asks for the schema many times over."
            )
        answer = self._execute(document, item, values)
        return self._kept.put(key, answer, len(answer) + len(text))

    def _cost(self, document: Document, selected: SelectionSetNode) -> int:
        total = 0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                below = self._cost(document, node.selection_set) if node.selection_set else 0
                total += 1 + self._sizes.get(node.name.value, 1) * below
            elif isinstance(node, FragmentSpreadNode):
                total += self._cost(document, document.fragments[node.name.value].selection_set)
            elif isinstance(node, InlineFragmentNode):
                total += self._cost(document, node.selection_set)
        return total

    def _execute(self, document: Document, item: Field, values: Values) -> str:
        merged = SelectionSetNode(
            selections=tuple(node for below in item.below for node in below.selections)
        )
        field = FieldNode(name=item.node.name, arguments=item.node.arguments, selection_set=merged)
        operation = OperationDefinitionNode(
            operation=OperationType.QUERY, selection_set=SelectionSetNode(selections=(field,))
        )
        whole = DocumentNode(definitions=(operation, *document.fragments.values()))
        result = execute_sync(self.schema, whole, variable_values=values)
        assert result.data is not None, result.errors
        return json.dumps(result.data[item.name], ensure_ascii=False)
