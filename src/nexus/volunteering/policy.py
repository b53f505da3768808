"""Who sees volunteers, rosters and teams, and who decides about them.

A volunteer sees themselves; an organization those on its roster; the station's lead, authorities
and oversight those of their territory. Nobody else sees that somebody is a volunteer.
"""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, TERRITORIAL, Actor, Role
from nexus.volunteering import model

ORGANIZERS = frozenset({Role.VOL_ORG, Role.STATION_LEAD, Role.SOCIAL_WORKER})
"""Roles that organize volunteers, each for its own organization."""
_VERIFIERS = ORGANIZERS | {Role.GOV_CLERK, Role.GOV_APPROVER}
_JUDGES = frozenset({Role.STATION_LEAD, Role.GOV_COORDINATOR, Role.GOV_APPROVER})
_NEAR = GOVERNMENT | OVERSIGHT | {Role.STATION_LEAD, Role.DPO}
"""Who sees the volunteers of the territory, whoever organizes them."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A volunteer."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.VOLUNTEER:
        return row.account_id == actor.account_id  # type: ignore[no-any-return]
    if actor.role not in _NEAR | ORGANIZERS:
        return false()
    known = _on_roster(actor, row.id) if actor.role in ORGANIZERS else false()
    near = actor.covers(row.area_code) if actor.role in _NEAR else false()
    return known | near


def _on_roster(actor: Actor, volunteer_id: Any) -> ColumnElement[bool]:
    entry = aliased(model.RosterEntry)
    return exists().where(
        entry.volunteer_id == volunteer_id, entry.organization_id == actor.organization_id
    )


def of_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A guardian's consent: as the volunteer it is for."""
    volunteer = aliased(model.Volunteer)
    return exists().where(volunteer.id == row.volunteer_id, visible(actor, volunteer))


def roster_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The organization's own people, and the volunteer."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.VOLUNTEER:
        return of_visible(actor, row)
    if actor.role not in ORGANIZERS:
        return false()
    return row.organization_id == actor.organization_id  # type: ignore[no-any-return]


def team_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The organization's own people, its members, and those who see the territory."""
    if actor.role in EVERYWHERE:
        return true()
    own = row.organization_id == actor.organization_id
    if actor.role is Role.VOLUNTEER:
        member, person = aliased(model.TeamMembership), aliased(model.Volunteer)
        return exists().where(
            member.team_id == row.id,
            person.id == member.volunteer_id,
            person.account_id == actor.account_id,
        )
    if actor.role in TERRITORIAL:
        return own | actor.covers(row.area_code)  # type: ignore[no-any-return]
    return own if actor.role is Role.VOL_ORG else false()


def membership_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Of a team one sees and a volunteer one sees."""
    team = aliased(model.Team)
    return exists().where(team.id == row.team_id, team_visible(actor, team)) & of_visible(
        actor, row
    )


def may_register(actor: Actor) -> bool:
    """Oneself, or an organizer somebody who has no account."""
    return actor.role is Role.VOLUNTEER or actor.role in ORGANIZERS


def may_update(actor: Actor, row: Any) -> Any:
    """The volunteer; the organization that entered them. Until they left (INV-21)."""
    return (row.state != model.VolunteerState.LEFT) & may_leave(actor, row)


def may_leave(actor: Actor, row: Any) -> Any:
    """The volunteer at any time; the organization that entered them at their word."""
    if actor.role is Role.VOLUNTEER:
        return row.account_id == actor.account_id
    return row.organization_id == actor.organization_id if actor.role in ORGANIZERS else False


def may_verify(actor: Actor, row: Any) -> Any:
    """Who saw the card, but never who entered the volunteer (INV-18)."""
    return row.created_by != actor.account_id if actor.role in _VERIFIERS else False


def may_activate(actor: Actor, row: Any) -> Any:
    """Organizers and authorities who see the volunteer."""
    return actor.role in _VERIFIERS


def may_train(actor: Actor, row: Any) -> Any:
    """Organizers record what was passed with them, of those who have not left."""
    return row.state != model.VolunteerState.LEFT if actor.role in ORGANIZERS else False


def may_suspend(actor: Actor, row: Any) -> Any:
    """For all organizations: the station's lead and the authority of the territory."""
    return actor.covers(row.area_code) if actor.role in _JUDGES else False


def may_read_number(actor: Actor, row: Any) -> Any:
    """The national number: the volunteer, organizers and authorities; oversight counts heads."""
    return actor.role in ORGANIZERS | GOVERNMENT | {Role.VOLUNTEER, Role.SYSTEM}


def may_read_reason(actor: Actor, row: Any) -> Any:
    """Why somebody was suspended or blocked: those who work with them, and themselves."""
    return actor.role in ORGANIZERS | TERRITORIAL | {Role.VOLUNTEER, Role.SYSTEM}


def may_record_guardian(actor: Actor, row: Any) -> Any:
    """Organizers who hold the paper, for somebody who has not left."""
    return row.state != model.VolunteerState.LEFT if actor.role in ORGANIZERS else False


def may_withdraw_guardian(actor: Actor, row: Any) -> Any:
    """At the guardian's word: organizers, and the data protection officer."""
    return actor.role in ORGANIZERS | {Role.DPO}


def may_block(actor: Actor, row: Any) -> Any:
    """The organization's own people."""
    return row.organization_id == actor.organization_id if actor.role in ORGANIZERS else False


def may_join(actor: Actor) -> bool:
    """A volunteer joins a roster."""
    return actor.role is Role.VOLUNTEER


def may_create_team(actor: Actor) -> bool:
    """Organizers."""
    return actor.role in ORGANIZERS


def may_lead(actor: Actor, row: Any) -> Any:
    """A team, while it is there: the organization's own people."""
    if actor.role not in ORGANIZERS:
        return False
    return (row.state == model.TeamState.ACTIVE) & (row.organization_id == actor.organization_id)


def may_end_membership(actor: Actor, row: Any) -> Any:
    """The team's organization; the volunteer. SQL only."""
    team, person = aliased(model.Team), aliased(model.Volunteer)
    open_ = row.valid_to.is_(None)
    if actor.role is Role.VOLUNTEER:
        mine = exists().where(person.id == row.volunteer_id, may_leave(actor, person))
        return open_ & mine
    if actor.role not in ORGANIZERS:
        return False
    led = exists().where(team.id == row.team_id, team.organization_id == actor.organization_id)
    return open_ & led


def may_reveal(actor: Actor, row: Any) -> Any:
    """Name and phone: organizers, who call; the authority, which settles complaints."""
    return actor.role in ORGANIZERS | {Role.GOV_CLERK, Role.GOV_APPROVER}


def may_erase(actor: Actor, row: Any) -> Any:
    """The data protection officer, once the volunteer has left."""
    return row.state == model.VolunteerState.LEFT if actor.role is Role.DPO else False
