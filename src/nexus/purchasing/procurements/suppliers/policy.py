"""Who sees suppliers' lists, who applies to them, and who admits."""

from typing import Any

from sqlalchemy import ColumnElement, false, or_, true

from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, OVERSIGHT, STATION, Actor, Role
from nexus.purchasing.procurements.suppliers import model

BUYERS = frozenset({Role.BUYER, Role.BUYER_FINANCE})
SUPPLIERS = frozenset({Role.STATION_LEAD, Role.VOL_ORG, Role.CHARITY_USER})
"""Who speaks for a supplier."""
SUPPLIERS_PEOPLE = SUPPLIERS | STATION | CHARITY
"""Who works for one, and reads what concerns it."""
AUTHORITIES = GOVERNMENT | OVERSIGHT


def list_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Public once it has been opened; a draft is its buyer's and its territory's."""
    public = row.state != model.SupplierListState.DRAFT
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in BUYERS:
        return or_(public, row.buyer_id == actor.organization_id)
    return or_(public, actor.covers(row.area_code)) if actor.role in AUTHORITIES else public


def admission_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Who is admitted is public; the rest is for the supplier, the buyer and oversight."""
    public = row.state == model.AdmissionState.ADMITTED
    if actor.role in EVERYWHERE | OVERSIGHT:
        return true()
    if actor.role in BUYERS:
        return or_(public, row.buyer_id == actor.organization_id)
    if actor.role in SUPPLIERS_PEOPLE:
        return or_(public, row.supplier_id == actor.organization_id)
    return public  # type: ignore[no-any-return]


def standing_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The supplier, the buyer, and the authorities of the buyer's territory."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in BUYERS:
        return row.buyer_id == actor.organization_id  # type: ignore[no-any-return]
    if actor.role in AUTHORITIES:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    if actor.role in SUPPLIERS_PEOPLE:
        return row.supplier_id == actor.organization_id  # type: ignore[no-any-return]
    return false()


def may_read_statement(actor: Actor, row: Any) -> Any:
    """What the supplier wrote and what was answered: itself, the buyer and oversight."""
    if actor.role in OVERSIGHT:
        return True
    if actor.role in BUYERS:
        return row.buyer_id == actor.organization_id
    return row.supplier_id == actor.organization_id if actor.role in SUPPLIERS_PEOPLE else False


def may_create_list(actor: Actor) -> bool:
    """The buyer's people, for their own organization."""
    return actor.role is Role.BUYER


def may_move_list(actor: Actor, row: Any) -> Any:
    """The buyer's people."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_apply(actor: Actor, row: Any) -> Any:
    """Who speaks for a supplier that is not the buyer."""
    return row.buyer_id != actor.organization_id if actor.role in SUPPLIERS else False


def may_decide(actor: Actor, row: Any) -> Any:
    """The buyer's people."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_withdraw(actor: Actor, row: Any) -> Any:
    """The supplier itself."""
    return row.supplier_id == actor.organization_id if actor.role in SUPPLIERS else False
