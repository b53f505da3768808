"""Documents that select all of a type: one level deep, every field and every argument at rest."""

from typing import Any

from graphql import GraphQLSchema, get_named_type, is_leaf_type, is_list_type, is_object_type
from graphql import get_nullable_type as nullable


def shallow(field_type: Any) -> str:
    """A selection on what a field returns that touches its rows."""
    target: Any = get_named_type(field_type)
    if is_leaf_type(target):
        return ""
    if target.name.endswith("Connection"):
        return (
            " { totalCount nodes { __typename } edges { cursor node { __typename } }"
            " pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"
        )
    if not is_object_type(target):
        return " { __typename }"
    scalars = [name for name, f in target.fields.items() if is_leaf_type(get_named_type(f.type))]
    return f" {{ __typename {' '.join(scalars)} }}"


def everything(schema: GraphQLSchema, type_name: str) -> str:
    """The selection of every field of an object type."""
    found: Any = schema.get_type(type_name)
    return " ".join(f"{name}{shallow(field.type)}" for name, field in found.fields.items())


def is_list(field_type: Any) -> bool:
    """Whether the field returns a list."""
    return bool(is_list_type(nullable(field_type)))
