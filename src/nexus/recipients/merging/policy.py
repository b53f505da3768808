"""Who sees suspected duplicates, and who proposes, decides and undoes a merge."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, STATION, Actor, Role
from nexus.recipients import model as recipients
from nexus.recipients.merging import model
from nexus.recipients.policy import recipient_visible

_SEES = GOVERNMENT | STATION | {Role.DPO}
SUSPECTS = STATION | {Role.GOV_CLERK, Role.GOV_APPROVER}
_PROPOSES = frozenset({Role.STATION_LEAD, Role.GOV_CLERK})
_APART = frozenset({Role.STATION_LEAD, Role.GOV_CLERK, Role.GOV_APPROVER})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Whoever sees both records."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _SEES:
        return false()
    one, other = aliased(recipients.Recipient), aliased(recipients.Recipient)
    return and_(
        exists().where(one.id == row.recipient_id, recipient_visible(actor, one)),
        exists().where(other.id == row.other_id, recipient_visible(actor, other)),
    )


def may_suspect(actor: Actor, row: Any) -> Any:
    """Who works with the people: stations, clerks and approvers."""
    return actor.role in SUSPECTS


def may_propose(actor: Actor, row: Any) -> Any:
    """STATION_LEAD or GOV_CLERK."""
    return actor.role in _PROPOSES


def may_merge(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER, of what somebody else proposed (INV-18)."""
    if actor.role is not Role.GOV_APPROVER:
        return False
    if isinstance(row, model.DuplicateSuspicion):
        return row.proposed_by is not None and row.proposed_by != actor.account_id
    return row.proposed_by.is_not(None) & (row.proposed_by != actor.account_id)


def may_keep_apart(actor: Actor, row: Any) -> Any:
    """Whoever may propose or decide."""
    return actor.role in _APART


def may_unmerge(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER."""
    return actor.role is Role.GOV_APPROVER
