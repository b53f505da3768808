"""How a report is asked of the ledgers: its tables as statements over an area and a period."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, Select, and_, cast, func, literal_column

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, TERRITORIAL, Actor, Role
from nexus.reports.content import Chart, Column, Label, Table
from nexus.reports.words import Words

# In the statement's text: a parameter would keep an expression from being grouped by.
ZONE: ColumnElement[str] = literal_column("'Asia/Shanghai'")
READERS = GOVERNMENT | OVERSIGHT | EVERYWHERE | {Role.BUYER, Role.BUYER_FINANCE}
"""Authorities, buyers and oversight: who reads counts of their own territory."""
ROWS_FOR = TERRITORIAL | EVERYWHERE
"""Who is shown the rows of the ledger behind them; a buyer has the counts."""

Rows = Sequence[Mapping[str, Any]]
"""The rows of a table by the keys of its columns; codes are labels already."""
Tables = Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks, for which area (a prefix, '' the country) and period, end-exclusive."""

    actor: Actor
    prefix: Any
    from_on: Any
    until_on: Any

    def within(self, code: Any) -> ColumnElement[bool]:
        """SQL: the division lies in the area."""
        return and_(code >= self.prefix, code < self.prefix + "~")

    def during(self, moment: Any) -> ColumnElement[bool]:
        """SQL: the moment lies in the period, by the days of Shanghai."""
        return and_(moment >= midnight(self.from_on), moment < midnight(self.until_on))

    def on_days(self, day: Any) -> ColumnElement[bool]:
        """SQL: the day lies in the period."""
        return and_(day >= self.from_on, day < self.until_on)


@dataclass(frozen=True, slots=True)
class Asked:
    """One table of a report: a statement whose columns bear the keys, and what it shows."""

    key: str
    title: Words
    columns: tuple[Column, ...]
    select: Callable[[Scope], Select[Any]]
    says: Callable[[Table], Words]
    """The sentence, from the table as it was found."""
    chart: Chart | None = None
    detail: bool = False
    drill: str | None = None
    """The column that narrows the details to the rows behind a number."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A report: who may read it, and its tables in order."""

    name: str
    version: int
    title: Words
    question: Words
    tables: tuple[Asked, ...]
    headline: Callable[[Tables], Words]
    readers: frozenset[Role] = READERS
    rows_for: frozenset[Role] = ROWS_FOR
    """Roles that are shown its details."""
    own: bool = False
    """What it holds depends on whose account asks: a kept one is for its organization."""
    months: int = 12
    """As long as its period is unless another is asked for, the running month included."""


def midnight(day: Any) -> Any:
    """SQL: the moment a day begins in Shanghai."""
    return func.timezone(ZONE, cast(day, DateTime))


def day_of(moment: Any) -> Any:
    """SQL: the day of a moment, in Shanghai."""
    return cast(func.timezone(ZONE, moment), Date)


def month_of(moment: Any) -> Any:
    """SQL: the month of a moment in Shanghai, as 2026-11."""
    return func.to_char(func.timezone(ZONE, moment), literal_column("'YYYY-MM'"))


def county_of(code: Any) -> Any:
    """SQL: the county of a division; what is coarser stays as it is."""
    return func.substr(code, literal_column("1"), literal_column("6"))


def greatest(table: Table, key: str) -> tuple[Any, ...] | None:
    """The first row with the largest number in that column; None where all are zero or none."""
    place = table.at(key)
    rows = [row for row in table.rows if row[place]]
    return max(rows, key=lambda row: row[place]) if rows else None  # type: ignore[arg-type, return-value]


def named(cell: Any) -> Words | str:
    """What a cell is called within a sentence."""
    return cell.words if isinstance(cell, Label) else str(cell)


NOTHING = Words("本期没有记录。", "本期沒有記錄。", "There is nothing in this period.")


def sums(table: Table) -> dict[str, Any]:
    """The foot of a table by the keys of its columns."""
    return dict(zip((column.key for column in table.columns), table.totals(), strict=True))


def how_many(table: Table) -> Words:
    """The sentence of details: how many rows there are."""
    count = table.found if table.found is not None else len(table.rows)
    return Words("共 {count} 行。", "共 {count} 行。", "{count} rows in all.").filled(count=count)
