"""Selections flattened: fragments opened, conditions decided, equal response keys merged."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
    ObjectValueNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    is_abstract_type,
    is_input_object_type,
    is_non_null_type,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_literal

from nexus.graph.specs import Registry

Values = dict[str, Any]


@dataclass
class Field:
    """One response key of one object: its field and the merged selection sets below it."""

    key: str
    node: FieldNode
    below: list[SelectionSetNode]

    @property
    def name(self) -> str:
        return self.node.name.value


@dataclass
class Argument:
    """An argument that is given and not null: its value in this plan, and in any request."""

    node: ValueNode
    type: Any
    now: Any
    fixed: bool = field(init=False)
    """Whether no variable plays a part: `now` is then its value for good."""
    value: Callable[[Values], Any] = field(init=False)
    """The value for the variables of a request."""

    def __post_init__(self) -> None:
        self.fixed = not mentions_variable(self.node)
        self.value = _valuation(self.node, self.type)


def _valuation(node: ValueNode, type_: Any) -> Callable[[Values], Any]:
    """How to get a literal's value: what no variable can change is worked out once."""
    if isinstance(node, VariableNode):
        name = node.name.value
        return lambda values: values.get(name)
    if not mentions_variable(node):
        known = coerced(node, type_, {})
        return lambda values: known
    inner = type_.of_type if is_non_null_type(type_) else type_
    if isinstance(node, ObjectValueNode) and is_input_object_type(inner):
        return _object_valuation(node, inner)
    return lambda values: coerced(node, type_, values)


def _object_valuation(node: ObjectValueNode, type_: Any) -> Callable[[Values], Any]:
    given = {entry.name.value: entry.value for entry in node.fields}
    if any(name not in given and has_default(entry) for name, entry in type_.fields.items()):
        return lambda values: coerced(node, type_, values)
    parts = [
        (
            type_.fields[name].out_name or name,
            value.name.value if isinstance(value, VariableNode) else None,
            _valuation(value, type_.fields[name].type),
        )
        for name, value in given.items()
    ]

    def valuation(values: Values) -> Any:
        return type_.out_type(
            {
                name: value(values)
                for name, variable, value in parts
                if variable is None or variable in values
            }
        )

    return valuation


def has_default(entry: Any) -> bool:
    """Whether an argument or input field has a value when none is given."""
    return entry.default_value is not Undefined or getattr(entry, "default", None) is not None


def mentions_variable(node: ValueNode) -> bool:
    """Whether a variable occurs in the literal."""
    if isinstance(node, VariableNode):
        return True
    parts = getattr(node, "values", None) or [f.value for f in getattr(node, "fields", None) or ()]
    return any(mentions_variable(part) for part in parts)


def coerced(node: ValueNode, type_: Any, values: Values) -> Any:
    """The literal as a value of its type; None when a variable in it is missing."""
    if isinstance(node, VariableNode):
        return values.get(node.name.value)
    found = coerce_input_literal(node, type_, VariableValues({}, values))
    return None if found is Undefined else found


@dataclass(frozen=True)
class Document:
    """What it takes to flatten a selection: schema, types, fragments, and variables' values."""

    schema: GraphQLSchema
    registry: Registry
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Values

    def fields(self, type_name: str, sets: list[SelectionSetNode]) -> list[Field]:
        """The fields that apply to the object type, in the order of the document."""
        found: dict[str, Field] = {}
        spread: set[str] = set()
        for selection_set in sets:
            for node in self._flatten(type_name, selection_set.selections, spread):
                key = node.alias.value if node.alias else node.name.value
                merged = found.setdefault(key, Field(key, node, []))
                if node.selection_set:
                    merged.below.append(node.selection_set)
        return list(found.values())

    def argument(self, type_name: str, node: FieldNode, name: str) -> Argument | None:
        """The argument of a field of the type; None when it is absent or null in this plan."""
        given = next((a.value for a in node.arguments or () if a.name.value == name), None)
        if given is None:
            return None
        parent = self.schema.get_type(type_name)
        assert isinstance(parent, GraphQLObjectType)
        argument_type = parent.fields[node.name.value].args[name].type
        now = coerced(given, argument_type, self.variables)
        return None if now is None else Argument(given, argument_type, now)

    def _flatten(
        self, type_name: str, selections: tuple[SelectionNode, ...], spread: set[str]
    ) -> Iterator[FieldNode]:
        for node in selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or self._applies(type_name, condition.name.value):
                    yield from self._flatten(type_name, node.selection_set.selections, spread)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._applies(type_name, fragment.type_condition.name.value):
                    inner = fragment.selection_set.selections
                    yield from self._flatten(type_name, inner, spread)

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
