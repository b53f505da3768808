"""Connections: keyset pages by the Relay specification, each part only when it is selected."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Text,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import Subquery

from nexus.graph import costs, identifiers, specs
from nexus.graph.costs import BadArgument, Cost, Size
from nexus.graph.freezing import names_read
from nexus.graph.selections import Argument, Field, Values
from nexus.graph.sql import EMPTY_LIST, base64, build_object, quoted

if TYPE_CHECKING:
    from nexus.graph.compiler import Compiler

Pairs = list[tuple[str, ColumnElement[Any]]]


class Page:
    """One connection being compiled: its rows, its order, its size, where it begins."""

    def __init__(
        self,
        compiler: "Compiler",
        spec: specs.TypeSpec,
        row: Any,
        item: Field,
        declared: specs.Pages,
        target: specs.TypeSpec,
    ) -> None:
        self.compiler, self.spec, self.row = compiler, spec, row
        self.item, self.declared, self.target = item, declared, target
        first, last = self._given("first"), self._given("last")
        if first and last:
            raise BadArgument("Give either first or last, not both.", field="last")
        self.backward = last is not None
        name = "last" if self.backward else "first"
        self.size = Size(name, last or first, specs.PAGE_DEFAULT, specs.PAGE_MAX)
        self.order_name, self.order = self._order()
        self._parameters: dict[str, Any] = {}
        self.ranked = True
        """Whether rows are numbered: who asks where the page ends has to be told."""

    def connection(self, cost: Cost) -> ColumnElement[Any]:
        """The JSON of the connection."""
        rows = self.size.fixed if self.size.fixed is not None else self.size.value
        own = cost.add(rows=rows)
        if self.row is None:
            cost.add(weight=costs.COLLECTION)
        type_name = f"{self.target.name}Connection"
        fields = self.compiler.document.fields(type_name, self.item.below)
        paged = any(item.name in ("nodes", "edges", "pageInfo") for item in fields)
        self.ranked = self.backward or any(item.name == "pageInfo" for item in fields)
        page = self._page() if paged else None
        pairs: Pairs = []
        for item in fields:
            if item.name == "totalCount":
                cost.add(weight=costs.ROOT_TOTAL if self.row is None else costs.TOTAL)
                pairs.append((item.key, self._total()))
            elif item.name == "__typename":
                pairs.append((item.key, quoted(type_name)))
            else:
                pairs.append((item.key, self._part(item, page, own)))
        built = build_object(pairs)
        if page is None:
            self._check_cursors()
            return built
        _narrow(page, built)
        # Whatever is selected, the page is one group: one object.
        whole = select(built).select_from(page).having(literal_column("true", Boolean()))
        return whole.correlate_except(page).scalar_subquery()

    def _check_cursors(self) -> None:
        """A cursor that decides nothing here must still be one."""
        for name in ("after", "before"):
            given = self._given(name)
            if given is not None:
                self._compared(self.target.table, name, given)

    # Arguments -----------------------------------------------------------------------------

    def _given(self, name: str) -> Argument | None:
        if name not in ("first", "last", "after", "before") and not self._takes(name):
            return None
        return self.compiler.document.argument(self.spec.name, self.item.node, name)

    def _takes(self, name: str) -> bool:
        return name == "filter" or len(self.declared.orders) > 1

    def _order(self) -> tuple[str, specs.Order]:
        given = self._given("orderBy")
        if given is None:
            return next(iter(self.declared.orders.items()))
        name = str(getattr(given.now, "value", given.now))
        return name, self.declared.orders[name]

    def _parameter(self, name: str, binder: Any, kind: Any) -> Any:
        """A parameter of this page, made once however often it is used."""
        if name not in self._parameters:
            self._parameters[name] = self.compiler.parameter(binder, kind)
        return self._parameters[name]

    def _size(self) -> Any:
        """The page's size in SQL."""
        if self.size.fixed is not None:
            return literal_column(str(self.size.fixed), Integer())
        return self._parameter("size", self.size.value, Integer())

    # Rows ----------------------------------------------------------------------------------

    def _where(self, row: Any) -> list[ColumnElement[bool]]:
        conditions = [self.compiler.seen(self.target, row)]
        if self.declared.foreign_key is not None:
            parent = getattr(self.row, self.declared.parent_key)
            conditions.append(getattr(row, self.declared.foreign_key) == parent)
        given = self._given("filter")
        for name, value in (given.now if given else {}).items():
            if given is not None and value is not None:
                conditions.append(self._filter(row, name, given))
        return conditions

    def _filter(self, row: Any, name: str, given: Argument) -> ColumnElement[bool]:
        entry = self.declared.filters[name]
        parameter = self._parameter(
            f"filter {name}",
            lambda values: entry.convert(given.value(values)[name]),
            entry.bind_type,
        )
        return entry.predicate(row, parameter)

    def _keys(self, row: Any) -> list[Any]:
        return [getattr(row, name) for name in (*self.order.columns, self.target.key)]

    def _compared(self, row: Any, name: str, given: Argument) -> tuple[Any, Any]:
        """The row's sort keys and those of the cursor: rows that an index can compare."""
        keys = self._keys(row)
        values = [self._cursor_value(name, given, at, key) for at, key in enumerate(keys)]
        return tuple_(*keys), tuple_(*values)

    def _between(self, row: Any) -> list[ColumnElement[bool]]:
        """The keyset conditions of `after` and `before`."""
        conditions = []
        for name, onward in (("after", True), ("before", False)):
            given = self._given(name)
            if given is not None:
                left, right = self._compared(row, name, given)
                conditions.append(left < right if self.order.descending == onward else left > right)
        return conditions

    def _cursor_value(self, name: str, given: Argument, at: int, key: Any) -> Any:
        size = len(self.order.columns) + 1

        def binder(values: Values) -> Any:
            text = identifiers.read_cursor(given.value(values), self.order_name, size)[at]
            return identifiers.read_key(text, key.type)

        return self._parameter(f"{name} {at}", binder, key.type)

    def _page(self) -> Any:
        """The page's rows in their order; if ranked, numbered, with at least one more."""
        base = self.compiler.alias(self.target.table)
        descending = self.order.descending != self.backward
        ordering = [key.desc() if descending else key.asc() for key in self._keys(base)]
        shown = [base]
        if self.ranked:
            shown.append(func.row_number().over(order_by=ordering).label("rank__"))
        inner = (
            select(*shown)
            .where(*self._where(base), *self._between(base))
            .order_by(*ordering)
            .limit(literal_column(str(self.size.room + self.ranked), Integer()))
            .correlate_except(base)
        )
        page = inner.subquery(self.compiler.name("page"))
        if self.ranked or self.size.fixed is not None:
            return page
        # The room is for the planner; the size is what was asked for.
        return select(page).limit(self._size()).subquery(self.compiler.name("page"))

    def _total(self) -> ColumnElement[Any]:
        counted = self.compiler.alias(self.target.table)
        total = select(func.count()).select_from(counted).where(*self._where(counted))
        return total.correlate_except(counted).scalar_subquery()

    # Parts ---------------------------------------------------------------------------------

    def _part(self, item: Field, page: Any, cost: Cost) -> ColumnElement[Any]:
        row = aliased(self.target.table, page)
        if item.name == "nodes":
            return self._listed(page, self.compiler.object(self.target, row, item.below, cost))
        if item.name == "edges":
            return self._listed(page, self._edge(item, row, cost))
        return self._page_info(item, page, row)

    def _listed(self, page: Any, built: ColumnElement[Any]) -> ColumnElement[Any]:
        if self.ranked:
            rank = page.c.rank__
            order = rank.desc() if self.backward else rank.asc()
            listed = func.json_agg(aggregate_order_by(built, order)).filter(rank <= self._size())
        else:
            # The key is of no interest, but an aggregate that names nothing of the page would
            # belong to the select within.
            key = getattr(aliased(self.target.table, page), self.target.key)
            listed = func.json_agg(built).filter(key.is_not(None))
        return func.coalesce(listed, EMPTY_LIST)

    def _edge(self, item: Field, row: Any, cost: Cost) -> ColumnElement[Any]:
        type_name = f"{self.target.name}Edge"
        pairs: Pairs = []
        for below in self.compiler.document.fields(type_name, item.below):
            if below.name == "cursor":
                pairs.append((below.key, self._cursor([cast(k, Text) for k in self._keys(row)])))
            elif below.name == "node":
                node = self.compiler.object(self.target, row, below.below, cost)
                pairs.append((below.key, node))
            else:
                pairs.append((below.key, quoted(type_name)))
        return build_object(pairs)

    def _cursor(self, texts: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
        return base64(cast(func.json_build_array(quoted(self.order_name), *texts), Text))

    def _page_info(self, item: Field, page: Any, row: Any) -> ColumnElement[Any]:
        pairs: Pairs = []
        for below in self.compiler.document.fields("PageInfo", item.below):
            if below.name == "__typename":
                pairs.append((below.key, quoted("PageInfo")))
            elif below.name == "hasNextPage":
                pairs.append((below.key, self._beyond(page, "before", self.backward)))
            elif below.name == "hasPreviousPage":
                pairs.append((below.key, self._beyond(page, "after", not self.backward)))
            else:
                at_first = (below.name == "startCursor") != self.backward
                pairs.append((below.key, self._end(page, row, at_first=at_first)))
        return build_object(pairs)

    def _beyond(self, page: Any, bound: str, outside: bool) -> ColumnElement[Any]:
        """Whether rows lie past the page's end: the one more, or what the cursor cut off."""
        if not outside:
            more: ColumnElement[Any] = _counted(page) > self._size()
            return more
        given = self._given(bound)
        if given is None:
            return false()
        other = self.compiler.alias(self.target.table)
        left, right = self._compared(other, bound, given)
        cut = left >= right if self.order.descending == (bound == "after") else left <= right
        found = exists().select_from(other).where(*self._where(other), cut)
        return found.correlate_except(other)

    def _end(self, page: Any, row: Any, *, at_first: bool) -> ColumnElement[Any]:
        """The cursor of the row numbered first or last among those shown; null without rows."""
        rank = page.c.rank__
        shown = func.least(_counted(page), self._size())
        place = literal_column("1", Integer()) if at_first else cast(shown, Integer)
        texts = []
        for key in self._keys(row):
            gathered: Any = func.array_agg(aggregate_order_by(key, rank), type_=ARRAY(key.type))
            texts.append(cast(gathered[place], Text))
        return case((shown > 0, self._cursor(texts)))


def _narrow(page: Any, built: ColumnElement[Any]) -> None:
    """Leave the page the columns that are read of it: a sort carries every one that it has."""
    read = names_read(page.name, built) | {"rank__"}
    while isinstance(page, Subquery):
        rows: Any = page.element
        kept = [each for each in rows.selected_columns if each.key in read]
        page.element = rows.with_only_columns(*kept)
        page = rows.get_final_froms()[0]


def _counted(page: Any) -> ColumnElement[int]:
    """The rows of the page. A column of it is counted: count(*) would belong to a select within."""
    return func.count(page.c.rank__)
