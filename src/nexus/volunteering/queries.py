"""Finding volunteers, and what sign-ups must know of them."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from nexus.acting import Act, View
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed
from nexus.organizations.model import Organization, OrganizationState
from nexus.volunteering import model, policy


async def take_volunteer(
    act: Act, volunteer_id: UUID, expected_version: int | None = None
) -> model.Volunteer:
    """The row, visible and locked. NotFound; VersionConflict."""
    return await act.take(
        model.Volunteer, volunteer_id, visible=policy.visible, expected_version=expected_version
    )


async def own_volunteer(view: View) -> model.Volunteer:
    """The volunteer whose account the actor has. GuardFailed where they never registered."""
    row = model.Volunteer
    found = await view.session.scalar(select(row).where(row.account_id == view.actor.account_id))
    if found is None:
        raise GuardFailed(
            "You are no volunteer yet: register with registerVolunteer first.",
            rule="volunteers.registered",
        )
    return found


def consents(volunteer_id: Any, on: date | ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL: a guardian's consent is in force on that day."""
    row = aliased(model.GuardianConsent)
    return exists().where(
        row.volunteer_id == volunteer_id,
        row.state == model.GuardianConsentState.GRANTED,
        row.expires_on > on,
    )


async def has_guardian(view: View, volunteer_id: UUID, on: date) -> bool:
    """Whether a guardian's consent is in force on that day."""
    return bool(await view.session.scalar(select(consents(volunteer_id, on))))


async def is_blocked(view: View, volunteer_id: UUID, organization_id: UUID) -> bool:
    """Whether the organization does not want them."""
    row = model.RosterEntry
    blocked = exists().where(
        row.volunteer_id == volunteer_id,
        row.organization_id == organization_id,
        row.state == model.RosterState.BLOCKED,
    )
    return bool(await view.session.scalar(select(blocked)))


async def enter_on_roster(act: Act, volunteer_id: UUID, organization_id: UUID) -> UUID | None:
    """From now on the organization sees the volunteer. The new entry's id; None: there was one."""
    row = model.RosterEntry
    made = await act.session.execute(
        insert(row)
        .values(
            id=new_id(),
            organization_id=organization_id,
            volunteer_id=volunteer_id,
            state=model.RosterState.LISTED,
            version=1,
            created_at=act.now,
            created_by=act.actor.account_id,
        )
        .on_conflict_do_nothing()
        .returning(row.id)
    )
    return made.scalar_one_or_none()


async def check_organizer(act: Act, organization_id: UUID) -> None:
    """GuardFailed unless the organization is verified."""
    row = await act.session.get(Organization, organization_id)
    if row is None or row.state is not OrganizationState.VERIFIED:
        state = row.state.name if row else "NONE"
        raise GuardFailed(
            f"The organization is {state}: the authority verifies it first.",
            rule="volunteering.organization_verified",
            state=state,
        )
