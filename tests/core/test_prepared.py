"""Statements given straight to the driver behave as those of the session they run in."""

import pytest
from sqlalchemy import Integer, Text, bindparam, cast, func, literal_column, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.prepared import Prepared

DOUBLED = Prepared(select((cast(bindparam("given", None), Integer) * 2).label("doubled")))
NOTHING = Prepared(select(literal_column("1")).where(literal_column("false")))
BACKEND = Prepared(select(func.pg_backend_pid().label("pid")))
DIVIDED = Prepared(select(literal_column("1") / cast(bindparam("by", None), Integer)))
AREA = Prepared(
    text("INSERT INTO area (code, name, level, parent_code, valid_from) VALUES (:c, 'x', 'city', "
         "'44', '2020-01-01')").bindparams(bindparam("c", None, type_=Text()))
)  # fmt: skip


async def test_values_by_name_and_columns_as_attributes(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        assert (await DOUBLED.first(session, {"given": 21})).doubled == 42
        assert await NOTHING.first(session, {}) is None


async def test_it_runs_in_the_transaction_of_the_session(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        pid = (await BACKEND.first(session, {})).pid
        assert await session.scalar(select(func.pg_backend_pid())) == pid
        await AREA.first(session, {"c": "4498"})
        found = await session.scalar(text("SELECT count(*) FROM area WHERE code = '4498'"))
        assert found == 1
        await session.rollback()
        # Another transaction, perhaps on another connection: the old one is not used again.
        found = await session.scalar(text("SELECT count(*) FROM area WHERE code = '4498'"))
        assert found == 0
        await AREA.first(session, {"c": "4499"})
        await session.commit()
    async with AsyncSession(engine) as session:
        assert await session.scalar(text("SELECT count(*) FROM area WHERE code = '4499'")) == 1


async def test_its_errors_are_those_of_the_session(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        with pytest.raises(IntegrityError) as failed:
            await AREA.first(session, {"c": "9999"})
        cause = failed.value.orig.__cause__  # type: ignore[union-attr]
        assert getattr(cause, "constraint_name", None) == "ck_area_prefix"
    async with AsyncSession(engine) as session:
        with pytest.raises(DBAPIError) as failed_too:
            await DIVIDED.first(session, {"by": 0})
        assert getattr(failed_too.value.orig, "sqlstate", None) == "22012"


async def test_a_lost_connection_leaves_the_pool(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    async with AsyncSession(engine) as session:
        pid = (await BACKEND.first(session, {})).pid
        async with owner_engine.connect() as owner:
            await owner.execute(select(func.pg_terminate_backend(pid)))
        with pytest.raises(DBAPIError) as failed:
            await DOUBLED.first(session, {"given": 1})
        assert failed.value.connection_invalidated
    async with AsyncSession(engine) as session:
        assert (await DOUBLED.first(session, {"given": 1})).doubled == 2
