"""PostgreSQL and the server killed with -9 while charities pledge: what was answered stands.

Every client asks one thing at a time, under one key, until it has an answer. So whatever a death
cut off is asked again, and there must be exactly one effect a key. `--torture` kills 200 times
each; a test run a few times (reliability: "PostgreSQL killed", "Server killed").
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import View, system
from nexus.charity.model import Offer
from nexus.core.cluster import Cluster
from nexus.core.db import make_engine
from nexus.core.embedded import Database, Embedded
from nexus.core.migrating import migrate
from nexus.core.outbox import Event
from nexus.graph.identifiers import encode
from nexus.matching.pledges.model import Pledge
from nexus.supervision.operations import verify
from tests.conftest import Api, load_reference_data
from tests.making import making, now
from tests.serving import process_of, serving

KILLS, KILLS_TORTURE = 3, 200
CLIENTS = 8
FIRST_GOOD_WRITE = 5.0
"""Seconds from the death to the next answer."""
TOLD = "{ ... on Pledge { id version } ... on Refusal { code message } }"
OFFER = f"mutation ($input: OfferPledgeInput!) {{ offerPledge(input: $input) {TOLD} }}"
WITHDRAW = f"mutation ($input: TransitionInput!) {{ withdrawPledge(input: $input) {TOLD} }}"


@dataclass
class Load:
    """Clients that pledge one unit and take it back, for ever; what they were told."""

    line_id: str
    tokens: list[str]
    offers: list[Offer]
    address: str = ""
    told: dict[str, str] = field(default_factory=dict)
    """Key → the pledge it made."""
    withdrawn: set[str] = field(default_factory=set)
    since: float = 0.0
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """That something was asked and answered since then."""
    asked_again: int = 0
    ending: bool = False

    async def run(self, number: int) -> None:
        """One client, until the load ends; it never leaves a question open."""
        headers = {"authorization": f"Bearer {self.tokens[number]}"}
        async with httpx.AsyncClient(headers=headers, timeout=10) as client:
            turn = 0
            while not self.ending:
                turn += 1
                key = f"{number}-{turn}"
                given: dict[str, Any] = {
                    "lineId": self.line_id,
                    "quantity": "1",
                    "offerId": encode("Offer", self.offers[number].id),
                    "idempotencyKey": key,
                }
                made = await self.settle(client, OFFER, given, "offerPledge")
                self.told[key] = made["id"]
                back = {
                    "id": made["id"],
                    "expectedVersion": made["version"],
                    "reason": "改期",
                    "idempotencyKey": f"{key}-back",
                }
                await self.settle(client, WITHDRAW, back, "withdrawPledge")
                self.withdrawn.add(made["id"])

    async def settle(
        self, client: httpx.AsyncClient, document: str, given: dict[str, Any], name: str
    ) -> Any:
        """Ask until there is an answer: always with the same key."""
        while True:
            asked_at = time.monotonic()
            with suppress(httpx.TransportError):
                response = await client.post(
                    f"http://{self.address}/graphql",
                    json={"query": document, "variables": {"input": given}},
                )
                answer = response.json() if response.status_code in (200, 500, 503) else {}
                if made := (answer.get("data") or {}).get(name):
                    assert "id" in made, made
                    if asked_at >= self.since:
                        self.answered.set()
                    return made
                assert response.status_code in (500, 503), answer
            self.asked_again += 1
            await asyncio.sleep(0.05)

    async def until_answered(self) -> float:
        """Seconds from now until something was asked and answered."""
        self.since = time.monotonic()
        self.answered.clear()
        await self.answered.wait()
        return time.monotonic() - self.since


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Embedded, Database]]:
    """A PostgreSQL of this module's own, which may die."""
    server = Embedded(tmp_path_factory.mktemp("killed"))
    database = await asyncio.to_thread(server.start)
    await migrate(database.owner_url)
    await load_reference_data(database.owner_url)
    yield server, database
    await asyncio.to_thread(server.stop)


async def load_on(engine: AsyncEngine) -> Load:
    """One line with room for everybody, and charities that can give."""
    api = Api(httpx.AsyncClient(), engine, None)
    tokens, offers = [], []
    async with making(engine) as m:
        need = await m.need(lines=[{"quantity_required": 1_000}])
        for _ in range(CLIENTS):
            charity = await m.organization()
            offers.append(await m.offer(organization=charity))
            tokens.append(await api.token(await m.account("charity_client", charity)))
    return Load(encode("NeedLine", need.lines[0].id), tokens, offers)


async def check(engine: AsyncEngine, load: Load) -> None:
    """Exactly one pledge a key, each as its client was told; every invariant holds."""
    async with AsyncSession(engine) as session:
        offers = [offer.id for offer in load.offers]
        rows = (await session.scalars(select(Pledge).where(Pledge.offer_id.in_(offers)))).all()
        events = await session.scalar(
            select(func.count())
            .select_from(Event)
            .where(Event.object_id.in_([row.id for row in rows]))
        )
        assert await verify(View(session, system(now()))) == []
    stands = {encode("Pledge", row.id): row.state for row in rows}
    assert sorted(stands) == sorted(load.told.values())
    assert {key for key, state in stands.items() if state == "withdrawn"} == load.withdrawn
    assert events == len(load.told) + len(load.withdrawn)


def postmaster(server: Embedded) -> int:
    """The number of the server's first process."""
    lines = (Cluster.at(server.data_dir, None).pgdata / "postmaster.pid").read_text("ascii")
    return int(lines.splitlines()[0])


def say(what: str, load: Load, waits: list[float]) -> None:
    """The figures of a run."""
    print(  # noqa: T201
        f"\n{what} killed {len(waits)} times: {len(load.told) + len(load.withdrawn)} answered "
        f"writes, {load.asked_again} asked again, first good write after at most {max(waits):.2f} s"
    )


async def test_postgresql_killed(own: tuple[Embedded, Database], torture: bool) -> None:
    """No acknowledged write is lost; the first good write comes within 5 seconds."""
    server, database = own
    waits: list[float] = []
    engine = make_engine(database.app_url)
    load = await load_on(engine)
    async with serving(database, rates=None) as served:
        load.address = served.address
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                clients.create_task(load.run(number))
            await load.until_answered()
            for _ in range(KILLS_TORTURE if torture else KILLS):
                await asyncio.sleep(random.random() / 4)
                os.kill(postmaster(server), signal.SIGKILL)
                waits.append(await load.until_answered())
            load.ending = True
    await engine.dispose()
    await check(engine, load)
    await engine.dispose()
    say("PostgreSQL", load, waits)
    assert max(waits) < FIRST_GOOD_WRITE


async def test_server_killed(own: tuple[Embedded, Database], tmp_path: Path, torture: bool) -> None:
    """Every key is answered after a retry, with one effect."""
    _, database = own
    waits: list[float] = []
    engine = make_engine(database.app_url)
    load = await load_on(engine)
    clients: list[asyncio.Task[None]] = []
    for _ in range(KILLS_TORTURE if torture else KILLS):
        async with process_of(database, tmp_path, NEXUS_COST_PER_MINUTE="0") as (served, pid):
            load.address = served.address
            clients = clients or [asyncio.create_task(load.run(each)) for each in range(CLIENTS)]
            waits.append(await load.until_answered())
            await asyncio.sleep(random.random() / 4)
            os.kill(pid, signal.SIGKILL)
    async with process_of(database, tmp_path, NEXUS_COST_PER_MINUTE="0") as (served, _):
        load.address, load.ending = served.address, True
        await asyncio.gather(*clients)
    await check(engine, load)
    await engine.dispose()
    say("The server", load, waits)
