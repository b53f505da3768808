"""Many clients at once on one line, through GraphQL: exactly what is there, and no more."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import View, system
from nexus.charity.model import Offer
from nexus.graph.identifiers import encode
from nexus.supervision.operations import verify
from tests.conftest import Api
from tests.making import making, now

OFFER_PLEDGE = """
mutation ($input: OfferPledgeInput!) {
  offerPledge(input: $input) {
    __typename
    ... on Pledge { id no quantity state }
    ... on Refusal { code message details }
  }
}
"""
MOST_RETRIES = 20
RETRIES: Counter[str] = Counter()
STANDS = text(
    """
    SELECT json_build_object(
        'line', (SELECT json_build_array(reserved, committed, delivered, confirmed)
                 FROM need_line WHERE id = :line),
        'live', (SELECT count(*) FROM pledge WHERE line_id = :line
                 AND state IN ('offered', 'accepted')),
        'pledges', (SELECT count(*) FROM pledge WHERE line_id = :line),
        'moves', (SELECT coalesce(sum(m.quantity), 0) FROM allocation_move m
                  JOIN allocation a ON a.id = m.allocation_id WHERE a.line_id = :line),
        'events', (SELECT count(*) FROM event e JOIN pledge p ON p.id = e.object_id
                   WHERE p.line_id = :line AND e.kind = 'pledge.offered'),
        'given', (SELECT coalesce(sum(o.capacity_reserved + o.capacity_used), 0) FROM offer o
                  WHERE o.id IN (SELECT offer_id FROM pledge WHERE line_id = :line))
    )
    """
)


class Client:
    """One account's requests straight into the ASGI application: HTTP without a socket."""

    def __init__(self, app: Any, token: str, offers: list[Offer]) -> None:
        self.app, self.offers = app, offers
        self.headers = [
            (b"content-type", b"application/json"),
            (b"authorization", f"Bearer {token}".encode()),
        ]

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": document, "variables": variables}).encode()
        given = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[bytes] = []

        async def receive() -> dict[str, Any]:
            return given.pop() if given else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message.get("body", b""))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "headers": self.headers,
            "client": ("127.0.0.1", 1),
            "server": ("nexus.test", 80),
        }
        await self.app(scope, receive, send)
        answer: dict[str, Any] = json.loads(b"".join(sent))
        return answer

    async def pledge(self, line: UUID, key: str, offer: Offer | None, quantity: str = "1") -> Any:
        """The payload of offerPledge."""
        given = {
            "lineId": encode("NeedLine", line),
            "quantity": quantity,
            "offerId": encode("Offer", offer.id) if offer else None,
            "idempotencyKey": key,
        }
        for _ in range(MOST_RETRIES):
            answer = await self.ask(OFFER_PLEDGE, input=given)
            if "errors" not in answer:
                return answer["data"]["offerPledge"]
            # A full server says so; the same key makes the retry safe.
            assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE", answer
            RETRIES["UNAVAILABLE"] += 1
            await asyncio.sleep(0.2)
        raise AssertionError(f"unavailable {MOST_RETRIES} times in a row")


async def clients_with_offers(
    api: Api, engine: AsyncEngine, clients: int, offers: int, **offer: Any
) -> list[Client]:
    """Charities with as many offers each, all able to give."""
    made = []
    async with making(engine) as m:
        for _ in range(clients):
            charity = await m.organization()
            account: Account = await m.account("charity_client", charity)
            own = [await m.offer(organization=charity, **offer) for _ in range(offers)]
            made.append(Client(api.app, await api.token(account), own))
    return made


async def line_of(engine: AsyncEngine, quantity: int) -> UUID:
    async with making(engine) as m:
        need = await m.need(lines=[{"quantity_required": Decimal(quantity)}])
        return need.lines[0].id


async def stands(engine: AsyncEngine, line: UUID) -> dict[str, Any]:
    async with AsyncSession(engine) as session:
        found: dict[str, Any] = (await session.execute(STANDS, {"line": line})).scalar_one()
        return found


async def no_findings(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        assert await verify(View(session, system(now()))) == []


@asynccontextmanager
async def timed(what: str, count: int) -> AsyncIterator[None]:
    began = time.perf_counter()
    yield
    seconds = time.perf_counter() - began
    print(f"\n{what}: {count / seconds:,.0f}/s ({count} in {seconds:.1f} s)")  # noqa: T201


async def test_two_hundred_for_fifty(api: Api, engine: AsyncEngine) -> None:
    """200 concurrent pledges of 1 on a line with 50 left: 50 accepted, 150 refused and told."""
    clients = await clients_with_offers(api, engine, 20, 10, pre_approved=True)
    line = await line_of(engine, 50)
    answers = await asyncio.gather(
        *(
            client.pledge(line, f"a{number}", offer)
            for client in clients
            for number, offer in enumerate(client.offers)
        )
    )
    told = Counter((a["__typename"], a.get("state") or a.get("code")) for a in answers)
    assert told == {("Pledge", "ACCEPTED"): 50, ("Refusal", "CAPACITY_EXHAUSTED"): 150}
    left = [a["details"] for a in answers if a["__typename"] == "Refusal"]
    assert all(one["rule"] == "INV-01" and one["available"] == "0" for one in left)
    assert await stands(engine, line) == {
        "line": [0, 50, 0, 0],
        "live": 50,
        "pledges": 50,
        "moves": 50,
        "events": 50,
        "given": 50,
    }
    await no_findings(engine)


async def test_an_offer_gives_no_more_than_it_has(api: Api, engine: AsyncEngine) -> None:
    """One offer of 20, forty lines at once: the lock on the offer, not on a line, decides."""
    (client,) = await clients_with_offers(api, engine, 1, 1, capacity_maximum=Decimal(20))
    lines = [await line_of(engine, 5) for _ in range(40)]
    answers = await asyncio.gather(
        *(client.pledge(line, f"o{n}", client.offers[0]) for n, line in enumerate(lines))
    )
    told = Counter(a["__typename"] for a in answers)
    assert told == {"Pledge": 20, "Refusal": 20}
    assert {a["details"]["rule"] for a in answers if a["__typename"] == "Refusal"} == {"INV-02"}
    await no_findings(engine)


async def test_one_live_pledge_from_one_source(api: Api, engine: AsyncEngine) -> None:
    """Twenty pledges at once from one offer on one line: one, and nineteen that name it."""
    (client,) = await clients_with_offers(api, engine, 1, 1)
    line = await line_of(engine, 100)
    answers = await asyncio.gather(
        *(client.pledge(line, f"u{n}", client.offers[0]) for n in range(20))
    )
    won = [a for a in answers if a["__typename"] == "Pledge"]
    lost = [a for a in answers if a["__typename"] == "Refusal"]
    assert len(won) == 1
    assert {a["code"] for a in lost} == {"ALREADY_PLEDGED"}
    assert {a["details"]["pledge_no"] for a in lost} == {won[0]["no"]}
    assert (await stands(engine, line))["line"] == [1, 0, 0, 0]


async def test_one_key_one_effect(api: Api, engine: AsyncEngine) -> None:
    """64 concurrent copies of one key: one effect, 64 equal answers; the same for a refusal."""
    (client,) = await clients_with_offers(api, engine, 1, 1)
    line = await line_of(engine, 100)
    for quantity, kind in (("7", "Pledge"), ("101", "Refusal")):
        copies = (client.pledge(line, f"k{quantity}", None, quantity) for _ in range(64))
        answers = await asyncio.gather(*copies)
        assert all(answer == answers[0] for answer in answers)
        assert answers[0]["__typename"] == kind
    found = await stands(engine, line)
    assert (found["line"], found["pledges"], found["events"]) == ([7, 0, 0, 0], 1, 1)
    told = await client.pledge(line, "k7", None, "8")
    assert told["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await stands(engine, line))["line"] == [7, 0, 0, 0]


async def test_sixty_four_clients_on_one_hot_line(api: Api, engine: AsyncEngine) -> None:
    """64 clients, 20,000 tries of 1 on a line with 500: exactly 500 live, every counter exact."""
    clients = await clients_with_offers(api, engine, 64, 10)
    line = await line_of(engine, 500)
    tries = 20_000
    chance = random.Random(20_000)
    told: Counter[str] = Counter()
    plan = [chance.randrange(10) for _ in range(tries)]
    keys = iter(range(tries))
    began = time.perf_counter()
    full_after = 0.0

    async def work(client: Client) -> None:
        nonlocal full_after
        for key in keys:
            answer = await client.pledge(line, f"h{key}", client.offers[plan[key]])
            told[answer.get("code", answer["__typename"])] += 1
            if told["Pledge"] == 500 and not full_after:
                full_after = time.perf_counter() - began

    async with timed("tries on one hot line", tries):
        await asyncio.gather(*(work(client) for client in clients))
    print(f"line full after {full_after:.1f} s: {dict(told)}, {dict(RETRIES)}")  # noqa: T201
    assert told["Pledge"] == 500
    assert sum(told.values()) == tries
    assert set(told) == {"Pledge", "CAPACITY_EXHAUSTED", "ALREADY_PLEDGED"}
    assert await stands(engine, line) == {
        "line": [500, 0, 0, 0],
        "live": 500,
        "pledges": 500,
        "moves": 500,
        "events": 500,
        "given": 500,
    }
    await no_findings(engine)
