"""Scenario 12: a need is helped by hours that survive an audit, and a certificate says so."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.graph.identifiers import encode, split
from nexus.volunteering.model import Volunteer
from nexus.worker import drain
from tests.fonts import fonts
from tests.journeys.teller import Teller
from tests.making import making
from tests.volunteering import keeping, made

NAME = "欧阳服务"
RECORD = "no state minutes source tier dayMinutes stateReason"
CHECKED = """query($code: String!) { certificate(code: $code) {
  standing totalMinutes totalHours issuer issuedOn } }"""
NEED = """query($id: ID!) { node(id: $id) { ... on Need { lines(first: 1) { nodes {
  delivered coverage } } deliveries(first: 5) { nodes { quantity state evidence } } } } }"""
TRACED = """query($id: ID!) { node(id: $id) { ... on ServiceRecord {
  bookings(first: 5) { nodes { minutes quantity delivery { need { no } } } } } } }"""


class World:
    """The parts, and the rows they meet: two organizations, a volunteer, a need."""

    tell: dict[str, Teller]
    rows: dict[str, Any]


@pytest.fixture
async def world(api: Any, engine: AsyncEngine) -> World:
    found = World()
    async with making(engine) as m:
        own, other, parent = [await m.organization() for _ in range(3)]
        parts = {
            "organizer": await m.account(Role.VOL_ORG, organization=own, area_code=None),
            "colleague": await m.account(Role.VOL_ORG, organization=own, area_code=None),
            "elsewhere": await m.account(Role.VOL_ORG, organization=other, area_code=None),
            "parent": await m.account(Role.VOL_ORG, organization=parent, area_code=None),
            "worker": await m.account(Role.SOCIAL_WORKER, area_code="44"),
            "ann": await made.volunteer_account(m),
            "bo": await made.volunteer_account(m),
        }
        need = await m.need(
            lines=[{"kind": "hours", "item": "陪诊", "unit": "HUR", "quantity_required": 20}],
            category="MED",
            visibility="public",
        )
        running, position = await keeping.running(m, own, parent_organization_id=parent.id)
        there, beside = await keeping.running(m, other)
    found.tell = {name: Teller(api, account) for name, account in parts.items()}
    found.rows = {
        "need": need,
        "task": running,
        "position": position,
        "own": own,
        "other": other,
        "there": there,
        "beside": beside,
    }
    return found


async def joined(world: World, name: str) -> dict[str, Any]:
    """Registered, verified, and confirmed at both organizations' tasks, one after the other."""
    person = await world.tell[name].do(
        "registerVolunteer",
        name=NAME,
        phone="13800000000",
        birthYear=1990,
        abilities={"area": "440103001", "skills": ["medical_escort"]},
    )
    for organization in ("own", "other"):
        given = encode("Organization", world.rows[organization].id)
        await world.tell[name].do("joinRoster", organizationId=given)
    person = await world.tell["organizer"].move("verifyVolunteer", person)
    return await world.tell["organizer"].move("activateVolunteer", person)


async def signed_up(engine: AsyncEngine, world: World, person: dict[str, Any]) -> None:
    """The sign-ups stand since before the work began; the second task's time is its own."""
    async with making(engine) as m:
        volunteer = await m.session.get_one(Volunteer, key_of(person))
        await made.signup(m, world.rows["position"], volunteer)
        await made.signup(m, world.rows["beside"], volunteer, state="no_show")


async def hours_pass(engine: AsyncEngine, pair: dict[str, Any], hours: float) -> None:
    """As if the check-in had been so long ago; the day is the one of that moment."""
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(
            text(
                "UPDATE check_in SET checked_in_at = checked_in_at - make_interval(mins => :m), "
                "day_on = ((checked_in_at - make_interval(mins => :m)) "
                "AT TIME ZONE 'Asia/Shanghai')::date WHERE id = :id"
            ),
            {"m": int(hours * 60), "id": key_of(pair)},
        )


def key_of(row: dict[str, Any]) -> str:
    found = split(row["id"])
    assert found is not None
    return found[1]


def id_of(type_name: str, row: Any) -> str:
    return encode(type_name, row.id)


async def pledged(world: World) -> dict[str, Any]:
    line = id_of("NeedLine", world.rows["need"].lines[0])
    pledge = await world.tell["organizer"].do("offerPledge", lineId=line, quantity="8")
    pledge = await world.tell["worker"].move("acceptPledge", pledge)
    return await world.tell["organizer"].do(
        "linkTask", taskId=id_of("VolunteerTask", world.rows["task"]), pledgeId=pledge["id"]
    )


async def came_by_code(world: World, name: str) -> dict[str, Any]:
    task = id_of("VolunteerTask", world.rows["task"])
    shown = await world.tell["organizer"].ask(
        "mutation($t: ID!) { attendanceCode(input: {taskId: $t}) "
        "{ ... on AttendanceCode { signIn signOut } } }",
        t=task,
    )
    code = shown["data"]["attendanceCode"]["signIn"]
    wrong = await world.tell[name].try_("checkIn", taskId=task, code="12345678")
    assert wrong["code"] == "WRONG_CODE"
    return await world.tell[name].do("checkIn", "state inSource pair", taskId=task, code=code)


async def entered(world: World, hour: int, length: float, **given: Any) -> dict[str, Any]:
    """Time of three days ago, at a task of the organizer that has ended."""
    begun = keeping.morning(3, hour)
    return await world.tell["organizer"].do(
        "recordHours",
        RECORD,
        startedAt=begun.isoformat(),
        endedAt=(begun + timedelta(hours=length)).isoformat(),
        reason="The scanner was broken.",
        **given,
    )


async def test_hours_reach_the_need_and_the_certificate(
    world: World, api: Any, engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    ann = await joined(world, "ann")
    await signed_up(engine, world, ann)
    await pledged(world)
    pair = await came_by_code(world, "ann")
    await _elsewhere_at_once(world, ann)
    await hours_pass(owner_engine, pair, 0.9)
    await world.tell["organizer"].move("checkOut", pair)
    mine = (
        await world.tell["ann"].see("{ serviceRecords(first: 5) { nodes { id " + RECORD + " } } }")
    )["serviceRecords"]["nodes"]
    assert {(one["state"], one["source"], one["tier"]) for one in mine} == {
        ("EFFECTIVE", "CODE", "NONE")
    }
    total = sum(one["minutes"] for one in mine)
    assert 50 <= total <= 60
    await _the_need_has_them(world, engine, mine, total)
    await _the_certificate_falls_with_its_record(world, api, ann, mine[0], total)


async def _elsewhere_at_once(world: World, ann: dict[str, Any]) -> None:
    """INV-31: who is here is not there; where here is, nobody is told."""
    there = id_of("VolunteerTask", world.rows["there"])
    refused = await world.tell["elsewhere"].try_("checkIn", taskId=there, volunteerId=ann["id"])
    assert refused["code"] in ("HOURS_OVERLAP", "GUARD_FAILED")
    assert "own" not in str(refused["details"])


async def _the_need_has_them(
    world: World, engine: AsyncEngine, mine: list[dict[str, Any]], total: int
) -> None:
    await drain(engine)
    seen = (await world.tell["worker"].see(NEED, id=id_of("Need", world.rows["need"])))["node"]
    assert [one["state"] for one in seen["deliveries"]["nodes"]] == ["RECORDED"] * len(mine)
    assert {one["evidence"]["service_record"] for one in seen["deliveries"]["nodes"]} == {
        one["no"] for one in mine
    }
    traced = (await world.tell["organizer"].see(TRACED, id=mine[0]["id"]))["node"]["bookings"]
    assert traced["nodes"][0]["delivery"]["need"]["no"] == world.rows["need"].no
    assert sum(one["minutes"] for one in traced["nodes"]) <= total


async def _the_certificate_falls_with_its_record(
    world: World, api: Any, ann: dict[str, Any], served: dict[str, Any], total: int
) -> None:
    day = keeping.morning(0)
    paper = await world.tell["organizer"].do(
        "prepareCertificate",
        "totalMinutes",
        volunteerId=ann["id"],
        fromOn=(day - timedelta(days=9)).date().isoformat(),
        untilOn=(day + timedelta(days=1)).date().isoformat(),
    )
    assert paper["totalMinutes"] == total
    alone = await world.tell["organizer"].try_(
        "issueCertificate", id=paper["id"], expectedVersion=paper["version"]
    )
    assert alone["code"] == "FORBIDDEN"
    paper = await world.tell["colleague"].do(
        "issueCertificate", "verificationCode", id=paper["id"], expectedVersion=paper["version"]
    )
    code = paper["verificationCode"]
    anybody = api(None)
    told = (await anybody(CHECKED, code=code))["data"]["certificate"]
    assert (told["standing"], told["totalMinutes"]) == ("ISSUED", total)
    assert NAME not in (await api.client.get(f"/certificates/{code}")).text
    await _it_is_printed(world, api, paper)
    seen = await world.tell["ann"].see("{ serviceRecords(first: 5) { nodes { id version } } }")
    version = {one["id"]: one["version"] for one in seen["serviceRecords"]["nodes"]}[served["id"]]
    await world.tell["organizer"].do(
        "revokeHours", id=served["id"], expectedVersion=version, reason="It was somebody else."
    )
    told = (await anybody(CHECKED, code=code))["data"]["certificate"]
    assert told["standing"] == "REVOKED"
    assert "revoked" in (await api.client.get(f"/certificates/{code}")).text


async def _it_is_printed(world: World, api: Any, paper: dict[str, Any]) -> None:
    """The holder's name is on it, and nowhere else. Says so loudly where the font is missing."""
    fonts()
    asked = await world.tell["ann"].do("printCertificate", "url", id=paper["id"])
    printed = await api.client.get(asked["url"])
    assert (printed.status_code, printed.content[:5]) == (200, b"%PDF-")
    other = await world.tell["elsewhere"].try_("printCertificate", id=paper["id"])
    assert other["code"] == "NOT_FOUND"


async def test_a_long_day_waits_for_its_reviewers(
    world: World, api: Any, engine: AsyncEngine
) -> None:
    """Nine hours go to the parent, thirteen to the province; the same hours twice are refused."""
    bo = await joined(world, "bo")
    async with making(engine) as m:
        ended = await keeping.task(
            m,
            world.rows["own"],
            parent_organization_id=world.rows["task"].parent_organization_id,
        )
        volunteer = await m.session.get_one(Volunteer, key_of(bo))
        await keeping.signed_up(m, ended, volunteer)
        theirs = await keeping.task(m, world.rows["other"])
        await keeping.signed_up(m, theirs, volunteer)
    given = {"taskId": id_of("VolunteerTask", ended), "volunteerId": bo["id"]}
    row = await entered(world, 6, 9, **given)
    own = await world.tell["organizer"].try_(
        "confirmHours", id=row["id"], expectedVersion=row["version"]
    )
    assert own["code"] == "FORBIDDEN", "its recorder is no second person"
    overlap = await world.tell["elsewhere"].try_(
        "recordHours",
        taskId=id_of("VolunteerTask", theirs),
        volunteerId=bo["id"],
        startedAt=keeping.morning(3, 8).isoformat(),
        endedAt=keeping.morning(3, 9).isoformat(),
        reason="From the list.",
    )
    assert (overlap["code"], overlap["details"]) == ("HOURS_OVERLAP", {"rule": "INV-31"})
    row = await world.tell["colleague"].do(
        "confirmHours", RECORD, id=row["id"], expectedVersion=row["version"]
    )
    assert (row["state"], row["tier"], row["dayMinutes"]) == ("PENDING_PARENT", "PARENT", 540)
    row = await world.tell["parent"].do(
        "approveHours", RECORD, id=row["id"], expectedVersion=row["version"]
    )
    assert row["state"] == "EFFECTIVE"
    late = await entered(world, 15, 4, **given)
    late = await world.tell["colleague"].do(
        "confirmHours", RECORD, id=late["id"], expectedVersion=late["version"]
    )
    assert (late["state"], late["dayMinutes"]) == ("PENDING_PROVINCE", 780)
    refused = await world.tell["parent"].try_(
        "approveLongDay", id=late["id"], expectedVersion=late["version"], reason="It was a flood."
    )
    assert refused["code"] == "FORBIDDEN"
    async with making(engine) as m:
        province = await m.account(Role.SUPERVISOR, area_code="44")
    teller = Teller(api, province)
    done = await teller.do(
        "approveLongDay",
        RECORD,
        id=late["id"],
        expectedVersion=late["version"],
        reason="It was a flood.",
    )
    assert done["state"] == "EFFECTIVE"
