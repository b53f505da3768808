"""Helping: a task is published, volunteers sign up until it is full, one waits and moves up."""

from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from tests.journeys.teller import Teller
from tests.making import TOWN, making, now
from tests.volunteering import made

SECRET_NAME = "欧阳助人"
TASK = "{ state full place positions(first: 5) { nodes { id slots taken free } } }"


async def _cast(api: Any, engine: AsyncEngine) -> dict[str, Teller]:
    async with making(engine) as m:
        own, other = await m.organization(), await m.organization()
        parts = {
            "organizer": await m.account(Role.VOL_ORG, organization=own, area_code=None),
            "colleague": await m.account(Role.VOL_ORG, organization=own, area_code=None),
            "elsewhere": await m.account(Role.VOL_ORG, organization=other, area_code=None),
            "helper": await m.account(Role.VOL_ORG, organization=other, area_code=None),
        }
        for name in ("ann", "bo", "chen"):
            parts[name] = await made.volunteer_account(m)
    return {name: Teller(api, account) for name, account in parts.items()}


def _terms(**given: Any) -> dict[str, Any]:
    start = now().replace(microsecond=0) + timedelta(days=3)
    return {
        "name": "周末探访独居长者",
        "category": "elderly",
        "area": TOWN,
        "place": "示范社区服务中心",
        "startsAt": start.isoformat(),
        "endsAt": (start + timedelta(hours=3)).isoformat(),
        "expected": 2,
        "positions": [{"role": "陪伴", "slots": 2}],
    } | given


async def _published(cast: dict[str, Teller], maker: str, checker: str) -> dict[str, Any]:
    task = await cast[maker].do("createVolunteerTask", TASK[1:-1], terms=_terms())
    task |= await cast[maker].move("submitVolunteerTask", task)
    own = await cast[maker].try_(
        "publishVolunteerTask", id=task["id"], expectedVersion=task["version"]
    )
    assert own["code"] == "FORBIDDEN"
    task |= await cast[checker].move("publishVolunteerTask", task)
    return task | await cast[maker].move("openRecruitment", task)


async def _volunteer(cast: dict[str, Teller], name: str) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": SECRET_NAME + name,
        "phone": "13800000000",
        "birthYear": 1990,
        "abilities": {"area": TOWN, "skills": ["elderly"], "languages": ["yue"]},
    }
    person = await cast[name].do("registerVolunteer", **given)
    again = await cast[name].try_("registerVolunteer", **given)
    assert again["code"] == "FORBIDDEN"
    return person


async def _admitted(cast: dict[str, Teller], name: str, organization: str) -> dict[str, Any]:
    person = await _volunteer(cast, name)
    joined = await cast[name].do("joinRoster", organizationId=organization)
    assert joined["id"]
    person = await cast["organizer"].move("verifyVolunteer", person)
    return await cast["organizer"].move("activateVolunteer", person)


async def _organization(teller: Teller) -> str:
    seen = await teller.see("{ viewer { organization { id } } }")
    return str(seen["viewer"]["organization"]["id"])


async def test_a_task_fills_and_the_waitlist_moves_up(api: Any, engine: AsyncEngine) -> None:
    cast = await _cast(api, engine)
    organization = await _organization(cast["organizer"])
    task = await _published(cast, "organizer", "colleague")
    position = task["positions"]["nodes"][0]["id"]
    people = {name: await _admitted(cast, name, organization) for name in ("ann", "bo", "chen")}

    ann = await cast["ann"].do("signUp", "state", positionId=position)
    bo = await cast["bo"].do("signUp", "state", positionId=position)
    chen = await cast["chen"].do("signUp", "state place", positionId=position)
    assert (ann["state"], bo["state"], chen["state"]) == ("CONFIRMED", "CONFIRMED", "WAITLISTED")
    seen = await cast["chen"].see(
        f"query($id: ID!) {{ node(id: $id) {{ ... on VolunteerTask {TASK} }} }}", id=task["id"]
    )
    assert seen["node"]["full"] is True
    assert seen["node"]["positions"]["nodes"][0]["free"] == 0

    await cast["ann"].move("cancelSignup", ann)
    mine = await cast["chen"].see("{ signups(first: 5) { nodes { state volunteer { no } } } }")
    assert [each["state"] for each in mine["signups"]["nodes"]] == ["CONFIRMED"]
    theirs = await cast["organizer"].see("{ signups(first: 9) { nodes { state } } }")
    assert len(theirs["signups"]["nodes"]) == 3
    assert (await cast["elsewhere"].see("{ signups(first: 9) { nodes { state } } }"))["signups"][
        "nodes"
    ] == []

    await _busy_elsewhere(cast, people["chen"])
    await _read_the_name(cast, people["chen"])


async def _busy_elsewhere(cast: dict[str, Teller], chen: dict[str, Any]) -> None:
    """Another organization is told that the volunteer is busy, and not where."""
    task = await _published(cast, "elsewhere", "helper")
    position = task["positions"]["nodes"][0]["id"]
    refused = await cast["chen"].try_("signUp", positionId=position)
    assert refused["code"] == "VOLUNTEER_BUSY"
    assert refused["details"] == {"rule": "INV-31"}
    unseen = await cast["elsewhere"].try_("signUp", positionId=position, volunteerId=chen["id"])
    assert unseen["code"] == "NOT_FOUND"


async def _read_the_name(cast: dict[str, Teller], chen: dict[str, Any]) -> None:
    """The organizer asks for the name, and reads it; nobody else learns that there is one."""
    asked = await cast["organizer"].do(
        "requestVolunteerIdentity", volunteerId=chen["id"], purpose="DELIV"
    )
    opened = await cast["organizer"].ask(
        "mutation($id: ID!) { openVolunteerIdentity(input: {id: $id}) "
        "{ ... on RevealedVolunteer { name phone } } }",
        id=asked["id"],
    )
    assert opened["data"]["openVolunteerIdentity"]["name"] == SECRET_NAME + "chen"
    stolen = await cast["elsewhere"].ask(
        "mutation($id: ID!) { openVolunteerIdentity(input: {id: $id}) "
        "{ ... on Refusal { code } ... on RevealedVolunteer { name } } }",
        id=asked["id"],
    )
    assert stolen["data"]["openVolunteerIdentity"] == {"code": "NOT_FOUND"}
