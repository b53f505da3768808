"""Who sees alerts, and who looks after them."""

from typing import Any

from sqlalchemy import ColumnElement, false, true

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, Actor, Role
from nexus.supervision.alerts import model

_SEES = GOVERNMENT | OVERSIGHT
_HANDLERS = GOVERNMENT | {Role.SUPERVISOR}
_DISMISSERS = frozenset({Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.SUPERVISOR})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The authorities and the oversight of the territory; who runs the platform."""
    if actor.role in EVERYWHERE:
        return true()
    return actor.covers(row.area_code) if actor.role in _SEES else false()


def _looks_after(actor: Actor, row: Any, roles: frozenset[Role]) -> Any:
    """Never who let the rule go (INV-18); the platform's people only what machines failed at."""
    if actor.role is Role.PLATFORM_ADMIN:
        return row.kind == model.AlertClass.FAULT
    if actor.role not in roles:
        return False
    another = (
        row.caused_by.is_distinct_from(actor.account_id)
        if _is_sql(row)
        else (row.caused_by != actor.account_id)
    )
    return another & actor.covers(row.area_code)


def _is_sql(row: Any) -> bool:
    return not isinstance(row, model.Alert)


def may_acknowledge(actor: Actor, row: Any) -> Any:
    """An authority of the territory, or its supervisor."""
    return _looks_after(actor, row, _HANDLERS)


def may_handle(actor: Actor, row: Any) -> Any:
    """As acknowledging: whoever goes on with it becomes its owner."""
    return _looks_after(actor, row, _HANDLERS)


def may_dismiss(actor: Actor, row: Any) -> Any:
    """An approver, a coordinator or a supervisor of the territory."""
    return _looks_after(actor, row, _DISMISSERS)


def may_reopen(actor: Actor, row: Any) -> Any:
    """Whoever may dismiss it."""
    return _looks_after(actor, row, _DISMISSERS)
