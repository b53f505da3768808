"""Quotas: what a caller spends is counted in cost, once for all processes."""

import asyncio
import re
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.rules import DEFAULT_COST
from nexus.acting import Actor, Grant, Role, anonymous
from nexus.core.db import make_engine
from nexus.core.embedded import Database
from nexus.core.ids import new_id
from nexus.graph import quotas as module
from nexus.graph.errors import RequestError
from nexus.graph.model import QuotaBucket
from nexus.graph.quotas import WINDOW, Purse, Quotas, Rates, forget_full_buckets
from tests.making import making, now

ROOT = Path(__file__).parents[2]
COUNTED = "{ needs { totalCount } }"
POLICY = re.compile(r'"cost";q=(\d+);qu="cost";w=60, "at-once";q=(\d+);qu="concurrent-requests"')
LIMIT = re.compile(r'"cost";r=(\d+);t=(\d+)')


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def someone(quota: int | None = None) -> Actor:
    grant = Grant(cost_per_minute=quota) if quota else None
    return Actor(Role.CHARITY_CLIENT, new_id(), new_id(), "-", now(), grant)


def quotas_of(engine: AsyncEngine, **rates: int) -> Quotas:
    return Quotas(engine, Rates(**rates), b"secret")


async def paid(purse: Purse, cost: int) -> int:
    """How often the cost could be paid before it was refused."""
    times = 0
    with pytest.raises(RequestError) as refused:  # noqa: PT012 - which one is the question
        while times < 10_000:
            await purse.pay(cost)
            times += 1
    assert (refused.value.status, refused.value.code) == (429, "QUOTA_EXHAUSTED")
    return times


async def buckets(engine: AsyncEngine) -> int:
    async with AsyncSession(engine) as session:
        return await session.scalar(select(func.count()).select_from(QuotaBucket)) or 0


async def elapse(engine: AsyncEngine, purse: Purse, seconds: float) -> None:
    """As if this long had passed for the row; the process's clock is the test's."""
    async with engine.begin() as connection:
        row = QuotaBucket
        await connection.execute(
            update(row)
            .where(row.holder == purse._bucket.holder)
            .values(full_at=row.full_at - timedelta(seconds=seconds))
        )


async def test_a_bucket_holds_the_quota_and_refills(engine: AsyncEngine, clock: Clock) -> None:
    purse = quotas_of(engine).purse(someone(1200), "")
    assert 0 <= await paid(purse, 100) - 12 <= 1
    for seconds in (10, 30, 5):
        clock.now += seconds
        await elapse(engine, purse, seconds)
        assert 0 <= await paid(purse, 10) - 2 * seconds <= 2
    clock.now += 1000
    await elapse(engine, purse, 1000)
    assert 0 <= await paid(purse, 100) - 12 <= 1


async def test_most_payments_cost_no_statement(engine: AsyncEngine) -> None:
    purse = quotas_of(engine).purse(someone(100_000), "")
    taken = 0
    take = purse._bucket._take

    async def counted(amount: int) -> bool:
        nonlocal taken
        taken += 1
        return await take(amount)

    purse._bucket._take = counted  # type: ignore[method-assign]
    for _ in range(500):
        await purse.pay(100)
    assert taken == 10


async def test_a_slice_is_void_after_a_minute(engine: AsyncEngine, clock: Clock) -> None:
    purse = quotas_of(engine).purse(someone(2000), "")
    await purse.pay(1)
    assert purse.units == 99
    clock.now += WINDOW + 1
    await purse.pay(1)
    assert purse.units == 99


async def test_two_processes_share_a_bucket(database: Database) -> None:
    """Real processes: together they spend the quota and what refills, and no more."""
    quota, cost, seconds = 6000, 7, 3
    account = str(new_id())
    given = [database.app_url, account, *map(str, (quota, cost, seconds))]
    begun = perf_counter()
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.graph.spender", *given, cwd=ROOT, stdout=-1
        )
        for _ in range(2)
    ]
    spent = [int((await one.communicate())[0]) for one in running]
    refilled = quota * (perf_counter() - begun) / WINDOW
    assert all(spent), spent
    assert quota <= sum(spent) <= quota + refilled


async def test_a_crowd_in_one_process_takes_turns(engine: AsyncEngine) -> None:
    purse = quotas_of(engine).purse(someone(6000), "")
    begun = perf_counter()

    async def once() -> int:
        try:
            await purse.pay(10)
        except RequestError:
            return 0
        return 10

    spent = sum(await asyncio.gather(*(once() for _ in range(2000))))
    assert 6000 <= spent <= 6000 + 6000 * (perf_counter() - begun) / WINDOW + 10


async def test_a_refusal_says_when(engine: AsyncEngine, clock: Clock) -> None:
    purse = quotas_of(engine).purse(someone(6000), "")
    await paid(purse, 300)
    with pytest.raises(RequestError) as refused:
        await purse.pay(1000)
    seconds = int(refused.value.headers["Retry-After"])
    assert seconds in (9, 10)
    assert str(seconds) in refused.value.errors[0].message
    clock.now += seconds
    await elapse(engine, purse, seconds)
    await purse.pay(1000)


async def test_a_refusal_is_remembered_without_asking(engine: AsyncEngine, clock: Clock) -> None:
    purse = quotas_of(engine).purse(someone(1000), "")
    await paid(purse, 100)

    async def asked(amount: int) -> bool:
        raise AssertionError("the database was asked")

    purse._bucket._take = asked  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(RequestError):
            await purse.pay(500)


async def test_more_than_the_bucket_holds_is_never_possible(engine: AsyncEngine) -> None:
    purse = quotas_of(engine).purse(someone(1000), "")
    with pytest.raises(RequestError) as refused:
        await purse.pay(1001)
    assert (refused.value.status, refused.value.code) == (422, "COST_EXCEEDED")
    await purse.pay(1000)


async def fail(purse: Purse) -> str:
    """One request that cannot be executed: the code of the answer."""
    try:
        await purse.enter()
        with purse:
            raise RequestError(422, "WRONG", "no")
    except RequestError as error:
        return error.code


async def test_failing_forever_is_not_free(engine: AsyncEngine) -> None:
    purse = quotas_of(engine).purse(someone(module.FAILED_COST * 10), "")
    codes = [await fail(purse) for _ in range(15)]
    assert codes[:10] == ["WRONG"] * 10
    assert codes[-3:] == ["QUOTA_EXHAUSTED"] * 3
    assert purse.under_way == 0


async def test_a_new_quota_counts_at_once(engine: AsyncEngine, clock: Clock) -> None:
    quotas = quotas_of(engine)
    actor = someone(1000)
    assert await paid(quotas.purse(actor, ""), 100) >= 10
    wider = replace(actor, grant=Grant(cost_per_minute=100_000))
    purse = quotas.purse(wider, "")
    clock.now += 6
    await elapse(engine, purse, 6)
    assert await paid(purse, 1000) in (10, 11)
    policy = POLICY.fullmatch(purse.policy.decode())
    assert policy
    assert policy[1] == "100000"


async def test_addresses_are_not_kept(engine: AsyncEngine, database: Database) -> None:
    quotas = quotas_of(engine, anonymous=1000)
    nobody = anonymous(now())
    for address in ("198.51.100.7", "2001:db8:1:2::77", "no address"):
        await quotas.purse(nobody, address).pay(1)
    async with engine.connect() as connection:
        rows = str((await connection.execute(select(QuotaBucket))).all())
    for part in ("198.51", "c633", "2001:", "20010db8"):
        assert part not in rows


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.7", "198.51.100.8", False),
        ("198.51.100.7", "::ffff:198.51.100.7", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ],
)
def test_whom_an_address_stands_for(one: str, other: str, same: bool) -> None:
    quotas = Quotas(None, Rates(), b"secret")  # type: ignore[arg-type]
    assert (quotas._holder(one) == quotas._holder(other)) is same
    assert quotas._holder(one) != Quotas(None, Rates(), b"x")._holder(one)  # type: ignore[arg-type]


async def test_the_clock_forgets_full_buckets(engine: AsyncEngine) -> None:
    purse = quotas_of(engine).purse(someone(1000), "")
    await purse.pay(900)
    async with AsyncSession(engine) as session, session.begin():
        await forget_full_buckets(session, now())
    kept = await buckets(engine)
    assert kept > 0
    async with AsyncSession(engine) as session, session.begin():
        assert await forget_full_buckets(session, now() + timedelta(minutes=5)) >= 1
    assert await buckets(engine) == 0
    await purse.pay(50)


async def test_the_bucket_is_unlogged(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        kind = text("SELECT relpersistence FROM pg_class WHERE relname = 'quota_bucket'")
        assert await connection.scalar(kind) == b"u"


async def test_a_gone_database_is_told_so(database: Database) -> None:
    engine = make_engine(database.app_url.replace(database.app_url.rpartition("/")[2], "gone"))
    purse = quotas_of(engine).purse(someone(1000), "")
    with pytest.raises(RequestError) as refused:
        await purse.pay(10)
    assert refused.value.status == 503
    await engine.dispose()


async def test_the_way_without_a_statement_takes_two_microseconds(engine: AsyncEngine) -> None:
    """Finding the purse, counting the request, paying and telling; the fastest of several runs."""
    quotas = quotas_of(engine, account=1_000_000_000)
    actor = someone()
    await quotas.purse(actor, "").pay(1)

    async def run(times: int) -> float:
        begun = perf_counter()
        for _ in range(times):
            purse = quotas.purse(actor, "")
            if not purse.open:
                await purse.enter()
            with purse:
                if not purse.spend(37):
                    await purse.pay(37)
            purse.headers()
        return (perf_counter() - begun) / times

    best = min([await run(2000) for _ in range(20)])
    assert best < 2e-6, f"{best * 1e6:.2f} µs"


# At the door ----------------------------------------------------------------------------------


async def test_every_answer_tells_the_quota(api: Any, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(Role.GOV_CLERK)
    good = await api.post(account, {"query": COUNTED})
    wrong = await api.post(account, {"query": "{ nothing }"})
    broken = await api.client.post("/graphql", content=b"{", headers={"content-type": "text/html"})
    refused = await api.client.post(
        "/graphql", json={"query": COUNTED}, headers={"authorization": "Bearer nx_unknown"}
    )
    assert [r.status_code for r in (good, wrong, broken, refused)] == [200, 422, 415, 401]
    for answer in (good, wrong, broken, refused):
        policy = POLICY.fullmatch(answer.headers["ratelimit-policy"])
        limit = LIMIT.fullmatch(answer.headers["ratelimit"])
        assert policy
        assert limit
        assert 0 <= int(limit[1]) <= int(policy[1])
        assert 0 <= int(limit[2]) <= 60
    cost = good.json()["extensions"]["cost"]["requested"]
    left = [_left(answer) for answer in (good, wrong)]
    quota = int(good.headers["ratelimit-policy"].partition("q=")[2].partition(";")[0])
    assert left[0] == pytest.approx(quota - cost, abs=quota / 50)
    assert left[1] < left[0] + quota / 50


def _left(answer: httpx.Response) -> int:
    found = LIMIT.fullmatch(answer.headers["ratelimit"])
    assert found
    return int(found[1])


async def _client_with(engine: AsyncEngine, cost: int) -> Any:
    from tests.accounts.test_clients import client_of

    async with making(engine) as m:
        charity = await m.organization()
    client = await client_of(engine, charity, cost_per_minute=cost)

    class Account:
        id = client.account_id

    return Account


async def test_an_exhausted_client_gets_429(api: Any, engine: AsyncEngine) -> None:
    account = await _client_with(engine, 4000)
    answers: list[httpx.Response] = [await api.post(account, {"query": COUNTED}) for _ in range(10)]
    (code,) = {a.json()["errors"][0]["extensions"]["code"] for a in answers if a.status_code != 200}
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * statuses.count(200) + [429] * statuses.count(429)
    assert statuses.count(200) == 4000 // answers[0].json()["extensions"]["cost"]["requested"]
    assert code == "QUOTA_EXHAUSTED"
    last = answers[-1]
    seconds = int(last.headers["retry-after"])
    assert 0 < seconds <= 60
    limit = LIMIT.fullmatch(last.headers["ratelimit"])
    assert limit
    assert int(limit[2]) == seconds
    assert "data" not in last.json()
    other = await _client_with(engine, DEFAULT_COST)
    assert (await api.post(other, {"query": COUNTED})).status_code == 200


async def test_an_unpaid_mutation_does_nothing(api: Any, engine: AsyncEngine) -> None:
    account = await _client_with(engine, 1000)
    purse = api.app.state.door.inner.quotas.purse_for(account.id, 1000)
    await paid(purse, 10)
    document = (
        "mutation ($i: RevokeAccessTokenInput!) { revokeAccessToken(input: $i) { __typename } }"
    )
    given = {"id": "x", "idempotencyKey": "unpaid"}
    answer = await api.post(account, {"query": document, "variables": {"i": given}})
    assert answer.status_code in (403, 429)
    async with engine.connect() as connection:
        kept = text("SELECT count(*) FROM idempotency_key WHERE key = 'unpaid'")
        assert await connection.scalar(kept) == 0


async def test_so_many_at_once(api: Any, engine: AsyncEngine) -> None:
    account = await _client_with(engine, DEFAULT_COST)
    purse = api.app.state.door.inner.quotas.purse_for(account.id, None)
    purse.under_way = purse.at_once
    refused = await api.post(account, {"query": COUNTED})
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_AT_ONCE"
    assert refused.headers["retry-after"] == "1"
    purse.under_way = purse.at_once - 1
    assert (await api.post(account, {"query": COUNTED})).status_code == 200
    assert purse.under_way == purse.at_once - 1
