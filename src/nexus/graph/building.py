"""Builds the Strawberry schema from what the slices declared."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig

from nexus.core import refusals
from nexus.graph import specs
from nexus.graph.checking import check
from nexus.graph.declare import mutation_fields
from nexus.graph.errors import RequestCode
from nexus.graph.mutations import Refusal
from nexus.graph.registering import MAIN
from nexus.graph.roots import declare_roots
from nexus.graph.scalars import SCALARS

_FOUNDATIONS = {"nexus.core", "nexus.graph", "nexus.acting"}


def build_schema(registry: specs.Registry = MAIN) -> strawberry.Schema:
    """The whole schema: every declared type, the root query and the mutations.

    TypeError when a declaration promises what its table does not hold.
    """
    if "StateMachine" not in registry.types:
        declare_roots(registry)
    _publish_codes(registry)
    mutations = {name: field for name, (_, field) in mutation_fields(registry).items()}
    schema = strawberry.Schema(
        query=_root("Query", registry.roots),
        mutation=_root("Mutation", mutations) if mutations else None,
        subscription=_root("Subscription", registry.subscriptions)
        if registry.subscriptions
        else None,
        types=[spec.made for spec in registry.types.values() if spec.table is not None],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    check(core_schema(schema), registry)
    return schema


def _root(name: str, fields: dict[str, Any]) -> type:
    annotations = {key: field.type_annotation.annotation for key, field in fields.items()}
    return strawberry.type(type(name, (), {"__annotations__": annotations, **fields}))


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """graphql-core's schema inside Strawberry's: what validates and coerces."""
    return schema._schema


def _publish_codes(registry: specs.Registry) -> None:
    """`Refusal.code` as an enum of every code there is, those of requests included."""
    codes = sorted({code.value for code in RequestCode} | set(_refusal_codes(registry)))
    members: Any = Enum("ErrorCode", {code: code for code in codes})  # type: ignore[misc]
    about = "Every code of a Refusal, and of `extensions.code` of an error."
    enum: Any = strawberry.enum(members, description=about)
    definition: Any = Refusal.__strawberry_definition__  # type: ignore[attr-defined]
    field = next(field for field in definition.fields if field.python_name == "code")
    field.type_annotation = StrawberryAnnotation(enum)


def _refusal_codes(registry: specs.Registry) -> Iterator[str]:
    """The codes of the foundations and of the slices that declare something here."""
    declarers = [spec.made for spec in registry.types.values() if spec.made]
    declarers += [spec.run for spec in registry.mutations.values()]
    slices = _FOUNDATIONS | {_slice(found.__module__) for found in declarers}
    kinds: list[type[refusals.Refusal]] = [refusals.Refusal, *_below(refusals.Refusal)]
    for refusal in kinds:
        if _slice(refusal.__module__) in slices:
            yield refusal.code


def _below(kind: type[refusals.Refusal]) -> Iterator[type[refusals.Refusal]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def _slice(module: str) -> str:
    return ".".join(module.split(".")[:2])
