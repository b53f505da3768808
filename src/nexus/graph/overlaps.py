"""Whether fields of one response key can be merged (GraphQL 5.3.2), in linear time.

The usual algorithm compares every pair. Here the fields of a key are compared with the first of
those they must equal: all of one shape, and one name and arguments where parents can be the same.
Runs on documents that are otherwise valid, so that no fragment is unknown or in a cycle.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    print_ast,
)

Sets = list[tuple[Any, SelectionSetNode]]
"""Selection sets with the type that each is made on."""


@dataclass(frozen=True)
class _Entry:
    parent: Any
    node: FieldNode
    type: Any
    """What the field returns."""


class _ConflictError(Exception):
    def __init__(self, key: str, reason: str, nodes: Iterable[FieldNode]) -> None:
        super().__init__(key)
        self.error = GraphQLError(
            f"Fields '{key}' conflict because {reason}. Use different aliases on the fields.",
            list(nodes),
        )


class Overlaps:
    """Checks the operations of one document."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self._arguments: dict[int, tuple[tuple[str, str], ...]] = {}

    def find(self, operation: OperationDefinitionNode) -> GraphQLError | None:
        """The first conflict in the operation, if there is one."""
        sets: Sets = [(self.schema.get_root_type(operation.operation), operation.selection_set)]
        try:
            self._shapes(sets)
            self._names(sets)
        except _ConflictError as conflict:
            return conflict.error
        return None

    def _shapes(self, sets: Sets) -> None:
        for key, entries in self._collect(sets).items():
            first = entries[0]
            for other in entries[1:]:
                if not _same_shape(first.type, other.type):
                    reason = f"they return {first.type} and {other.type}"
                    raise _ConflictError(key, reason, (first.node, other.node))
            self._shapes(_below(entries))

    def _names(self, sets: Sets) -> None:
        for key, entries in self._collect(sets).items():
            for group in _could_be_same(entries):
                first = group[0]
                for other in group[1:]:
                    if self._said(first.node) != self._said(other.node):
                        reason = "they differ in name or arguments"
                        raise _ConflictError(key, reason, (first.node, other.node))
                self._names(_below(group))

    def _said(self, node: FieldNode) -> tuple[tuple[str, str], ...]:
        """The field's name and arguments, to compare."""
        known = self._arguments.get(id(node))
        if known is None:
            given = sorted((a.name.value, print_ast(a.value)) for a in node.arguments or ())
            known = self._arguments[id(node)] = (("", node.name.value), *given)
        return known

    def _collect(self, sets: Sets) -> dict[str, list[_Entry]]:
        found: dict[str, list[_Entry]] = {}
        spread: set[str] = set()
        for parent, selection_set in sets:
            self._gather(parent, selection_set, found, spread)
        return found

    def _gather(
        self, parent: Any, sets: SelectionSetNode, found: dict[str, list[_Entry]], spread: set[str]
    ) -> None:
        for node in sets.selections:
            if isinstance(node, FieldNode):
                field = self.schema.get_field(parent, node.name.value)
                if field is not None:
                    key = node.alias.value if node.alias else node.name.value
                    found.setdefault(key, []).append(_Entry(parent, node, field.type))
                continue
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in spread:
                    continue
                spread.add(node.name.value)
                inner: Any = self.fragments[node.name.value]
            else:
                inner = node
            condition = inner.type_condition
            on = self.schema.get_type(condition.name.value) if condition else parent
            self._gather(on, inner.selection_set, found, spread)


def _below(entries: list[_Entry]) -> Sets:
    return [
        (get_named_type(entry.type), entry.node.selection_set)
        for entry in entries
        if entry.node.selection_set is not None
    ]


def _could_be_same(entries: list[_Entry]) -> list[list[_Entry]]:
    """Groups whose parents may be one object: each object type with all the abstract ones."""
    abstract = [entry for entry in entries if not is_object_type(entry.parent)]
    by_parent: dict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        if is_object_type(entry.parent):
            by_parent[entry.parent.name].append(entry)
    return [own + abstract for own in by_parent.values()] or [abstract]


def _same_shape(one: Any, other: Any) -> bool:
    while True:
        for is_wrapper in (is_non_null_type, is_list_type):
            if is_wrapper(one) != is_wrapper(other):
                return False
        if not (is_non_null_type(one) or is_list_type(one)):
            break
        one, other = one.of_type, other.of_type
    if is_leaf_type(one) or is_leaf_type(other):
        return bool(one is other)
    return True
