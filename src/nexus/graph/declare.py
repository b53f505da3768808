"""The words a slice declares its types with. A type without a policy cannot be declared."""

import sys
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum, StrEnum
from inspect import get_annotations
from typing import Annotated, Any, get_args, get_origin

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import has_object_definition
from strawberry.types.field import StrawberryField

from nexus.acting import Visible
from nexus.core.states import Transitions
from nexus.graph import specs
from nexus.graph.filters import (
    FilterField,
    any_of,
    at_least,
    at_most,
    containing,
    filter_input,
    holds,
    within,
)
from nexus.graph.mutations import Refusal, TransitionInput, mutation, result, transition
from nexus.graph.registering import MAIN, current
from nexus.graph.relay import Connection, Edge, Node, PageInfo
from nexus.graph.scalars import JSON, Fen

__all__ = [
    "JSON",
    "MUTATIONS",
    "TYPES",
    "Connection",
    "Edge",
    "Fen",
    "Node",
    "PageInfo",
    "Refusal",
    "TransitionInput",
    "any_of",
    "at_least",
    "at_most",
    "classified",
    "collection",
    "computed",
    "containing",
    "deprecated",
    "derived",
    "extend",
    "found",
    "holds",
    "listed",
    "mutation",
    "node",
    "node_by_id",
    "node_of",
    "one",
    "query",
    "record",
    "register_enums",
    "result",
    "static",
    "to_many",
    "to_one",
    "transition",
    "within",
]

TYPES = MAIN.types
MUTATIONS = MAIN.mutations


class Declared:
    """A field's spec with the GraphQL arguments it takes, before it is bound to its type."""

    def __init__(
        self, spec: specs.Spec, arguments: Mapping[str, Any] | None = None, about: str | None = None
    ) -> None:
        self.spec = spec
        self.arguments = dict(arguments or {})
        self.about = about
        self.deprecation: str | None = None


def _key(attribute: Any) -> str:
    return str(attribute.key)


def deprecated(since: date, *, use: str, declared: Any = None) -> Any:
    """A field that goes: `declared`, or the plain column. From `since` on `use` takes its place."""
    marked = declared if isinstance(declared, Declared) else Declared(specs.Column(""))
    marked.deprecation = f"{since.isoformat()}: use {use}"
    return marked


def computed(expression: specs.Expression, about: str | None = None) -> Any:
    """A field that is a SQL expression `(actor, row) -> expression`."""
    return Declared(specs.Computed(expression), about=about)


def classified(attribute: Any, *, allowed: specs.May, about: str | None = None) -> Any:
    """A column shown only where `allowed(actor, row)` holds; null elsewhere, and told so."""
    return Declared(specs.Column(_key(attribute), allowed), about=about)


def to_one(attribute: Any, *, allowed: specs.May | None = None, about: str | None = None) -> Any:
    """The row this key column points to: null when the actor does not see it."""
    return Declared(specs.ToOne(_key(attribute), allowed), about=about)


PAGE_ARGUMENTS: dict[str, Any] = {
    "first": int | None,
    "after": str | None,
    "last": int | None,
    "before": str | None,
}


def _orders(
    name: str, orders: Mapping[str, specs.Order]
) -> tuple[dict[str, specs.Order], dict[str, Any]]:
    if len(orders) < 2:
        return dict(orders), {}
    members: Any = Enum(f"{name}Order", {key: key for key in orders})  # type: ignore[misc]
    enum: Any = strawberry.enum(members)
    return dict(orders), {"order_by": enum | None}


def to_many(
    attribute: Any,
    *,
    order: specs.Order,
    parent_key: str = "id",
    allowed: specs.May | None = None,
    about: str | None = None,
) -> Any:
    """The rows whose key column points here, as a connection."""
    spec = specs.Pages({"DEFAULT": order}, _key(attribute), parent_key, allowed=allowed)
    return Declared(spec, PAGE_ARGUMENTS, about)


def collection(
    name: str,
    *,
    orders: Mapping[str, specs.Order],
    filters: Mapping[str, FilterField] | None = None,
    about: str | None = None,
) -> Any:
    """A root connection over every row the actor sees; the first order is the default."""
    known, order_argument = _orders(name, orders)
    arguments = {**PAGE_ARGUMENTS, **order_argument}
    by_name: dict[str, specs.Filter] = {}
    if filters:
        arguments["filter"] = filter_input(name, filters) | None
        by_name = {specs.camel(key): entry.spec for key, entry in filters.items()}
    return Declared(specs.Pages(known, filters=by_name), arguments, about)


def derived(select: Any, *, default: int = 10, maximum: int = 100, about: str | None = None) -> Any:
    """A list made by a correlated select over the row."""
    return Declared(specs.Derived(select, default, maximum), {"first": int | None}, about)


def found(
    select: Any,
    *,
    default: int,
    maximum: int,
    arguments: Mapping[str, tuple[Any, specs.Given]],
    apart: Mapping[str, Any] | None = None,
    about: str | None = None,
) -> Any:
    """A root field of one row that a select makes of `first` and of `arguments`.

    `apart` makes columns that only the fields of these names read.
    """
    shown = {name: kind | None for name, (kind, _) in arguments.items()}
    given = {specs.camel(name): entry for name, (_, entry) in arguments.items()}
    beside = {specs.camel(name): made for name, made in (apart or {}).items()}
    spec = specs.Found(select, default, maximum, given, beside)
    return Declared(spec, {"first": int | None, **shown}, about)


def listed(select: Any, about: str | None = None) -> Any:
    """A list made by a correlated select over a found row."""
    return Declared(specs.Listed(select), about=about)


def node_of(
    types: tuple[str, ...], type_column: str, key_column: str, about: str | None = None
) -> Any:
    """The node that a derived row names; null when the actor does not see it."""
    return Declared(specs.NodeOf(types, type_column, key_column), about=about)


def one(predicate: Any, about: str | None = None) -> Any:
    """A root field of at most one row."""
    return Declared(specs.One(predicate), about=about)


def static(value: Callable[..., Any], about: str | None = None, **arguments: Any) -> Any:
    """A root field answered by the program: `value(**arguments)` gives plain JSON values."""
    names = {specs.camel(name): name for name in arguments}
    return Declared(specs.Static(value, names), arguments, about)


def node_by_id(*, many: bool) -> Any:
    """Relay's `node` or `nodes`."""
    arguments = {"ids": list[strawberry.ID]} if many else {"id": strawberry.ID}
    return Declared(specs.NodeById(many), arguments)


def field_of(name: str, annotation: Any, declared: Declared | None, module: str) -> StrawberryField:
    """The Strawberry field of a declaration; `module` is where its annotation's names are known."""
    namespace = vars(sys.modules[module])
    made = StrawberryField(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(annotation, namespace=namespace),
        description=declared.about if declared else None,
        deprecation_reason=declared.deprecation if declared else None,
    )
    arguments = declared.arguments if declared else {}
    made.arguments = [
        StrawberryArgument(
            python_name=key,
            graphql_name=None,
            type_annotation=StrawberryAnnotation(kind, namespace=namespace),
        )
        for key, kind in arguments.items()
    ]
    return made


def _target(annotation: Any) -> str | None:
    """The name of the type that an annotation leads to: its innermost class or forward name."""
    if isinstance(annotation, str):
        return annotation.split("|")[0].split("[")[-1].rstrip("] ").strip("\"' ")
    forward = getattr(annotation, "__forward_arg__", None)
    if forward is not None:
        return _target(forward)
    if get_origin(annotation) is Annotated:
        return _target(get_args(annotation)[0])
    inner = [a for a in get_args(annotation) if a is not type(None)]
    return _target(inner[0]) if inner else getattr(annotation, "__name__", None)


def _read(
    cls: type, table: Any
) -> tuple[dict[str, StrawberryField], dict[str, specs.Spec], dict[str, str]]:
    fields: dict[str, StrawberryField] = {}
    found: dict[str, specs.Spec] = {}
    targets: dict[str, str] = {}
    for name, annotation in get_annotations(cls).items():
        default = cls.__dict__.get(name)
        declared = default if isinstance(default, Declared) else None
        plain = declared is None or declared.spec == specs.Column("")
        if plain and table is not None and not hasattr(table, name):
            raise TypeError(f"{cls.__name__}.{name} is neither a column nor declared")
        fields[name] = field_of(name, annotation, declared, cls.__module__)
        found[specs.camel(name)] = (
            specs.Column(name) if declared is None or plain else declared.spec
        )
        targets[specs.camel(name)] = _target(annotation) or ""
    return fields, found, targets


def _finish(cls: type, fields: dict[str, StrawberryField], **options: Any) -> type:
    for name, field in fields.items():
        # Strawberry takes the type from the class annotation, in the namespace of its module.
        field.type_annotation = None
        setattr(cls, name, field)
    return strawberry.type(cls, description=(cls.__doc__ or "").strip() or None, **options)


def _told_fields(cls: type, actions: Any) -> dict[str, Declared]:
    """The fields a node gains: what may be done with it, and what is withheld."""
    extra: dict[str, Declared] = {}
    if actions is not None:
        extra["allowed_actions"] = Declared(
            specs.Actions(), about="The mutations you may call on this now."
        )
    if any(
        isinstance(value, Declared) and getattr(value.spec, "allowed", None)
        for value in cls.__dict__.values()
    ):
        extra["redactions"] = Declared(
            specs.Redactions(), about="The fields withheld from you here."
        )
    return extra


def node(
    table: Any,
    *,
    visible: Visible,
    key: str = "id",
    transitions: Transitions[Any] | None = None,
    actions: Mapping[str, tuple[str | None, specs.May]] | None = None,
) -> Callable[[type], type]:
    """Declare a node type over a table, seen through `visible`.

    With `actions` ({mutation: (verb, may)}) it gains `allowedActions`; with a classified field,
    `redactions`. Its `id` is global, its key column is `key`.
    """
    if not callable(visible):
        raise TypeError("a node needs `visible`, its policy: (actor, row) -> SQL")

    def declare(cls: type) -> type:
        annotations = get_annotations(cls)
        for name, value in _told_fields(cls, actions).items():
            annotations[name] = list[str]
            setattr(cls, name, value)
        cls.__annotations__ = annotations
        fields, found, targets = _read(cls, table)
        bases = type(cls.__name__, (Node,), {**cls.__dict__, "__annotations__": annotations})
        spec = current().types[cls.__name__] = specs.TypeSpec(
            name=cls.__name__,
            fields={"id": specs.GlobalId(key), **found},
            targets=targets,
            table=table,
            visible=visible,
            key=key,
            transitions=transitions,
            actions={specs.camel(name): rule for name, rule in (actions or {}).items()},
        )
        spec.made = _finish(bases, fields)
        return spec.made  # type: ignore[no-any-return]

    return declare


def record(cls: type) -> type:
    """Declare a type over the columns of a derived select; without id or policy of its own."""
    fields, found, targets = _read(cls, None)
    made = _finish(cls, fields)
    current().types[cls.__name__] = specs.TypeSpec(cls.__name__, found, targets, made=made)
    return made


def extend(target: type) -> Callable[[type], type]:
    """Add fields to a lower slice's type: the edge points up, the lower slice never knows.

    It appends to Strawberry's definition of the type, an internal: only this function does.
    """

    def declare(cls: type) -> type:
        if not has_object_definition(target):
            raise TypeError(f"{target.__name__} is no declared type")
        spec = current().types[target.__name__]
        fields, found, targets = _read(cls, spec.table)
        target.__strawberry_definition__.fields.extend(fields.values())
        spec.fields.update(found)
        spec.targets.update(targets)
        return cls

    return declare


def query(cls: type) -> type:
    """A slice's share of the root query type."""
    registry = current()
    fields, found, targets = _read(cls, None)
    spec = registry.types.setdefault("Query", specs.TypeSpec("Query", {}, {}))
    spec.fields.update(found)
    spec.targets.update(targets)
    registry.roots.update(fields)
    return cls


def mutation_fields(registry: specs.Registry) -> dict[str, tuple[Any, StrawberryField]]:
    """The declared mutations as Strawberry fields, by Python name.

    Each may be null: where one fails, the answers of the others in the request still stand.
    """
    made = {}
    for spec in registry.mutations.values():
        returns = spec.run.__annotations__["returns"] | None
        declared = Declared(
            specs.Static(lambda: None), {"input": spec.input_type}, (spec.run.__doc__ or "").strip()
        )
        name = spec.run.__name__
        made[name] = (returns, field_of(name, returns, declared, spec.run.__module__))
    return made


def register_enums(*enums: type[StrEnum]) -> None:
    """Make StrEnums GraphQL enums; the name shown is the value in capitals."""
    for enum in enums:
        if not hasattr(enum, "__strawberry_definition__"):
            if any(member.name != member.value.upper() for member in enum):
                raise TypeError(f"{enum.__name__}: a member's value is not its name in lower case")
            strawberry.enum(enum)
