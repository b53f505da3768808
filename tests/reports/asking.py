"""Asks for a report, and asks the ledgers the same in plain SQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import View
from nexus.reports import queries
from nexus.reports.content import Cell, Label, Report, Table
from tests.deeds import actor_of
from tests.making import now


@asynccontextmanager
async def viewing(engine: AsyncEngine, account: Any) -> AsyncIterator[View]:
    """A view as the account."""
    async with AsyncSession(engine) as session:
        yield View(session, actor_of(account, now()))


async def ask(engine: AsyncEngine, account: Any, name: str, **asked: Any) -> Report:
    """The report as the account is given it."""
    async with viewing(engine, account) as view:
        return await queries.run(view, name, **asked)


async def ledger(engine: AsyncEngine, statement: str, **binds: Any) -> list[tuple[Any, ...]]:
    """The rows of a plain statement."""
    async with AsyncSession(engine) as session:
        return [tuple(row) for row in await session.execute(text(statement), binds)]


def plain(cell: Cell) -> Any:
    """A label by its code."""
    return cell.code if isinstance(cell, Label) else cell


def columns(table: Table, *keys: str) -> list[tuple[Any, ...]]:
    """Some columns of a table, row by row, codes for labels."""
    places = [table.at(key) for key in keys]
    return [tuple(plain(row[at]) for at in places) for row in table.rows]
