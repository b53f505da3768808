"""Who sees a case and how much of it, who works on it, and who approves."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, OVERSIGHT, STATION, Actor, Role
from nexus.casework import policy as casework
from nexus.casework.cases import model
from nexus.casework.model import Station
from nexus.recipients.model import Household
from nexus.recipients.policy import SEES_PROTECTED

WORKERS = frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER})
"""Who does case work; an AIDE helps with contacts and notes."""
_TERRITORY = GOVERNMENT | OVERSIGHT | {Role.DPO}
_GRANTS = frozenset({Role.GOV_APPROVER})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station's own people; the territory's authorities, of a protected home fewer of them."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role in STATION:
        return casework.serves(actor, row.station_id)
    if actor.role not in _TERRITORY:
        return false()
    near = actor.covers(row.area_code)
    if actor.role in SEES_PROTECTED:
        return near  # type: ignore[no-any-return]
    home = aliased(Household)
    hidden = exists().where(home.id == row.household_id, home.address_protected)
    return near & ~hidden  # type: ignore[no-any-return]


def _of_case(actor: Actor, row: Any) -> ColumnElement[bool]:
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in STATION | _TERRITORY:
        return false()
    file = aliased(model.Case)
    return exists().where(file.id == row.case_id, visible(actor, file))


def plan_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its case: the authority sees that there is a plan, not what it says."""
    return _of_case(actor, row)


def step_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its case: stages are for the authority too, reasons are not."""
    return _of_case(actor, row)


def goal_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station alone (D8)."""
    return _of_case(actor, row) if actor.role in STATION | {Role.SYSTEM} else false()


def review_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its case."""
    return _of_case(actor, row)


def grant_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Who may approve their own work: the station and the territory's authorities."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in STATION | _TERRITORY:
        return false()
    station = aliased(Station)
    near = actor.covers(station.area_code)
    return exists().where(station.id == row.station_id, near)


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """What happened to a case, for its station."""
    if actor.role not in STATION | {Role.SYSTEM}:
        return false()
    file = aliased(model.Case)
    seen = exists().where(file.id == row.object_id, visible(actor, file))
    return and_(row.object_type == "case_file", seen)


def may_read_words(actor: Actor, row: Any) -> Any:
    """What a worker wrote stays at the station (D8)."""
    return actor.role in STATION | {Role.SYSTEM}


def may_create(actor: Actor) -> bool:
    """SOCIAL_WORKER and STATION_LEAD."""
    return actor.role in WORKERS


def may_work(actor: Actor, row: Any) -> Any:
    """SOCIAL_WORKER and STATION_LEAD; that the case is of their station is its visibility."""
    return actor.role in WORKERS


may_update = may_reject = may_begin = may_plan = may_work
may_evaluate = may_request_closing = may_hold = may_resume = may_review = may_work


def may_lead(actor: Actor, row: Any) -> Any:
    """STATION_LEAD."""
    return actor.role is Role.STATION_LEAD


may_assign = may_refer_out = may_reopen = may_decline_closing = may_return_plan = may_lead


def may_close(actor: Actor, row: Any) -> Any:
    """STATION_LEAD; of their own request only with an explicit right, checked at the deed."""
    return actor.role is Role.STATION_LEAD


def may_approve_plan(actor: Actor, row: Any) -> Any:
    """STATION_LEAD (domain.md 7.8); of their own plan only with an explicit right."""
    return actor.role is Role.STATION_LEAD


def may_grant(actor: Actor, row: Any) -> Any:
    """The approver of the station's territory, never for themselves (INV-18)."""
    return actor.covers(row.area_code) if actor.role in _GRANTS else False


def may_revoke(actor: Actor, row: Any) -> Any:
    """The approver who sees it."""
    return actor.role in _GRANTS
