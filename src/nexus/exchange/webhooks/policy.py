"""Who has endpoints, and who sees and runs them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, Actor, Role
from nexus.exchange.webhooks import model

OWNERS = CHARITY | GOVERNMENT | {Role.VOL_ORG}


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own; a charity's people and clients, who see the same, those of each other.

    Two officials of one authority may have different territories, so they do not.
    """
    if actor.role in EVERYWHERE:
        return true()
    if actor.role not in OWNERS:
        return false()
    own = row.account_id == actor.account_id
    if actor.role not in CHARITY:
        return own  # type: ignore[no-any-return]
    owner = aliased(Account)
    alike = exists().where(owner.id == row.account_id, owner.role.in_(sorted(CHARITY)))
    return own | ((row.organization_id == actor.organization_id) & alike)  # type: ignore[no-any-return]


def delivery_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the endpoint."""
    endpoint = aliased(model.WebhookEndpoint)
    return exists().where(endpoint.id == row.endpoint_id, visible(actor, endpoint))


def may_create(actor: Actor) -> bool:
    """Charities, authorities and volunteer organizations, and their clients."""
    return actor.role in OWNERS


def may_manage(actor: Actor, row: Any) -> Any:
    """Whoever of the owners sees it."""
    return actor.role in OWNERS


def may_stop(actor: Actor, row: Any) -> Any:
    """The owners; the platform, for one that does harm; nexus, when the receiver says so."""
    return actor.role in OWNERS | EVERYWHERE
