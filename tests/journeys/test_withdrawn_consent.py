"""A consent is withdrawn: who held data under it says that it has stopped, without learning who."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.worker import strike
from tests.deeds import hear_all
from tests.journeys.teller import Teller
from tests.making import COUNTY, TOWN, making, now

LIST = """query($f: ObligationFilter) { obligations(filter: $f) { nodes { id no version kind state
    dueAt overdue details subjectType subject { __typename id } area { code } owner { id }
    redactions } } }"""
OF_CONSENT = """query($id: ID!) { node(id: $id) { ... on Consent { id version state
    obligations { nodes { id state owner { id } } } } } }"""
ALERTS = "{ alerts { nodes { rule state subject { id } } } }"


@dataclass
class Cast:
    """Two charities that pledged on one person's needs, one that only looked, and the station."""

    first: Teller
    second: Teller
    stranger: Teller
    worker: Teller
    clerk: Teller
    consent_id: str
    home: list[str]
    numbers: list[str]


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine) -> Cast:
    async with making(engine) as m:
        consent = await m.consent()
        needs = [
            await m.need(recipient_id=consent.recipient_id, consent_id=consent.id, area_code=TOWN)
            for _ in range(2)
        ]
        charities = [await m.account(Role.CHARITY_USER) for _ in range(3)]
        worker = await m.account(Role.SOCIAL_WORKER, area_code=TOWN)
        clerk = await m.account(Role.GOV_CLERK, area_code=COUNTY)
    first, second, stranger = (Teller(api, one) for one in charities)
    for teller, need in zip((first, second), needs, strict=True):
        await teller.do("offerPledge", lineId=encode("NeedLine", need.lines[0].id), quantity="1")
    home = [encode("Organization", one.organization_id) for one in charities]
    return Cast(
        first,
        second,
        stranger,
        Teller(api, worker),
        Teller(api, clerk),
        encode("Consent", consent.id),
        home,
        [need.no for need in needs],
    )


async def owed(teller: Teller) -> list[dict[str, Any]]:
    found = await teller.see(LIST, f={"kind": ["STOP_PROCESSING"]})
    nodes: list[dict[str, Any]] = found["obligations"]["nodes"]
    return nodes


async def test_who_held_it_has_to_stop(cast: Cast, engine: AsyncEngine) -> None:
    consent = (await cast.worker.see(OF_CONSENT, id=cast.consent_id))["node"]
    assert consent["obligations"]["nodes"] == []
    await cast.worker.move("withdrawConsent", consent)
    await hear_all(engine)

    for teller, number in zip((cast.first, cast.second), cast.numbers, strict=True):
        (one,) = await owed(teller)
        assert (one["state"], one["details"]) == ("OPEN", {"needs": [number]})
        assert (one["subjectType"], one["subject"], one["area"]) == ("consent", None, None)
        assert TOWN not in one["no"]
    assert await owed(cast.stranger) == []

    listed = (await cast.worker.see(OF_CONSENT, id=cast.consent_id))["node"]["obligations"]
    assert {one["owner"]["id"] for one in listed["nodes"]} == set(cast.home[:2])
    assert len(await owed(cast.clerk)) == 2

    (one,) = await owed(cast.first)
    given = {"id": one["id"], "expectedVersion": one["version"], "evidence": "副本已删除。"}
    assert (await cast.stranger.try_("dischargeObligation", **given))["code"] == "NOT_FOUND"
    assert (await cast.clerk.try_("dischargeObligation", **given))["code"] == "FORBIDDEN"
    done = await cast.first.do("dischargeObligation", "state", **given)
    assert done["state"] == "DONE"
    states = (await cast.worker.see(OF_CONSENT, id=cast.consent_id))["node"]["obligations"]
    assert sorted(one["state"] for one in states["nodes"]) == ["DONE", "OPEN"]


async def alerts(cast: Cast) -> list[tuple[str, str]]:
    """Rule and state of the alerts about what is owed for this consent."""
    owed_here = (await cast.worker.see(OF_CONSENT, id=cast.consent_id))["node"]["obligations"]
    ids = {one["id"] for one in owed_here["nodes"]}
    found = (await cast.clerk.see(ALERTS))["alerts"]["nodes"]
    return sorted((one["rule"], one["state"]) for one in found if one["subject"]["id"] in ids)


async def test_who_does_not_stop_is_told_of(cast: Cast, engine: AsyncEngine) -> None:
    consent = (await cast.worker.see(OF_CONSENT, id=cast.consent_id))["node"]
    await cast.worker.move("withdrawConsent", consent)
    await hear_all(engine)
    (one,) = await owed(cast.second)
    assert await alerts(cast) == []
    await strike(engine, now() + timedelta(days=20))
    await strike(engine, now() + timedelta(days=21))
    await hear_all(engine)
    assert await alerts(cast) == [("obligation.overdue", "OPEN")] * 2
    given = {"id": one["id"], "expectedVersion": one["version"], "evidence": "副本已删除。"}
    await cast.second.do("dischargeObligation", **given)
    await hear_all(engine)
    assert [state for _, state in await alerts(cast)] == ["OPEN", "RESOLVED"]
