"""Checks that every declaration is true before it is served: a lie fails the build."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import GraphQLSchema, get_named_type, is_list_type, is_non_null_type
from sqlalchemy import BigInteger, Column

from nexus.graph import specs

_NAMES: dict[type, tuple[str, ...]] = {
    bool: ("Boolean",),
    datetime: ("DateTime",),
    date: ("Date",),
    Decimal: ("Decimal",),
    str: ("String", "ID"),
    UUID: ("ID",),
    dict: ("JSON",),
}


def check(schema: GraphQLSchema, registry: specs.Registry) -> None:
    """TypeError that lists what is declared wrongly; nothing when all is well."""
    wrong = [
        f"{spec.name}.{name}: {complaint}"
        for spec in registry.types.values()
        for name, declared in spec.fields.items()
        for complaint in _field(schema, registry, spec, name, declared)
    ]
    for mutation in registry.mutations.values():
        kept = registry.types[mutation.returns].table is not None
        if kept != mutation.keyed:
            wrong.append(
                f"{mutation.name}: "
                + ("its input needs idempotency_key" if kept else "its answer cannot be kept")
            )
    if wrong:
        raise TypeError("declared, but not so:\n" + "\n".join(wrong))


def _field(
    schema: GraphQLSchema,
    registry: specs.Registry,
    spec: specs.TypeSpec,
    name: str,
    declared: specs.Spec,
) -> Iterator[str]:
    parent: Any = schema.get_type(spec.name)
    if parent is None:
        return
    found = parent.fields[name].type
    sure = is_non_null_type(found)
    if getattr(declared, "allowed", None) is not None and sure:
        yield "it can be withheld, so it must be optional"
    match declared:
        case specs.ToOne() | specs.One() if sure:
            yield "its row may not be visible, so it must be optional"
        case specs.Column() if spec.table is not None:
            yield from _column(_of(spec.table, declared.name), found, sure)
        case specs.Pages():
            target = registry.types[spec.targets[name]]
            for key in {key for order in declared.orders.values() for key in order.columns}:
                if _of(target.table, key).nullable:
                    yield f"it is sorted by {key}, which can be null"
    target_name = spec.targets.get(name, "")
    if isinstance(declared, specs.ToOne | specs.One | specs.Pages | specs.Derived) and (
        target_name not in registry.types
    ):
        yield f"{target_name} is no declared type"


def _of(table: Any, name: str) -> Column[Any]:
    return table.__mapper__.columns[name]  # type: ignore[no-any-return]


def _column(column: Column[Any], found: Any, sure: bool) -> Iterator[str]:
    if column.nullable and sure:
        yield "the column can be null, so the field must be optional"
    inner = found.of_type if sure else found
    shown = get_named_type(found).name
    enum: type[Enum] | None = getattr(column.type, "enum_class", None)
    if is_list_type(inner):
        return
    python_type = column.type.python_type
    if enum is not None:
        expected: tuple[str, ...] = (enum.__name__,)
    elif python_type is int:
        expected = ("Fen",) if isinstance(column.type, BigInteger) else ("Int",)
    else:
        expected = _NAMES.get(python_type, (shown,))
    if shown not in expected:
        yield f"the column holds {' or '.join(expected)}, not {shown}"
