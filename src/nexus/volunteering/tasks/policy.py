"""Who sees tasks and sign-ups, and who decides about them.

What was published is public, though not whose home it is in. A sign-up is the volunteer's and the
organizer's; another organization is told that somebody is busy, and nothing more.
"""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, TERRITORIAL, Actor, Role
from nexus.organizations.queries import is_verified
from nexus.volunteering import model as volunteers
from nexus.volunteering.policy import ORGANIZERS
from nexus.volunteering.tasks import model

_T = model.TaskState
_S = model.SignupState
_UNPUBLISHED = (_T.DRAFT, _T.SUBMITTED)
_PUBLISHERS = frozenset({Role.STATION_LEAD, Role.GOV_COORDINATOR, Role.GOV_APPROVER})
_WATCHERS = GOVERNMENT | OVERSIGHT
CODED = (_T.PUBLISHED, _T.RECRUITING, _T.IN_PROGRESS, _T.ENDED)
"""States in which a task's codes may be shown."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Public once published; before, the organizer's, and once submitted, the authorities'."""
    if actor.role in EVERYWHERE:
        return true()
    public = row.published_at.is_not(None) & is_verified(row.organization_id)
    own = row.organization_id == actor.organization_id
    if actor.role in TERRITORIAL:
        shown = (row.state != _T.DRAFT) & actor.covers(row.area_code)
        return public | shown | own  # type: ignore[no-any-return]
    if actor.role is Role.VOL_ORG:
        parent = (row.parent_organization_id == actor.organization_id) & (row.state != _T.DRAFT)
        return public | own | parent  # type: ignore[no-any-return]
    return public  # type: ignore[no-any-return]


def position_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its task."""
    task = aliased(model.VolunteerTask)
    return exists().where(task.id == row.task_id, visible(actor, task))


def signup_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The volunteer's own; the organizer's; the territory's for authorities and oversight."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.VOLUNTEER:
        person = aliased(volunteers.Volunteer)
        return exists().where(person.id == row.volunteer_id, person.account_id == actor.account_id)
    task = aliased(model.VolunteerTask)
    if actor.role in ORGANIZERS:
        mine = task.organization_id == actor.organization_id
        return exists().where(task.id == row.task_id, mine)
    if actor.role in _WATCHERS:
        return exists().where(task.id == row.task_id, actor.covers(task.area_code))
    return false()


def may_read_place(actor: Actor, row: Any) -> Any:
    """Anybody, unless it is somebody's home: then the organizer, its parent, who may publish it in
    the territory, and who is confirmed."""
    if actor.role is Role.SYSTEM:
        return True
    open_ = row.place_public.is_(True)
    if actor.role in ORGANIZERS | _PUBLISHERS:
        near = row.organization_id == actor.organization_id
        if actor.role is Role.VOL_ORG:
            near = near | (row.parent_organization_id == actor.organization_id)
        if actor.role in _PUBLISHERS:
            near = near | actor.covers(row.area_code)
        return open_ | near
    if actor.role is not Role.VOLUNTEER:
        return open_
    signup, person = aliased(model.Signup), aliased(volunteers.Volunteer)
    confirmed = exists().where(
        signup.task_id == row.id,
        signup.state.in_(model.BUSY),
        person.id == signup.volunteer_id,
        person.account_id == actor.account_id,
    )
    return open_ | confirmed


def may_read_reason(actor: Actor, row: Any) -> Any:
    """Why a task was returned or cancelled: the organizer and the authorities."""
    if actor.role in TERRITORIAL | {Role.SYSTEM}:
        return True
    if actor.role is Role.VOL_ORG:
        return row.organization_id == actor.organization_id
    return False


def may_create(actor: Actor) -> bool:
    """Organizers, for their own organization."""
    return actor.role in ORGANIZERS


def may_manage(actor: Actor, row: Any) -> Any:
    """The organizer's own people and machines."""
    return row.organization_id == actor.organization_id if actor.role in ORGANIZERS else False


def may_edit(actor: Actor, row: Any) -> Any:
    """The organizer, while it is a draft."""
    return (row.state == _T.DRAFT) & may_manage(actor, row)


def may_resize(actor: Actor, row: Any) -> Any:
    """The organizer, until it has ended."""
    live = (row.state != _T.ENDED) & (row.state != _T.HOURS_CONFIRMED)
    return live & (row.state != _T.CLOSED) & (row.state != _T.CANCELLED) & may_manage(actor, row)


def may_run(actor: Actor, row: Any) -> Any:
    """Start and end: the organizer, and the clock."""
    return True if actor.role is Role.SYSTEM else may_manage(actor, row)


def may_publish(actor: Actor, row: Any) -> Any:
    """Another person than who made or submitted it (INV-18): the organizer's, its parent's, or the
    lead and the authority of the territory."""
    other = (row.created_by != actor.account_id) & (row.submitted_by != actor.account_id)
    if actor.role is Role.VOL_ORG:
        own = row.organization_id == actor.organization_id
        return other & (own | (row.parent_organization_id == actor.organization_id))
    if actor.role in _PUBLISHERS:
        return other & actor.covers(row.area_code)
    return False


def may_show_code(actor: Actor, row: Any) -> Any:
    """The organizer, on its own screen; from its publication until the hours are confirmed."""
    if actor.role not in ORGANIZERS:
        return False
    own = row.organization_id == actor.organization_id
    if isinstance(own, bool):
        return own and row.state in CODED
    return own & row.state.in_(CODED)


def may_sign_up(actor: Actor, row: Any) -> Any:
    """For a task: a volunteer for themselves; the organizer for somebody of its roster."""
    return True if actor.role is Role.VOLUNTEER else may_manage(actor, row)


def may_decide(actor: Actor, row: Any) -> Any:
    """On a sign-up: the organizer. The row is visible to no other organizer."""
    return actor.role in ORGANIZERS


def may_cancel_signup(actor: Actor, row: Any) -> Any:
    """The volunteer; the organizer; the system when somebody is suspended or the task cancelled."""
    return actor.role in ORGANIZERS | {Role.VOLUNTEER, Role.SYSTEM}


def may_attend(actor: Actor, row: Any) -> Any:
    """That somebody came: the organizer."""
    return actor.role in ORGANIZERS


def may_read_signup_reason(actor: Actor, row: Any) -> Any:
    """Why it was declined or cancelled: the volunteer and the organizer."""
    return actor.role in ORGANIZERS | {Role.VOLUNTEER, Role.SYSTEM}
