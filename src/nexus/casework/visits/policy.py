"""Who plans, makes, checks and sees visits: the station and the authority of the household."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, STATION, Actor, Role
from nexus.casework import policy as casework
from nexus.casework.visits import model
from nexus.recipients import policy as recipients
from nexus.recipients.model import Household

_PLANS = frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.SYSTEM})
_LEADS = frozenset({Role.STATION_LEAD, Role.SYSTEM})
_CHECKS = GOVERNMENT | {Role.STATION_LEAD}
_LISTS = frozenset({Role.PLATFORM_ADMIN, Role.SYSTEM})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A visit, a plan or a report of a change: the authority of the household, and its station."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in STATION | GOVERNMENT | {Role.DPO}:
        return false()
    home = aliased(Household)
    near = exists().where(home.id == row.household_id, recipients.visible(actor, home))
    if actor.role not in STATION:
        return near
    return near & or_(casework.serves(actor, row.station_id), _visits_now(actor, row.household_id))


def _visits_now(actor: Actor, household_id: Any) -> ColumnElement[bool]:
    """The actor's station has the household's plan: of one that moved it sees what was before."""
    plan = aliased(model.VisitPlan)
    return exists().where(
        plan.household_id == household_id,
        plan.state == model.VisitPlanState.ACTIVE,
        casework.serves(actor, plan.station_id),
    )


def station_served(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A station where the actor works, or that the actor leads."""
    return true() if actor.role is Role.SYSTEM else casework.serves(actor, row.id)


def checklist_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """What is asked at a visit is no secret."""
    return true()


def may_plan(actor: Actor) -> bool:
    """A lead or social worker, of a household they see."""
    return actor.role in _PLANS


def may_change_plan(actor: Actor, row: Any) -> Any:
    """As planning; that the row is in the territory is its visibility."""
    return actor.role in _PLANS


def may_end_plan(actor: Actor, row: Any) -> Any:
    """The lead."""
    return actor.role in _LEADS


def may_record(actor: Actor) -> bool:
    """Whoever visits."""
    return actor.role in STATION


def may_perform(actor: Actor, row: Any) -> Any:
    """Whoever of the station went, the assigned worker or a colleague."""
    return actor.role in STATION


def may_update(actor: Actor, row: Any) -> Any:
    """A lead; others what they themselves recorded, or what nobody recorded yet."""
    if actor.role is Role.STATION_LEAD:
        return True
    if actor.role not in STATION:
        return False
    own = row.performed_by == actor.account_id
    if hasattr(row.performed_by, "is_"):
        return or_(row.performed_by.is_(None), own)
    return row.performed_by is None or own


def may_miss(actor: Actor, row: Any) -> Any:
    """Whoever should have gone, or the lead."""
    return actor.role in STATION


def may_reschedule(actor: Actor, row: Any) -> Any:
    """A lead or social worker."""
    return actor.role in _PLANS - {Role.SYSTEM}


def may_excuse(actor: Actor, row: Any) -> Any:
    """The lead."""
    return actor.role is Role.STATION_LEAD


def may_cancel(actor: Actor, row: Any) -> Any:
    """The lead, or a plan that ends."""
    return actor.role in _LEADS


def may_verify(actor: Actor, row: Any) -> Any:
    """A lead or the authority, never who made the visit (INV-18)."""
    return row.performed_by != actor.account_id if actor.role in _CHECKS else False


def may_report_change(actor: Actor, row: Any) -> Any:
    """Whoever visits."""
    return actor.role in STATION


def may_report(actor: Actor) -> bool:
    """A change may be told without a visit, by the station."""
    return actor.role in STATION


def may_handle(actor: Actor, row: Any) -> Any:
    """The authority, never who told it (INV-18)."""
    return row.reported_by != actor.account_id if actor.role in GOVERNMENT else False


def may_answer_danger(actor: Actor, row: Any) -> Any:
    """The lead or the authority."""
    return actor.role in _CHECKS


def may_add_checklist(actor: Actor) -> bool:
    """Who runs the platform."""
    return actor.role in _LISTS


def may_read_findings(actor: Actor, row: Any) -> Any:
    """The station and the authority of the household (T19b)."""
    return actor.role in STATION | GOVERNMENT | {Role.SYSTEM}


def may_read_summary(actor: Actor, row: Any) -> Any:
    """The worker's own words stay in the station (D8): that others see the row is not enough."""
    return actor.role in STATION | {Role.SYSTEM}
