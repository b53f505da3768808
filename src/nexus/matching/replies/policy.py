"""Who sees what the authority answered."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, TERRITORIAL, Actor
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.matching.pledges.policy import PLEDGERS, in_scope


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The need's territory and publisher; a helper what is of the need it pledged for.

    Of a delivery, only whose it is.
    """
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in TERRITORIAL:
        return in_scope(actor, row.need_id)
    if actor.role not in PLEDGERS:
        return false()
    pledge, delivery = aliased(Pledge), aliased(Delivery)
    own = exists().where(
        pledge.need_id == row.need_id, pledge.organization_id == actor.organization_id
    )
    delivered = exists().where(
        delivery.id == row.delivery_id, delivery.organization_id == actor.organization_id
    )
    return or_(and_(row.delivery_id.is_(None), own), delivered)
