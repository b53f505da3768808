"""Who asks for exports and sees them: each account its own."""

from typing import Any

from sqlalchemy import ColumnElement, false, true

from nexus.acting import Actor, Role
from nexus.exchange.exports import model


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own: what somebody looked for is nobody else's to see."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role is Role.ANONYMOUS:
        return false()
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def may_request(actor: Actor) -> bool:
    """Whoever has signed in: the rows are those that the account sees."""
    return actor.role not in (Role.ANONYMOUS, Role.SYSTEM)


def may_download(actor: Actor, row: Any) -> Any:
    """While its time is not over."""
    return row.state != model.ExportState.EXPIRED
