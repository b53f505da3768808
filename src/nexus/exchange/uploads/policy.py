"""Who brings files: those who may import."""

from typing import Any

from sqlalchemy import ColumnElement, false, true

from nexus.acting import CHARITY, GOVERNMENT, Actor, Role
from nexus.exchange.uploads import model

IMPORTERS = GOVERNMENT | CHARITY | {Role.PLATFORM_ADMIN, Role.STATION_LEAD}


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in IMPORTERS:
        return false()
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def may_request(actor: Actor) -> bool:
    """Authorities, charities, leads of stations, the platform, and their machines."""
    return actor.role in IMPORTERS


def may_use(actor: Actor, row: Any) -> Any:
    """Whose it is, once it is there."""
    return (row.account_id == actor.account_id) & (row.state == model.UploadState.RECEIVED)
