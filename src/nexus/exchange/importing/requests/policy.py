"""Who asks for imports, and who sees how they went: each account its own."""

from typing import Any

from sqlalchemy import ColumnElement, false, true

from nexus.acting import CHARITY, Actor, Role
from nexus.exchange.profiles.model import ImportKind
from nexus.exchange.uploads.policy import IMPORTERS


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A run, by who vouched for it; the platform sees all."""
    if actor.role in (Role.SYSTEM, Role.PLATFORM_ADMIN):
        return true()
    if actor.role not in IMPORTERS:
        return false()
    return row.voucher_id == actor.account_id  # type: ignore[no-any-return]


def profile_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in IMPORTERS:
        return false()
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def may_register(actor: Actor) -> bool:
    """Whoever may import something."""
    return actor.role in IMPORTERS


SCOPES = {
    ImportKind.NEEDS: "needs:write",
    ImportKind.OFFERS: "offers:write",
    ImportKind.RECOGNITIONS: "recipients:write",
    ImportKind.TICKETS: "discovery:write",
    ImportKind.OCDS: "imports:write",
}


def missing_scope(actor: Actor, kind: ImportKind) -> str | None:
    """The scope that a narrowed credential lacks for what the file holds."""
    if actor.grant is None or actor.grant.scopes is None or SCOPES[kind] in actor.grant.scopes:
        return None
    return SCOPES[kind]


def may_import(actor: Actor, kind: ImportKind) -> bool:
    """Authorities and the platform everything, charities offers, a station's lead needs."""
    if actor.role in CHARITY:
        return kind is ImportKind.OFFERS
    if actor.role is Role.STATION_LEAD:
        return kind is ImportKind.NEEDS
    return actor.role in IMPORTERS
