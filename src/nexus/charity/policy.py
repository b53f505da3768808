"""Who sees projects and offers, and who decides about them."""

from typing import Any

from sqlalchemy import ColumnElement, exists, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, EVERYWHERE, NOBODY, TERRITORIAL, Actor, Role
from nexus.charity import model
from nexus.organizations.model import Organization
from nexus.organizations.queries import is_verified

_P = model.ProjectState
_O = model.OfferState
_MODERATORS = frozenset({Role.GOV_COORDINATOR, Role.PLATFORM_ADMIN})
_APPROVERS = frozenset({Role.GOV_COORDINATOR, Role.GOV_APPROVER})
LIVE = (_O.DRAFT, _O.LISTED, _O.PAUSED)
PUBLIC_PROJECTS = (_P.ACTIVE, _P.PAUSED, _P.COMPLETED, _P.DISCLOSED, _P.ARCHIVED)


def project_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """What runs or ran is public, what is filed is for the authorities, a draft for its owner."""
    if actor.role in EVERYWHERE:
        return true()
    own = row.organization_id == actor.organization_id
    if actor.role in TERRITORIAL:
        return own | (row.state != _P.DRAFT)  # type: ignore[no-any-return]
    return own | row.state.in_(PUBLIC_PROJECTS)  # type: ignore[no-any-return]


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Offers of verified organizations are a public directory; a draft is for its owner.

    Charities also see what is paused; authorities and stations everything but drafts.
    """
    if actor.role in EVERYWHERE:
        return true()
    own = row.organization_id == actor.organization_id
    if actor.role in TERRITORIAL:
        return own | (row.state != _O.DRAFT)  # type: ignore[no-any-return]
    shown = (_O.LISTED, _O.PAUSED) if actor.role in CHARITY else (_O.LISTED,)
    return own | (row.state.in_(shown) & is_verified(row.organization_id))  # type: ignore[no-any-return]


def area_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the offer that serves it."""
    offer = aliased(model.Offer)
    return exists().where(offer.id == row.offer_id, visible(actor, offer))


def may_create(actor: Actor, organization_id: Any) -> bool:
    """A charity's people for their own organization; the platform for any, but not for none."""
    if actor.role in EVERYWHERE:
        return bool(organization_id != NOBODY)
    return actor.role in CHARITY and bool(organization_id == actor.organization_id)


def may_manage(actor: Actor, row: Any) -> Any:
    """The people and clients of the organization that owns it."""
    if actor.role not in CHARITY:
        return False
    return row.organization_id == actor.organization_id


def may_pause(actor: Actor, row: Any) -> Any:
    """The owner; the system when a qualification lapses."""
    return True if actor.role is Role.SYSTEM else may_manage(actor, row)


def in_territory(actor: Actor, offer_id: Any, organization_id: Any) -> ColumnElement[bool]:
    """SQL: all areas of the offer lie in the territory, or its organization is registered there."""
    area, owner = aliased(model.OfferArea), aliased(Organization)
    outside = exists().where(area.offer_id == offer_id, ~actor.covers(area.area_code))
    served = exists().where(area.offer_id == offer_id)
    registered = exists().where(owner.id == organization_id, actor.covers(owner.area_code))
    return (served & ~outside) | registered


def may_block(actor: Actor, row: Any) -> Any:
    """GOV_COORDINATOR of the territory, or the platform."""
    if actor.role is Role.PLATFORM_ADMIN:
        return True
    if actor.role not in _MODERATORS:
        return False
    return in_territory(actor, row.id, row.organization_id)


def may_approve(actor: Actor, row: Any) -> Any:
    """GOV_COORDINATOR or GOV_APPROVER of the territory: pledges from it need no further yes."""
    if actor.role not in _APPROVERS or (isinstance(row, model.Offer) and row.state not in LIVE):
        return False
    here = in_territory(actor, row.id, row.organization_id)
    return here if isinstance(row, model.Offer) else here & row.state.in_(LIVE)


def may_edit(actor: Actor, row: Any) -> Any:
    """The owner, while it is a draft or paused."""
    return _owned_in(actor, row, (_O.DRAFT, _O.PAUSED))


def may_keep(actor: Actor, row: Any) -> Any:
    """The owner, while it is a draft, listed or paused."""
    return _owned_in(actor, row, LIVE)


def may_edit_project(actor: Actor, row: Any) -> Any:
    """The owner, while it is a draft."""
    return _owned_in(actor, row, (_P.DRAFT,))


def may_account(actor: Actor, row: Any) -> Any:
    """The owner, while it runs or is completed."""
    return _owned_in(actor, row, (_P.ACTIVE, _P.PAUSED, _P.COMPLETED))


def _owned_in(actor: Actor, row: Any, states: tuple[Any, ...]) -> Any:
    if actor.role not in CHARITY:
        return False
    own = row.organization_id == actor.organization_id
    if isinstance(own, bool):
        return own and row.state in states
    return own & row.state.in_(states)


def may_read_reason(actor: Actor, row: Any) -> Any:
    """The reason of a decision is for the owner and the authorities."""
    if actor.role in EVERYWHERE or actor.role in TERRITORIAL:
        return True
    return row.organization_id == actor.organization_id
