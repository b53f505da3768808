"""Who sees deliveries, and who confirms them."""

from typing import Any

from nexus.acting import Actor, Role
from nexus.matching.pledges.policy import DECIDERS, FIELD, visible

__all__ = ["may_acknowledge", "may_dispute", "may_settle", "may_verify", "visible"]


def _judges(actor: Actor, row: Any, roles: frozenset[Role]) -> Any:
    """Station or authority; neither the recorder nor the organization that helped (INV-18)."""
    if actor.role not in roles:
        return False
    return (row.created_by != actor.account_id) & (row.organization_id != actor.organization_id)


def may_acknowledge(actor: Actor, row: Any) -> Any:
    """A station or authority that records the recipient's word; never who recorded the delivery."""
    return _judges(actor, row, FIELD)


def may_dispute(actor: Actor, row: Any) -> Any:
    """As may_acknowledge: the recipient says it did not come, or not like this."""
    return _judges(actor, row, FIELD)


def may_settle(actor: Actor, row: Any) -> Any:
    """Government, station lead or social worker, as for acceptance."""
    return _judges(actor, row, DECIDERS)


def may_verify(actor: Actor, row: Any) -> Any:
    """A sampling visit by somebody who neither recorded nor confirmed it (INV-18)."""
    judged = _judges(actor, row, DECIDERS)
    if judged is False:
        return False
    return judged & (row.acknowledged_by != actor.account_id)
