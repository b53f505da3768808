"""Who sees parties and who decides about them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, TERRITORIAL, Actor, Role
from nexus.organizations import model

_DECIDERS = frozenset({Role.GOV_APPROVER, Role.PLATFORM_ADMIN})
_REGISTRARS = GOVERNMENT | EVERYWHERE | {Role.CHARITY_USER, Role.VOL_ORG}
_PEOPLE = GOVERNMENT | {
    Role.CHARITY_USER,
    Role.CHARITY_CLIENT,
    Role.VOL_ORG,
    Role.STATION_LEAD,
    Role.BUYER,
}
"""Roles that speak for the organization they belong to; a volunteer of it does not."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The register of verified parties is public; the rest is for its own people and authority."""
    public = row.state.in_(("verified", "suspended", "deregistered"))
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.ANONYMOUS:
        return public  # type: ignore[no-any-return]
    own = (row.id == actor.organization_id) | (row.created_by == actor.account_id)
    if actor.role in TERRITORIAL:
        return public | own | actor.covers(row.area_code)  # type: ignore[no-any-return]
    return public | own  # type: ignore[no-any-return]


def qualification_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the organization that holds it."""
    holder = aliased(model.Organization)
    return exists().where(holder.id == row.organization_id, visible(actor, holder))


def may_read_reason(actor: Actor, row: Any) -> Any:
    """The reason of a decision is for the party itself and the authority of its area."""
    if actor.role in EVERYWHERE:
        return True
    if actor.role is Role.ANONYMOUS:
        return False
    own = (row.id == actor.organization_id) | (row.created_by == actor.account_id)
    return own | actor.covers(row.area_code) if actor.role in TERRITORIAL else own


def may_create(actor: Actor) -> bool:
    """An account of the government, of an organization, or of the platform."""
    return actor.role in _REGISTRARS


def may_submit(actor: Actor, row: Any) -> Any:
    """Who registered it, or its own people."""
    if actor.role not in _REGISTRARS | _PEOPLE:
        return False
    return (row.created_by == actor.account_id) | (row.id == actor.organization_id)


def may_update(actor: Actor, row: Any) -> Any:
    """As submitting, until the organization's state is final (INV-21)."""
    return _live(row) & may_submit(actor, row)


def may_decide(actor: Actor, row: Any) -> Any:
    """The authority, but never who registered it (INV-18)."""
    by_another = row.created_by != actor.account_id
    if actor.role is Role.PLATFORM_ADMIN:
        return by_another
    return actor.covers(row.area_code) & by_another if actor.role in _DECIDERS else False


def may_suspend(actor: Actor, row: Any) -> Any:
    """The authority; and the clocks, when a qualification that a live project needs lapses."""
    return True if actor.role is Role.SYSTEM else may_supervise(actor, row)


def may_qualify(actor: Actor, row: Any) -> Any:
    """Qualifications are entered by the authority, of organizations that still are one."""
    return _live(row) & may_supervise(actor, row)


def _live(row: Any) -> Any:
    return (row.state != "rejected") & (row.state != "deregistered")


def may_supervise(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER of the registering area, or PLATFORM_ADMIN."""
    if actor.role is Role.PLATFORM_ADMIN:
        return True
    return actor.covers(row.area_code) if actor.role in _DECIDERS else False
