"""Opening the obligations that an ended consent or a suspended organization leaves."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import due_after
from nexus.matching.duties import queries
from nexus.obligations.model import Obligation, ObligationKind
from nexus.obligations.operations import discharge, oblige
from nexus.recipients.model import Consent

STOP_CLOCK = "withdrawal_acknowledgement_working_days"
REVIEW_CLOCK = "pledge_review_working_days"


async def ask_to_stop(act: Act, consent_id: UUID, *, ended_at: datetime) -> list[Obligation]:
    """One obligation for each organization that held data under the consent (domain.md 7.3).

    It says which needs, and by which name the organization knew the person: nothing that another
    organization was told too, so that two of them cannot find that they speak of one person.
    """
    consent = await act.session.get_one(Consent, consent_id)
    area_code = await queries.home_of(act.session, consent.recipient_id)
    due = await due_after(act.session, STOP_CLOCK, ended_at, area_code=area_code)
    return [
        await oblige(
            act,
            kind=ObligationKind.STOP_PROCESSING,
            subject=consent,
            organization_id=organization_id,
            area_code=area_code,
            due_at=due.at,
            rule=due.rule,
            details=await _what_it_held(act, consent, organization_id),
        )
        for organization_id in await queries.holders(act.session, consent_id)
    ]


async def _what_it_held(act: Act, consent: Consent, organization_id: UUID) -> dict[str, Any]:
    needs = await queries.needs_held(act.session, consent.id, organization_id)
    alias = await queries.alias(act.session, consent.recipient_id, organization_id)
    return {"needs": needs} | ({"alias": alias} if alias else {})


async def review_pledges(act: Act, organization_id: UUID, *, since: datetime) -> list[Obligation]:
    """The publisher of each need looks again at the live pledges of an organization (7.2)."""
    opened = []
    for pledge, need in (await act.session.execute(queries.live_pledges(organization_id))).all():
        due = await due_after(act.session, REVIEW_CLOCK, since, area_code=need.area_code)
        opened.append(
            await oblige(
                act,
                kind=ObligationKind.REVIEW,
                subject=pledge,
                organization_id=need.publisher_id,
                area_code=need.area_code,
                due_at=due.at,
                rule=due.rule,
                details={"pledge": pledge.no, "need": need.no},
            )
        )
    return opened


async def end_reviews(act: Act, organization_id: UUID) -> None:
    """The organization may give again: nothing is left to look at."""
    for pledge_id in list(await act.session.scalars(queries.reviews(organization_id))):
        await _settle(act, pledge_id, "The organization was reinstated.")


async def settle_reviews(session: AsyncSession, now: datetime) -> int:
    """The clock: what became of a pledge settles its review; how many."""
    act = Act(session, system(now))
    ended = list(await session.scalars(queries.settled_reviews()))
    for pledge_id in ended:
        await _settle(act, pledge_id, "The pledge has ended.")
    await session.flush()
    return len(ended)


async def _settle(act: Act, pledge_id: UUID, evidence: str) -> None:
    await discharge(act, kind=ObligationKind.REVIEW, subject_id=pledge_id, evidence=evidence)
