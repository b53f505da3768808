"""Volunteers of one place, the task they signed up for, and others for deeds."""

from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Actor, Role
from nexus.core.ids import new_id
from nexus.organizations.model import Organization
from nexus.recipients.vault.contacts.model import ContactReveal
from nexus.recipients.vault.contacts.operations import record_contact
from nexus.volunteering.model import RosterEntry, TeamMembership, VolunteerState
from nexus.volunteering.tasks.model import SignupState, TaskPosition, TaskState
from tests.deeds import acting
from tests.house.matrix_world import Place, World
from tests.making import Maker, now, today
from tests.volunteering import made

NUMBERS = count(10_000_000)
CHILD = today().year - 12
DAY = timedelta(days=1)
TASKS = {
    "": TaskState.RECRUITING,
    "/open": TaskState.RECRUITING,
    "/approval": TaskState.RECRUITING,
    "[draft]": TaskState.DRAFT,
    "[submitted]": TaskState.SUBMITTED,
    "/published": TaskState.PUBLISHED,
    "/due": TaskState.RECRUITING,
    "/now": TaskState.IN_PROGRESS,
    "/past": TaskState.ENDED,
    "/over": TaskState.ENDED,
}
"""By what follows the type in the key; a state that a deed starts from."""


async def organize(m: Maker, engine: AsyncEngine, world: World, place: Place) -> None:
    """Volunteers, their roster and team; tasks in every state that a deed starts from."""
    home = place.authority if place.side == "need" else place.charity
    contact_id = await _identity(engine, world, place)
    mine: dict[str, Any] = {"area_code": place.town, "created_by": place.staff.id}
    person = await made.volunteer(
        m,
        place.staff,
        home,
        **mine,
        contact_id=contact_id,
        national_no=f"GD{next(NUMBERS)}",
        skills=["elderly"],
        state_reason=place.says("Volunteer.stateReason"),
    )
    place.rows["Volunteer"] = person
    for key, given in (
        ("registered", {"state": VolunteerState.REGISTERED}),
        ("helper", {}),
        ("minor", {"birth_year": CHILD}),
        ("child", {"birth_year": CHILD}),
        ("left", {"state": VolunteerState.LEFT}),
    ):
        row = await made.volunteer(m, None, home, **mine, **given)
        place.rows[f"Volunteer/{key}"] = row
    place.rows["GuardianConsent"] = await made.guardian(
        m, place["Volunteer/child"], state_reason=place.says("GuardianConsent.stateReason")
    )
    await _belong(m, place, home)
    await _tasks(m, place, home)
    await _signups(m, place)


async def _identity(engine: AsyncEngine, world: World, place: Place) -> Any:
    """Who it is, by the real deed; and a request to see it."""
    name = place.says("vault.volunteer")
    world.secrets.add(name)
    clerk = Actor(Role.GOV_APPROVER, place.clerk.id, place.authority.id, "", now())
    async with acting(engine, clerk) as act:
        contact_id = await record_contact(act, name=name, phone=None)
        asked = insert(ContactReveal).values(
            id=new_id(), contact_id=contact_id, purpose="DELIV", account_id=place.staff.id
        )
        found = await act.session.execute(asked.returning(ContactReveal))
        place.rows["ContactReveal/volunteer"] = found.scalar_one()
    return contact_id


async def _belong(m: Maker, place: Place, home: Organization) -> None:
    entry = await m.session.scalar(
        select(RosterEntry).where(RosterEntry.volunteer_id == place["Volunteer"].id)
    )
    assert entry is not None
    entry.state_reason = place.says("RosterEntry.stateReason")
    await m.session.commit()
    place.rows["RosterEntry"] = entry
    place.rows["Team"] = team = await made.team(
        m, home, area_code=place.town, name=place.says("Team.name"), created_by=place.staff.id
    )
    place.rows["TeamMembership"] = membership = TeamMembership(
        team_id=team.id, volunteer_id=place["Volunteer"].id, valid_from=today() - timedelta(days=9)
    )
    await m.put(membership)


async def _tasks(m: Maker, place: Place, home: Organization) -> None:
    """At times that do not meet, so that one person can be in all."""
    moment = now().replace(microsecond=0)
    times = {
        "/past": (moment - 2 * DAY, moment - DAY),
        "/over": (moment - 4 * DAY, moment - 3 * DAY),
        "/due": (moment - DAY / 48, moment + DAY / 4),
        "/now": (moment - DAY / 48, moment + DAY / 4),
    }
    for at, (key, state) in enumerate(TASKS.items(), 2):
        start, end = times.get(key, (moment + at * DAY, moment + (at + 0.1) * DAY))
        shown = f"VolunteerTask{key}".partition("/")[0]
        row = await made.task(
            m,
            home,
            state=state,
            area_code=place.town,
            created_by=place.staff.id,
            name=place.says(f"{shown}.name"),
            summary=place.says(f"{shown}.summary"),
            place=place.says(f"{shown}.place"),
            place_public=False,
            state_reason=place.says(f"{shown}.stateReason"),
            station_id=place["Station"].id,
            parent_organization_id=_parent(place).id,
            by_approval=key == "/approval",
            starts_at=start,
            ends_at=end,
        )
        place.rows[f"VolunteerTask{key}"] = row
        found = await m.session.scalars(select(TaskPosition).where(TaskPosition.task_id == row.id))
        place.rows[f"TaskPosition{key}"] = found.one()


def _parent(place: Place) -> Organization:
    return place.charity if place.side == "need" else place.authority


async def _signups(m: Maker, place: Place) -> None:
    person, helper = place["Volunteer"], place["Volunteer/helper"]
    for key, position, who, state in (
        ("", "", person, SignupState.CONFIRMED),
        ("/applied", "/approval", helper, SignupState.APPLIED),
        ("/past", "/past", person, SignupState.CONFIRMED),
    ):
        place.rows[f"Signup{key}"] = await made.signup(
            m,
            place[f"TaskPosition{position}"],
            who,
            state=state,
            state_reason=place.says("Signup.stateReason"),
        )
