"""Joining a roster, blocking on it; making teams and who belongs to them."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act, Deed, plain_transition
from nexus.areas.queries import resolve_area
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.core.texts import check_reason
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization
from nexus.volunteering import model, policy, queries, rules


async def join_roster(act: Act, organization_id: UUID) -> model.RosterEntry:
    """A volunteer lets an organization see them; joining twice is once."""
    if not policy.may_join(act.actor):
        raise Forbidden("Only a volunteer joins a roster: others enter one with registerVolunteer.")
    volunteer = await queries.own_volunteer(act)
    organization = await act.find(
        Organization, organization_id, visible=organization_policy.visible
    )
    await queries.check_organizer(act, organization.id)
    entered = await queries.enter_on_roster(act, volunteer.id, organization.id)
    row = model.RosterEntry
    entry = (
        await act.session.execute(
            select(row).where(
                row.organization_id == organization.id, row.volunteer_id == volunteer.id
            )
        )
    ).scalar_one()
    if entered is not None:
        act.record("roster.joined", entry, volunteer_id=volunteer.id)
    return entry


def _roster_move(verb: str, event: str) -> Deed:
    async def deed(
        act: Act, entry_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> model.RosterEntry:
        row = await act.take(
            model.RosterEntry,
            entry_id,
            visible=policy.roster_visible,
            expected_version=expected_version,
        )
        act.permit(policy.may_block, row)
        model.ROSTER_TRANSITIONS.after(verb, row.state)
        said = check_reason(reason) if verb == "block" else reason
        act.move(row, model.ROSTER_TRANSITIONS, verb)
        row.state_reason = said
        act.record(
            event, row, volunteer_id=row.volunteer_id, blocking_organization_id=row.organization_id
        )
        return row

    return deed


block_volunteer = _roster_move("block", "roster.blocked")
unblock_volunteer = _roster_move("unblock", "roster.unblocked")


async def create_team(act: Act, *, name: str, area: str) -> model.Team:
    """A team of one's own organization."""
    if not policy.may_create_team(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not make teams.")
    await queries.check_organizer(act, act.actor.organization_id)
    area_code = await resolve_area(act.session, area)
    row = model.Team(
        id=act.row_id,
        no=await act.number("T", area_code),
        organization_id=act.actor.organization_id,
        name=rules.check_name(name),
        area_code=area_code,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("team.created", row)
    return row


dissolve_team: Deed = plain_transition(
    model.Team,
    model.TEAM_TRANSITIONS,
    "dissolve",
    event="team.dissolved",
    visible=policy.team_visible,
    may=policy.may_lead,
    needs_reason=True,
)


async def add_team_member(act: Act, team_id: UUID, *, volunteer_id: UUID) -> model.TeamMembership:
    """Somebody of the roster belongs to the team from today."""
    team = await act.take(model.Team, team_id, visible=policy.team_visible)
    act.permit(policy.may_lead, team)
    volunteer = await act.find(model.Volunteer, volunteer_id, visible=policy.visible)
    if volunteer.state is model.VolunteerState.LEFT:
        raise GuardFailed("They have left.", rule="volunteers.left")
    row, today = model.TeamMembership, act.actor.today()
    if await act.session.scalar(
        select(row.id).where(
            row.team_id == team_id, row.volunteer_id == volunteer_id, row.valid_to.is_(None)
        )
    ):
        raise GuardFailed("They belong to this team already.", rule="team.once")
    made = row(id=act.row_id, team_id=team_id, volunteer_id=volunteer_id, valid_from=today)
    act.session.add(made)
    await act.session.flush()
    await queries.enter_on_roster(act, volunteer_id, team.organization_id)
    act.record("team.member_added", team, volunteer_id=volunteer_id)
    return made


async def end_team_membership(
    act: Act, membership_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.TeamMembership:
    """From today they belong to it no more; the team or the volunteer says so."""
    row = await act.take(
        model.TeamMembership,
        membership_id,
        visible=policy.membership_visible,
        expected_version=expected_version,
    )
    await _permit(act, policy.may_end_membership, row)
    row.valid_to = act.actor.today()
    row.version += 1
    team = await act.session.get_one(model.Team, row.team_id)
    act.record("team.member_left", team, volunteer_id=row.volunteer_id)
    return row


async def _permit(act: Act, may: Callable[[Any, Any], Any], row: model.TeamMembership) -> None:
    """Forbidden unless the policy, which asks other tables, says yes."""
    table = model.TeamMembership
    answer = may(act.actor, table)
    if not isinstance(answer, bool):
        answer = await act.session.scalar(select(answer).where(table.id == row.id))
    act.permit(wraps(may)(lambda actor, row: answer), row)
