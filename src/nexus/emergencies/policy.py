"""Who sees emergency events and relaxations, and who moves events."""

from typing import Any

from sqlalchemy import ColumnElement, false, true

from nexus.acting import EVERYWHERE, TERRITORIAL, Actor, Role

DECLARERS = frozenset({Role.SUPERVISOR, Role.GOV_APPROVER})


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """A declared emergency is public."""
    return true()


def relaxation_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The authorities, stations and oversight of the territory."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role in TERRITORIAL:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    return false()


def may_read_reason(actor: Actor, row: Any) -> Any:
    """Why the event was moved is for the authorities of its divisions."""
    if actor.role in EVERYWHERE:
        return True
    return actor.covers(row.seat_code) if actor.role in TERRITORIAL else False


def may_read_words(actor: Actor, row: Any) -> Any:
    """What staff wrote about a need: whoever sees the row, but not who runs the platform."""
    return actor.role is not Role.PLATFORM_ADMIN


def may_declare(actor: Actor, seat_code: str) -> bool:
    """SUPERVISOR or GOV_APPROVER whose territory holds every division of the event."""
    return actor.role in DECLARERS and bool(actor.covers(seat_code))


def may_amend(actor: Actor, row: Any) -> Any:
    """Whoever may declare there."""
    return actor.covers(row.seat_code) if actor.role in DECLARERS else False


def may_activate(actor: Actor, row: Any) -> Any:
    """Whoever may declare there."""
    return may_amend(actor, row)


def may_stand_down(actor: Actor, row: Any) -> Any:
    """Whoever may declare there."""
    return may_amend(actor, row)


def may_end(actor: Actor, row: Any) -> Any:
    """Whoever may declare there."""
    return may_amend(actor, row)


def may_review(actor: Actor, row: Any) -> Any:
    """Whoever may declare there."""
    return may_amend(actor, row)
