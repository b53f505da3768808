"""Who sees accounts and tokens, and who manages them."""

from typing import Any

from sqlalchemy import ColumnElement, true

from nexus.acting import EVERYWHERE, TERRITORIAL, Actor, Role

_PRIVATE_PERSONS = ("recipient", "guardian", "volunteer")
"""Roles whose account names a private person: only that person and the platform see it."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Names of staff: within the own organization and the own territory; else only oneself.

    The data protection officer has to know who asked to see identity in the territory.
    """
    own = row.id == actor.account_id
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.ANONYMOUS:
        return own  # type: ignore[no-any-return]
    staff = row.role.not_in(_PRIVATE_PERSONS)
    near = row.organization_id == actor.organization_id
    if actor.role in TERRITORIAL | {Role.DPO}:
        near = near | actor.covers(row.area_code)
    return own | (staff & near)  # type: ignore[no-any-return]


def token_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own tokens; the platform sees that others exist."""
    if actor.role in EVERYWHERE:
        return true()
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def may_read_login(actor: Actor, row: Any) -> Any:
    """The username and the reason of a suspension: oneself and the platform."""
    return True if actor.role in EVERYWHERE else row.id == actor.account_id


def may_create(actor: Actor) -> bool:
    """The platform opens accounts."""
    return actor.role in EVERYWHERE


def may_manage(actor: Actor, row: Any) -> Any:
    """The platform, and nobody for themselves: an admin cannot lock themselves out."""
    return row.id != actor.account_id if actor.role in EVERYWHERE else False


def may_revoke(actor: Actor, row: Any) -> Any:
    """One's own token, or any for the platform; a revoked one stays as it is."""
    open_ = row.revoked_at.is_(None) if hasattr(row.revoked_at, "is_") else row.revoked_at is None
    own = True if actor.role in EVERYWHERE else row.account_id == actor.account_id
    return open_ if own is True else own & open_
