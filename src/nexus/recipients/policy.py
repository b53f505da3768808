"""Who sees households, recipients, recognitions and consents: their own authority and station."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, not_, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, STATION, Actor, Role
from nexus.recipients import model

_SEES = GOVERNMENT | STATION | {Role.DPO}
SEES_PROTECTED = frozenset({Role.GOV_APPROVER, Role.STATION_LEAD, Role.SOCIAL_WORKER})
_KEEPS = STATION | {Role.GOV_CLERK, Role.GOV_APPROVER, Role.SYSTEM}
_RECOGNISES = frozenset({Role.GOV_APPROVER, Role.SYSTEM})
_WITHDRAWS = _KEEPS | {Role.DPO}


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A household: its territory's government and stations; a protected one fewer of them."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _SEES:
        return false()
    seen = actor.covers(row.area_code)
    if actor.role not in SEES_PROTECTED:
        seen = seen & not_(row.address_protected)
    return seen  # type: ignore[no-any-return]


def recipient_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the household."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _SEES:
        return false()
    household = aliased(model.Household)
    return exists().where(household.id == row.household_id, visible(actor, household))


def recognition_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the person or household it is about."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _SEES:
        return false()
    household, recipient = aliased(model.Household), aliased(model.Recipient)
    of_household = exists().where(household.id == row.household_id, visible(actor, household))
    of_recipient = exists().where(
        recipient.id == row.recipient_id, recipient_visible(actor, recipient)
    )
    return of_household | of_recipient


def recognition_event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The history of a recognition, to those who see it."""
    recognition = aliased(model.Recognition)
    seen = exists().where(recognition.id == row.object_id, recognition_visible(actor, recognition))
    return and_(row.object_type == "recognition", seen)


def consent_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the recipient."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _SEES:
        return false()
    recipient = aliased(model.Recipient)
    return exists().where(recipient.id == row.recipient_id, recipient_visible(actor, recipient))


def may_create(actor: Actor, area_code: str) -> bool:
    """Stations, clerks and approvers, within their territory."""
    return actor.role in _KEEPS and bool(actor.covers(area_code))


def may_update(actor: Actor, row: Any) -> Any:
    """Who may create; that the row is in the territory is its visibility."""
    return actor.role in _KEEPS


def may_move(actor: Actor, row: Any) -> Any:
    """Who may update; that both households are in the territory is their visibility."""
    return actor.role in _KEEPS


def may_recognise(actor: Actor, row: Any) -> Any:
    """Only the authority: its approver, or a message of its system (INV-17)."""
    return actor.role in _RECOGNISES


def may_record(actor: Actor, row: Any) -> Any:
    """A worker records what the person said."""
    return actor.role in _KEEPS


def may_confirm(actor: Actor, row: Any) -> Any:
    """A worker, of what somebody else had said for the person."""
    if actor.role not in _KEEPS:
        return False
    return row.kind == model.ConsentKind.ASSERTION


def may_withdraw(actor: Actor, row: Any) -> Any:
    """A worker or the data protection officer, at the person's word."""
    return actor.role in _WITHDRAWS


def may_expire(actor: Actor, row: Any) -> Any:
    """Time alone."""
    return actor.role is Role.SYSTEM
