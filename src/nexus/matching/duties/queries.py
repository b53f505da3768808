"""Who held data under a consent and of which needs; which pledges are to be looked at again."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.matching.pledges.model import Pledge, PledgeState
from nexus.matching.referrals.model import Referral
from nexus.needs.model import Need, Visibility
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.recipients.attestations.model import Attestation
from nexus.recipients.model import Consent, Household, Recipient
from nexus.recipients.queries import alias_of

LIVE = (
    *(PledgeState.OFFERED, PledgeState.ACCEPTED, PledgeState.PARTLY_FULFILLED),
    PledgeState.RELEASE_REQUESTED,
)
_SHARED = (Visibility.PUBLIC, Visibility.PARTNERS, Visibility.NAMED)
BATCH = 500
"""Obligations of one stroke of the clock; the next stroke goes on."""


def _held() -> ColumnElement[bool]:
    """The pledge gave its organization sight of more than everybody has."""
    return or_(Pledge.state.in_(LIVE), Pledge.accepted_at.is_not(None))


async def holders(session: AsyncSession, consent_id: UUID) -> list[UUID]:
    """The organizations that held data under the consent, in a fixed order.

    Those it names, those with a pledge on a need under it, those that accepted a referral or have
    an attestation that rests on it. A consent that names nobody was for all: of them only who took
    something up.
    """
    named = select(func.unnest(Consent.receiver_ids)).where(Consent.id == consent_id)
    pledged = (
        select(Pledge.organization_id)
        .join(Need, Need.id == Pledge.need_id)
        .where(Need.consent_id == consent_id, _held())
    )
    referred = select(Referral.to_organization_id).where(_referred(consent_id))
    attested = select(Attestation.organization_id).where(Attestation.consent_id == consent_id)
    return sorted(await session.scalars(union(named, pledged, referred, attested)))


def _referred(consent_id: UUID) -> ColumnElement[bool]:
    """The referral rests on the consent, and its receiver has read its data package or might."""
    return and_(Referral.consent_id == consent_id, Referral.accepted_at.is_not(None))


async def needs_held(session: AsyncSession, consent_id: UUID, organization_id: UUID) -> list[str]:
    """The numbers of the needs under the consent that it pledged on, was referred or was shown."""
    pledged = select(Pledge.need_id).where(Pledge.organization_id == organization_id, _held())
    named = select(Consent.id).where(
        Consent.id == consent_id, Consent.receiver_ids.contains([organization_id])
    )
    referred = select(Referral.need_id).where(
        _referred(consent_id), Referral.to_organization_id == organization_id
    )
    shown = named.exists() & Need.published_at.is_not(None) & Need.visibility.in_(_SHARED)
    found = await session.scalars(
        select(Need.no)
        .where(
            or_(
                and_(Need.consent_id == consent_id, or_(Need.id.in_(pledged), shown)),
                Need.id.in_(referred),
            )
        )
        .order_by(Need.no)
    )
    return list(found)


async def alias(session: AsyncSession, recipient_id: UUID, organization_id: UUID) -> str | None:
    """The name the organization knows the recipient by, if it has one."""
    return await session.scalar(select(alias_of(recipient_id, organization_id)))


async def home_of(session: AsyncSession, recipient_id: UUID) -> str:
    """The division in which the recipient's household lives."""
    found = await session.execute(
        select(Household.area_code)
        .join(Recipient, Recipient.household_id == Household.id)
        .where(Recipient.id == recipient_id)
    )
    return found.scalar_one()


def live_pledges(organization_id: UUID) -> Select[Pledge, Need]:
    """The live pledges of the organization with their needs, oldest first."""
    return (
        select(Pledge, Need)
        .join(Need, Need.id == Pledge.need_id)
        .where(Pledge.organization_id == organization_id, Pledge.state.in_(LIVE))
        .order_by(Pledge.id)
    )


def reviews(organization_id: UUID) -> Select[UUID]:
    """The pledges of the organization whose review is open."""
    return (
        select(Pledge.id)
        .join(Obligation, Obligation.subject_id == Pledge.id)
        .where(
            Pledge.organization_id == organization_id,
            Obligation.kind == ObligationKind.REVIEW,
            Obligation.state == ObligationState.OPEN,
        )
        .order_by(Pledge.id)
    )


def settled_reviews() -> Select[UUID]:
    """The pledges whose review is open though they are live no longer."""
    return (
        select(Pledge.id)
        .join(Obligation, Obligation.subject_id == Pledge.id)
        .where(
            Obligation.kind == ObligationKind.REVIEW,
            Obligation.state == ObligationState.OPEN,
            Pledge.state.not_in(LIVE),
        )
        .order_by(Pledge.id)
        .limit(BATCH)
    )
