"""Owners, overrides and obligations (INV-12, 20, 22)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, any_, cast, exists, func, or_
from sqlalchemy.orm import aliased

from nexus.core.outbox import Event, Job, JobState
from nexus.discovery.model import OWNED, DiscoveryReport
from nexus.matching.referrals.model import Referral
from nexus.needs.model import Need
from nexus.obligations.model import PER_ORGANIZATION, Obligation, ObligationKind, ObligationState
from nexus.organizations.model import Organization
from nexus.recipients.model import Consent
from nexus.supervision.alerts.model import Alert, AlertClass, AlertState
from nexus.supervision.ledger.queries import finding

_O = ObligationState
_ENDED = ("consent.withdrawn", "consent.expired", "consent.lapsed")


def _heard(row_id: Any, kinds: tuple[str, ...], listener: str) -> ColumnElement[bool]:
    """SQL: news of the kind about the row has reached the listener."""
    event, job = aliased(Event), aliased(Job)
    return exists().where(
        event.object_id == row_id,
        event.kind.in_(kinds),
        job.event_id == event.id,
        job.listener.like(listener),
        job.state == JobState.DONE,
    )


def _one_open() -> Select[Any]:
    """One of a kind about a row; stopping and deleting each organization owes for itself."""
    row, count = Obligation, func.count()
    return (
        finding(
            func.min(cast(row.id, Text)),
            "more than one obligation of a kind is open about one row",
            obligations=count,
        )
        .where(row.state == _O.OPEN, row.kind.not_in(PER_ORGANIZATION))
        .group_by(row.kind, row.subject_id)
        .having(count > 1)
    )


def _closed_whole() -> Select[Any]:
    row = Obligation
    wrong = or_(
        and_(row.state == _O.DONE, row.evidence.is_(None)),
        and_(row.state != _O.OPEN, or_(row.closed_at.is_(None), row.closed_by.is_(None))),
        and_(row.state == _O.OPEN, row.closed_at.is_not(None)),
    )
    return finding(row.id, "its state is not what its evidence and times say").where(wrong)


def _waived_by_and_why() -> Select[Any]:
    row = Obligation
    return finding(row.id, "it was let go, but not by whom or why").where(
        row.state == _O.WAIVED, or_(row.closed_by.is_(None), row.state_reason.is_(None))
    )


def _waiver_is_told() -> Select[Any]:
    """The alert comes with the news: only what was heard can be missing."""
    row, alert = Obligation, aliased(Alert)
    told = exists().where(alert.subject_id == row.id, alert.kind == AlertClass.OVERRIDE)
    return finding(row.id, "it was let go, and no alert tells of it").where(
        row.state == _O.WAIVED,
        _heard(row.id, ("obligation.waived",), "alerts.raise_%"),
        ~told,
    )


def _override_by() -> Select[Any]:
    row = Alert
    return finding(row.id, "an override without who made it").where(
        row.kind == AlertClass.OVERRIDE, row.caused_by.is_(None)
    )


def _alert_owner() -> Select[Any]:
    row = Alert
    return finding(row.id, "it is looked after by nobody").where(
        row.state.in_((AlertState.ACKNOWLEDGED, AlertState.HANDLING)), row.owner_id.is_(None)
    )


def _obligation_owner() -> Select[Any]:
    row = Obligation
    return finding(row.id, "nobody owes it").where(row.organization_id.is_(None))


def _need_owner() -> Select[Any]:
    return finding(Need.id, "nobody owns it").where(Need.owner_id.is_(None))


def _report_owner() -> Select[Any]:
    row = DiscoveryReport
    return finding(row.id, "nobody owns it after triage").where(
        row.state.in_(OWNED), row.owner_id.is_(None)
    )


def _asked_to_stop(receiver: Any) -> ColumnElement[bool]:
    """SQL: the organization owes that it stops, or has said so."""
    owed = aliased(Obligation)
    return exists().where(
        owed.subject_id == Consent.id,
        owed.kind == ObligationKind.STOP_PROCESSING,
        owed.organization_id == receiver.id,
    )


def _named_receivers_stop() -> Select[Any]:
    """Whom an ended consent named."""
    row, receiver = Consent, aliased(Organization)
    return (
        finding(row.id, "it ended, and who it named was not asked to stop", receiver=receiver.no)
        .join(receiver, any_(row.receiver_ids) == receiver.id)
        .where(_heard(row.id, _ENDED, "duties.stop%"), ~_asked_to_stop(receiver))
    )


def _referred_receivers_stop() -> Select[Any]:
    """Who took on a referral under a consent that ended."""
    row, referral, receiver = Consent, aliased(Referral), aliased(Organization)
    return (
        finding(row.id, "it ended, and who was referred to under it was not asked to stop")
        .join(referral, referral.consent_id == row.id)
        .join(receiver, receiver.id == referral.to_organization_id)
        .where(
            referral.accepted_at.is_not(None),
            _heard(row.id, _ENDED, "duties.stop%"),
            ~_asked_to_stop(receiver),
        )
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-12 named receivers are asked to stop": _named_receivers_stop(),
    "INV-12 receivers of referrals are asked to stop": _referred_receivers_stop(),
    "INV-20 alert has an owner": _alert_owner(),
    "INV-20 need has an owner": _need_owner(),
    "INV-20 obligation has an owner": _obligation_owner(),
    "INV-20 report has an owner": _report_owner(),
    "INV-22 override says by whom": _override_by(),
    "INV-22 waiver is told of": _waiver_is_told(),
    "INV-22 waiver says who and why": _waived_by_and_why(),
    "obligation: closed whole": _closed_whole(),
    "obligation: one open of a kind": _one_open(),
}
