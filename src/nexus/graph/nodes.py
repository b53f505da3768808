"""`node(id)` and `nodes(ids)`: a foreign, a missing and a malformed id get the same answer."""

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, Text, case, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import ARRAY, JSON, aggregate_order_by

from nexus.graph import identifiers, specs
from nexus.graph.costs import Cost, PageTooLarge
from nexus.graph.selections import Argument, Field, Values
from nexus.graph.sql import EMPTY_LIST, NULL, quoted

if TYPE_CHECKING:
    from nexus.graph.compiler import Compiler


def named(registry: specs.Registry, global_id: Any) -> tuple[specs.TypeSpec, str] | None:
    """The node type a global id names and the key it holds, if it can be one."""
    parts = identifiers.split(global_id) if isinstance(global_id, str) else None
    spec = registry.types.get(parts[0]) if parts else None
    if parts is None or spec is None or spec.table is None:
        return None
    if _has_text_key(spec.table, spec.key):
        return (spec, parts[1]) if "\0" not in parts[1] else None
    return (spec, parts[1]) if identifiers.is_uuid(parts[1]) else None


@cache
def _has_text_key(table: Any, key: str) -> bool:
    return isinstance(getattr(table, key).type, Text)


def type_named(registry: specs.Registry, global_id: Any) -> str | None:
    """The name of the node type that the id names: what of an id a plan depends on."""
    found = named(registry, global_id)
    return found[0].name if found else None


def one_node(
    compiler: "Compiler", spec: specs.TypeSpec, item: Field, cost: Cost
) -> ColumnElement[Any]:
    """The node of the id, null when there is none to see."""
    given = compiler.document.argument(spec.name, item.node, "id")
    below = cost.add(worst=True)
    found = named(compiler.document.registry, given.now) if given else None
    _weigh(compiler, item, below, but=found[0] if found else None)
    if given is None or found is None:
        return NULL
    target = found[0]
    column = getattr(target.table, target.key)
    wanted = compiler.parameter(lambda values: _key(compiler, given.value(values)), column.type)
    own = below.add(weight=0)
    return compiler.single(target, item.below, own, lambda t: getattr(t, target.key) == wanted)


def some_nodes(
    compiler: "Compiler", spec: specs.TypeSpec, item: Field, cost: Cost
) -> ColumnElement[Any]:
    """The nodes of the ids in their order, null for each that is not to be seen."""
    given = compiler.document.argument(spec.name, item.node, "ids")
    assert given is not None
    registry = compiler.document.registry
    below = cost.add(rows=_count(given), worst=True)
    _weigh(compiler, item, below)
    names = sorted({name for one in given.now if (name := type_named(registry, one))})
    if not names:
        nothing = compiler.parameter(
            lambda values: json.dumps([None] * len(given.value(values))), Text()
        )
        return sql_cast(nothing, JSON)
    kinds = compiler.parameter(
        lambda values: [type_named(registry, one) for one in given.value(values)], ARRAY(Text())
    )
    keys = compiler.parameter(
        lambda values: [_key(compiler, one) for one in given.value(values)], ARRAY(Text())
    )
    ids: Any = (
        func.unnest(kinds, keys)
        .table_valued("kind", "key", with_ordinality="place", name=compiler.name("n"))
        .render_derived()
    )
    branches = [(ids.c.kind == name, _branch(compiler, name, item, ids)) for name in names]
    listed = func.json_agg(aggregate_order_by(case(*branches), ids.c.place))
    found = select(func.coalesce(listed, EMPTY_LIST)).select_from(ids).correlate_except(ids)
    return found.scalar_subquery()


def node_of(
    compiler: "Compiler", row: Any, item: Field, declared: specs.NodeOf, cost: Cost
) -> ColumnElement[Any]:
    """The node that the row's columns name, null when the actor does not see it.

    A derived row names the type, a table's row the table; a type nobody declared is nobody's.
    """
    derived = isinstance(row, FromClause)
    kind, key = (
        row.c[name] if derived else getattr(row, name)
        for name in (declared.type_column, declared.key_column)
    )
    below = cost.add(worst=True)
    branches = []
    for name in declared.types:
        if (spec := compiler.types.get(name)) is None:
            continue
        built = compiler.single(spec, item.below, below.add(weight=0), _same_key(spec, key))
        branches.append((kind == quoted(name if derived else spec.table.__tablename__), built))
    return case(*branches) if branches else NULL


def _same_key(spec: specs.TypeSpec, key: Any) -> Callable[[Any], Any]:
    return lambda row: getattr(row, spec.key) == key


def _branch(compiler: "Compiler", name: str, item: Field, ids: Any) -> ColumnElement[Any]:
    target = compiler.types[name]
    kind = getattr(target.table, target.key).type

    def same(row: Any) -> ColumnElement[bool]:
        return getattr(row, target.key) == sql_cast(ids.c.key, kind)  # type: ignore[no-any-return]

    return compiler.single(target, item.below, Cost(), same)


def _count(given: Argument) -> Any:
    def count(values: Values) -> int:
        found = len(given.value(values))
        if found > specs.PAGE_MAX:
            raise PageTooLarge(
                f"{found} ids were given; at most {specs.PAGE_MAX} are taken at once.",
                field="ids",
                maximum=specs.PAGE_MAX,
            )
        return found

    return count({}) if given.fixed else count


def _weigh(
    compiler: "Compiler", item: Field, cost: Cost, but: specs.TypeSpec | None = None
) -> None:
    """The cost of every type the selection speaks of: the same whatever the id turns out to be.

    `but` for the one that is compiled in earnest.
    """
    for target in _spoken_of(compiler, item):
        if target is not but:
            compiler.object(target, compiler.alias(target.table), item.below, cost.add(weight=0))


def _spoken_of(compiler: "Compiler", item: Field) -> Sequence[specs.TypeSpec]:
    return [
        spec
        for spec in compiler.types.values()
        if spec.table is not None
        and any(
            field.name not in ("id", "__typename")
            for field in compiler.document.fields(spec.name, item.below)
        )
    ]


def _key(compiler: "Compiler", global_id: Any) -> str | None:
    found = named(compiler.document.registry, global_id)
    return found[1] if found else None
