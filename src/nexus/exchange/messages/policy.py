"""Who runs the exchange with an authority, and who sees what went to and fro."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, Actor, Role
from nexus.exchange.messages import model

_KEEPERS = frozenset({Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.PLATFORM_ADMIN})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The authority's own people and machines; the platform, which sees that it runs."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role not in GOVERNMENT:
        return false()
    return row.organization_id == actor.organization_id  # type: ignore[no-any-return]


def message_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the partner."""
    partner = aliased(model.ExchangePartner)
    return exists().where(partner.id == row.partner_id, visible(actor, partner))


def may_create(actor: Actor, organization_id: Any) -> bool:
    """A coordinator or approver for their own authority; the platform for any."""
    if actor.role is Role.PLATFORM_ADMIN:
        return True
    return actor.role in _KEEPERS and organization_id == actor.organization_id


def may_keep(actor: Actor, row: Any) -> Any:
    """Whoever may create it. No machine: a token that leaks must not redirect messages."""
    return actor.role in _KEEPERS


def may_read_body(actor: Actor, row: Any) -> Any:
    """What a message says is for the authority that it goes to or comes from."""
    return actor.role in GOVERNMENT | {Role.SYSTEM}


def may_acknowledge(actor: Actor, row: Any) -> Any:
    """The authority's people and machines, of messages to it."""
    if actor.role not in GOVERNMENT:
        return False
    return row.direction == model.MessageDirection.OUT


def may_replay(actor: Actor, row: Any) -> Any:
    """Who keeps the partner."""
    if actor.role not in _KEEPERS:
        return False
    return row.direction == model.MessageDirection.OUT


def may_send_in(actor: Actor) -> bool:
    """The authority's people and machines."""
    return actor.role in GOVERNMENT
