"""Who writes, finds, reveals and erases identity data: those who work with the person."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, STATION, Actor, Role
from nexus.recipients import model as recipients
from nexus.recipients import policy as recipient_policy
from nexus.recipients.vault.model import IdentityField

_WRITES = frozenset({Role.GOV_CLERK, Role.GOV_APPROVER, Role.STATION_LEAD, Role.SOCIAL_WORKER})
_REVEALS = (GOVERNMENT | STATION) - {Role.GOV_COORDINATOR}
_AIDE_READS = frozenset({IdentityField.NAME, IdentityField.PHONE, IdentityField.ADDRESS})


def entry_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """That a field is known, to those who see the recipient."""
    recipient = aliased(recipients.Recipient)
    return exists().where(
        recipient.id == row.recipient_id, recipient_policy.recipient_visible(actor, recipient)
    )


def reveal_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own requests; the data protection officer those about the territory's people."""
    if actor.role is Role.SYSTEM:
        return true()
    own = row.account_id == actor.account_id
    if actor.role is Role.DPO:
        return own | erasable_reveal(actor, row)  # type: ignore[no-any-return]
    return own  # type: ignore[no-any-return]


def openable(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Only one's own request opens; the officer reads the list, not what was asked for."""
    return row.account_id == actor.account_id  # type: ignore[no-any-return]


def erasable_reveal(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The reveal is about somebody in the officer's territory, protected or not."""
    recipient = aliased(recipients.Recipient)
    return exists().where(recipient.id == row.recipient_id, erasable(actor, recipient))


def erasable(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A recipient of the officer's territory, though the household may be a protected one."""
    if actor.role is not Role.DPO:
        return false()
    household = aliased(recipients.Household)
    return exists().where(household.id == row.household_id, actor.covers(household.area_code))


def may_record_identity(actor: Actor, row: Any) -> Any:
    """Clerks, approvers, leads and social workers of the territory; the authority's feed."""
    return actor.role in _WRITES or may_admit(actor)


def may_admit(actor: Actor) -> bool:
    """The authority's feed, for which a person vouches."""
    return actor.role is Role.SYSTEM


def may_find(actor: Actor) -> bool:
    """Who may write may look for a person by number, so that nobody is entered twice."""
    return actor.role in _WRITES


def may_reveal(actor: Actor, row: Any) -> Any:
    """Who works with the person."""
    return actor.role in _REVEALS


def may_reveal_fields(actor: Actor, fields: Iterable[IdentityField]) -> bool:
    """An aide needs to find the door, not the ID number."""
    return actor.role is not Role.AIDE or _AIDE_READS.issuperset(fields)


def may_erase(actor: Actor, row: Any) -> Any:
    """The data protection officer."""
    return actor.role is Role.DPO
