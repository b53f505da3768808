"""Who sees an organization's API clients, who keeps them, and who lets them in.

How far an authority's word reaches is `visible`: clients of its own organization and of those
registered in its territory.
"""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.accounts.clients import model
from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, Actor, Role
from nexus.organizations.model import Organization

KEEPERS = GOVERNMENT | {Role.CHARITY_USER, Role.VOL_ORG}
"""Roles that keep the clients of their own organization. Not the clients themselves: a token that
leaks must not make another key."""
_MEMBERS = KEEPERS | OVERSIGHT | {Role.CHARITY_CLIENT}
_DECIDERS = frozenset({Role.GOV_APPROVER, Role.PLATFORM_ADMIN})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The organization's own people and machines; the authority of its area; the platform."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role not in _MEMBERS:
        return false()
    own = row.organization_id == actor.organization_id
    if actor.role not in OVERSIGHT | _DECIDERS:
        return own  # type: ignore[no-any-return]
    holder = aliased(Organization)
    near = exists().where(holder.id == row.organization_id, actor.covers(holder.area_code))
    return own | near  # type: ignore[no-any-return]


def part_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A key or a document: as its client."""
    client = aliased(model.ApiClient)
    return exists().where(client.id == row.api_client_id, visible(actor, client))


def may_register(actor: Actor) -> bool:
    """The people of an organization, and the platform for any."""
    return actor.role in KEEPERS | EVERYWHERE


def may_keep(actor: Actor, row: Any) -> Any:
    """Keys, networks and documents: the organization's own people, and the platform."""
    if actor.role in EVERYWHERE:
        return True
    return row.organization_id == actor.organization_id if actor.role in KEEPERS else False


def may_change(actor: Actor, row: Any) -> Any:
    """Whoever keeps it, while it lives."""
    return (row.state != "revoked") & may_keep(actor, row)


def may_activate(actor: Actor, row: Any) -> Any:
    """The authority or the platform, never who registered it (INV-18)."""
    return row.created_by != actor.account_id if actor.role in _DECIDERS else False


def may_reinstate(actor: Actor, row: Any) -> Any:
    """Whoever may activate."""
    return may_activate(actor, row)


def may_set_quota(actor: Actor, row: Any) -> Any:
    """Whoever may activate, while it lives."""
    return (row.state != "revoked") & may_activate(actor, row)


def may_suspend(actor: Actor, row: Any) -> Any:
    """Stopping is for everybody with a say in it: its own people, the authority, the platform."""
    return True if actor.role in _DECIDERS else may_keep(actor, row)


def may_revoke(actor: Actor, row: Any) -> Any:
    """Whoever may suspend."""
    return may_suspend(actor, row)


def may_set_scopes(actor: Actor, row: Any) -> Any:
    """Whoever may activate; its own people too, but only fewer once it is active."""
    if actor.role is not Role.GOV_APPROVER:
        return may_change(actor, row)
    return (row.state != "revoked") & (may_activate(actor, row) | may_keep(actor, row))


def may_retire(actor: Actor, row: Any) -> Any:
    """A live key, by whoever keeps its client: see `retire_client_key`. SQL only."""
    if actor.role in EVERYWHERE:
        return row.retired_at.is_(None)
    if actor.role not in KEEPERS:
        return False
    client = aliased(model.ApiClient)
    kept = exists().where(client.id == row.api_client_id, may_keep(actor, client))
    return row.retired_at.is_(None) & kept
