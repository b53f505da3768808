"""Who sees what was counted, who claims it, and who takes it out again.

The parties to the contract see it: the buyer's people and the supplier's. So do the authorities,
the oversight and the evaluators of its area. Another supplier sees nothing of it, whatever station
it runs there. What lies behind a fact is shown by the policy of the visit, case, delivery or record
itself.
"""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, Actor, Role
from nexus.purchasing.contracts.model import Contract
from nexus.purchasing.procurements.suppliers.policy import (
    AUTHORITIES,
    BUYERS,
    SUPPLIERS,
    SUPPLIERS_PEOPLE,
)

_NEAR = AUTHORITIES | {Role.EVALUATOR}


def party(actor: Actor, contract: Any) -> ColumnElement[bool]:
    """SQL: the actor sees what was counted and accepted under the contract."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in BUYERS:
        return contract.buyer_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in SUPPLIERS_PEOPLE:
        return contract.supplier_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in _NEAR:
        return actor.covers(contract.area_code)  # type: ignore[no-any-return]
    return false()


def of_contract(actor: Actor, contract_id: Any) -> ColumnElement[bool]:
    """SQL: the same, of the contract that a row names."""
    contract = aliased(Contract)
    return exists().where(contract.id == contract_id, party(actor, contract))


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A fact: as what was counted under its contract."""
    return true() if actor.role in EVERYWHERE else of_contract(actor, row.contract_id)


def may_claim(actor: Actor, row: Any) -> Any:
    """Of a contract, one fact: the supplier's own people, who see what happened."""
    if actor.role not in SUPPLIERS:
        return actor.role is Role.SYSTEM
    return row.supplier_id == actor.organization_id


def may_claim_period(actor: Actor, row: Any) -> Any:
    """All of a period: the supplier's people, or the buyer's who manages the contract."""
    if actor.role is Role.BUYER:
        return (row.buyer_id == actor.organization_id) & (row.manager_id == actor.account_id)
    return may_claim(actor, row)


def may_withdraw(actor: Actor, row: Any) -> Any:
    """The supplier's people, the contract's manager, and nexus when it is undone at its source."""
    if actor.role is Role.SYSTEM:
        return True
    if actor.role not in SUPPLIERS | {Role.BUYER}:
        return False
    contract = aliased(Contract)
    return exists().where(contract.id == row.contract_id, may_claim_period(actor, contract))


def may_read_words(actor: Actor, row: Any) -> Any:
    """What people wrote: whoever sees the row, but not who runs the platform."""
    return actor.role is not Role.PLATFORM_ADMIN
