"""Rosters and teams in the graph."""

from datetime import date, datetime

import strawberry

from nexus.areas.graphql import Area
from nexus.graph.declare import (
    Connection,
    any_of,
    classified,
    collection,
    containing,
    extend,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.volunteering import model, policy
from nexus.volunteering.graphql import Volunteer
from nexus.volunteering.teams import operations

register_enums(model.RosterState, model.TeamState)
guard("uq_team_name", "You have a team of this name.", rule="team.name", field="name")
guard(
    "ex_team_membership_period",
    "They belonged to this team today already: add them again tomorrow.",
    rule="team.once",
)


@node(
    model.RosterEntry,
    visible=policy.roster_visible,
    transitions=model.ROSTER_TRANSITIONS,
    actions={
        "block_volunteer": ("block", policy.may_block),
        "unblock_volunteer": ("unblock", policy.may_block),
    },
)
class RosterEntry:
    """An organization knows a volunteer, or has blocked them."""

    state: model.RosterState
    state_reason: str | None = classified(model.RosterEntry.state_reason, allowed=policy.may_block)
    version: int
    created_at: datetime
    organization: Organization | None = to_one(model.RosterEntry.organization_id)
    volunteer: Volunteer | None = to_one(model.RosterEntry.volunteer_id)


@node(
    model.TeamMembership,
    visible=policy.membership_visible,
    actions={"end_team_membership": (None, policy.may_end_membership)},
)
class TeamMembership:
    """A volunteer belongs to a team for a time, end-exclusive."""

    valid_from: date
    valid_to: date | None
    version: int
    team: "Team | None" = to_one(model.TeamMembership.team_id)
    volunteer: Volunteer | None = to_one(model.TeamMembership.volunteer_id)


@node(
    model.Team,
    visible=policy.team_visible,
    transitions=model.TEAM_TRANSITIONS,
    actions={
        "dissolve_team": ("dissolve", policy.may_lead),
        "add_team_member": (None, policy.may_lead),
    },
)
class Team:
    """A team of volunteers of one organization."""

    no: str
    name: str
    state: model.TeamState
    version: int
    created_at: datetime
    area: Area | None = to_one(model.Team.area_code)
    organization: Organization | None = to_one(model.Team.organization_id)
    memberships: Connection[TeamMembership] = to_many(
        model.TeamMembership.team_id, order=Order(("valid_from",), descending=True)
    )


@extend(Volunteer)
class VolunteerTeams:
    memberships: Connection[TeamMembership] = to_many(
        model.TeamMembership.volunteer_id, order=Order(("valid_from",), descending=True)
    )
    roster_entries: Connection[RosterEntry] = to_many(
        model.RosterEntry.volunteer_id, order=Order(("created_at",))
    )


@query
class TeamQuery:
    roster: Connection[RosterEntry] = collection(
        "RosterEntry",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"state": any_of(model.RosterEntry.state)},
        about="The volunteers your organization knows; a volunteer's own entries.",
    )
    teams: Connection[Team] = collection(
        "Team",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"state": any_of(model.Team.state), "text": containing(model.Team.name)},
        about="Teams that you lead, belong to, or that are of your territory.",
    )


RosterEntryResult = result("RosterEntry", RosterEntry)
TeamResult = result("Team", Team)
TeamMembershipResult = result("TeamMembership", TeamMembership)


@strawberry.input
class JoinRosterInput:
    organization_id: strawberry.ID
    idempotency_key: str


@mutation(RosterEntryResult)
async def join_roster(act, input: JoinRosterInput):  # type: ignore[no-untyped-def]
    """Let an organization see you as a volunteer."""
    return await operations.join_roster(act, decode(input.organization_id, "Organization"))


transition(
    "block_volunteer",
    RosterEntryResult,
    operations.block_volunteer,
    "They cannot sign up with your organization any more, with a reason.",
)
transition(
    "unblock_volunteer", RosterEntryResult, operations.unblock_volunteer, "They are welcome again."
)


@strawberry.input
class CreateTeamInput:
    name: str
    area: str
    idempotency_key: str


@mutation(TeamResult)
async def create_team(act, input: CreateTeamInput):  # type: ignore[no-untyped-def]
    """A team of your organization."""
    return await operations.create_team(act, name=input.name, area=input.area)


transition("dissolve_team", TeamResult, operations.dissolve_team, "End it, with a reason.")


@strawberry.input
class AddTeamMemberInput:
    team_id: strawberry.ID
    volunteer_id: strawberry.ID
    idempotency_key: str


@mutation(TeamMembershipResult)
async def add_team_member(act, input: AddTeamMemberInput):  # type: ignore[no-untyped-def]
    """Somebody of your roster belongs to the team from today."""
    return await operations.add_team_member(
        act, decode(input.team_id, "Team"), volunteer_id=decode(input.volunteer_id, "Volunteer")
    )


transition(
    "end_team_membership",
    TeamMembershipResult,
    operations.end_team_membership,
    "From today they belong to it no more.",
)
