"""From a coerced input to its dataclass, by a function made once for each input type.

Strawberry's own conversion works the type out again for every value, which costs as much as a
statement. What is not an input object, a list or a leaf here is left to that.
"""

from collections.abc import Callable
from dataclasses import MISSING
from functools import partial
from typing import Any

from strawberry import Schema
from strawberry.schema.compat import is_scalar
from strawberry.types.arguments import convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition

Make = Callable[[Any], Any]


class Inputs:
    """Makes the input dataclasses of one schema."""

    def __init__(self, schema: Schema) -> None:
        self._config = schema.config
        self._scalars = schema.schema_converter.scalar_registry
        self._known: dict[Any, Make | None] = {}

    def make(self, type_: Any, given: Any) -> Any:
        """The dataclass of an input that graphql-core has coerced."""
        known = self._maker(type_)
        return given if known is None else known(given)

    def _maker(self, type_: Any) -> Make | None:
        """What turns a value into one of the type; None where it is one already."""
        if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
            return self._maker(type_.of_type)
        if type_ not in self._known:
            # An input may hold another of its own type.
            self._known[type_] = lambda value: self.make(type_, value)
            self._known[type_] = self._made(type_)
        return self._known[type_]

    def _made(self, type_: Any) -> Make | None:
        if isinstance(type_, StrawberryList):
            return _listed(self._maker(type_.of_type))
        if isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_):
            return None
        if is_scalar(type_, self._scalars):
            return None
        if has_object_definition(type_) and type_.__strawberry_definition__.from_input is None:
            return self._object(type_)
        return partial(
            convert_argument, type_=type_, scalar_registry=self._scalars, config=self._config
        )

    def _object(self, type_: Any) -> Make:
        definition = type_.__strawberry_definition__
        empty = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }
        parts = [
            (
                self._config.name_converter.from_field(field),
                field.python_name,
                self._maker(field.resolve_type(type_definition=definition)),
            )
            for field in definition.fields
        ]

        def make(given: Any) -> Any:
            if given is None:
                return None
            found: dict[str, Any] = dict(empty)
            for shown, name, maker in parts:
                if shown in given:
                    value = given[shown]
                    found[name] = value if maker is None else maker(value)
            return type_(**found)

        return make


def _listed(maker: Make | None) -> Make:
    if maker is None:
        return lambda values: None if values is None else list(values)
    return lambda values: None if values is None else [maker(one) for one in values]
