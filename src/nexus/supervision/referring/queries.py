"""Referrals, recomputed (INV-01, 08, 11, 17, 19, 20)."""

from typing import Any

from sqlalchemy import Select, and_, any_, func, or_
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.matching.pledges.model import Pledge, PledgeState
from nexus.matching.referrals.model import LIVE, OPEN, Referral, ReferralLine, ReferralState
from nexus.recipients.model import Consent
from nexus.supervision.ledger.queries import finding

_R = ReferralState
_WITH_RECEIVER = (*OPEN, _R.ON_HOLD)
_ENDED = (_R.COMPLETED, _R.REJECTED, _R.FAILED, _R.CANCELLED, _R.EXPIRED, _R.ENTERED_IN_ERROR)
_HELD = (PledgeState.ACCEPTED, PledgeState.PARTLY_FULFILLED, PledgeState.RELEASE_REQUESTED)
_STOPS_CHILDREN = (_R.DRAFT, _R.REQUESTED, *(state for state in _ENDED if state != _R.COMPLETED))


def _one_live() -> Select[Any]:
    line = ReferralLine
    key = (line.line_id, line.to_organization_id, line.to_station_id)
    return (
        finding(line.line_id, "it is referred to one receiver twice", referrals=func.count())
        .join(Referral, Referral.id == line.referral_id)
        .where(Referral.state.in_(LIVE))
        .group_by(*key)
        .having(func.count() > 1)
    )


def _lines_follow() -> Select[Any]:
    return (
        finding(ReferralLine.id, "it does not follow the state of its referral")
        .join(Referral, Referral.id == ReferralLine.referral_id)
        .where(ReferralLine.live != Referral.state.in_(LIVE))
    )


def _ground() -> Select[Any]:
    """What a consent says never changes, so it has to have fitted when it was sent."""
    unnamed = and_(
        func.cardinality(Consent.receiver_ids) > 0,
        ~(Referral.to_organization_id == any_(Consent.receiver_ids)),
    )
    return (
        finding(Referral.id, "its consent does not cover what it passes on")
        .join(Consent, Consent.id == Referral.consent_id)
        .where(
            Referral.state.in_(LIVE),
            or_(
                ~Consent.purposes.contains(["REF"]),
                ~Consent.data_classes.contains(Referral.data_classes),
                unnamed,
            ),
        )
    )


def _within_parent() -> Select[Any]:
    parent = aliased(Referral)
    return (
        finding(Referral.id, "it goes on, its parent does not")
        .join(parent, parent.id == Referral.parent_id)
        .where(Referral.state.in_(LIVE), parent.state.in_(_STOPS_CHILDREN))
    )


def _no_more_than_parent() -> Select[Any]:
    parent = aliased(Referral)
    return (
        finding(Referral.id, "it passes on what was not received")
        .join(parent, parent.id == Referral.parent_id)
        .where(
            or_(
                ~parent.data_classes.contains(Referral.data_classes),
                Referral.consent_id.is_distinct_from(parent.consent_id),
                Referral.legal_basis.is_distinct_from(parent.legal_basis),
                Referral.need_id != parent.need_id,
            )
        )
    )


def _owner() -> Select[Any]:
    """With the receiver while it works on it, with the sender at all other times."""
    theirs = Referral.state.in_(_WITH_RECEIVER)
    return (
        finding(Referral.id, "it lies with nobody of the side whose turn it is")
        .join(Account, Account.id == Referral.owner_id)
        .where(
            or_(
                and_(
                    theirs,
                    Account.organization_id.is_distinct_from(Referral.to_organization_id),
                ),
                and_(
                    ~theirs,
                    Account.organization_id.is_distinct_from(Referral.from_organization_id),
                ),
            )
        )
    )


def _closed_loop() -> Select[Any]:
    return finding(Referral.id, "it is confirmed without an outcome, or by who reported it").where(
        Referral.confirmed_at.is_not(None),
        or_(
            Referral.state != _R.COMPLETED,
            Referral.outcome.is_(None),
            Referral.confirmed_by == Referral.completed_by,
            Referral.contacted_on.is_(None),
        ),
    )


def _ended_holds_nothing() -> Select[Any]:
    return (
        finding(Referral.id, "it has ended, and still holds a pledge", pledge=Pledge.no)
        .join(ReferralLine, ReferralLine.referral_id == Referral.id)
        .join(Pledge, Pledge.id == ReferralLine.pledge_id)
        .where(Referral.state.in_(_ENDED), Pledge.state.in_(_HELD))
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-01 ended referral holds nothing": _ended_holds_nothing(),
    "INV-08 one live referral": _one_live(),
    "INV-08 lines follow their referral": _lines_follow(),
    "INV-11 referral has its ground": _ground(),
    "INV-17 closed loop is whole": _closed_loop(),
    "INV-19 referral within its parent": _within_parent(),
    "INV-19 referral passes on no more": _no_more_than_parent(),
    "INV-20 referral has its owner": _owner(),
}
