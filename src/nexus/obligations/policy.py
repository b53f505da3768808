"""Who sees an obligation, who settles it and who lets it go."""

from typing import Any

from sqlalchemy import ColumnElement, false, true

from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, STATION, TERRITORIAL, Actor, Role
from nexus.obligations import model

_OWNERS = CHARITY | GOVERNMENT | {Role.VOL_ORG, Role.STATION_LEAD, Role.SOCIAL_WORKER}
"""Roles that answer for what their organization owes."""
_WATCHERS = TERRITORIAL | {Role.DPO}
_WAIVERS = frozenset({Role.GOV_APPROVER, Role.DPO})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The organization that owes it, and the authorities and stations of the territory."""
    if actor.role in EVERYWHERE:
        return true()
    own = row.organization_id == actor.organization_id
    if actor.role in _WATCHERS:
        near = actor.covers(row.area_code)
        return near if actor.role in STATION else own | near  # type: ignore[no-any-return]
    return own if actor.role in _OWNERS else false()


def may_discharge(actor: Actor, row: Any) -> Any:
    """The people of the organization that owes it; the system when the deed itself was done."""
    if actor.role is Role.SYSTEM:
        return True
    if actor.role not in _OWNERS:
        return False
    return row.organization_id == actor.organization_id


def may_waive(actor: Actor, row: Any) -> Any:
    """The territory's approver, of what others owe; of data the protection officer too (INV-18)."""
    if actor.role not in _WAIVERS:
        return False
    other = (row.organization_id != actor.organization_id) & actor.covers(row.area_code)
    if actor.role is not Role.DPO:
        return other
    stop, delete = model.PER_ORGANIZATION
    return other & ((row.kind == stop) | (row.kind == delete))


def may_read_area(actor: Actor, row: Any) -> Any:
    """Where the subject is, is for the authorities: the owner may be a stranger to it."""
    return actor.role in _WATCHERS | EVERYWHERE


def may_read_reason(actor: Actor, row: Any) -> Any:
    """As the row: whoever sees it may know why it ended."""
    return True
