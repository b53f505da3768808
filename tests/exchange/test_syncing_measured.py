"""A full working set of 500 cases, and a delta after 20 changes: size, statements and time."""

import gzip
import json
import statistics
import sys
import time

import asyncpg
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.casework.cases import operations as cases
from nexus.casework.cases.model import Case, CaseState
from nexus.casework.cases.records.model import CaseNote, NoteLevel
from nexus.core.embedded import Database
from nexus.recipients.model import Household
from tests.casework.desk import Station1, case_in, open_station
from tests.conftest import Api
from tests.deeds import acting
from tests.exchange.worksets import SYNC, kept, sync, visit_for
from tests.making import making, now

CASES = 500
FULL_BYTES = 1_500_000
FULL, DELTA = 0.3, 0.02
"""Seconds of the whole request, the service and the database together."""
ROUNDS = 7

COPIES = """
CREATE TEMP TABLE copy AS
    SELECT n, gen_random_uuid() AS home, gen_random_uuid() AS file, gen_random_uuid() AS plan,
        gen_random_uuid() AS assessment
    FROM generate_series(1, {copies}) AS n;
ALTER TABLE goal DISABLE TRIGGER USER;
{tables}
ALTER TABLE goal ENABLE TRIGGER USER;
"""
CLONE = """
INSERT INTO {table}
SELECT row.* FROM {table} AS origin CROSS JOIN copy CROSS JOIN generate_series(1, {times}) AS m
CROSS JOIN LATERAL jsonb_populate_record(origin, {changed}) AS row
WHERE origin.{where};
"""
ID, NO = (
    "'id', md5(origin.id::text || n || '-' || m)::uuid",
    "'no', origin.no || '-' || n || '-' || m",
)


def clone(table: str, where: str, changed: str, times: int = 1) -> str:
    """SQL: each copy of the origin gets as many rows like the origin's."""
    return CLONE.format(
        table=table, where=where, changed=f"jsonb_build_object({changed})", times=times
    )


async def copy_case(database: Database, file: Case) -> None:
    """The case with all that belongs to it, 499 times more."""
    home, own = f"id = '{file.household_id}'", f"case_id = '{file.id}'"
    at_home = f"household_id = '{file.household_id}'"
    tables = [
        clone("household", home, f"'id', home, {NO}"),
        clone("recipient", at_home, f"{ID}, {NO}, 'household_id', home"),
        clone("assessment", at_home, f"'id', assessment, {NO}, 'household_id', home"),
        clone(
            "case_file",
            f"id = '{file.id}'",
            f"'id', file, {NO}, 'household_id', home, 'assessment_id', assessment",
        ),
        clone("case_plan", own, "'id', plan, 'case_id', file"),
        clone("goal", own, f"{ID}, 'case_id', file, 'plan_id', plan"),
        clone("case_note", own, f"{ID}, 'case_id', file"),
        clone("visit", at_home, f"{ID}, {NO}, 'household_id', home, 'case_id', file", 2),
    ]
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(COPIES.format(copies=CASES - 1, tables="".join(tables)))
    await owner.execute("ANALYZE")
    await owner.close()


@pytest.fixture(scope="module")
async def desk(database: Database, engine: AsyncEngine) -> Station1:
    """One worker with 500 open cases."""
    return await busy_desk(database, engine)


async def busy_desk(database: Database, engine: AsyncEngine) -> Station1:
    """Copies of one case with its household, its note and its visit."""
    desk = await open_station(engine)
    async with making(engine) as m:
        file = await case_in(m, desk, CaseState.INTERVENTION)
        await m.recipient(await m.session.get_one(Household, file.household_id))
        await m.put(
            CaseNote(
                case_id=file.id,
                level=NoteLevel.TEAM,
                text="电话联系本人，身体尚可，药已送到。下周陪同复诊，邻居每天看望。",
                happened_at=now(),
                author_id=desk.worker.id,
                created_at=now(),
            )
        )
    await visit_for(engine, desk, file, plan_id=None)
    await copy_case(database, file)
    return desk


async def seconds(api: Api, account: Account, since: str | None) -> float:
    started = time.perf_counter()
    await api.post(account, {"query": SYNC, "variables": {"since": since}})
    return time.perf_counter() - started


async def median(api: Api, account: Account, since: str | None) -> float:
    await seconds(api, account, since)
    return statistics.median([await seconds(api, account, since) for _ in range(ROUNDS)])


async def test_a_full_set(api: Api, desk: Station1) -> None:
    answer = await sync(api, desk.worker)
    types = list(kept(answer).values())
    assert (types.count("Case"), answer["complete"]) == (CASES, True)
    packed = len(gzip.compress(json.dumps(answer, ensure_ascii=False).encode()))
    taken = await median(api, desk.worker, None)
    sys.stdout.write(f"{len(types)} rows, {packed / 1e6:.2f} MB gzip, {taken * 1000:.0f} ms\n")
    assert packed <= FULL_BYTES
    assert taken <= FULL


async def test_a_delta_after_twenty_changes(api: Api, desk: Station1) -> None:
    start = (await sync(api, desk.worker))["nextCursor"]
    async with AsyncSession(api.engine) as session:
        changed = list(await session.scalars(select(Case.id).limit(20)))
    for case_id in changed:
        async with acting(api.engine, desk.worker) as act:
            await cases.update_case(act, case_id, expected_version=1, changes={"opening": "新情况"})
    answer = await sync(api, desk.worker, start)
    assert list(kept(answer).values()).count("Case") == len(changed)
    taken = await median(api, desk.worker, start)
    sys.stdout.write(f"{len(answer['entries'])} rows of a delta, {taken * 1000:.1f} ms\n")
    assert taken <= DELTA
