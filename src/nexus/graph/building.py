"""Builds the Strawberry schema from what the slices declared."""

from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from nexus.graph import declare


def _fen(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53:
        raise ValueError("Fen is an integer number of fen (1/100 yuan), at most 2^53")
    return value


FEN = strawberry.scalar(
    name="Fen",
    description="Money as an integer number of fen (1/100 yuan), within ±2^53.",
    serialize=_fen,
    parse_value=_fen,
)
JSON_VALUE = strawberry.scalar(
    name="JSON",
    description="Any JSON value.",
    serialize=lambda value: value,
    parse_value=lambda value: value,
)


def build_schema() -> strawberry.Schema:
    """The whole schema: every declared type, the root query and the mutations."""
    query = _root("Query", declare.ROOT_FIELDS)
    mutations = {name: field for name, (_, field) in declare.mutation_fields().items()}
    return strawberry.Schema(
        query=query,
        mutation=_root("Mutation", mutations) if mutations else None,
        config=StrawberryConfig(
            scalar_map={declare.Fen: FEN, declare.JSON: JSON_VALUE},
        ),
    )


def _root(name: str, fields: dict[str, Any]) -> type:
    annotations = {key: field.type_annotation.annotation for key, field in fields.items()}
    return strawberry.type(type(name, (), {"__annotations__": annotations, **fields}))


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """graphql-core's schema inside Strawberry's: what validates and coerces."""
    return schema._schema
