"""Who sees ties between organizations, and who declares them."""

from typing import Any

from sqlalchemy import ColumnElement, or_, true

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, Actor, Role

DECLARERS = frozenset({Role.EVALUATOR, Role.BUYER, Role.GOV_APPROVER}) | OVERSIGHT


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The authorities, buyers and oversight; an organization its own."""
    if actor.role in EVERYWHERE | OVERSIGHT | GOVERNMENT | {Role.BUYER}:
        return true()
    return or_(row.organization_id == actor.organization_id, row.other_id == actor.organization_id)


def may_declare(actor: Actor, organization_id: Any, other_id: Any) -> bool:
    """An evaluator of its own organization; a buyer, an approver or oversight of any."""
    if actor.role is Role.EVALUATOR:
        return actor.organization_id in (organization_id, other_id)
    return actor.role in DECLARERS
