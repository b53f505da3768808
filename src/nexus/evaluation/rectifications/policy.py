"""Who sees what must be put right, who does it, and who says that it is enough."""

from typing import Any

from sqlalchemy import ColumnElement, true

from nexus.acting import EVERYWHERE, Actor, Role
from nexus.evaluation.evaluations import policy as evaluations
from nexus.purchasing.procurements.suppliers.policy import SUPPLIERS


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As its evaluation, which is published."""
    if actor.role in EVERYWHERE:
        return true()
    return evaluations.of_evaluation(actor, row.evaluation_id)


def may_submit(actor: Actor, row: Any) -> Any:
    """Who speaks for the supplier."""
    return row.supplier_id == actor.organization_id if actor.role in SUPPLIERS else False


def may_send_back(actor: Actor, row: Any) -> Any:
    """The buyer's people."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_verify(actor: Actor, row: Any) -> Any:
    """The buyer's people, and never who submitted it (INV-18)."""
    if actor.role is not Role.BUYER:
        return False
    return may_send_back(actor, row) & (row.submitted_by != actor.account_id)
