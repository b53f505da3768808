"""Who sees pledges and the ledger, and who decides about them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, STATION, TERRITORIAL, Actor, Role
from nexus.matching.pledges import model
from nexus.needs.model import Need

PLEDGERS = CHARITY | {Role.VOL_ORG}
DECIDERS = GOVERNMENT | {Role.STATION_LEAD, Role.SOCIAL_WORKER}
FIELD = GOVERNMENT | STATION
"""Roles that record and confirm what reached the recipient."""


def in_scope(actor: Actor, need_id: Any) -> ColumnElement[bool]:
    """SQL: the need lies in the actor's territory, or the actor's organization publishes it.

    A station's staff stay in their territory, whoever employs them.
    """
    need = aliased(Need)
    near = actor.covers(need.area_code)
    if actor.role not in STATION:
        near = near | (need.publisher_id == actor.organization_id)
    return exists().where(need.id == need_id, near)


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Its own organization, and the territory and publisher of the need. No other charity."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in TERRITORIAL:
        return in_scope(actor, row.need_id)
    if actor.role in PLEDGERS:
        return row.organization_id == actor.organization_id  # type: ignore[no-any-return]
    return false()


def allocation_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the pledge."""
    pledge = aliased(model.Pledge)
    return exists().where(pledge.id == row.pledge_id, visible(actor, pledge))


def move_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the allocation."""
    allocation = aliased(model.Allocation)
    return exists().where(allocation.id == row.allocation_id, allocation_visible(actor, allocation))


def may_offer(actor: Actor) -> bool:
    """Charities, their API clients and volunteer organizations; a verified party, by the guard."""
    return actor.role in PLEDGERS


def _decides(actor: Actor, row: Any) -> Any:
    """The need's side, never the pledging organization itself (INV-18). Scope is `visible`."""
    if actor.role not in DECIDERS:
        return False
    return row.organization_id != actor.organization_id


def pledged(actor: Actor, row: Any) -> Any:
    """The row belongs to the actor's own organization, which pledges."""
    if actor.role not in PLEDGERS:
        return False
    return row.organization_id == actor.organization_id


def may_accept(actor: Actor, row: Any) -> Any:
    """Government, station lead or social worker of the need."""
    return _decides(actor, row)


def may_reject(actor: Actor, row: Any) -> Any:
    """Whoever may accept."""
    return _decides(actor, row)


def may_withdraw(actor: Actor, row: Any) -> Any:
    """The pledging organization."""
    return pledged(actor, row)


def may_request_release(actor: Actor, row: Any) -> Any:
    """The pledging organization, or the need's side when the help does not come."""
    return pledged(actor, row) if actor.role in PLEDGERS else _decides(actor, row)


def may_release(actor: Actor, row: Any) -> Any:
    """The need's side."""
    return _decides(actor, row)


def may_keep(actor: Actor, row: Any) -> Any:
    """The need's side."""
    return _decides(actor, row)


def may_record_delivery(actor: Actor, row: Any) -> Any:
    """The pledging organization, or a station or authority in the need's territory."""
    return True if actor.role in FIELD else pledged(actor, row)
