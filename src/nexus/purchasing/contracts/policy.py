"""Who sees contracts and milestones, and who draws up, signs, amends and ends them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, Actor, Role
from nexus.purchasing.contracts import model
from nexus.purchasing.procurements.suppliers.policy import AUTHORITIES, BUYERS, SUPPLIERS_PEOPLE


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Public once it was published; else its parties' and its territory's."""
    public = row.published_on.is_not(None)
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in AUTHORITIES:
        return or_(public, actor.covers(row.area_code))
    if actor.role in BUYERS:
        return or_(public, row.buyer_id == actor.organization_id)
    if actor.role in SUPPLIERS_PEOPLE:
        return or_(public, row.supplier_id == actor.organization_id)
    return public  # type: ignore[no-any-return]


def part_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Items, targets, milestones and amendments: as their contract."""
    contract = aliased(model.Contract)
    return exists().where(contract.id == row.contract_id, visible(actor, contract))


def may_read_inner(actor: Actor, row: Any) -> Any:
    """Why it was moved and who looks after it: its parties, the territory, oversight."""
    if actor.role in EVERYWHERE:
        return True
    if actor.role in AUTHORITIES:
        return actor.covers(row.area_code)
    if actor.role in BUYERS:
        return row.buyer_id == actor.organization_id
    return row.supplier_id == actor.organization_id if actor.role in SUPPLIERS_PEOPLE else False


def may_read_words(actor: Actor, row: Any) -> Any:
    """What people wrote: whoever sees the row, but neither the public nor who runs the platform."""
    return actor.role not in {Role.ANONYMOUS, Role.PLATFORM_ADMIN}


def may_buy(actor: Actor, row: Any) -> Any:
    """The buyer's people; of an award, a contract or a milestone."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_sign(actor: Actor, row: Any) -> Any:
    """A second person of the buyer: not who drew it up (INV-18)."""
    if actor.role is not Role.BUYER:
        return False
    own = row.buyer_id == actor.organization_id
    return own & (row.created_by != actor.account_id)
