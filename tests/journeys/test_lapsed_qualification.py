"""An organization loses its fundraising certificate overnight: what stops, and what stays owed."""

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
from tests.making import COUNTY, TOWN, making, now, today

OWED = """{ obligations { nodes { id version kind state overdue subject { __typename id }
    owner { id } area { code } details allowedActions } } }"""
ALERTS = """{ alerts(filter: { rule: "fundraising.lapsed" }) {
    nodes { rule state severity subject { __typename id } } } }"""
PROJECT = """query($id: ID!) { node(id: $id) { ... on CharityProject { id version state stateReason
    obligations { nodes { kind } } organization { id version state } } } }"""


@dataclass
class Cast:
    """A charity that raises funds in public, its registering authority, a need's authority."""

    charity: Teller
    registrar: Teller
    publisher: Teller
    organization_id: str
    line_id: str
    second_line_id: str


@pytest.fixture
async def cast(api: Any, engine: AsyncEngine) -> Cast:
    async with making(engine) as m:
        organization = await m.organization(area_code=COUNTY)
        charity = await m.account(Role.CHARITY_USER, organization)
        registrar = await m.account(Role.GOV_APPROVER, area_code=COUNTY)
        authority = await m.authority(area_code=COUNTY)
        publisher = await m.account(Role.GOV_CLERK, authority, area_code=COUNTY)
        told: dict[str, Any] = {
            "publisher_id": authority.id,
            "area_code": TOWN,
            "visibility": "public",
        }
        needs = [await m.need(**told) for _ in range(2)]
    lines = [encode("NeedLine", need.lines[0].id) for need in needs]
    return Cast(
        Teller(api, charity),
        Teller(api, registrar),
        Teller(api, publisher),
        encode("Organization", organization.id),
        *lines,
    )


async def running(cast: Cast, name: str) -> dict[str, Any]:
    """A project that runs and raises funds in public."""
    terms = {
        "name": name,
        "field": "poverty",
        "area": COUNTY,
        "startsOn": today().isoformat(),
        "endsOn": (today() + timedelta(days=100)).isoformat(),
        "budgetFen": 1_000,
        "publicFundraising": True,
    }
    project = await cast.charity.do("createProject", terms=terms)
    project = await cast.charity.move("fileProject", project, filingNo="备案1号")
    return await cast.charity.move("startProject", project)


async def certify(cast: Cast, *, days: int) -> None:
    await cast.registrar.do(
        "addQualification",
        organizationId=cast.organization_id,
        kind="PUBLIC_FUNDRAISING",
        certificateNo="证1号",
        validFrom=(today() - timedelta(days=30)).isoformat(),
        validTo=(today() + timedelta(days=days)).isoformat(),
    )


async def owed(teller: Teller) -> dict[str, dict[str, Any]]:
    """The obligations the teller sees, by kind."""
    return {one["kind"]: one for one in (await teller.see(OWED))["obligations"]["nodes"]}


async def test_a_certificate_that_lapses_overnight(cast: Cast, engine: AsyncEngine) -> None:
    await certify(cast, days=1)
    project = await running(cast, "暖冬行动")
    over = await running(cast, "去年的行动")
    await cast.charity.move("completeProject", over)
    pledge = await cast.charity.do("offerPledge", lineId=cast.line_id, quantity="1")
    await hear_all(engine)

    assert await strike(engine, now()) >= 0
    assert (await cast.charity.see(PROJECT, id=project["id"]))["node"]["state"] == "ACTIVE"

    await strike(engine, now() + timedelta(days=1))
    await hear_all(engine)
    seen = (await cast.charity.see(PROJECT, id=project["id"]))["node"]
    assert (seen["state"], seen["organization"]["state"]) == ("PAUSED", "SUSPENDED")
    assert "certificate" in seen["stateReason"]

    refused = await cast.charity.try_("offerPledge", lineId=cast.second_line_id, quantity="1")
    assert (refused["__typename"], refused["code"]) == ("Refusal", "GUARD_FAILED")
    refused = await cast.charity.try_(
        "resumeProject", id=seen["id"], expectedVersion=seen["version"]
    )
    assert refused["code"] == "GUARD_FAILED"

    mine = await owed(cast.charity)
    assert set(mine) == {"DISCLOSURE"}
    assert mine["DISCLOSURE"]["subject"]["id"] == over["id"]
    assert mine["DISCLOSURE"]["state"] == "OPEN"
    theirs = await owed(cast.publisher)
    assert theirs["REVIEW"]["subject"] == {"__typename": "Pledge", "id": pledge["id"]}
    assert theirs["REVIEW"]["allowedActions"] == ["dischargeObligation"]
    (alert,) = (await cast.registrar.see(ALERTS))["alerts"]["nodes"]
    assert (alert["rule"], alert["state"]) == ("fundraising.lapsed", "OPEN")
    assert alert["subject"] == {"__typename": "Organization", "id": cast.organization_id}

    await strike(engine, now() + timedelta(days=1))
    await hear_all(engine)
    assert len((await cast.registrar.see(ALERTS))["alerts"]["nodes"]) == 1

    await certify(cast, days=300)
    await cast.registrar.move("reinstateOrganization", seen["organization"])
    await hear_all(engine)
    assert (await owed(cast.publisher))["REVIEW"]["state"] == "DONE"
    (alert,) = (await cast.registrar.see(ALERTS))["alerts"]["nodes"]
    assert alert["state"] == "RESOLVED"
    assert (await cast.charity.move("resumeProject", seen))["id"] == seen["id"]
    await cast.charity.do("offerPledge", lineId=cast.second_line_id, quantity="1")
