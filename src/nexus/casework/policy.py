"""Who sees stations and workers, and who runs them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, TERRITORIAL, Actor, Role
from nexus.casework import model

_RUNS = frozenset({Role.GOV_APPROVER, Role.SYSTEM})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Where help is to be had is public knowledge."""
    return true()


def worker_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A worker: the territory, the operating organization, and the worker."""
    if actor.role in EVERYWHERE:
        return true()
    station = aliased(model.Station)
    near = station.organization_id == actor.organization_id
    if actor.role in TERRITORIAL:
        near = near | actor.covers(station.area_code)
    return (row.account_id == actor.account_id) | exists().where(  # type: ignore[no-any-return]
        station.id == row.station_id, near
    )


def may_create(actor: Actor, area_code: str) -> bool:
    """The approver of the territory."""
    return actor.role in _RUNS and bool(actor.covers(area_code))


def may_run(actor: Actor, row: Any) -> Any:
    """The approver of the territory opens, pauses and closes stations."""
    return actor.covers(row.area_code) if actor.role in _RUNS else False


def may_post(actor: Actor, row: Any) -> Any:
    """The approver of the territory, or the lead of the organization that runs the station."""
    if actor.role is Role.STATION_LEAD:
        return actor.covers(row.area_code) & (row.organization_id == actor.organization_id)
    return may_run(actor, row)


def may_end_posting(actor: Actor, row: Any) -> Any:
    """Who may post to the station."""
    if actor.role is not Role.STATION_LEAD and actor.role not in _RUNS:
        return False
    station = aliased(model.Station)
    return exists().where(station.id == row.station_id, may_post(actor, station))
