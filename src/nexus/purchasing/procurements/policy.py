"""Who sees procurements, bids and awards, and who plans, tenders and awards."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, OVERSIGHT, Actor, Role
from nexus.purchasing.procurements import model
from nexus.purchasing.procurements.suppliers.policy import (
    AUTHORITIES,
    BUYERS,
    SUPPLIERS,
    SUPPLIERS_PEOPLE,
)


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Public once its tender is out; before, its buyer's and its territory's."""
    public = row.published_at.is_not(None)
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in BUYERS:
        return or_(public, row.buyer_id == actor.organization_id)
    return or_(public, actor.covers(row.area_code)) if actor.role in AUTHORITIES else public


def part_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the procurement it is of."""
    whole = aliased(model.Procurement)
    return exists().where(whole.id == row.procurement_id, visible(actor, whole))


def bid_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The supplier's own; the buyer's and oversight's from the day on which bids are opened."""
    opened = and_(row.opens_on <= actor.today(), row.state != model.BidState.WITHDRAWN)
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in OVERSIGHT:
        return opened
    if actor.role in BUYERS:
        return and_(row.buyer_id == actor.organization_id, opened)
    if actor.role in SUPPLIERS_PEOPLE:
        return row.supplier_id == actor.organization_id  # type: ignore[no-any-return]
    return false()


def award_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Public once it was confirmed; a proposal is its buyer's and oversight's."""
    public = row.awarded_on.is_not(None)
    if actor.role in EVERYWHERE | OVERSIGHT:
        return true()
    if actor.role in BUYERS:
        return or_(public, row.buyer_id == actor.organization_id)
    return public  # type: ignore[no-any-return]


def may_read_plan(actor: Actor, row: Any) -> Any:
    """What went before it was public: its buyer and its territory; of a procurement or a list."""
    if actor.role in EVERYWHERE:
        return True
    if actor.role in BUYERS:
        return row.buyer_id == actor.organization_id
    return actor.covers(row.area_code) if actor.role in AUTHORITIES else False


def may_read_proposal(actor: Actor, row: Any) -> Any:
    """What went before an award was confirmed: its buyer and oversight."""
    if actor.role in EVERYWHERE | OVERSIGHT:
        return True
    return row.buyer_id == actor.organization_id if actor.role in BUYERS else False


def may_plan(actor: Actor) -> bool:
    """The buyer's people, for their own organization."""
    return actor.role is Role.BUYER


def may_buy(actor: Actor, row: Any) -> Any:
    """The buyer's people."""
    return row.buyer_id == actor.organization_id if actor.role is Role.BUYER else False


def may_link_gap(actor: Actor, row: Any) -> Any:
    """GOV_COORDINATOR of the territory, who decides about its gaps."""
    return actor.covers(row.area_code) if actor.role is Role.GOV_COORDINATOR else False


def may_bid(actor: Actor, row: Any) -> Any:
    """Who speaks for a supplier that is not the buyer."""
    return row.buyer_id != actor.organization_id if actor.role in SUPPLIERS else False


def may_withdraw_bid(actor: Actor, row: Any) -> Any:
    """The supplier itself."""
    return row.supplier_id == actor.organization_id if actor.role in SUPPLIERS else False


def may_confirm_award(actor: Actor, row: Any) -> Any:
    """A second person of the buyer (INV-18)."""
    if actor.role is not Role.BUYER:
        return False
    own = row.buyer_id == actor.organization_id
    return own & (row.created_by != actor.account_id)
