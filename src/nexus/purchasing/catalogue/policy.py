"""Who sees the catalogue, and who writes it."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, Actor, Role
from nexus.purchasing.catalogue.model import CatalogueItem

DRAFTERS = frozenset({Role.BUYER, Role.SUPERVISOR, Role.PLATFORM_ADMIN})
PUBLISHERS = frozenset({Role.SUPERVISOR, Role.PLATFORM_ADMIN})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The list is public; a draft is for those who write it."""
    if actor.role in EVERYWHERE | DRAFTERS:
        return true()
    return row.state != "draft"  # type: ignore[no-any-return]


def may_draft(actor: Actor) -> bool:
    """A buyer, a supervisor, or the platform."""
    return actor.role in DRAFTERS


def may_publish(actor: Actor, row: Any) -> Any:
    """A supervisor or the platform, never who drafted it (INV-18)."""
    if actor.role not in PUBLISHERS:
        return False
    return row.created_by != actor.account_id


def may_retire(actor: Actor, row: Any) -> Any:
    """A supervisor or the platform."""
    return actor.role in PUBLISHERS


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the item that it is news of."""
    item = aliased(CatalogueItem)
    return exists().where(item.id == row.object_id, visible(actor, item))
