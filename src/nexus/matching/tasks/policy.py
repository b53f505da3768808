"""Who ties tasks to pledges, and who sees what came of it."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, STATION, TERRITORIAL, Actor, Role
from nexus.matching.pledges.policy import in_scope
from nexus.matching.tasks import model
from nexus.volunteering.policy import ORGANIZERS


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A link: the organization's own, and as the need for its territory and publisher."""
    if actor.role in EVERYWHERE:
        return true()
    own = row.organization_id == actor.organization_id
    if actor.role in TERRITORIAL:
        near = in_scope(actor, row.need_id)
        return or_(near, own) if actor.role in STATION else near
    return own if actor.role is Role.VOL_ORG else false()


def booking_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its link."""
    link = aliased(model.TaskLink)
    return exists().where(link.id == row.link_id, visible(actor, link))


def may_read_words(actor: Actor, row: Any) -> Any:
    """Why a link ended: whoever sees it, but not who runs the platform."""
    return actor.role is not Role.PLATFORM_ADMIN


def may_pledge_help(actor: Actor, line: Any) -> Any:
    """The lead of a station in whose territory the line lies, for who runs the station."""
    return actor.covers(line.area_code) if actor.role is Role.STATION_LEAD else False


def may_link(actor: Actor, row: Any) -> Any:
    """A pledge or a link of the actor's own organization."""
    return row.organization_id == actor.organization_id if actor.role in ORGANIZERS else False


def may_unlink(actor: Actor, row: Any) -> Any:
    """As may_link."""
    return may_link(actor, row)


def sees_tasks_for_lines(actor: Actor) -> bool:
    """Authorities, stations and oversight see every fitting task, an organizer its own."""
    return actor.role in TERRITORIAL | EVERYWHERE | {Role.VOL_ORG}


def task_suggested(actor: Actor, task: Any) -> ColumnElement[bool]:
    """Which tasks the actor is shown as help for a line."""
    if not sees_tasks_for_lines(actor):
        return false()
    if actor.role is Role.VOL_ORG:
        return task.organization_id == actor.organization_id  # type: ignore[no-any-return]
    return true()


def volunteers_suggested(actor: Actor, task: Any) -> ColumnElement[bool]:
    """Volunteers are suggested for a task to who runs it, of those they see."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role not in ORGANIZERS:
        return false()
    return task.organization_id == actor.organization_id  # type: ignore[no-any-return]
