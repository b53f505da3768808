"""Who sees feedback, who gives it, and who deals with it."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, STATION, TERRITORIAL, Actor, Role
from nexus.matching.feedback.model import FeedbackSource
from nexus.matching.pledges.model import Delivery
from nexus.matching.pledges.policy import PLEDGERS, in_scope

SOURCES = {
    **dict.fromkeys(STATION, FeedbackSource.RECIPIENT),
    **dict.fromkeys(PLEDGERS, FeedbackSource.RECEIVER),
    **dict.fromkeys(GOVERNMENT, FeedbackSource.AUTHORITY),
}
"""Whose word each role brings: a station the recipient's, a charity its own."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The need's territory and publisher; an organization what is said of its own deliveries."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in TERRITORIAL:
        return in_scope(actor, row.need_id)
    if actor.role in PLEDGERS:
        delivery = aliased(Delivery)
        return exists().where(
            delivery.id == row.delivery_id, delivery.organization_id == actor.organization_id
        )
    return false()


def may_read_text(actor: Actor, row: Any) -> Any:
    """The territory; an organization only its own words: a text may tell who somebody is.

    On its own delivery, which is all that `visible` shows it, no other receiver speaks.
    """
    if actor.role in TERRITORIAL | {Role.SYSTEM}:
        return True
    if actor.role not in PLEDGERS:
        return False
    return row.source == FeedbackSource.RECEIVER


def may_read(actor: Actor, row: Any) -> Any:
    """A station or authority of the need, other than the one who wrote it down."""
    if actor.role not in GOVERNMENT | STATION:
        return False
    return row.created_by != actor.account_id


def may_handle(actor: Actor, row: Any) -> Any:
    """Whoever may read."""
    return may_read(actor, row)
