"""Who sees schemes, who writes them, and who puts them in force."""

from typing import Any

from sqlalchemy import ColumnElement, exists, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, OVERSIGHT, Actor, Role
from nexus.evaluation.schemes import model
from nexus.purchasing.procurements.suppliers.policy import BUYERS


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """How services are graded is public once in force, as are templates; a draft is its buyer's."""
    if actor.role in EVERYWHERE:
        return true()
    public = or_(row.state != model.SchemeState.DRAFT, row.buyer_id.is_(None))
    if actor.role in BUYERS:
        return or_(public, row.buyer_id == actor.organization_id)
    if actor.role in OVERSIGHT:
        return or_(public, actor.covers(row.area_code))
    return public


def indicator_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its scheme."""
    scheme = aliased(model.EvaluationScheme)
    return exists().where(scheme.id == row.scheme_id, visible(actor, scheme))


def may_create(actor: Actor) -> bool:
    """The buyer's people, for their own organization."""
    return actor.role is Role.BUYER


def may_change(actor: Actor, row: Any) -> Any:
    """The buyer's people."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_adopt(actor: Actor, row: Any) -> Any:
    """The buyer's people, but not who wrote it (INV-18)."""
    if actor.role is not Role.BUYER:
        return False
    return (row.buyer_id == actor.organization_id) & (row.created_by != actor.account_id)


def may_retire(actor: Actor, row: Any) -> Any:
    """The buyer's people."""
    return may_change(actor, row)
