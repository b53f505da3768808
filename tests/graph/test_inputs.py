"""Inputs made the short way are what graphql-core and Strawberry make of them the long way."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    parse,
)
from graphql.execution.values import get_variable_values
from strawberry.types.arguments import convert_argument

from nexus.graph.building import core_schema
from nexus.graph.coercing import PlainVariables
from nexus.graph.inputs import Inputs
from nexus.graph.registering import MAIN
from nexus.schema import make_schema

STRAWBERRY = make_schema()
SCHEMA = core_schema(STRAWBERRY)
SCALARS: dict[str, tuple[Any, ...]] = {
    "Int": (7, -1, 2**31 - 1),
    "Float": (0.5, 3),
    "Boolean": (True, False),
    "String": ("text", ""),
    "ID": ("TmVlZDox",),
    "Decimal": ("12.5", 3),
    "Date": ("2026-05-01",),
    "DateTime": ("2026-05-01T08:00:00+08:00",),
    "Fen": (100,),
    "JSON": ({"a": [1, None]}, "text", 1),
}
BROKEN: tuple[Any, ...] = ("?", 2**40, -0.25, True, [], {"unknown": 1}, [None], {})


def samples(type_: Any) -> Iterator[Any]:
    """Values of the type: every leaf, lists of none, one and two, objects full and spare."""
    if isinstance(type_, GraphQLNonNull):
        yield from (one for one in samples(type_.of_type) if one is not None)
    elif isinstance(type_, GraphQLList):
        items = list(samples(type_.of_type))
        yield from (None, [], items[:1], items[:2])
    elif isinstance(type_, GraphQLEnumType):
        yield from (None, *list(type_.values)[:2])
    elif isinstance(type_, GraphQLInputObjectType):
        yield from _objects(type_)
    else:
        yield from (None, *SCALARS[type_.name])


def _objects(type_: GraphQLInputObjectType) -> Iterator[Any]:
    if type_.extensions["strawberry-definition"].is_one_of:
        for name, entry in type_.fields.items():
            yield {name: next(one for one in samples(entry.type) if one is not None)}
        return
    needed = {
        name: next(samples(entry.type))
        for name, entry in type_.fields.items()
        if isinstance(entry.type, GraphQLNonNull)
    }
    yield needed
    yield {name: list(samples(entry.type))[-1] for name, entry in type_.fields.items()}
    for name, entry in type_.fields.items():
        for value in samples(entry.type):
            yield {**needed, name: value}


def whole(text: str, given: Any) -> Any:
    """What graphql-core makes of the variables; None where it finds an error."""
    operation: Any = parse(text).definitions[0]
    found = get_variable_values(SCHEMA, operation.variable_definitions, {"input": given})
    return None if isinstance(found, list) else found.coerced


@pytest.mark.parametrize("name", sorted(MAIN.mutations))
def test_the_short_way_leads_to_the_same(name: str) -> None:
    spec = MAIN.mutations[name]
    mutation: Any = SCHEMA.mutation_type
    type_ = mutation.fields[name].args["input"].type
    text = f"mutation ($input: {type_}) {{ {name}(input: $input) {{ __typename }} }}"
    operation: Any = parse(text).definitions[0]
    plain = PlainVariables(SCHEMA, operation.variable_definitions)
    inputs = Inputs(STRAWBERRY)
    read = 0
    for given in samples(type_):
        wanted = whole(text, given)
        assert wanted is not None, given
        short = plain.read({"input": given})
        if short is not None:
            read += 1
            assert short == wanted
        made = convert_argument(
            wanted["input"],
            spec.input_type,
            STRAWBERRY.schema_converter.scalar_registry,
            STRAWBERRY.config,
        )
        assert inputs.make(spec.input_type, wanted["input"]) == made
    assert read, "none was read the short way"


@pytest.mark.parametrize("name", ["offerPledge", "createNeed", "updateNeed", "importUploaded"])
def test_the_short_way_takes_nothing_that_is_wrong(name: str) -> None:
    mutation: Any = SCHEMA.mutation_type
    type_ = mutation.fields[name].args["input"].type
    text = f"mutation ($input: {type_}) {{ {name}(input: $input) {{ __typename }} }}"
    operation: Any = parse(text).definitions[0]
    plain = PlainVariables(SCHEMA, operation.variable_definitions)
    good = next(samples(type_))
    wrong = [{**good, entry: value} for entry in type_.of_type.fields for value in BROKEN]
    wrong += [{**good, "unknown": 1}, {k: v for k, v in good.items() if k != "idempotencyKey"}]
    for given in wrong:
        short = plain.read({"input": given})
        if short is not None:
            assert short == whole(text, given), given
    for given in wrong[-2:]:
        assert plain.read({"input": given}) is None
