"""Who sees what is written into a case file: a note's level decides whether it is there at all."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, OVERSIGHT, STATION, Actor, Role
from nexus.casework import policy as casework
from nexus.casework.cases import model as cases
from nexus.casework.cases import policy
from nexus.casework.cases.records.model import NoteLevel, NoteState

_TERRITORY = GOVERNMENT | OVERSIGHT | {Role.DPO}


def note_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station's people by the note's level; a draft is its author's alone (D8).

    TEAM: all of them. RESTRICTED: author, the case's worker, its supervisor, leads.
    SUPERVISION: author, supervisor, leads.
    """
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in STATION:
        return false()
    file = aliased(cases.Case)
    here = exists().where(file.id == row.case_id, casework.serves(actor, file.station_id))
    own = row.author_id == actor.account_id
    read = and_(row.state == NoteState.SIGNED, _by_level(actor, row))
    return and_(here, or_(own, read))


def _by_level(actor: Actor, row: Any) -> ColumnElement[bool]:
    if actor.role is Role.STATION_LEAD:
        return true()
    file = aliased(cases.Case)
    mine = exists().where(file.id == row.case_id, casework.holds_post(actor, file.worker_id))
    return or_(
        row.level == NoteLevel.TEAM,
        and_(row.level == NoteLevel.RESTRICTED, mine),
    )


def _of_case(actor: Actor, row: Any, roles: frozenset[Role]) -> ColumnElement[bool]:
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in roles:
        return false()
    file = aliased(cases.Case)
    return exists().where(file.id == row.case_id, policy.visible(actor, file))


def participant_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the case: who is linked is an indicator of the authority (T19a)."""
    return _of_case(actor, row, STATION | _TERRITORY)


def attempt_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station alone."""
    return _of_case(actor, row, STATION)


def evaluation_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the case: the outcome is for the authority, the words are not."""
    return _of_case(actor, row, STATION | _TERRITORY)


def may_write(actor: Actor, row: Any) -> Any:
    """The people of the station; that the case is theirs is its visibility."""
    return actor.role in STATION


def may_keep(actor: Actor, row: Any) -> Any:
    """A note's author, while they are of a station."""
    return row.author_id == actor.account_id if actor.role in STATION else False


def may_amend(actor: Actor, row: Any) -> Any:
    """Whoever of the station sees the note: what they add is theirs, and points at it."""
    return actor.role in STATION


def may_link(actor: Actor, row: Any) -> Any:
    """SOCIAL_WORKER and STATION_LEAD."""
    return actor.role in policy.WORKERS


def may_read_words(actor: Actor, row: Any) -> Any:
    """What a worker or client said stays at the station (D8)."""
    return policy.may_read_words(actor, row)
