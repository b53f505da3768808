"""Who pairs, who helps, and who sees what was given."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, GOVERNMENT, STATION, Actor, Role
from nexus.casework import policy as casework
from nexus.casework.model import Station
from nexus.casework.pairing import model
from nexus.recipients import policy as recipients
from nexus.recipients.model import Household

HELPERS = CHARITY | {Role.VOL_ORG}
"""Roles whose organization may be a helper."""
_PAIRS = frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A pairing: the household's authority, the station, and the organization that helps."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role in HELPERS:
        return row.organization_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role not in STATION | GOVERNMENT | {Role.DPO}:
        return false()
    home = aliased(Household)
    near = exists().where(home.id == row.household_id, recipients.visible(actor, home))
    return near & casework.serves(actor, row.station_id) if actor.role in STATION else near


def contact_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the pairing."""
    pairing = aliased(model.Pairing)
    return exists().where(pairing.id == row.pairing_id, visible(actor, pairing))


def contribution_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station that answers for it, its territory's authority, and the helper."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role in HELPERS:
        return row.organization_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in STATION:
        return casework.serves(actor, row.station_id)
    if actor.role not in GOVERNMENT:
        return false()
    station = aliased(Station)
    return exists().where(station.id == row.station_id, actor.covers(station.area_code))


def may_pair(actor: Actor) -> bool:
    """A lead or social worker, of a household they see."""
    return actor.role in _PAIRS


def may_end(actor: Actor, row: Any) -> Any:
    """As pairing; that it is the station's is its visibility."""
    return actor.role in _PAIRS


def may_contact(actor: Actor, row: Any) -> Any:
    """The station, or the organization that helps."""
    if actor.role in HELPERS:
        return row.organization_id == actor.organization_id
    return actor.role in STATION


def may_record(actor: Actor) -> bool:
    """The station answers for what is counted; who gave does not count for itself."""
    return actor.role in STATION


def may_correct(actor: Actor, row: Any) -> Any:
    """The lead, never who recorded it (INV-18)."""
    return row.recorded_by != actor.account_id if actor.role is Role.STATION_LEAD else False
