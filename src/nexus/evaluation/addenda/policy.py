"""Who reads addenda, who proposes them and who releases them."""

from typing import Any

from sqlalchemy import ColumnElement, or_, true

from nexus.acting import EVERYWHERE, Actor, Role
from nexus.evaluation.addenda import model
from nexus.evaluation.evaluations import policy as evaluations
from nexus.purchasing.procurements.suppliers.policy import AUTHORITIES, BUYERS


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """With its evaluation once released; before, the buyer, the evaluator and the authorities."""
    if actor.role in EVERYWHERE:
        return true()
    released = (row.state == model.AddendumState.RELEASED) & evaluations.of_evaluation(
        actor, row.evaluation_id
    )
    if actor.role in BUYERS:
        return or_(released, row.buyer_id == actor.organization_id)
    if actor.role is Role.EVALUATOR:
        return or_(released, row.evaluator_id == actor.organization_id)
    if actor.role in AUTHORITIES:
        return or_(released, actor.covers(row.area_code))
    return released  # type: ignore[no-any-return]


def may_propose(actor: Actor, row: Any) -> Any:
    """Of an evaluation: the evaluator's people."""
    return evaluations.may_start(actor, row)


def may_release(actor: Actor, row: Any) -> Any:
    """Of the buyer or of the area's oversight: never who proposed it (INV-18)."""
    if actor.role is Role.BUYER:
        near = row.buyer_id == actor.organization_id
    elif actor.role is Role.SUPERVISOR:
        near = actor.covers(row.area_code)
    else:
        return False
    return near & (row.proposed_by != actor.account_id)


def may_drop(actor: Actor, row: Any) -> Any:
    """Whoever may release it, and the evaluator's people."""
    if actor.role is Role.EVALUATOR:
        return row.evaluator_id == actor.organization_id
    return may_release(actor, row)
