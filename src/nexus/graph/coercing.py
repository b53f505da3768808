"""Variables made ready without graphql-core's general machinery, which costs as much as the query.

Only what is plainly right is decided here. Anything else is left to graphql-core, which either
knows a rule that this does not, or says what is wrong.
"""

from collections.abc import Callable, Collection
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    VariableDefinitionNode,
    type_from_ast,
)

from nexus.graph.selections import Values, has_default

MAX_INT = 2**31 - 1
NOT_PLAIN: Any = object()
"""What a reader answers when it leaves the value to graphql-core."""
LEFT_OUT: Any = object()
"""What an entry without a default is when it is not given: nothing at all."""

Read = Callable[[Any], Any]


class PlainVariables:
    """Reads the variables of one operation."""

    def __init__(
        self, schema: GraphQLSchema, definitions: Collection[VariableDefinitionNode]
    ) -> None:
        self._readers = [
            (
                definition.variable.name.value,
                _reader(type_from_ast(schema, definition.type)),
                definition.default_value is not None,
                isinstance(type_from_ast(schema, definition.type), GraphQLNonNull),
            )
            for definition in definitions
        ]

    def read(self, given: dict[str, Any]) -> Values | None:
        """The values, or None when graphql-core has to look at them."""
        values: Values = {}
        for name, read, defaulted, needed in self._readers:
            if name not in given:
                if defaulted or needed:
                    return None
                continue
            value = read(given[name])
            if value is NOT_PLAIN:
                return None
            values[name] = value
        return values


def _reader(type_: Any) -> Read:
    if isinstance(type_, GraphQLNonNull):
        inner = _reader(type_.of_type)
        return lambda value: NOT_PLAIN if value is None else inner(value)
    if isinstance(type_, GraphQLList):
        return _list(_reader(type_.of_type))
    if isinstance(type_, GraphQLEnumType):
        known = {name: type_.coerce_input_value(name) for name in type_.values}
        return lambda value: (
            known.get(value, NOT_PLAIN)
            if isinstance(value, str)
            else (None if value is None else NOT_PLAIN)
        )
    if isinstance(type_, GraphQLInputObjectType):
        return _object(type_)
    return _scalar(type_)


def _scalar(type_: Any) -> Read:
    assert isinstance(type_, GraphQLScalarType)
    if type_.name in ("String", "ID"):
        return lambda value: value if value is None or isinstance(value, str) else NOT_PLAIN
    if type_.name == "Boolean":
        return lambda value: value if value is None or isinstance(value, bool) else NOT_PLAIN
    if type_.name == "Int":
        return lambda value: (
            value
            if value is None or (type(value) is int and -MAX_INT <= value <= MAX_INT)
            else NOT_PLAIN
        )
    return _own_scalar(type_)


def _own_scalar(type_: GraphQLScalarType) -> Read:
    """One of nexus's scalars: it says itself what is right."""

    def read(value: Any) -> Any:
        if value is None:
            return None
        try:
            return type_.coerce_input_value(value)
        except (ValueError, TypeError, ArithmeticError, GraphQLError):
            return NOT_PLAIN

    return read


def _list(item: Read) -> Read:
    def read(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            return NOT_PLAIN
        items = [item(one) for one in value]
        return NOT_PLAIN if any(one is NOT_PLAIN for one in items) else items

    return read


def _object(type_: GraphQLInputObjectType) -> Read:
    parts: dict[str, tuple[str, Read, Any]] = {}

    def read(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or type_.is_one_of:
            return NOT_PLAIN
        if not parts:
            # Not before it is needed: an input may hold another of its own type.
            parts.update({name: _part(name, entry) for name, entry in type_.fields.items()})
        found = {}
        known = 0
        for name, (shown, reader, absent) in parts.items():
            if name in value:
                known += 1
                inner = reader(value[name])
            elif absent is LEFT_OUT:
                continue
            else:
                inner = absent
            if inner is NOT_PLAIN:
                return NOT_PLAIN
            found[shown] = inner
        if known < len(value):
            return NOT_PLAIN
        try:
            return type_.out_type(found)
        except GraphQLError:
            return NOT_PLAIN

    return read


def _part(name: str, entry: Any) -> tuple[str, Read, Any]:
    """How an entry is called within, how it is read, and what it is when it is not given."""
    if isinstance(entry.type, GraphQLNonNull):
        absent = NOT_PLAIN
    elif entry.default_value is None and getattr(entry, "default", None) is None:
        absent = None
    else:
        absent = NOT_PLAIN if has_default(entry) else LEFT_OUT
    return entry.out_name or name, _reader(entry.type), absent
