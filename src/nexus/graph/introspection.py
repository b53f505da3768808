"""`__schema` and `__type`, answered by graphql-core from the schema alone."""

import json
from collections.abc import Hashable, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    execute_sync,
    get_introspection_query,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    parse,
)

from nexus.graph.caching import Recent
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.selections import Document, Field, Values

Fragments = Mapping[str, FragmentDefinitionNode]

ALLOWANCE = 1.25
"""How many times the standard introspection query a request may ask for."""
KEPT = 4_000_000
"""Characters of answers and their documents kept."""


class Introspection:
    """Answers for one schema, which does not change while it runs: so a few are kept."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._kept: Recent[Hashable, str] = Recent(KEPT)
        self._sizes = _sizes(schema)
        standard, *others = parse(get_introspection_query(input_value_deprecation=True)).definitions
        assert isinstance(standard, OperationDefinitionNode)
        fragments = {d.name.value: d for d in others if isinstance(d, FragmentDefinitionNode)}
        self.limit = ALLOWANCE * self._asked(fragments, standard.selection_set)

    def check(self, fragments: Fragments, root: SelectionSetNode) -> None:
        """RequestError 422 when all that a query asks of the schema would cost too much."""
        if self._asked(fragments, root) > self.limit:
            message = "This asks for the schema many times over."
            raise RequestError(422, RequestCode.COST_EXCEEDED, message)

    def _asked(self, fragments: Fragments, root: SelectionSetNode) -> float:
        total = 0.0
        for node in root.selections:
            if isinstance(node, FieldNode):
                if node.name.value.startswith("__") and node.selection_set:
                    total += self._cost(fragments, node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                total += self._asked(fragments, fragments[node.name.value].selection_set)
            elif isinstance(node, InlineFragmentNode):
                total += self._asked(fragments, node.selection_set)
        return total

    def answer(self, text: str, document: Document, item: Field, values: Values) -> str:
        """The JSON of one introspection field."""
        key = (text, item.key, repr(sorted(values.items())))
        found = self._kept.get(key)
        if found is not None:
            return found
        answer = self._execute(document, item, values)
        return self._kept.put(key, answer, len(answer) + len(text))

    def _cost(self, fragments: Fragments, selected: SelectionSetNode) -> float:
        total = 0.0
        for node in selected.selections:
            if isinstance(node, FieldNode):
                below = self._cost(fragments, node.selection_set) if node.selection_set else 0
                total += 1 + self._sizes.get(node.name.value, 1) * below
            elif isinstance(node, FragmentSpreadNode):
                total += self._cost(fragments, fragments[node.name.value].selection_set)
            elif isinstance(node, InlineFragmentNode):
                total += self._cost(fragments, node.selection_set)
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


def _sizes(schema: GraphQLSchema) -> dict[str, float]:
    """How many entries each list of the schema's description has, on average."""
    types = list(schema.type_map.values())
    objects = [t for t in types if is_object_type(t) or is_interface_type(t)]
    fields = [field for t in objects for field in t.fields.values()]
    args = sum(len(field.args) for field in fields)
    abstract = [t for t in types if is_abstract_type(t)]
    return {
        "types": len(types),
        "directives": len(schema.directives),
        "fields": len(fields) / len(types),
        "args": args / len(fields) + 1,
        "inputFields": sum(len(t.fields) for t in types if is_input_object_type(t)) / len(types),
        "enumValues": sum(len(t.values) for t in types if is_enum_type(t)) / len(types),
        "possibleTypes": sum(len(schema.get_possible_types(t)) for t in abstract) / len(types),
    }
