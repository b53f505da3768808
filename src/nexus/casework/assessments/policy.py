"""Who sees an assessment, who makes it, and who countersigns."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, STATION, Actor, Role
from nexus.casework import policy as casework
from nexus.casework.assessments import model
from nexus.recipients import policy as recipients
from nexus.recipients.model import Household

_MAKES = STATION


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station that made it, and the authority of the territory (T23c: it decides by it)."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role in STATION:
        return casework.serves(actor, row.station_id)
    if actor.role not in GOVERNMENT:
        return false()
    home = aliased(Household)
    seen = exists().where(home.id == row.household_id, recipients.visible(actor, home))
    return actor.covers(row.area_code) & seen  # type: ignore[no-any-return]


def measure_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its assessment."""
    if actor.role is not Role.SYSTEM and actor.role not in STATION | GOVERNMENT:
        return false()
    made = aliased(model.Assessment)
    return exists().where(made.id == row.assessment_id, visible(actor, made))


def instrument_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """How risk is reckoned is public."""
    return true()


def may_read_remarks(actor: Actor, row: Any) -> Any:
    """The worker's own words stay at the station (D8)."""
    return actor.role in STATION | {Role.SYSTEM}


def may_create(actor: Actor) -> bool:
    """The people of a station; at which one is checked by their posting."""
    return actor.role in _MAKES


def may_update(actor: Actor, row: Any) -> Any:
    """As making it: whoever sees it there works at the station."""
    return actor.role in _MAKES


def may_complete(actor: Actor, row: Any) -> Any:
    """SOCIAL_WORKER (domain.md 7.4)."""
    return actor.role is Role.SOCIAL_WORKER


def may_countersign(actor: Actor, row: Any) -> Any:
    """STATION_LEAD, of what somebody else completed (INV-18)."""
    return row.completed_by != actor.account_id if actor.role is Role.STATION_LEAD else False
