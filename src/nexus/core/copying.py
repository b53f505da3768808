"""Many rows at once: COPY in the session's own transaction, and finding them by an array."""

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import asyncpg
from sqlalchemy import ARRAY, Select, Table, func, literal, literal_column, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.core.db import Base
from nexus.core.refusals import GuardFailed


class CopyRefused(GuardFailed):
    """The database refused the rows: somebody else wrote the same at the same time."""

    code = "CHANGED_MEANWHILE"


async def copy_rows(
    session: AsyncSession, model: type[Base], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert the rows, each with the same keys; columns that are not named get their defaults.

    As binary COPY, which costs a tenth of an INSERT a row. No object is made and no Python default
    is filled in. CopyRefused when a constraint does not hold: then none is written.
    """
    if not rows:
        return
    table = model.__table__
    assert isinstance(table, Table)
    names = list(rows[0])
    await session.flush()
    raw = await (await session.connection()).get_raw_connection()
    connection: Any = raw.driver_connection
    try:
        await connection.copy_records_to_table(
            table.name, schema_name=table.schema, columns=names, records=_records(rows, names)
        )
    except asyncpg.IntegrityConstraintViolationError as error:
        # The name alone: the detail quotes the row.
        raise CopyRefused(
            f"The rows break {error.constraint_name}: somebody wrote the same meanwhile. "
            "Nothing was changed; do it again.",
            constraint=error.constraint_name,
        ) from None


def looked_up(
    column: Any,
    values: Iterable[Any],
    *wanted: Any,
    where: Iterable[Any] = (),
    source: Any = None,
    lock: bool = False,
) -> Select[Any]:
    """SELECT `wanted` of the rows whose column has one of many values, each by the index of it.

    The values go as one array, so the statement is one for any number of them. Not `= ANY` nor a
    plain join: a table that grew within the transaction has no statistics, and PostgreSQL would
    read it whole. `source`: a join to read from. `lock`: FOR UPDATE, in the order of the values.
    """
    array = func.unnest(literal(list(values), ARRAY(column.type)))
    given = array.table_valued("value").render_derived(name="given")
    found = select(*wanted).where(column == given.c.value, *where).offset(literal_column("0"))
    if source is not None:
        found = found.select_from(source)
    if lock:
        found = found.with_for_update()
    inner = found.lateral()
    return select(*inner.c).select_from(given.join(inner, true()))


def _records(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    documents = [at for at, name in enumerate(names) if type(rows[0][name]) is dict]
    whole = itemgetter(*names)
    for row in rows:
        record = whole(row)
        if documents:
            record = tuple(
                json.dumps(value) if at in documents else value for at, value in enumerate(record)
            )
        yield record
