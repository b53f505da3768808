"""Who is asked to stop when a consent ends, and what a suspended organization leaves to review."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.matching.duties.reactions
from nexus.acting import Role, system
from nexus.areas.queries import due_after
from nexus.core.outbox import LISTENERS
from nexus.matching.duties import operations
from nexus.matching.pledges.model import PledgeState
from nexus.matching.pledges.operations import withdraw_pledge
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.organizations.model import Organization
from nexus.recipients.consents.operations import expire_consents, supersede_consent
from nexus.recipients.model import Consent, ConsentKind
from nexus.recipients.operations import alias_for
from tests.deeds import acting, hear_all, reread
from tests.making import TOWN, making, now, today
from tests.matching.bridge import Bridge, build_bridge
from tests.referrals.referring import prepare

STOP, REVIEW = ObligationKind.STOP_PROCESSING, ObligationKind.REVIEW


def test_the_news_is_heard() -> None:
    assert nexus.matching.duties.reactions
    heard = {one.kind for name, one in LISTENERS.items() if name.startswith("duties.")}
    assert heard == {
        *("consent.withdrawn", "consent.expired", "consent.lapsed"),
        *("organization.suspended", "organization.deregistered", "organization.reinstated"),
    }


@pytest.fixture
async def bridge(engine: AsyncEngine) -> Bridge:
    return await build_bridge(engine)


async def consent_of(bridge: Bridge) -> Consent:
    async with AsyncSession(bridge.engine) as session:
        return await session.get_one(Consent, bridge.need.consent_id)


async def owed(engine: AsyncEngine, subject_id: UUID, kind: ObligationKind) -> Sequence[Obligation]:
    async with AsyncSession(engine) as session:
        rows = await session.scalars(
            select(Obligation)
            .where(Obligation.subject_id == subject_id, Obligation.kind == kind)
            .order_by(Obligation.created_at, Obligation.id)
        )
        return rows.all()


async def asked(engine: AsyncEngine, consent: Consent) -> set[UUID]:
    """The organizations that are asked to stop when the consent ends now."""
    async with acting(engine, system(now())) as act:
        rows = await operations.ask_to_stop(act, consent.id, ended_at=now())
    return {row.organization_id for row in rows}


def pledger(bridge: Bridge) -> UUID:
    account = bridge.people["pledger"]
    assert account is not None
    assert account.organization_id is not None
    return account.organization_id


@pytest.mark.parametrize("state", list(PledgeState))
async def test_whoever_pledged_held_it(bridge: Bridge, state: PledgeState) -> None:
    """Live, or accepted once; not who was turned away before."""
    pledge = await bridge.pledge_in(state)
    live = state in (PledgeState.OFFERED,)
    held = live or (await reread(bridge.engine, pledge)).accepted_at is not None
    expected = {pledger(bridge)} if held else set()
    assert await asked(bridge.engine, await consent_of(bridge)) == expected
    assert await asked(bridge.engine, await consent_of(bridge)) == expected
    consent = await consent_of(bridge)
    assert len(await owed(bridge.engine, consent.id, STOP)) == len(expected)


async def test_who_is_named_held_it_and_is_told_of_what(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        named, other = await m.organization(), await m.organization()
        consent = await m.consent(receiver_ids=[named.id])
        told: dict[str, Any] = {
            "recipient_id": consent.recipient_id,
            "consent_id": consent.id,
            "area_code": TOWN,
        }
        shown = await m.need(visibility="named", **told)
        await m.need(visibility="internal", **told)
        await m.need(state="verified", **told)
    async with acting(engine, system(now())) as act:
        alias = await alias_for(act, consent.recipient_id, named.id)
    assert await asked(engine, consent) == {named.id}
    (row,) = await owed(engine, consent.id, STOP)
    assert row.details == {"needs": [shown.no], "alias": alias}
    assert str(consent.recipient_id) not in str(row.details)
    async with AsyncSession(engine) as session:
        due = await due_after(session, operations.STOP_CLOCK, now())
    assert (row.due_at, row.rule) == (due.at, due.rule)
    assert other.id not in {one.organization_id for one in await owed(engine, consent.id, STOP)}


async def test_who_took_on_a_referral_held_its_package(engine: AsyncEngine) -> None:
    """Also where nothing could be reserved, as of an internal need; not who never answered."""
    ground = await prepare(engine, visibility="internal", state="verified")
    await ground.accepted()
    await ground.requested(to_organization_id=ground.rows["other"].id)
    assert await asked(engine, ground.rows["consent"]) == {ground.rows["charity"].id}
    (row,) = await owed(engine, ground.rows["consent"].id, STOP)
    assert row.details is not None
    assert row.details["needs"] == [ground.rows["need"].no]
    assert row.details["alias"]


async def test_it_ends_by_the_clock_too(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        charity = await m.organization()
        over = await m.consent(receiver_ids=[charity.id], expires_on=today() + timedelta(days=5))
        said = await m.consent(receiver_ids=[charity.id], kind=ConsentKind.ASSERTION)
        stays = await m.consent(receiver_ids=[charity.id])
    for days in (6, 40):
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            await expire_consents(session, now() + timedelta(days=days))
    await hear_all(engine)
    assert len(await owed(engine, over.id, STOP)) == 1
    assert len(await owed(engine, said.id, STOP)) == 1
    assert await owed(engine, stays.id, STOP) == []


async def test_a_consent_that_takes_its_place_asks_nobody(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        charity = await m.organization()
        consent = await m.consent(receiver_ids=[charity.id])
        worker = await m.account(Role.SOCIAL_WORKER, area_code=TOWN)
    async with acting(engine, worker) as act:
        await supersede_consent(act, consent.id, expected_version=1)
    await hear_all(engine)
    assert await owed(engine, consent.id, STOP) == []


# A suspended organization. ------------------------------------------------------------------


@pytest.mark.parametrize("state", list(PledgeState))
async def test_live_pledges_go_to_review(bridge: Bridge, state: PledgeState) -> None:
    pledge = await bridge.pledge_in(state)
    live = state in (
        *(PledgeState.OFFERED, PledgeState.ACCEPTED, PledgeState.PARTLY_FULFILLED),
        PledgeState.RELEASE_REQUESTED,
    )
    for _ in range(2):
        async with acting(bridge.engine, system(now())) as act:
            await operations.review_pledges(act, pledger(bridge), since=now())
    rows = await owed(bridge.engine, pledge.id, REVIEW)
    assert [row.organization_id for row in rows] == ([bridge.need.publisher_id] if live else [])
    assert all(row.area_code == bridge.need.area_code for row in rows)


async def settle(engine: AsyncEngine) -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await operations.settle_reviews(session, now())


async def test_what_becomes_of_the_pledge_settles_it(bridge: Bridge) -> None:
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    async with acting(bridge.engine, system(now())) as act:
        await operations.review_pledges(act, pledger(bridge), since=now())
    await settle(bridge.engine)
    (row,) = await owed(bridge.engine, pledge.id, REVIEW)
    assert row.state is ObligationState.OPEN
    given = {"expected_version": (await reread(bridge.engine, pledge)).version, "reason": "no"}
    await bridge.act("pledger", withdraw_pledge, pledge.id, **given)
    await settle(bridge.engine)
    (row,) = await owed(bridge.engine, pledge.id, REVIEW)
    assert (row.state, row.evidence) == (ObligationState.DONE, "The pledge has ended.")


async def test_a_reinstated_organization_is_reviewed_no_longer(bridge: Bridge) -> None:
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    async with acting(bridge.engine, system(now())) as act:
        await operations.review_pledges(act, pledger(bridge), since=now())
        await operations.end_reviews(act, (await a_stranger(bridge.engine)).id)
    (row,) = await owed(bridge.engine, pledge.id, REVIEW)
    assert row.state is ObligationState.OPEN
    async with acting(bridge.engine, system(now())) as act:
        await operations.end_reviews(act, pledger(bridge))
    (row,) = await owed(bridge.engine, pledge.id, REVIEW)
    assert row.state is ObligationState.DONE


async def a_stranger(engine: AsyncEngine) -> Organization:
    async with making(engine) as m:
        return await m.organization()
