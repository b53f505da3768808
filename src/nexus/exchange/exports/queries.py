"""The rows of an export: the compiled read path, a chunk at a time, by the key of the rows.

A chunk is one statement: the type's policy and redactions, the filter of its collection, and what
comes after the last row sent. The key orders by when a row was made and never changes.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from graphql import (
    FieldNode,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
)
from graphql.utilities import coerce_input_value
from sqlalchemy import Integer, Text, Uuid, cast, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.exchange.exports import model, rules
from nexus.graph import specs
from nexus.graph.compiler import Compiler
from nexus.graph.documents import Prepared
from nexus.graph.execution import Executor
from nexus.graph.plans import Statement
from nexus.graph.reading import Lanes, Reader
from nexus.graph.sql import quoted
from nexus.needs.model import Need

START = UUID(int=0)
"""Before the first row."""
_LISTED = {
    "Offer": {"areas": "areas(first: 100) { area { code } }"},
    "EmergencyEvent": {"areas": "areas(first: 1000) { area { code } }"},
}
"""Lists that belong to a row of a dataset."""
_BREAK: Any = literal_column("E'\\n'", Text())


@dataclass(frozen=True)
class Selection:
    """What of a type is exported."""

    prepared: Prepared
    columns: tuple[str, ...]
    """Paths of the single values, in order."""


class Exporter:
    """Reads exports over an executor's schema, on connections of their own."""

    def __init__(self, executor: Executor, pool: Lanes) -> None:
        self.executor = executor
        self.reader = Reader(pool)
        self.selection = cache(self._selection)

    def check_scopes(self, dataset: model.ExportDataset, actor: Actor) -> None:
        """RequestError 403 when the actor's credential does not open the dataset."""
        if actor.grant is not None and actor.grant.scopes is not None:
            prepared = self.selection(rules.TYPES[dataset]).prepared
            self.executor.scopes.check(prepared, prepared.operation(None), actor.grant.scopes)

    async def count(self, export: model.Export, actor: Actor) -> int:
        """How many rows the actor would get now; counting stops above the cap."""
        values = self._values(export, START, rules.MAX_ROWS + 1)
        return int(await self._fetch("count", export, actor, values))

    async def chunk(self, export: model.Export, actor: Actor, after: UUID) -> list[bytes]:
        """The next rows as lines of JSON."""
        text = await self._fetch("rows", export, actor, self._values(export, after, rules.CHUNK))
        return [] if text == b"null" else text.split(b"\n")

    async def _fetch(
        self, part: str, export: model.Export, actor: Actor, values: dict[str, Any]
    ) -> bytes:
        statement = self._statement(part, export.dataset, values, actor)
        return await self.reader.fetch(statement.sql, statement.parameters(values, actor))

    def _values(self, export: model.Export, after: UUID, limit: int) -> dict[str, Any]:
        filter_type: Any = self.executor.schema.get_type(filter_name(export.dataset))
        chosen = coerce_input_value(export.filter, filter_type)
        given = {name: value for name, value in chosen.items() if value is not None}
        return {"after": after, "limit": limit, "filter": given}

    def _statement(
        self, part: str, dataset: model.ExportDataset, values: dict[str, Any], actor: Actor
    ) -> Statement:
        key = ("export", part, dataset, actor.role, tuple(sorted(values["filter"])))
        build = {"rows": self._rows, "count": self._counted}[part]
        prepared = self.selection(rules.TYPES[dataset]).prepared
        return self.executor.planner.made(
            key,
            prepared,
            values,
            actor.role,
            lambda compiler: build(compiler, dataset, list(values["filter"])),
        )

    def _rows(self, compiler: Compiler, dataset: model.ExportDataset, names: list[str]) -> Any:
        spec = self.executor.registry.types[rules.TYPES[dataset]]
        row = compiler.alias(spec.table)
        prepared = self.selection(spec.name).prepared
        built = compiler.object(spec, row, [_selected(prepared)], compiler.cost)
        chosen = self._chosen(compiler, dataset, row, names).add_columns(cast(built, Text))
        lines: Any = chosen.subquery(compiler.name("x"))
        key, line = lines.c
        # A list within a row is written on several lines: the breaks are no part of its values.
        whole = func.replace(line, _BREAK, quoted(""))
        joined = func.string_agg(whole, aggregate_order_by(_BREAK, key))
        return select(joined).select_from(lines).scalar_subquery()

    def _counted(self, compiler: Compiler, dataset: model.ExportDataset, names: list[str]) -> Any:
        spec = self.executor.registry.types[rules.TYPES[dataset]]
        row = compiler.alias(spec.table)
        found = self._chosen(compiler, dataset, row, names).subquery(compiler.name("x"))
        return select(func.count()).select_from(found).scalar_subquery()

    def _chosen(
        self, compiler: Compiler, dataset: model.ExportDataset, row: Any, names: list[str]
    ) -> Any:
        """The keys of the rows that are seen, fit the filter and come next."""
        spec = self.executor.registry.types[rules.TYPES[dataset]]
        key = getattr(row, spec.key)
        after = compiler.parameter(lambda values: values["after"], Uuid())
        limit = compiler.parameter(lambda values: values["limit"], Integer())
        filtered, fits = _filtered(compiler, dataset, row)
        root = specs.camel(rules.FILTERS[dataset])
        declared: Any = self.executor.registry.types["Query"].fields[root]
        conditions = [
            _holds(compiler, declared.filters[name], name, filtered) for name in sorted(names)
        ]
        seen = compiler.seen(spec, row)
        found = select(key).where(seen, key > after, *fits(conditions))
        return found.order_by(key).limit(limit).correlate_except(row)

    def _selection(self, type_name: str) -> Selection:
        spec = self.executor.registry.types[type_name]
        texts, columns = [], []
        for name in spec.fields:
            text, paths = self._field(spec, name)
            texts.append(text)
            columns += paths
        document = f'{{ node(id: "") {{ ... on {type_name} {{ {" ".join(texts)} }} }} }}'
        return Selection(self.executor.documents.prepare(document), tuple(columns))

    def _field(self, spec: specs.TypeSpec, name: str) -> tuple[str, list[str]]:
        """The field as it is selected, and the paths of its values; nothing for other lists."""
        types = self.executor.registry.types
        found: Any = self.executor.schema.get_type(spec.name)
        match spec.fields[name]:
            case specs.ToOne():
                below = _named(types[spec.targets[name]])
                return f"{name} {{ {' '.join(below)} }}", [f"{name}.{one}" for one in below]
            case specs.GlobalId() | specs.Column() | specs.Computed() | specs.Redactions():
                if is_leaf_type(get_named_type(found.fields[name].type)):
                    return name, [name]
            case specs.Derived() if name in _LISTED.get(spec.name, {}):
                return _LISTED[spec.name][name], [f"{name}.area.code"]
        return "", []


def filter_name(dataset: model.ExportDataset) -> str:
    """The input type that a dataset is filtered by."""
    names = {model.ExportDataset.LINES: "Need", model.ExportDataset.EMERGENCIES: "Emergency"}
    return f"{names.get(dataset, rules.TYPES[dataset])}Filter"


def _named(target: specs.TypeSpec) -> list[str]:
    """By what a row that another one points to is known."""
    if target.key == "code":
        return ["code", "name"]
    return ["id", "no"] if "no" in target.fields else ["id"]


def _selected(prepared: Prepared) -> SelectionSetNode:
    """The selection within `node(id: "") { ... on Type { … } }`."""
    (node,) = prepared.operation(None).node.selection_set.selections
    assert isinstance(node, FieldNode)
    assert node.selection_set is not None
    (fragment,) = node.selection_set.selections
    assert isinstance(fragment, InlineFragmentNode)
    return fragment.selection_set


def _filtered(compiler: Compiler, dataset: model.ExportDataset, row: Any) -> tuple[Any, Any]:
    """The row that the filter speaks of, and how its conditions become the row's own."""
    if dataset is not model.ExportDataset.LINES:
        return row, lambda conditions: conditions
    need = aliased(Need)

    def of_need(conditions: list[Any]) -> list[Any]:
        return [exists().where(need.id == row.need_id, *conditions)] if conditions else []

    return need, of_need


def _holds(compiler: Compiler, entry: specs.Filter, name: str, row: Any) -> Any:
    parameter = compiler.parameter(
        lambda values: entry.convert(values["filter"][name]), entry.bind_type
    )
    return entry.predicate(row, parameter)
