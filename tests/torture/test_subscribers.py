"""Five thousand sockets on one server process: its memory, and how long until all have heard."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from websockets.exceptions import ConnectionClosed

from nexus.acting import system
from nexus.core.embedded import Database
from nexus.needs.model import Need
from tests.conftest import Api
from tests.deeds import acting
from tests.making import making, now
from tests.serving import Served, Socket, process_of, socket_to, stolen, stolen_since

SOCKETS = 5000
ATTEMPTS = 10
"""As any client would make them: a server under load sends some away."""
ACCOUNTS = 250
CHARITIES = 50
MOST_MEGABYTES = 600
MOST_SECONDS = 2.0
FOLLOW = "subscription { needPublished { no publicTitle lines(first: 5) { nodes { item } } } }"


@pytest.fixture(scope="module")
async def process(
    database: Database, torture: bool, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Served, int]]:
    """A server process of its own, and its number."""
    if not torture:
        pytest.skip("--torture runs it; tests/graph/test_subscriptions_limits.py has a small form")
    async with process_of(database, tmp_path_factory.mktemp("served")) as found:
        yield found


def megabytes(pid: int) -> float:
    """The resident memory of the process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.fixture(scope="module")
async def crowd(api: Api, engine: AsyncEngine) -> tuple[list[str], Need]:
    """The tokens of the accounts, and a need that all of them see."""
    async with making(engine) as m:
        charities = [await m.organization() for _ in range(CHARITIES)]
        accounts = [
            await m.account("charity_user", charities[number % CHARITIES])
            for number in range(ACCOUNTS)
        ]
        return [await api.token(account) for account in accounts], await m.need()


async def test_five_thousand_sockets(
    process: tuple[Served, int], engine: AsyncEngine, crowd: tuple[list[str], Need]
) -> None:
    served, pid = process
    tokens, need = crowd
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    before = megabytes(pid)
    turns = asyncio.Semaphore(20)

    async with contextlib.AsyncExitStack() as stack:

        async def open_one(number: int) -> Socket:
            async with turns:
                for _ in range(ATTEMPTS):
                    with contextlib.suppress(ConnectionClosed):
                        return await opened(number)
                raise AssertionError("the server does not take us")

        async def opened(number: int) -> Socket:
            one = await stack.enter_async_context(socket_to(served, open_timeout=60))
            await one.begin(tokens[number % ACCOUNTS])
            await one.subscribe("s", FOLLOW)
            await one.subscribe("opened", "{ __typename }")
            assert (await one.hear(30))["type"] == "next"
            assert (await one.hear(30))["type"] == "complete"
            return one

        sockets = await asyncio.gather(*(open_one(number) for number in range(SOCKETS)))
        async with asyncio.timeout(30):
            for _ in range(3):
                others = stolen(pid)
                took = await _tell(engine, need, sockets)
                took -= stolen_since(pid, others)
                print(f"{SOCKETS} sockets heard within {took:.2f} s; {megabytes(pid):.0f} MB")  # noqa: T201
                assert took <= MOST_SECONDS
        assert megabytes(pid) <= MOST_MEGABYTES, f"{before:.0f} MB before"


async def _tell(engine: AsyncEngine, need: Need, sockets: list[Socket]) -> float:
    """Seconds from the commit until every socket has heard of it."""
    async with acting(engine, system(now())) as act:
        act.record("need.published", need)
    began = asyncio.get_running_loop().time()
    told = await asyncio.gather(*(one.connection.recv() for one in sockets))
    took = asyncio.get_running_loop().time() - began
    assert all(need.no in str(message) for message in told)
    return took
