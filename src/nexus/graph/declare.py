"""The words a slice declares its types with. A type without a policy cannot be declared."""

import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Generic, NewType, TypeVar, get_args, get_origin

import strawberry
from sqlalchemy import Date, DateTime, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import has_object_definition
from strawberry.types.field import StrawberryField

from nexus.acting import Visible
from nexus.core.states import Transitions
from nexus.graph import identifiers, specs

T = TypeVar("T")

Fen = NewType("Fen", int)
JSON = NewType("JSON", object)

TYPES: dict[str, specs.TypeSpec] = {}
MUTATIONS: dict[str, specs.MutationSpec] = {}


@strawberry.interface(description="Anything with a global id (Relay).")
class Node:
    id: strawberry.ID


@strawberry.type(description="Where a page stands in its connection (Relay).")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A row and the cursor that points at it.")
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type(description="A page of rows. `totalCount` is counted only when asked for.")
class Connection(Generic[T]):
    total_count: int
    nodes: list[T]
    edges: list[Edge[T]]
    page_info: PageInfo


@strawberry.type(description="Why a mutation changed nothing: an expected answer, not a fault.")
class Refusal:
    code: str
    message: str
    field: str | None
    details: JSON | None


@strawberry.input(description="What every transition takes.")
class TransitionInput:
    id: strawberry.ID
    expected_version: int
    idempotency_key: str
    reason: str | None = None


class Declared:
    """A field's spec with the GraphQL arguments it takes, before it is bound to its type."""

    def __init__(
        self, spec: specs.Spec, arguments: Mapping[str, Any] | None = None, about: str | None = None
    ) -> None:
        self.spec = spec
        self.arguments = dict(arguments or {})
        self.about = about


def _key(attribute: Any) -> str:
    return str(attribute.key)


def computed(expression: specs.Expression, about: str | None = None) -> Any:
    """A field that is a SQL expression `(actor, row) -> expression`."""
    return Declared(specs.Computed(expression), about=about)


def classified(attribute: Any, *, allowed: specs.May) -> Any:
    """A column shown only where `allowed(actor, row)` holds; null elsewhere, and told so."""
    return Declared(specs.Column(_key(attribute), allowed))


def to_one(attribute: Any, *, allowed: specs.May | None = None) -> Any:
    """The row this key column points to."""
    return Declared(specs.ToOne(_key(attribute), allowed))


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
    enum = strawberry.enum(Enum(f"{name}Order", {key: key for key in orders}))
    return dict(orders), {"order_by": enum | None}


def to_many(
    attribute: Any,
    *,
    order: specs.Order,
    parent_key: str = "id",
    allowed: specs.May | None = None,
) -> Any:
    """The rows whose key column points here, as a connection."""
    spec = specs.Pages({"DEFAULT": order}, _key(attribute), parent_key, allowed=allowed)
    return Declared(spec, PAGE_ARGUMENTS)


def collection(
    name: str,
    *,
    orders: Mapping[str, specs.Order],
    filters: Mapping[str, "FilterField"] | None = None,
    about: str | None = None,
) -> Any:
    """A root connection over every row the actor sees; the first order is the default."""
    known, order_argument = _orders(name, orders)
    arguments = {**PAGE_ARGUMENTS, **order_argument}
    by_name: dict[str, specs.Filter] = {}
    if filters:
        arguments["filter"] = _filter_input(name, filters) | None
        by_name = {_camel(key): entry.spec for key, entry in filters.items()}
    return Declared(specs.Pages(known, filters=by_name), arguments, about)


def derived(select: Any, *, default: int = 10, maximum: int = 100, about: str | None = None) -> Any:
    """A list made by a correlated select over the row."""
    return Declared(specs.Derived(select, default, maximum), {"first": int | None}, about)


def one(predicate: Any, about: str | None = None) -> Any:
    """A root field of at most one row."""
    return Declared(specs.One(predicate), about=about)


def static(value: Callable[..., Any], about: str | None = None, **arguments: Any) -> Any:
    """A root field answered by the program: `value(**arguments)` gives plain JSON values."""
    return Declared(specs.Static(value), arguments, about)


def node_by_id(*, many: bool) -> Any:
    """Relay's `node` or `nodes`."""
    arguments = {"ids": list[strawberry.ID]} if many else {"id": strawberry.ID}
    return Declared(specs.NodeById(many), arguments)


class FilterField:
    """One entry of a filter: its GraphQL type and its predicate."""

    def __init__(self, annotation: Any, spec: specs.Filter) -> None:
        self.annotation = annotation
        self.spec = spec


def any_of(attribute: InstrumentedAttribute[Any]) -> FilterField:
    """The column's value is one of those listed."""
    name = _key(attribute)
    enum_class = specs.enum_column(attribute)
    annotation = list[enum_class] if enum_class else list[str]  # type: ignore[valid-type]
    spec = specs.Filter(
        lambda row, value: getattr(row, name) == value.any_(),  # type: ignore[attr-defined]
        ARRAY(Text()),
        lambda values: [_stored(value) for value in values],
    )
    return FilterField(annotation, spec)


def within(attribute: Any) -> FilterField:
    """The area code is the given one or lies beneath it; CN is everywhere."""
    name = _key(attribute)
    return FilterField(
        str,
        specs.Filter(
            lambda row, value: (getattr(row, name) >= value)
            & (getattr(row, name) < value.concat("~")),
            Text(),
            lambda code: "" if code == "CN" else code,
        ),
    )


_SQL_TYPES = {date: Date(), datetime: DateTime(timezone=True), Decimal: Numeric()}


def at_most(attribute: Any, kind: type) -> FilterField:
    """The column's value is the given one or less."""
    name = _key(attribute)
    return FilterField(
        kind, specs.Filter(lambda row, value: getattr(row, name) <= value, _SQL_TYPES[kind])
    )


def at_least(attribute: Any, kind: type) -> FilterField:
    """The column's value is the given one or more."""
    name = _key(attribute)
    return FilterField(
        kind, specs.Filter(lambda row, value: getattr(row, name) >= value, _SQL_TYPES[kind])
    )


def containing(*attributes: Any) -> FilterField:
    """Any of the columns contains the text, letter case aside."""
    names = [_key(attribute) for attribute in attributes]

    def predicate(row: Any, value: Any) -> Any:
        first, *rest = (getattr(row, name).ilike(value) for name in names)
        for other in rest:
            first = first | other
        return first

    def pattern(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"%{escaped}%"

    return FilterField(str, specs.Filter(predicate, Text(), pattern))


def holds(expression: Callable[[Any], Any]) -> FilterField:
    """A yes-or-no expression over the row equals the given value."""
    from sqlalchemy import Boolean

    return FilterField(
        bool, specs.Filter(lambda row, value: expression(row) == value, Boolean())
    )


def _stored(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _filter_input(name: str, filters: Mapping[str, FilterField]) -> Any:
    annotations = {key: entry.annotation | None for key, entry in filters.items()}
    body: dict[str, Any] = {"__annotations__": annotations, **dict.fromkeys(filters, strawberry.UNSET)}
    return strawberry.input(
        type(f"{name}Filter", (), body), description=f"Which {name} rows; all conditions hold."
    )


def _field(name: str, annotation: Any, declared: Declared | None, module: str) -> StrawberryField:
    namespace = vars(sys.modules[module])
    made = StrawberryField(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(annotation, namespace=namespace),
        description=declared.about if declared else None,
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
    for name, annotation in cls.__dict__.get("__annotations__", {}).items():
        default = cls.__dict__.get(name)
        declared = default if isinstance(default, Declared) else None
        if declared is None and table is not None and not hasattr(table, name):
            raise TypeError(f"{cls.__name__}.{name} is neither a column nor declared")
        fields[name] = _field(name, annotation, declared, cls.__module__)
        found[_camel(name)] = declared.spec if declared else specs.Column(name)
        targets[_camel(name)] = _target(annotation) or ""
    return fields, found, targets


def _finish(cls: type, fields: dict[str, StrawberryField], **options: Any) -> type:
    for name, field in fields.items():
        # Strawberry takes the type from the class annotation, in the namespace of its module.
        field.type_annotation = None
        setattr(cls, name, field)
    return strawberry.type(cls, description=(cls.__doc__ or "").strip() or None, **options)


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

    def declare(cls: type) -> type:
        extra: dict[str, Any] = {}
        annotations = cls.__dict__.get("__annotations__", {})
        if actions is not None:
            annotations["allowed_actions"] = list[str]
            extra["allowed_actions"] = Declared(
                specs.Actions(), about="The mutations you may call on this now."
            )
        if any(
            isinstance(value, Declared) and getattr(value.spec, "allowed", None)
            for value in cls.__dict__.values()
        ):
            annotations["redactions"] = list[str]
            extra["redactions"] = Declared(
                specs.Redactions(), about="The fields withheld from you here."
            )
        for name, value in extra.items():
            setattr(cls, name, value)
        fields, found, targets = _read(cls, table)
        bases = type(cls.__name__, (Node,), {**cls.__dict__, "__annotations__": annotations})
        TYPES[cls.__name__] = specs.TypeSpec(
            name=cls.__name__,
            fields={"id": specs.Column(key), **found},
            targets=targets,
            table=table,
            visible=visible,
            key=key,
            transitions=transitions,
            actions={_camel(name): rule for name, rule in (actions or {}).items()},
        )
        return _finish(bases, fields)

    return declare


def record(cls: type) -> type:
    """Declare a type over the columns of a derived select; it has no id and no policy of its own."""
    fields, found, targets = _read(cls, None)
    TYPES[cls.__name__] = specs.TypeSpec(cls.__name__, found, targets)
    return _finish(cls, fields)


def extend(target: type) -> Callable[[type], type]:
    """Add fields to a lower slice's type: the edge points up, the lower slice never knows.

    It appends to Strawberry's definition of the type, an internal: only this function does.
    """

    def declare(cls: type) -> type:
        if not has_object_definition(target):
            raise TypeError(f"{target.__name__} is no declared type")
        spec = TYPES[target.__name__]
        fields, found, targets = _read(cls, spec.table)
        target.__strawberry_definition__.fields.extend(fields.values())
        spec.fields.update(found)
        spec.targets.update(targets)
        return cls

    return declare


def result(name: str, declared: type) -> Any:
    """The union a mutation returns: the row's type or a Refusal."""
    return Annotated[declared | Refusal, strawberry.union(f"{name}Result")]


def mutation(returns: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a mutation `async def verb_noun(act, input) -> row`; `returns` is a `result(…)`."""
    target = get_args(get_args(returns)[0])[0].__name__

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        input_type = function.__annotations__["input"]
        name = _camel(function.__name__)
        MUTATIONS[name] = specs.MutationSpec(name, function, target, input_type)
        function.__annotations__["returns"] = returns
        return function

    return declare


def transition(name: str, returns: Any, deed: Callable[..., Any], about: str) -> None:
    """Declare the mutation of a plain transition: its input is a TransitionInput."""
    target = get_args(get_args(returns)[0])[0].__name__

    async def run(act: Any, input: TransitionInput) -> Any:
        return await deed(
            act,
            identifiers.decode(input.id, target),
            expected_version=input.expected_version,
            reason=input.reason,
        )

    run.__name__ = name
    run.__doc__ = about
    mutation(returns)(run)


def mutation_fields() -> dict[str, tuple[Any, StrawberryField]]:
    """The declared mutations as Strawberry fields, by Python name."""
    made = {}
    for spec in MUTATIONS.values():
        returns = spec.run.__annotations__["returns"]
        declared = Declared(
            specs.Static(lambda: None), {"input": spec.input_type}, (spec.run.__doc__ or "").strip()
        )
        name = spec.run.__name__
        made[name] = (returns, _field(name, returns, declared, spec.run.__module__))
    return made


def query(cls: type) -> type:
    """A slice's share of the root query type."""
    fields, found, targets = _read(cls, None)
    spec = TYPES.setdefault("Query", specs.TypeSpec("Query", {}, {}))
    spec.fields.update(found)
    spec.targets.update(targets)
    ROOT_FIELDS.update(fields)
    return cls


ROOT_FIELDS: dict[str, StrawberryField] = {}


def register_enums(*enums: type[StrEnum]) -> None:
    """Make StrEnums GraphQL enums; the name shown is the value in capitals."""
    for enum in enums:
        if not hasattr(enum, "__strawberry_definition__"):
            if any(member.name != member.value.upper() for member in enum):
                raise TypeError(f"{enum.__name__}: a member's value is not its name in lower case")
            strawberry.enum(enum)
