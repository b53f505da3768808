"""Who sees suggestions and gaps, and who decides about gaps."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, EVERYWHERE, TERRITORIAL, Actor, Role
from nexus.charity import policy as charity_policy
from nexus.matching.suggestions import model
from nexus.needs import policy as needs_policy
from nexus.needs.model import Need


def sees_suggestions(actor: Actor) -> bool:
    """Authorities, stations and oversight see every match; a charity those of its own offers."""
    return actor.role in TERRITORIAL | EVERYWHERE | CHARITY


def offer_suggested(actor: Actor, offer: Any) -> ColumnElement[bool]:
    """Which offers the actor is shown as matches."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in TERRITORIAL:
        return charity_policy.visible(actor, offer)
    if actor.role in CHARITY:
        return offer.organization_id == actor.organization_id  # type: ignore[no-any-return]
    return false()


def line_suggested(actor: Actor, line: Any) -> ColumnElement[bool]:
    """Which lines the actor is shown as matches of an offer."""
    if actor.role in EVERYWHERE:
        return true()
    return needs_policy.line_visible(actor, line) if sees_suggestions(actor) else false()


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The territory's authorities and stations, and oversight; a charity as the need itself."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in TERRITORIAL:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    if actor.role not in CHARITY:
        return false()
    need = aliased(Need)
    seen = exists().where(need.id == row.need_id, needs_policy.visible(actor, need))
    return and_(row.state.in_((model.GapState.OPEN, model.GapState.ACKNOWLEDGED)), seen)


def counts_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Counts of gaps are for the authorities: small cells would tell of a person (INV-16)."""
    return visible(actor, row) if actor.role in TERRITORIAL | EVERYWHERE else false()


def may_read_area(actor: Actor, row: Any) -> Any:
    """The fine area of the line; others see the area the need shows."""
    return actor.role in TERRITORIAL | EVERYWHERE


def may_read_reason(actor: Actor, row: Any) -> Any:
    """What the coordinator wrote is for the authorities."""
    return actor.role in TERRITORIAL | EVERYWHERE


def may_decide(actor: Actor, row: Any) -> Any:
    """GOV_COORDINATOR of the territory, and the system's own reactions."""
    if actor.role is Role.SYSTEM:
        return True
    if actor.role is not Role.GOV_COORDINATOR:
        return False
    return actor.covers(row.area_code)
