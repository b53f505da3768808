"""Who sees referrals, who moves them, and which classes of the package a receiver reads now."""

from typing import Any

from sqlalchemy import ColumnElement, and_, any_, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, STATION, TERRITORIAL, Actor, Role
from nexus.graph.sql import as_predicate
from nexus.matching.referrals import model
from nexus.organizations.queries import is_verified
from nexus.recipients.queries import consent_allows

SENDERS = CHARITY | {
    Role.SOCIAL_WORKER,
    Role.STATION_LEAD,
    Role.GOV_CLERK,
    Role.GOV_COORDINATOR,
}
RECEIVERS = CHARITY | GOVERNMENT | {Role.VOL_ORG, Role.STATION_LEAD, Role.SOCIAL_WORKER}
_ERROR_MARKERS = frozenset({Role.STATION_LEAD, Role.GOV_APPROVER, Role.CHARITY_USER})
_PARTIES = CHARITY | {Role.VOL_ORG}
D1 = "D1"
REF = "REF"
XBOR = "XBOR"


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Sender, receiver once it is sent, and the territory of the need. A missing one is the same.

    A station's staff see what concerns their own territory, whoever employs them.
    """
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.DPO:
        return actor.covers(row.area_code)  # type: ignore[no-any-return]
    received = _reaches(actor, row) & row.sent_at.is_not(None)
    if actor.role in STATION:
        return actor.covers(row.area_code) | received  # type: ignore[no-any-return]
    sent = row.from_organization_id == actor.organization_id
    if actor.role in TERRITORIAL:
        return actor.covers(row.area_code) | sent | received  # type: ignore[no-any-return]
    return sent | received if actor.role in _PARTIES else false()


def line_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the referral."""
    referral = aliased(model.Referral)
    return exists().where(referral.id == row.referral_id, visible(actor, referral))


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The history of a referral, to those who see it."""
    referral = aliased(model.Referral)
    seen = exists().where(referral.id == row.object_id, visible(actor, referral))
    return and_(row.object_type == "referral", seen)


def may_create(actor: Actor) -> bool:
    """Social workers, leads, clerks, coordinators, and charities."""
    return actor.role in SENDERS


def may_send(actor: Actor, row: Any) -> Any:
    """The sending side."""
    return _sends(actor, row, SENDERS)


def may_recall(actor: Actor, row: Any) -> Any:
    """The sending side; nexus itself, of what was sent onward from an ended referral."""
    return True if actor.role is Role.SYSTEM else _sends(actor, row, SENDERS)


def may_confirm_outcome(actor: Actor, row: Any) -> Any:
    """The sending side, never who completed it (INV-18)."""
    return _and(_sends(actor, row, SENDERS), row.completed_by != actor.account_id)


def may_confirm_outcome_now(actor: Actor, row: Any) -> Any:
    """As confirm, until it is confirmed."""
    return _and(may_confirm_outcome(actor, row), row.confirmed_at.is_(None))


def may_reopen(actor: Actor, row: Any) -> Any:
    """The sending side."""
    return _sends(actor, row, SENDERS)


def may_accept(actor: Actor, row: Any) -> Any:
    """The receiving side, never who sent it (INV-18)."""
    return _and(_receives(actor, row), row.sent_by != actor.account_id)


def may_reject(actor: Actor, row: Any) -> Any:
    """The receiving side."""
    return _receives(actor, row)


def may_start(actor: Actor, row: Any) -> Any:
    """The receiving side."""
    return _receives(actor, row)


def may_complete(actor: Actor, row: Any) -> Any:
    """The receiving side."""
    return _receives(actor, row)


def may_fail(actor: Actor, row: Any) -> Any:
    """The receiving side."""
    return _receives(actor, row)


def may_refer_onward(actor: Actor, row: Any) -> Any:
    """The receiving side, where its role may send at all."""
    return _receives(actor, row) if actor.role in SENDERS else False


def may_read_identity(actor: Actor, row: Any) -> Any:
    """The receiving side; the state and the consent are asked beside it."""
    return _receives(actor, row)


def may_hold(actor: Actor, row: Any) -> Any:
    """Either side, and nexus when the consent is gone."""
    if actor.role is Role.SYSTEM:
        return True
    sends, receives = _sends(actor, row, SENDERS), _receives(actor, row)
    if sends is False or receives is False:
        return receives if sends is False else sends
    return sends | receives


def may_resume(actor: Actor, row: Any) -> Any:
    """As hold."""
    return may_hold(actor, row)


def may_expire(actor: Actor, row: Any) -> Any:
    """Time alone."""
    return actor.role is Role.SYSTEM


def may_mark_error(actor: Actor, row: Any) -> Any:
    """A lead of the sending side, or the data protection officer of the territory."""
    if actor.role is Role.DPO:
        return actor.covers(row.area_code)
    return _sends(actor, row, _ERROR_MARKERS)


def may_read_summary(actor: Actor, row: Any) -> Any:
    """Class D1: the sending side and the territory; the receiver while the ground holds."""
    if actor.role in EVERYWHERE:
        return True
    return or_(_own_side(actor, row), and_(_reaches(actor, row), ground_holds(actor, row, D1)))


def may_read_reason(actor: Actor, row: Any) -> Any:
    """What staff wrote: as the summary, but not for who runs the platform."""
    return False if actor.role is Role.PLATFORM_ADMIN else may_read_summary(actor, row)


def may_read_line(actor: Actor, row: Any) -> Any:
    """As the summary of the referral."""
    referral = aliased(model.Referral)
    seen = as_predicate(may_read_summary(actor, referral))
    return exists().where(referral.id == row.referral_id, seen)


def may_read_note(actor: Actor, row: Any) -> Any:
    """The sending side and the territory; the receiver with the data package."""
    if actor.role is Role.PLATFORM_ADMIN:
        return False
    if actor.role is Role.SYSTEM:
        return True
    return or_(_own_side(actor, row), class_open(actor, row, D1))


def class_open(actor: Actor, row: Any, data_class: str) -> ColumnElement[bool]:
    """SQL: the actor, as receiver, may read this class of the package at this moment.

    From acceptance until an end or a hold; the class is declared; and at the time of reading the
    consent names purpose, class and receiver, or a legal basis stands (INV-11, INV-12). nexus
    itself answers nobody.
    """
    if actor.role is Role.SYSTEM:
        return true()
    if actor.role not in RECEIVERS:
        return false()
    return and_(
        as_predicate(_receives(actor, row)),
        row.state.in_(model.OPEN),
        any_(row.data_classes) == data_class,
        is_verified(row.to_organization_id),
        ground_holds(actor, row, data_class),
    )


def ground_holds(actor: Actor, row: Any, data_class: str) -> ColumnElement[bool]:
    """SQL: a live consent to refer this class to the receiver, a legal basis, or no person."""

    def allowed(purpose: str) -> ColumnElement[bool]:
        return consent_allows(
            row.consent_id,
            purpose=purpose,
            data_class=data_class,
            receiver_id=row.to_organization_id,
            now=actor.now,
        )

    at_home = row.direction != model.ReferralDirection.CROSS_BORDER
    return or_(
        row.about_group,
        and_(row.consent_id.is_(None), row.legal_basis.is_not(None)),
        and_(allowed(REF), or_(at_home, allowed(XBOR))),
    )


def _own_side(actor: Actor, row: Any) -> ColumnElement[bool]:
    near: ColumnElement[bool] = row.from_organization_id == actor.organization_id
    if actor.role in TERRITORIAL or actor.role is Role.DPO:
        covered = actor.covers(row.area_code)
        near = covered if actor.role in STATION else near | covered
    return near


def _reaches(actor: Actor, row: Any) -> Any:
    """It was sent to the actor's organization, and to a station of theirs where it names one."""
    here = row.to_organization_id == actor.organization_id
    return here & actor.covers(row.to_area_code) if actor.role in STATION else here


def _receives(actor: Actor, row: Any) -> Any:
    return _reaches(actor, row) if actor.role in RECEIVERS else False


def _sends(actor: Actor, row: Any, roles: frozenset[Role]) -> Any:
    if actor.role not in roles:
        return False
    own = row.from_organization_id == actor.organization_id
    return own & actor.covers(row.area_code) if actor.role in STATION else own


def _and(answer: Any, other: Any) -> Any:
    return False if answer is False else answer & other
