"""Who sees public money, and who decides about it."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, OVERSIGHT, Actor, Role
from nexus.purchasing.budgets.model import BudgetEntry, BudgetLine

BUYERS = frozenset({Role.BUYER, Role.BUYER_FINANCE})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The buyer's own people, and oversight in its territory (S4a)."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in BUYERS:
        return row.buyer_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in OVERSIGHT:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    return false()


def of_line(actor: Actor, line_id: Any) -> ColumnElement[bool]:
    """SQL: as the line."""
    line = aliased(BudgetLine)
    return exists().where(line.id == line_id, visible(actor, line))


def journal_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As a line that it moves."""
    entry = aliased(BudgetEntry)
    return exists().where(entry.journal_id == row.id, entry_visible(actor, entry))


def entry_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the line whose money it moves."""
    return of_line(actor, row.budget_line_id)


def part_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the line it is of."""
    return of_line(actor, row.line_id)


def may_draft(actor: Actor) -> bool:
    """Whoever buys, for the own organization."""
    return actor.role is Role.BUYER


def may_amend(actor: Actor, row: Any) -> Any:
    """The buyer, while it is a draft."""
    if actor.role is not Role.BUYER:
        return False
    return row.buyer_id == actor.organization_id


def may_approve(actor: Actor, row: Any) -> Any:
    """The buyer's finance, never who drafted it (INV-18)."""
    if actor.role is not Role.BUYER_FINANCE:
        return False
    return (row.buyer_id == actor.organization_id) & (row.created_by != actor.account_id)


def may_adjust(actor: Actor, row: Any) -> Any:
    """The buyer's finance."""
    return _finance(actor, row)


def may_freeze(actor: Actor, row: Any) -> Any:
    """The buyer's finance."""
    return _finance(actor, row)


def may_unfreeze(actor: Actor, row: Any) -> Any:
    """The buyer's finance."""
    return _finance(actor, row)


def may_close(actor: Actor, row: Any) -> Any:
    """The buyer's finance."""
    return _finance(actor, row)


def _finance(actor: Actor, row: Any) -> Any:
    if actor.role is not Role.BUYER_FINANCE:
        return False
    return row.buyer_id == actor.organization_id


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the line that it is news of."""
    return of_line(actor, row.object_id)
