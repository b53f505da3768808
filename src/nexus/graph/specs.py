"""What a declaration says about a field: the compiler reads these, nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute
from strawberry.utils.str_converters import to_camel_case

from nexus.acting import Actor, Visible
from nexus.core.states import Transitions

Row = Any
"""A mapped class, an alias of one, or the columns of a subquery."""
May = Callable[[Actor, Row], Any]
Expression = Callable[[Actor, Row], ColumnElement[Any]]

PAGE_DEFAULT = 20
PAGE_MAX = 1000


@dataclass(frozen=True)
class GlobalId:
    """`id`: the Relay id made of the type's name and its key column."""

    key: str


@dataclass(frozen=True)
class Column:
    """A column of the type's own row; `allowed` redacts it for those it refuses."""

    name: str
    allowed: May | None = None


@dataclass(frozen=True)
class Computed:
    """A SQL expression over the row."""

    expression: Expression


@dataclass(frozen=True)
class ToOne:
    """The row that a key column points to, or null when there is none the actor sees."""

    key: str
    allowed: May | None = None


@dataclass(frozen=True)
class Order:
    """Sort keys (names of columns that are never null) and a direction; the id comes last."""

    columns: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True)
class Filter:
    """One entry of a filter input: its predicate, and how the value is made ready for SQL."""

    predicate: Callable[[Row, ColumnElement[Any]], ColumnElement[bool]]
    bind_type: Any
    convert: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class Pages:
    """A connection: the children of a row by `foreign_key`, or a root collection without one."""

    orders: dict[str, Order]
    foreign_key: str | None = None
    parent_key: str = "id"
    filters: dict[str, Filter] = field(default_factory=dict)
    allowed: May | None = None


@dataclass(frozen=True)
class Derived:
    """A list made by a correlated select, such as match suggestions, best first."""

    select: Callable[[Actor, Row, ColumnElement[int]], Select[Any]]
    default: int
    maximum: int


@dataclass(frozen=True)
class Given:
    """An argument of a found row: its type in SQL, and how its value is made ready for it."""

    bind_type: Any
    convert: Callable[[Any], Any] = lambda value: value


@dataclass(frozen=True)
class Found:
    """A root field that is one row of a select over its arguments; `first` bounds its size."""

    select: Callable[[Actor, ColumnElement[int], dict[str, ColumnElement[Any]]], Select[Any]]
    default: int
    maximum: int
    arguments: dict[str, Given]
    """By GraphQL name. The select gets those that are given."""
    apart: dict[str, Callable[[Actor, dict[str, ColumnElement[Any]]], ColumnElement[Any]]] = field(
        default_factory=dict
    )
    """By GraphQL name of a field of the row: a column that only this field reads, and that is
    made only where it is selected."""


@dataclass(frozen=True)
class Listed:
    """A list made by a correlated select over a found row, whose size is bounded already."""

    select: Callable[[Actor, Row], Select[Any]]


@dataclass(frozen=True)
class NodeOf:
    """The node, of one of the types, that two columns of a derived row name; keys are UUIDs."""

    types: tuple[str, ...]
    type_column: str
    key_column: str


@dataclass(frozen=True)
class One:
    """A root field of at most one row."""

    predicate: Callable[[Actor, Row], ColumnElement[bool]]


@dataclass(frozen=True)
class Static:
    """A root field answered from the program itself, with no row behind it."""

    value: Callable[..., Any]
    arguments: dict[str, str] = field(default_factory=dict)
    """GraphQL name → Python name."""


@dataclass(frozen=True)
class NodeById:
    """`node(id)` and `nodes(ids)`."""

    many: bool


@dataclass(frozen=True)
class Actions:
    """`allowedActions`: the mutations the actor may call on the row in its present state."""


@dataclass(frozen=True)
class Redactions:
    """`redactions`: the names of the fields withheld from this actor."""


Spec = (
    GlobalId
    | Column
    | Computed
    | ToOne
    | Pages
    | Derived
    | Found
    | Listed
    | NodeOf
    | One
    | Static
    | NodeById
    | Actions
    | Redactions
)


@dataclass
class TypeSpec:
    """A declared GraphQL object type: over a table (a node) or over a subquery's columns."""

    name: str
    fields: dict[str, Spec]
    """By GraphQL name."""
    targets: dict[str, str]
    """GraphQL name → name of the type a relation leads to."""
    table: Any = None
    visible: Visible | None = None
    key: str = "id"
    transitions: Transitions[Any] | None = None
    actions: dict[str, tuple[str | None, May]] = field(default_factory=dict)
    """Mutation name → (verb, may)."""
    made: Any = None
    """The Strawberry class."""


@dataclass(frozen=True)
class MutationSpec:
    """A deed: runs in one transaction and returns the row whose type is `returns`.

    A type without a table is returned as a mapping of its fields, and such a deed has no key.
    """

    name: str
    run: Callable[..., Awaitable[Any]]
    returns: str
    input_type: type
    keyed: bool


@dataclass(frozen=True)
class Heard:
    """Events of these kinds tell of a row: their object, or the one that a fact names."""

    kinds: frozenset[str]
    type_name: str
    fact: str | None = None
    concerns: May | None = None
    """Whom the row concerns, of those who see it."""


@dataclass(frozen=True)
class Narrowing:
    """An argument that the row must fit; `fact` names its value in the event, if it is there."""

    filter: Filter
    fact: str | None = None


@dataclass(frozen=True)
class Stream:
    """A field of the root subscription: one answer for each row that the news is about."""

    heard: tuple[Heard, ...]
    filters: dict[str, Filter]
    """Entries of its `filter` argument."""
    arguments: dict[str, Narrowing]
    """By GraphQL name."""


@dataclass
class Registry:
    """What the slices declared: types, mutations, the fields of the roots."""

    types: dict[str, TypeSpec] = field(default_factory=dict)
    mutations: dict[str, MutationSpec] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    """By GraphQL name."""
    roots: dict[str, Any] = field(default_factory=dict)
    """Strawberry fields of the root query by Python name."""
    subscriptions: dict[str, Any] = field(default_factory=dict)
    """Strawberry fields of the root subscription by Python name."""


def camel(name: str) -> str:
    """The GraphQL name of a Python name, as Strawberry makes it."""
    return to_camel_case(name)


def enum_column(attribute: InstrumentedAttribute[Any]) -> type[StrEnum] | None:
    """The StrEnum behind a column, if there is one."""
    enum_class = getattr(attribute.type, "enum_class", None)
    return enum_class if isinstance(enum_class, type) else None
