"""Selections flattened: fragments opened, conditions decided, equal response keys merged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
)


@dataclass
class Field:
    """One response key of one object: its field and the merged selection sets below it."""

    key: str
    node: FieldNode
    below: list[SelectionSetNode]

    @property
    def name(self) -> str:
        return self.node.name.value


@dataclass(frozen=True)
class Document:
    """What is needed to flatten a selection: schema, fragments, and the values of variables."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    variables: dict[str, Any]

    def fields(self, type_name: str, sets: list[SelectionSetNode]) -> list[Field]:
        """The fields that apply to the object type, in the order of the document."""
        found: dict[str, Field] = {}
        for selection_set in sets:
            for node in self._flatten(type_name, selection_set.selections, frozenset()):
                key = node.alias.value if node.alias else node.name.value
                field = found.setdefault(key, Field(key, node, []))
                if node.selection_set:
                    field.below.append(node.selection_set)
        return list(found.values())

    def _flatten(
        self, type_name: str, selections: tuple[SelectionNode, ...], open_: frozenset[str]
    ) -> Iterator[FieldNode]:
        for node in selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or self._applies(type_name, condition.name.value):
                    yield from self._flatten(type_name, node.selection_set.selections, open_)
            elif isinstance(node, FragmentSpreadNode):
                name = node.name.value
                fragment = self.fragments[name]
                if name not in open_ and self._applies(
                    type_name, fragment.type_condition.name.value
                ):
                    yield from self._flatten(
                        type_name, fragment.selection_set.selections, open_ | {name}
                    )

    def _included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            if directive.name.value not in ("skip", "include"):
                continue
            value = directive.arguments[0].value if directive.arguments else None
            if isinstance(value, VariableNode):
                wanted = bool(self.variables.get(value.name.value))
            else:
                wanted = isinstance(value, BooleanValueNode) and value.value
            if wanted == (directive.name.value == "skip"):
                return False
        return True

    def _applies(self, type_name: str, condition: str) -> bool:
        if condition == type_name:
            return True
        abstract = self.schema.get_type(condition)
        concrete = self.schema.get_type(type_name)
        return (
            is_abstract_type(abstract)
            and isinstance(concrete, GraphQLObjectType)
            and self.schema.is_sub_type(_abstract(abstract), concrete)
        )


def _abstract(found: Any) -> GraphQLAbstractType:
    return found  # type: ignore[no-any-return]
