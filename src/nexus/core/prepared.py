"""Statements on the hottest paths: compiled once, then given straight to the driver.

SQLAlchemy spends a quarter of a millisecond on a statement before and after the database has it,
as much as the database itself. What runs in every deed takes this way instead, in the transaction
of the session and with the session's errors. It does not flush, and gives plain values: text where
the model has an enum.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm.attributes import manager_of_class
from sqlalchemy.util.concurrency import greenlet_spawn

T = TypeVar("T")


class _Constants(dialects.PGCompiler_asyncpg):
    """Writes what policies and declarations say as literals, so that PostgreSQL can plan on it."""

    def visit_bindparam(self, bindparam: Any, *args: Any, **options: Any) -> str:
        if bindparam.unique:
            options["literal_binds"] = True
        text: str = super().visit_bindparam(bindparam, *args, **options)  # type: ignore[no-untyped-call]
        return text


DIALECT: Any = dialects.dialect()  # type: ignore[no-untyped-call]
"""Only named parameters are parameters: what a statement says itself stands in its text."""
DIALECT.statement_compiler = _Constants
_DBAPI: Any = type(DIALECT).import_dbapi()
_DRIVER, _LENT = "driver", "lent"
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


def standing(model: type[T], values: Mapping[str, Any]) -> T:
    """A mapped object with these values, of no session: as one loaded, at a tenth of the cost.

    For a row that a statement has written; what is changed in it is not noticed.
    """
    made: T = manager_of_class(model).new_instance()
    made.__dict__.update(values)
    return made


class Found(asyncpg.Record):
    """A row whose columns are attributes."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


class Prepared:
    """A statement over named parameters (with None as their values), compiled when first run."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._sql: str | None = None
        self._slots: list[tuple[str, Callable[[Any], Any] | None, Any]] = []

    async def first(self, session: AsyncSession, values: Mapping[str, Any]) -> Any:
        """The first row, columns as attributes; None without one."""
        if self._sql is None:
            self._compile()
        connection, adapter = await _driver(session)
        arguments = []
        for name, process, constant in self._slots:
            value = values.get(name, constant)
            arguments.append(value if process is None else process(value))
        try:
            return await adapter._connection.fetchrow(self._sql, *arguments, record_class=Found)
        except _FAILURES as error:
            await greenlet_spawn(_fail, connection, adapter, self._sql, error)

    def _compile(self) -> None:
        options = {"render_postcompile": True}
        compiled: Any = self._statement.compile(dialect=DIALECT, compile_kwargs=options)
        self._slots = [
            (name, compiled._bind_processors.get(name), compiled.params[name])
            for name in compiled.positiontup or ()
        ]
        self._sql = str(compiled)


def lend(session: AsyncSession, connection: AsyncConnection) -> None:
    """Let the statements of the session, bound to the connection, begin its transaction there."""
    plain: Any = connection.sync_connection
    session.sync_session.info[_LENT] = (plain, plain.connection.dbapi_connection)


def lent(connection: AsyncConnection) -> Any:
    """The driver's connection within."""
    plain: Any = connection.sync_connection
    return plain.connection.dbapi_connection._connection


async def end(session: AsyncSession, *, commit: bool) -> None:
    """End the transaction of a connection that was lent, unless the session has done so."""
    connection, adapter = session.sync_session.info[_LENT]
    transaction = adapter._transaction
    if transaction is None:
        return
    adapter._transaction = None
    try:
        await (transaction.commit() if commit else transaction.rollback())
    except _FAILURES as error:
        await greenlet_spawn(_fail, connection, adapter, "COMMIT" if commit else "ROLLBACK", error)


async def _driver(session: AsyncSession) -> tuple[Any, Any]:
    """SQLAlchemy's connection and its shell around the driver's, the transaction begun."""
    plain = session.sync_session
    known = plain.info.get(_LENT)
    if known is None:
        transaction = plain.get_transaction()
        known = plain.info.get(_DRIVER)
        if known is not None and transaction is not None and known[0] is transaction:
            return known[1], known[2]
        found: Any = await session.connection()
        connection = found.sync_connection
        adapter = connection.connection.dbapi_connection
        plain.info[_DRIVER] = (plain.get_transaction(), connection, adapter)
    else:
        connection, adapter = known
    if adapter._transaction is None:
        try:
            await adapter._start_transaction()
        except _DBAPI.Error as error:
            await greenlet_spawn(_fail, connection, adapter, "BEGIN", error)
    return connection, adapter


def _fail(connection: Any, adapter: Any, sql: str, error: Exception) -> None:
    """Let SQLAlchemy see the error as if the statement had been its own; raises what it makes."""
    try:
        adapter._handle_exception(error)
    except _DBAPI.Error as translated:
        connection._handle_dbapi_exception(translated, sql, None, None, None)
