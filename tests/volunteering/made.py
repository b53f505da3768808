"""Valid rows of volunteers, tasks and sign-ups, with defaults that keyword arguments override."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import Range

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.organizations.model import Organization
from nexus.recipients.vault.contacts.model import Contact
from nexus.volunteering.model import (
    GuardianConsent,
    GuardianMethod,
    Guardianship,
    RosterEntry,
    Team,
    Volunteer,
    VolunteerState,
)
from nexus.volunteering.tasks.model import (
    TAKING,
    Signup,
    SignupState,
    TaskPosition,
    TaskState,
    VolunteerTask,
)
from tests.making import TOWN, Maker, now, number, today

UNPUBLISHED = (TaskState.DRAFT, TaskState.SUBMITTED)


async def contact(m: Maker) -> UUID:
    """A sealed contact that nobody can open."""
    row_id = new_id()
    await m.session.execute(
        insert(Contact).values(
            id=row_id,
            fields=["name"],
            wrapped_key=secrets.token_bytes(60),
            key_version=1,
            name=secrets.token_bytes(40),
            recorded_at=now(),
            recorded_by=new_id(),
        )
    )
    await m.session.commit()
    return row_id


async def volunteer(
    m: Maker, account: Account | None = None, organization: Organization | None = None, **given: Any
) -> Volunteer:
    """An active grown volunteer of a town; on the roster of the organization that entered them."""
    row: dict[str, Any] = {
        "no": number("V"),
        "account_id": account.id if account else None,
        "organization_id": organization.id if organization else None,
        "contact_id": await contact(m),
        "birth_year": 1980,
        "area_code": TOWN,
        "skills": [],
        "languages": [],
        "trained": [],
        "state": VolunteerState.ACTIVE,
        "created_at": now(),
        "created_by": new_id(),
    } | given
    if row["state"] != VolunteerState.REGISTERED:
        row.setdefault("verified_at", now())
        row.setdefault("verified_by", new_id())
    await m.area(row["area_code"])
    made = Volunteer(**row)
    await m.put(made)
    if organization is not None:
        await roster(m, made, organization)
    return made


async def volunteer_account(m: Maker) -> Account:
    """Somebody with the role, who belongs to nobody."""
    return await m.account(Role.VOLUNTEER, organization_id=None, area_code=None)


async def roster(
    m: Maker, person: Volunteer, organization: Organization, **given: Any
) -> RosterEntry:
    """The organization knows them."""
    row = RosterEntry(
        **{
            "organization_id": organization.id,
            "volunteer_id": person.id,
            "created_at": now(),
            "created_by": new_id(),
        }
        | given
    )
    await m.put(row)
    return row


async def guardian(m: Maker, person: Volunteer, **given: Any) -> GuardianConsent:
    """A parent agreed on paper."""
    row = GuardianConsent(
        **{
            "volunteer_id": person.id,
            "given_by": Guardianship.PARENT,
            "contact_id": await contact(m),
            "text_version": "2026-1",
            "text_hash": "0" * 64,
            "method": GuardianMethod.PAPER_SCAN,
            "obtained_at": now(),
            "obtained_by": new_id(),
            "expires_on": today() + timedelta(days=200),
            "created_at": now(),
        }
        | given
    )
    await m.put(row)
    return row


async def team(m: Maker, organization: Organization, **given: Any) -> Team:
    """An active team."""
    row = Team(
        **{
            "no": number("T"),
            "organization_id": organization.id,
            "name": f"队{secrets.token_hex(4)}",
            "area_code": TOWN,
            "created_at": now(),
            "created_by": new_id(),
        }
        | given
    )
    await m.area(row.area_code)
    await m.put(row)
    return row


async def task(
    m: Maker,
    organization: Organization | None = None,
    positions: Sequence[dict[str, Any]] = ({},),
    **given: Any,
) -> VolunteerTask:
    """Two hours in two days that recruit, in one position of two slots."""
    organization = organization or await m.organization()
    start = now().replace(microsecond=0) + timedelta(days=2)
    row: dict[str, Any] = {
        "no": number("VT"),
        "organization_id": organization.id,
        "name": "社区探访",
        "category": "elderly",
        "area_code": TOWN,
        "place": "示范社区服务中心",
        "starts_at": start,
        "ends_at": start + timedelta(hours=2),
        "expected": 10,
        "state": TaskState.RECRUITING,
        "created_at": now() - timedelta(days=10),
        "created_by": new_id(),
    } | given
    row.setdefault("signup_deadline_at", row["starts_at"])
    if row["state"] not in (*UNPUBLISHED, TaskState.CANCELLED):
        row.setdefault("published_by", new_id())
        row.setdefault("published_at", min(now(), row["starts_at"]) - timedelta(days=1))
    if row["state"] != TaskState.DRAFT:
        row.setdefault("submitted_by", new_id())
    await m.area(row["area_code"])
    made = VolunteerTask(**row)
    await m.put(made)
    for place, each in enumerate(positions, 1):
        await position(m, made, position=place, **each)
    return made


async def position(m: Maker, of: VolunteerTask, **given: Any) -> TaskPosition:
    """Two slots for the whole task."""
    row = TaskPosition(
        **{
            "task_id": of.id,
            "position": 1,
            "role": "陪伴",
            "slots": 2,
            "skills": [],
            "trainings": [],
            "starts_at": of.starts_at,
            "ends_at": of.ends_at,
        }
        | given
    )
    await m.put(row)
    return row


async def signup(m: Maker, at: TaskPosition, person: Volunteer, **given: Any) -> Signup:
    """Confirmed, in the next place."""
    state = SignupState(given.get("state", SignupState.CONFIRMED))
    row: dict[str, Any] = {
        "task_id": at.task_id,
        "position_id": at.id,
        "volunteer_id": person.id,
        "period": Range(at.starts_at, at.ends_at),
        "state": state,
        "created_at": now(),
        "created_by": new_id(),
    } | given
    if state in (*TAKING, SignupState.WAITLISTED):
        at = await m.session.get_one(TaskPosition, at.id, populate_existing=True)
        at.last_place += 1
        row.setdefault("place", at.last_place)
    made = Signup(**row)
    await m.put(made)
    return made
