"""Who sees stations and workers, and who runs them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, STATION, TERRITORIAL, Actor, Role
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


def serves(actor: Actor, station_id: Any) -> ColumnElement[bool]:
    """SQL: the actor works at the station today, or leads what runs it."""
    if actor.role not in STATION:
        return false()
    post = aliased(model.Worker)
    posted = exists().where(
        post.account_id == actor.account_id,
        post.station_id == station_id,
        post.valid_from <= actor.today(),
        or_(post.valid_to.is_(None), post.valid_to > actor.today()),
    )
    return or_(posted, leads(actor, station_id)) if actor.role is Role.STATION_LEAD else posted


def leads(actor: Actor, station_id: Any) -> ColumnElement[bool]:
    """SQL: the actor is a lead of the organization that runs the station, in its territory."""
    if actor.role is not Role.STATION_LEAD:
        return false()
    station = aliased(model.Station)
    return exists().where(
        station.id == station_id,
        station.organization_id == actor.organization_id,
        actor.covers(station.area_code),
    )


def holds_post(actor: Actor, worker_id: Any) -> ColumnElement[bool]:
    """SQL: the posting is the actor's own."""
    post = aliased(model.Worker)
    return exists().where(post.id == worker_id, post.account_id == actor.account_id)
