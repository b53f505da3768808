"""Who sees check-ins and service records, and who decides about them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, literal_column, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, TERRITORIAL, Actor, Role
from nexus.volunteering.hours.model import ServiceRecord
from nexus.volunteering.model import Volunteer
from nexus.volunteering.policy import ORGANIZERS
from nexus.volunteering.tasks.model import VolunteerTask

KEEPERS = ORGANIZERS
"""Roles that keep the hours of their own organization's tasks."""
REVIEWERS = frozenset({Role.GOV_COORDINATOR, Role.GOV_APPROVER})
PROVINCIAL = REVIEWERS | {Role.SUPERVISOR}
"""Roles that decide on days of more than twelve hours, where their territory is the province."""


def own_volunteer(actor: Actor, volunteer_id: Any) -> ColumnElement[bool]:
    """SQL: the volunteer is the actor."""
    volunteer = aliased(Volunteer)
    return exists().where(volunteer.id == volunteer_id, volunteer.account_id == actor.account_id)


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The volunteer's own; the organization's and its parent's; the territory's authorities."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.VOLUNTEER:
        return own_volunteer(actor, row.volunteer_id)
    if actor.role is Role.VOL_ORG:
        return _of_organization(actor, row)
    if actor.role in TERRITORIAL:
        return or_(actor.covers(row.area_code), row.organization_id == actor.organization_id)
    return false()


def _of_organization(actor: Actor, row: Any) -> ColumnElement[bool]:
    task = aliased(VolunteerTask)
    above = exists().where(
        task.id == row.task_id, task.parent_organization_id == actor.organization_id
    )
    return or_(row.organization_id == actor.organization_id, above)


def may_read_words(actor: Actor, row: Any) -> Any:
    """What people wrote about hours: whoever sees the row, but not who runs the platform."""
    return actor.role is not Role.PLATFORM_ADMIN


def keeps(actor: Actor, row: Any) -> Any:
    """The row is of the actor's own organization, whose hours they keep."""
    return row.organization_id == actor.organization_id if actor.role in KEEPERS else False


def _decides(actor: Actor, row: Any) -> Any:
    """Of the recording organization, or the authority of the territory."""
    if actor.role in KEEPERS:
        return keeps(actor, row)
    return actor.covers(row.area_code) if actor.role in REVIEWERS else False


DECIDERS = KEEPERS | REVIEWERS


def may_check_in(actor: Actor, task: Any) -> Any:
    """The volunteer for themselves; the task's organization for its volunteers."""
    return True if actor.role is Role.VOLUNTEER else keeps(actor, task)


def may_check_out(actor: Actor, row: Any) -> Any:
    """As may_check_in; a volunteer sees only their own."""
    return may_check_in(actor, row)


def may_record(actor: Actor, task: Any) -> Any:
    """Time entered afterwards: as may_check_in. Another person confirms it."""
    return may_check_in(actor, task)


def may_import(actor: Actor, task: Any) -> Any:
    """The task's organization."""
    return keeps(actor, task)


def may_confirm(actor: Actor, row: Any) -> Any:
    """A second person of the organization, or the territory's coordinator or approver (INV-32)."""
    if actor.role not in DECIDERS:
        return False
    return _decides(actor, row) & (row.recorded_by != actor.account_id)


def may_approve(actor: Actor, row: Any) -> Any:
    """Days over eight hours: the parent organization; coordinator or approver of the territory."""
    second = row.recorded_by != actor.account_id
    if actor.role is Role.VOL_ORG:
        return (row.parent_organization_id == actor.organization_id) & second
    return actor.covers(row.area_code) & second if actor.role in REVIEWERS else False


def may_approve_long_day(actor: Actor, row: Any) -> Any:
    """Days over twelve hours: the competent body of the province."""
    if actor.role not in PROVINCIAL:
        return False
    prefix: Any = actor.area_prefix
    wide = func.char_length(prefix) <= 2 if isinstance(prefix, ColumnElement) else len(prefix) <= 2
    return actor.covers(row.area_code) & wide & (row.recorded_by != actor.account_id)


def may_reject(actor: Actor, row: Any) -> Any:
    """Whoever may decide on it while it waits: organization, parent, authority; a second person."""
    second = row.recorded_by != actor.account_id
    if actor.role is Role.VOL_ORG:
        own = row.organization_id == actor.organization_id
        return (own | (row.parent_organization_id == actor.organization_id)) & second
    if actor.role in PROVINCIAL:
        return actor.covers(row.area_code) & second
    return may_confirm(actor, row)


def may_dispute(actor: Actor, row: Any) -> Any:
    """The volunteer, the organization, the authorities of the territory."""
    return True if actor.role is Role.VOLUNTEER else _decides(actor, row)


def may_uphold(actor: Actor, row: Any) -> Any:
    """Organization or authority; not who disputes it."""
    if actor.role not in DECIDERS:
        return False
    return _decides(actor, row) & (row.disputed_by != actor.account_id)


def may_revoke(actor: Actor, row: Any) -> Any:
    """The recording organization, or the territory's coordinator or approver."""
    return _decides(actor, row)


def may_correct(actor: Actor, row: Any) -> Any:
    """As may_revoke; the new row is confirmed by a second person."""
    return _decides(actor, row)


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the record it is about."""
    record = aliased(ServiceRecord)
    seen = exists().where(record.id == row.object_id, visible(actor, record))
    return and_(row.object_type == literal_column("'service_record'"), seen)
