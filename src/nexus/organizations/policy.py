"""Who sees parties and who decides about them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, TERRITORIAL, Actor, Role
from nexus.organizations import model

_DECIDERS = frozenset({Role.GOV_APPROVER, Role.PLATFORM_ADMIN})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The register of verified parties is public; the rest is for its own people and authority."""
    public = row.state.in_(("verified", "suspended", "deregistered"))
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in TERRITORIAL:
        return public | actor.covers(row.area_code) | (row.id == actor.organization_id)  # type: ignore[no-any-return]
    return public | (row.id == actor.organization_id)  # type: ignore[no-any-return]


def qualification_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the organization that holds it."""
    holder = aliased(model.Organization)
    return exists().where(holder.id == row.organization_id, visible(actor, holder))


def may_read_contact(actor: Actor, row: Any) -> Any:
    """The reason of a decision is for the party itself and the authority."""
    if actor.role in EVERYWHERE or actor.role in GOVERNMENT:
        return True
    return row.id == actor.organization_id


def may_create(actor: Actor) -> bool:
    """Anyone with an account of a government, charity or admin role."""
    return actor.role in GOVERNMENT | {Role.CHARITY_USER, Role.VOL_ORG, Role.PLATFORM_ADMIN}


def may_submit(actor: Actor, row: Any) -> Any:
    """The creator."""
    return (row.created_by == actor.account_id) | (row.id == actor.organization_id)


def may_decide(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER of the registering area or PLATFORM_ADMIN, never the creator (INV-18)."""
    if actor.role not in _DECIDERS:
        return False
    return actor.covers(row.area_code) & (row.created_by != actor.account_id)


def may_qualify(actor: Actor, row: Any) -> Any:
    """Qualifications are entered by the authority."""
    if actor.role not in _DECIDERS:
        return False
    return actor.covers(row.area_code)

