"""Who sees and keeps pictures of visits: the station of the visit, as its workers' notes (D8)."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import STATION, Actor, Role
from nexus.casework.visits import policy as visits
from nexus.casework.visits.model import Visit, VisitState
from nexus.casework.visits.pictures import model


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The people of the station, of the visits they see."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in STATION:
        return false()
    visit = aliased(Visit)
    return exists().where(visit.id == row.visit_id, visits.visible(actor, visit))


def view_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Whoever asked, while they see the picture."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in STATION:
        return false()
    picture = aliased(model.VisitPicture)
    seen = exists().where(picture.id == row.picture_id, visible(actor, picture))
    return and_(row.account_id == actor.account_id, seen)


def may_request(actor: Actor, row: Any) -> Any:
    """Whoever of the station visits; that they see the visit is its visibility."""
    return actor.role in STATION


def may_open(actor: Actor, row: Any) -> Any:
    """Whoever of the station sees it."""
    return actor.role in STATION


def may_open_now(actor: Actor, row: Any) -> Any:
    """As open, while its bytes are kept."""
    return row.state == model.PictureState.KEPT if actor.role in STATION else False


def may_remove(actor: Actor, row: Any) -> Any:
    """The lead; others their own, until the visit was verified."""
    if actor.role is Role.STATION_LEAD:
        return True
    if actor.role not in STATION:
        return False
    return row.created_by == actor.account_id


def may_remove_now(actor: Actor, row: Any) -> Any:
    """SQL: as remove, with the visit looked at too."""
    if actor.role is Role.STATION_LEAD:
        return true()
    if actor.role not in STATION:
        return false()
    visit = aliased(Visit)
    verified = exists().where(visit.id == row.visit_id, visit.state == VisitState.VERIFIED)
    return and_(row.created_by == actor.account_id, ~verified)


def may_remove_verified(actor: Actor) -> bool:
    """The lead."""
    return actor.role is Role.STATION_LEAD
