"""Who sees acceptances, who claims, and who of the buyer's people decides (INV-18)."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, literal_column
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, Actor, Role
from nexus.purchasing.acceptance import model
from nexus.purchasing.contracts.model import Contract
from nexus.purchasing.facts import policy as facts
from nexus.purchasing.facts.policy import may_read_words
from nexus.purchasing.procurements.suppliers.policy import SUPPLIERS

__all__ = ["may_read_words"]


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As what was counted under its contract."""
    return facts.visible(actor, row)


def part_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A line, a fact behind it or a deduction: as its acceptance."""
    acceptance = aliased(model.Acceptance)
    return exists().where(acceptance.id == row.acceptance_id, visible(actor, acceptance))


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the acceptance it is about."""
    acceptance = aliased(model.Acceptance)
    seen = exists().where(acceptance.id == row.object_id, visible(actor, acceptance))
    return and_(row.object_type == literal_column("'acceptance'"), seen)


def may_submit(actor: Actor, row: Any) -> Any:
    """Of a contract: the supplier's people, or the buyer's who manages it."""
    return facts.may_claim_period(actor, row) if actor.role not in EVERYWHERE else False


def may_resubmit(actor: Actor, row: Any) -> Any:
    """As submitting."""
    if actor.role not in SUPPLIERS | {Role.BUYER}:
        return False
    contract = aliased(Contract)
    return exists().where(contract.id == row.contract_id, may_submit(actor, contract))


def may_review(actor: Actor, row: Any) -> Any:
    """A BUYER of the buyer, who neither manages the contract nor submitted it (INV-18).

    That none of its facts was recorded or claimed by them is asked when they do it.
    """
    if actor.role is not Role.BUYER:
        return False
    contract = aliased(Contract)
    mine = exists().where(
        contract.id == row.contract_id,
        contract.buyer_id == actor.organization_id,
        contract.manager_id != actor.account_id,
    )
    return mine & (row.submitted_by != actor.account_id)


def may_decide(actor: Actor, row: Any) -> Any:
    """As reviewing."""
    return may_review(actor, row)


def may_check(actor: Actor, row: Any) -> Any:
    """Of a fact in the sample: whoever may review."""
    if actor.role is not Role.BUYER:
        return False
    acceptance = aliased(model.Acceptance)
    return row.sampled & exists().where(
        acceptance.id == row.acceptance_id, may_review(actor, acceptance)
    )
