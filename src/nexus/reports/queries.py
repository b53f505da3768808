"""Running a report: the statements of its definition, for one reader, area and period."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Actor, View
from nexus.areas.model import COUNTRY, Area, CodeEntry
from nexus.core.refusals import Invalid, NotFound
from nexus.reports import policy, rules
from nexus.reports.asking import Asked, Definition, Scope
from nexus.reports.content import (
    Cell,
    Column,
    Kind,
    Label,
    Report,
    Table,
    plain_number,
    ratio_of,
    tenth,
)
from nexus.reports.defined.catalogue import REPORTS
from nexus.reports.words import Words, same

Names = Mapping[tuple[str, str], Words]
"""What codes are called, by code list."""


async def run(
    view: View,
    name: str,
    *,
    area: str | None = None,
    from_on: date | None = None,
    until_on: date | None = None,
    only: tuple[str, str] | None = None,
) -> Report:
    """The report as it stands now. `only` narrows the details to a column's value.

    UnknownReport; NotFound for an area outside the reader's territory or a report for others;
    Invalid for a period.
    """
    rules.check_name(name, REPORTS)
    definition = REPORTS[name]
    if definition not in policy.readable(view.actor):
        raise NotFound("There is no such report for your role.")
    place = await _area(view, area)
    today = view.actor.today()
    start, until = rules.period(from_on, until_on, months=definition.months, today=today)
    scope = Scope(view.actor, "" if place.code == COUNTRY else place.code, start, until)
    asked = _shown(view.actor, definition)
    found = [(one, *await _ask(view.session, one, scope, only)) for one in asked]
    names = await _names(view.session, found)
    tables = tuple(_table(one, rows, count, names) for one, rows, count in found)
    return Report(
        name=name,
        version=definition.version,
        title=definition.title,
        question=definition.question,
        area=Label(place.code, same(place.name)),
        from_on=start,
        until_on=until,
        as_of=view.now.replace(microsecond=0),
        headline=definition.headline({table.key: table for table in tables}),
        tables=tables,
    )


def _shown(actor: Actor, definition: Definition) -> list[Asked]:
    """The tables for the reader; without the details no number leads to any."""
    if actor.role in definition.rows_for:
        return list(definition.tables)
    return [replace(one, drill=None) for one in definition.tables if not one.detail]


async def _area(view: View, code: str | None) -> Area:
    """The division asked for, or the whole territory. NotFound."""
    code = code or view.actor.area_prefix or COUNTRY
    found = await view.session.get(Area, code)
    if found is None or view.actor.covers("" if code == COUNTRY else code) is not True:
        raise NotFound(f"There is no area {code} in your territory.")
    return found


async def _ask(
    session: AsyncSession, asked: Asked, scope: Scope, only: tuple[str, str] | None
) -> tuple[Sequence[Mapping[str, Any]], int]:
    """The rows, and how many there are where details are cut off."""
    statement = asked.select(scope)
    if not asked.detail:
        rows = (await session.execute(statement)).mappings().all()
        return rows, len(rows)
    if only is not None:
        statement = _narrowed(asked, statement, *only)
    rows = (await session.execute(statement.limit(rules.MOST_ROWS))).mappings().all()
    if len(rows) < rules.MOST_ROWS:
        return rows, len(rows)
    whole = statement.order_by(None).subquery()
    return rows, (await session.execute(select(func.count()).select_from(whole))).scalar_one()


def _narrowed(asked: Asked, statement: Select[Any], key: str, value: str) -> Select[Any]:
    """The details whose column has that value. Invalid for a column they do not have."""
    if key not in {column.key for column in asked.columns}:
        raise Invalid(f"The details have no column '{key}'.", field="only")
    exported = statement.selected_columns
    return statement.where(exported[key] == value)


async def _names(session: AsyncSession, found: Sequence[Any]) -> Names:
    """What the codes in the rows are called, each list asked once."""
    wanted: dict[str, set[str]] = {}
    for asked, rows, _ in found:
        for column in asked.columns:
            if column.listed is not None:
                codes = wanted.setdefault(column.listed, set())
                codes.update(row[column.key] for row in rows if row[column.key] is not None)
    names: dict[tuple[str, str], Words] = {}
    if places := wanted.pop("area", None):
        areas = await session.execute(select(Area.code, Area.name).where(Area.code.in_(places)))
        names.update({("area", code): same(name) for code, name in areas})
    entry = CodeEntry
    labels = await session.execute(
        select(
            entry.list_name,
            entry.code,
            entry.label_zh_hans,
            entry.label_zh_hant,
            entry.label_en,
        )
        .where(entry.list_name.in_(wanted))
        .order_by(entry.valid_from)
    )
    names.update({(kind, code): Words(*told) for kind, code, *told in labels})
    return names


def _table(asked: Asked, rows: Sequence[Mapping[str, Any]], count: int, names: Names) -> Table:
    table = Table(
        key=asked.key,
        title=asked.title,
        columns=asked.columns,
        rows=tuple(tuple(_cell(column, row, names) for column in asked.columns) for row in rows),
        sentence=same(""),
        chart=asked.chart,
        detail=asked.detail,
        found=count if asked.detail else None,
        drill=asked.drill,
    )
    return replace(table, sentence=asked.says(table))


def _cell(column: Column, row: Mapping[str, Any], names: Names) -> Cell:
    if column.ratio is not None:
        return ratio_of(column, row)
    value = row[column.key]
    if value is None:
        return None
    match column.kind:
        case Kind.LABEL:
            called = names.get((column.listed or "", value)) or column.words.get(value)
            return Label(value, called or same(value))
        case Kind.COUNT | Kind.FEN:
            return int(value)
        case Kind.QUANTITY:
            return plain_number(value)
        case Kind.PERCENT | Kind.RATE | Kind.DAYS | Kind.HOURS:
            return tenth(value)
    return value  # type: ignore[no-any-return]
