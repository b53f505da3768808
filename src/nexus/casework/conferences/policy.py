"""Who sees a conference, who convenes it, and who may relax a rule at it."""

from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, GOVERNMENT, OVERSIGHT, STATION, Actor, Role
from nexus.casework import policy as casework
from nexus.casework.cases.model import Case
from nexus.casework.conferences import model

_TERRITORY = GOVERNMENT | OVERSIGHT | {Role.DPO}
_PARTIES = CHARITY | STATION | GOVERNMENT | {Role.VOL_ORG}
CONVENERS = frozenset({Role.STATION_LEAD, Role.GOV_COORDINATOR})
_RELAXES = frozenset({Role.GOV_COORDINATOR, Role.GOV_APPROVER})


def _invited(actor: Actor, conference_id: Any) -> ColumnElement[bool]:
    party = aliased(model.ConferenceParty)
    return exists().where(
        party.conference_id == conference_id, party.organization_id == actor.organization_id
    )


def _inside(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The case's own station, and the authorities of its territory."""
    if actor.role in STATION:
        file = aliased(Case)
        return exists().where(file.id == row.case_id, casework.serves(actor, file.station_id))
    if actor.role in _TERRITORY:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    return false()


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The case's station, its territory's authorities, and the organizations that were asked."""
    if actor.role is Role.SYSTEM:
        return true()
    inside = _inside(actor, row)
    return or_(inside, _invited(actor, row.id)) if actor.role in _PARTIES else inside


def _of_conference(actor: Actor, row: Any) -> ColumnElement[bool]:
    meeting = aliased(model.CaseConference)
    return exists().where(meeting.id == row.conference_id, _inside(actor, meeting))


def party_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Who was asked, to whoever sees the conference."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _PARTIES | _TERRITORY:
        return false()
    meeting = aliased(model.CaseConference)
    return exists().where(meeting.id == row.conference_id, visible(actor, meeting))


def decision_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The station and the authorities all of them, a party what it owes itself."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in _PARTIES | _TERRITORY:
        return false()
    own = row.organization_id == actor.organization_id
    inside = _of_conference(actor, row)
    return or_(own, inside) if actor.role in _PARTIES else inside


def exception_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The case's station and the authorities of the territory."""
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in STATION | _TERRITORY:
        return false()
    return _of_conference(actor, row)


def may_read_minutes(actor: Actor, row: Any) -> Any:
    """Those who could sit at the table."""
    return actor.role in _PARTIES | {Role.SYSTEM}


def may_convene(actor: Actor, row: Any) -> Any:
    """STATION_LEAD and GOV_COORDINATOR, of a case that they see (domain.md 7.1)."""
    return actor.role in CONVENERS


def may_run(actor: Actor, row: Any) -> Any:
    """Who may convene, of the organization that did."""
    if actor.role not in CONVENERS:
        return False
    return row.organization_id == actor.organization_id


may_invite = may_hold = may_decide = may_follow_up = may_close = may_cancel = may_run


def may_grant_exception(actor: Actor, row: Any) -> Any:
    """The authority of the territory: a rule is relaxed by who answers for it (T15f, INV-22)."""
    return actor.covers(row.area_code) if actor.role in _RELAXES else False


def may_read_reason(actor: Actor, row: Any) -> Any:
    """Why a rule was relaxed, and why a conference was called off."""
    return actor.role in STATION | GOVERNMENT | {Role.SYSTEM}


def may_read_area(actor: Actor, row: Any) -> Any:
    """Where the household lives is not for the other parties."""
    return actor.role in STATION | _TERRITORY | {Role.SYSTEM}
