"""Scenario 4: a consent is withdrawn at the door while a page export runs; 100,000 rows by torture.

The station withdraws by its mutation, the charity reads by its address: not one row of the person
comes once the withdrawal is answered.
"""

import json
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.embedded import Database
from nexus.graph.identifiers import encode
from tests.exchange.many import key, needs_of_people
from tests.journeys.teller import Teller
from tests.making import making
from tests.serving import Served

TOWN = "440103001"
SHORT, LONG = 4_000, 100_000
SUMMARY = "一户家庭需要两个月的口粮。" * 100
"""Long enough that most rows have not left when a tenth has been read."""


async def test_no_row_of_the_person_after_the_answer(
    api: Any, engine: AsyncEngine, database: Database, served: Served, torture: bool
) -> None:
    many = LONG if torture else SHORT
    async with making(engine) as m:
        await needs_of_people(m, database.owner_url, many, public_summary=SUMMARY)
        worker = Teller(api, await m.account(Role.SOCIAL_WORKER, area_code=TOWN))
        charity = Teller(api, await m.account(Role.CHARITY_USER))
    export = await charity.do("requestExport", "url", dataset="NEEDS")
    people = [many * 4 // 5, many - 1, many]
    seen: list[int] = []
    answered = many
    async with (
        httpx.AsyncClient(base_url=f"http://{served.address}", timeout=120) as client,
        client.stream("GET", export["url"]) as answer,
    ):
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            seen.append(int(json.loads(line)["publicTitle"].partition("#")[2] or 0))
            if len(seen) == many // 10:
                for number in people:
                    await worker.do(
                        "withdrawConsent",
                        id=encode("Consent", key("consent", number)),
                        expectedVersion=1,
                        reason="本人要求",
                    )
                answered = len(seen)
    assert answered < many // 2, "the export was over before anybody could withdraw"
    assert not set(people) & set(seen)
    assert len(seen) == len(set(seen)) == many + 1 - len(people)
