"""Who sees schedules, and who sets them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import Actor, Role
from nexus.casework import policy as casework
from nexus.casework.model import Station

_SETS = frozenset({Role.STATION_LEAD, Role.GOV_APPROVER, Role.SYSTEM})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """When help is to be had is public knowledge."""
    return true()


def may_set(actor: Actor, row: Any) -> Any:
    """Of a station: who may post workers to it."""
    return casework.may_post(actor, row)


def may_end(actor: Actor, row: Any) -> Any:
    """Of a schedule: who may set one at its station."""
    if actor.role not in _SETS:
        return False
    station = aliased(Station)
    return exists().where(station.id == row.station_id, casework.may_post(actor, station))
