"""Deeds on referrals: guards, the ledger, the chain, the clocks."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import View, system
from nexus.core.refusals import (
    CapacityExhausted,
    ConsentMissing,
    Forbidden,
    GuardFailed,
    Invalid,
    VersionConflict,
)
from nexus.matching.deliveries.operations import record_delivery
from nexus.matching.pledges.model import Pledge, PledgeState
from nexus.matching.referrals import operations as o
from nexus.matching.referrals import rules
from nexus.matching.referrals.model import ReferralDirection, ReferralLine, ReferralState
from nexus.recipients.consents.operations import expire_consents, withdraw_consent
from nexus.supervision.operations import verify
from tests.deeds import events_of, hear_all, reread
from tests.making import making, now, today
from tests.referrals.referring import Ground, prepare

S = ReferralState


@pytest.fixture
async def ground(engine: AsyncEngine) -> Ground:
    return await prepare(engine)


async def line_of(engine: AsyncEngine, ground: Ground) -> Any:
    return await reread(engine, ground.rows["need"].lines[0])


async def pledge_of(engine: AsyncEngine, row: Any) -> Pledge:
    async with AsyncSession(engine) as session:
        line = await session.scalar(select(ReferralLine).where(ReferralLine.referral_id == row.id))
        assert line is not None
        return await session.get_one(Pledge, line.pledge_id)


async def test_the_whole_loop(engine: AsyncEngine, ground: Ground) -> None:
    row = await ground.requested()
    assert row.direction is ReferralDirection.GOV_TO_CHARITY
    assert row.referred_by_civil_affairs
    assert row.owner_id == ground.people["clerk"].id
    row = await ground.step("receiver", o.accept_referral, row, planned_on=today())
    assert row.owner_id == ground.people["receiver"].id
    assert (await line_of(engine, ground)).committed == Decimal(10)
    pledge = await pledge_of(engine, row)
    assert pledge.state is PledgeState.ACCEPTED
    assert pledge.accepted_by == ground.people["clerk"].id
    row = await ground.step("receiver", o.start_referral, row)
    with pytest.raises(rules.DeliveryMissing):
        await ground.step("receiver", o.complete_referral, row, outcome="got_help")
    await ground.act(
        "receiver", record_delivery, pledge.id, quantity=Decimal(4), delivered_on=today()
    )
    row = await ground.step("receiver", o.complete_referral, row, outcome="partly_helped")
    assert row.state is S.COMPLETED
    assert row.owner_id == ground.people["clerk"].id
    line = await line_of(engine, ground)
    assert (line.committed, line.delivered) == (Decimal(0), Decimal(4))
    row = await ground.step("second_clerk", o.confirm_outcome, row, contacted_on=today())
    assert row.confirmed_by == ground.people["second_clerk"].id
    assert await events_of(engine, row) == [
        *("referral.created", "referral.sent", "referral.accepted", "referral.started"),
        *("referral.completed", "referral.outcome_confirmed"),
    ]


async def test_sending_asks_for_consent_to_every_class_and_receiver(ground: Ground) -> None:
    row = await ground.draft(data_classes=["D3", "D5"])
    refusal = await ground.refused("clerk", o.send_referral, row.id, expected_version=row.version)
    assert isinstance(refusal, ConsentMissing)
    assert refusal.details["missing"] == ["D5"]


async def test_consent_must_name_the_purpose(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    async with making(engine) as m:
        plain = await m.consent(ground.rows["recipient"])
    row = await ground.draft(data_classes=[], consent_id=plain.id)
    refusal = await ground.refused("clerk", o.send_referral, row.id, expected_version=row.version)
    assert isinstance(refusal, ConsentMissing)


async def test_a_legal_basis_is_the_authoritys(ground: Ground) -> None:
    row = await ground.draft(legal_basis="EMERGENCY")
    assert (row.consent_id, row.legal_basis) == (None, "EMERGENCY")
    assert (await ground.step("clerk", o.send_referral, row)).state is S.REQUESTED
    with pytest.raises(GuardFailed):
        await ground.draft("worker", legal_basis="EMERGENCY")


async def test_protected_classes_never_leave(ground: Ground) -> None:
    with pytest.raises(GuardFailed, match="D7"):
        await ground.draft(data_classes=["D7"])


@pytest.mark.parametrize("field", ["title", "summary", "note"])
async def test_texts_carry_no_identity(ground: Ground, field: str) -> None:
    with pytest.raises(GuardFailed) as caught:
        await ground.draft(**{field: "请打13800138000联系"})
    assert caught.value.details["kinds"] == ["phone"]
    assert "13800138000" not in caught.value.message


async def test_one_live_referral_of_a_line_and_receiver(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    first = await ground.requested()
    again = await ground.draft()
    refusal = await ground.refused(
        "clerk", o.send_referral, again.id, expected_version=again.version
    )
    assert isinstance(refusal, rules.AlreadyReferred)
    assert refusal.details["referral_no"] == first.no
    elsewhere = await ground.draft(to_organization_id=ground.rows["other"].id)
    await ground.step("clerk", o.send_referral, elsewhere)
    await ground.step("receiver", o.reject_referral, first, code="other")
    assert (await ground.step("clerk", o.send_referral, again)).state is S.REQUESTED


async def test_the_database_holds_one_live_referral(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    ground = await prepare(engine)
    await ground.requested()
    second = await ground.draft()
    with pytest.raises(IntegrityError, match="uq_referral_line_live"):
        async with owner_engine.begin() as connection:
            await connection.execute(
                text("UPDATE referral_line SET live = true WHERE referral_id = :id"),
                {"id": second.id},
            )


async def test_a_receiver_must_be_verified(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    row = await ground.draft()
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(
            text("UPDATE organization SET state = 'suspended' WHERE id = :id"),
            {"id": ground.rows["charity"].id},
        )
    refusal = await ground.refused("clerk", o.send_referral, row.id, expected_version=row.version)
    assert isinstance(refusal, rules.ReceiverInactive)


async def test_capacity_only_warns_when_sending(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    async with making(engine) as m:
        await m.offer(ground.rows["charity"])
    assert not (await ground.requested()).capacity_warning
    other = await ground.draft(to_organization_id=ground.rows["other"].id)
    assert (await ground.step("clerk", o.send_referral, other)).capacity_warning


async def test_accepting_reserves_and_recalling_releases(
    engine: AsyncEngine, ground: Ground
) -> None:
    line = ground.rows["need"].lines[0]
    row = await ground.accepted(lines={line.id: Decimal(6)})
    assert (await line_of(engine, ground)).committed == Decimal(6)
    second = await ground.draft(
        to_organization_id=ground.rows["other"].id, lines={line.id: Decimal(5)}
    )
    second = await ground.step("clerk", o.send_referral, second)
    refusal = await ground.refused(
        "stranger",
        o.accept_referral,
        second.id,
        expected_version=second.version,
        planned_on=today(),
    )
    assert isinstance(refusal, CapacityExhausted)
    assert refusal.details["available"] == "4"
    await ground.step("clerk", o.recall_referral, row)
    line = await line_of(engine, ground)
    assert (line.reserved, line.committed) == (Decimal(0), Decimal(0))
    assert (await pledge_of(engine, row)).state is PledgeState.RELEASED
    await ground.step("stranger", o.accept_referral, second, planned_on=today())


@pytest.mark.parametrize(
    "end", [S.FAILED, S.CANCELLED, S.ENTERED_IN_ERROR, S.COMPLETED], ids=lambda s: s.value
)
async def test_every_end_gives_back_what_is_not_delivered(
    engine: AsyncEngine, ground: Ground, end: ReferralState
) -> None:
    row = await ground.in_state(S.IN_PROGRESS)
    deed, who, more = {
        S.FAILED: (o.fail_referral, "receiver", {}),
        S.CANCELLED: (o.recall_referral, "clerk", {}),
        S.ENTERED_IN_ERROR: (o.mark_referral_error, "dpo", {}),
        S.COMPLETED: (o.complete_referral, "receiver", {"outcome": "no_show"}),
    }[end]
    assert (await ground.step(who, deed, row, **more)).state is end
    line = await line_of(engine, ground)
    assert (line.reserved, line.committed) == (Decimal(0), Decimal(0))


async def test_reasons_and_codes(ground: Ground) -> None:
    row = await ground.requested()
    refusal = await ground.refused(
        "receiver", o.reject_referral, row.id, expected_version=row.version, code="nonsense"
    )
    assert isinstance(refusal, Invalid)
    assert refusal.field == "code"
    refusal = await ground.refused("clerk", o.recall_referral, row.id, expected_version=row.version)
    assert refusal.field == "reason"
    row = await ground.step("receiver", o.reject_referral, row, code="outside_area")
    assert (row.reject_reason, row.owner_id) == ("outside_area", ground.people["clerk"].id)


async def test_the_confirmer_asked_after_completion(ground: Ground) -> None:
    row = await ground.in_state(S.COMPLETED)
    for day in (today() - timedelta(days=1), today() + timedelta(days=1)):
        refusal = await ground.refused(
            "clerk", o.confirm_outcome, row.id, expected_version=row.version, contacted_on=day
        )
        assert refusal.field == "contactedOn"


@pytest.mark.parametrize("how", ["withdrawn", "expired"])
async def test_without_consent_it_waits(engine: AsyncEngine, how: str) -> None:
    ground = await prepare(engine)
    row = await ground.accepted()
    other = await ground.draft(to_organization_id=ground.rows["other"].id)
    other = await ground.step("clerk", o.send_referral, other)
    consent = ground.rows["consent"]
    if how == "withdrawn":
        await ground.act("worker", withdraw_consent, consent.id, expected_version=consent.version)
    else:
        async with AsyncSession(engine) as session, session.begin():
            await expire_consents(session, now() + timedelta(days=400))
    await hear_all(engine)
    held = await reread(engine, row)
    assert (held.state, held.state_reason) == (S.ON_HOLD, f"the consent {_told(how)}")
    assert (await reread(engine, other)).state is S.EXPIRED
    refusal = await ground.refused(
        "receiver",
        o.resume_referral,
        row.id,
        expected_version=held.version,
        reason="说明",
    )
    assert isinstance(refusal, ConsentMissing)


def _told(how: str) -> str:
    return "was withdrawn" if how == "withdrawn" else "expired"


async def test_onward_goes_no_further_than_its_parent(engine: AsyncEngine, ground: Ground) -> None:
    parent = await ground.accepted()
    to = ground.rows["other"].id

    async def onward(**more: Any) -> Any:
        return await ground.act(
            "receiver",
            o.refer_onward,
            parent.id,
            expected_version=parent.version,
            line_ids=[],
            package=o.Package(to_organization_id=to, **more),
        )

    with pytest.raises(GuardFailed, match="pass on more"):
        await onward(data_classes=["D5"])
    child = await onward(data_classes=["D2"])
    assert (child.parent_id, child.consent_id) == (parent.id, parent.consent_id)
    assert child.direction is ReferralDirection.CHARITY_TO_CHARITY
    child = await ground.step("receiver", o.send_referral, child)
    parent = await ground.step("receiver", o.hold_referral, parent)
    refusal = await ground.refused(
        "stranger",
        o.accept_referral,
        child.id,
        expected_version=child.version,
        planned_on=today(),
    )
    assert isinstance(refusal, rules.ParentEnded)
    await ground.step("clerk", o.recall_referral, parent)
    assert (await reread(engine, child)).state is S.CANCELLED


async def test_reopening_links_a_new_one_once(engine: AsyncEngine, ground: Ground) -> None:
    old = await ground.in_state(S.COMPLETED)
    new = await ground.step("clerk", o.reopen_referral, old)
    assert (new.state, new.reopens_id) == (S.DRAFT, old.id)
    kept = await reread(engine, old)
    assert (kept.state, kept.outcome) == (S.COMPLETED, "no_show")
    refusal = await ground.refused(
        "clerk", o.reopen_referral, old.id, expected_version=kept.version, reason="说明"
    )
    assert isinstance(refusal, Invalid)
    assert (await ground.step("clerk", o.send_referral, new)).state is S.REQUESTED


async def test_a_charity_refers_to_an_authority(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    row = await ground.draft(
        "receiver",
        to_organization_id=ground.rows["authority"].id,
        legal_basis="DUTY",
        data_classes=[],
    )
    assert row.direction is ReferralDirection.CHARITY_TO_GOV
    assert not row.referred_by_civil_affairs
    row = await ground.step("receiver", o.send_referral, row)
    row = await ground.step("clerk", o.accept_referral, row, planned_on=today())
    assert row.owner_id == ground.people["clerk"].id
    assert (await line_of(engine, ground)).committed == Decimal(0)
    with pytest.raises(Forbidden):
        await ground.draft("receiver", to_organization_id=ground.rows["other"].id)


async def test_a_station_refers_to_its_department(ground: Ground) -> None:
    row = await ground.draft("worker", to_organization_id=ground.rows["authority"].id)
    assert row.direction is ReferralDirection.STATION_TO_DEPT
    assert row.from_station_id == ground.rows["station"].id


@pytest.mark.parametrize(
    ("urgency", "least", "most"),
    [("u1", 4, 4), ("u2", 24, 24), ("u3", 48, 300), ("u4", 96, 420)],
)
async def test_the_answer_is_due_by_urgency(
    engine: AsyncEngine, urgency: str, least: int, most: int
) -> None:
    ground = await prepare(engine, urgency=urgency)
    row = await ground.requested()
    assert row.sent_at is not None
    assert row.ack_due_at is not None
    hours = (row.ack_due_at - row.sent_at) / timedelta(hours=1)
    assert least <= hours <= most
    assert row.ack_rule is not None
    assert row.ack_rule.startswith(f"referral_ack_{urgency}_")


async def test_lateness_is_told_once_and_a_request_expires(engine: AsyncEngine) -> None:
    ground = await prepare(engine, urgency="u1")
    row = await ground.requested()
    assert row.ack_due_at is not None
    for moment, told in (
        (row.ack_due_at - timedelta(seconds=1), 0),
        (row.ack_due_at, 1),
        (row.ack_due_at + timedelta(hours=1), 0),
    ):
        async with AsyncSession(engine) as session, session.begin():
            before = await events_of(engine, row)
            await o.tell_overdue_referrals(session, moment)
        after = await events_of(engine, row)
        assert after[len(before) :] == ["referral.overdue"] * told
    over = await ground.expired(row)
    assert (over.state, over.owner_id) == (S.EXPIRED, ground.people["clerk"].id)


async def test_the_outcome_is_due_a_week_after_the_plan(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    row = await ground.accepted()
    assert row.outcome_due_at is not None
    assert row.planned_on is not None
    last = (row.outcome_due_at - timedelta(seconds=1)).date()
    assert (last - row.planned_on).days == 7
    async with AsyncSession(engine) as session, session.begin():
        await o.tell_overdue_referrals(session, row.outcome_due_at)
    assert (await events_of(engine, row))[-1] == "referral.overdue"
    assert (await reread(engine, row)).version == row.version


async def test_two_sends_of_one_line_at_once(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    drafts = [await ground.draft() for _ in range(4)]
    answers = await asyncio.gather(
        *(
            ground.act("clerk", o.send_referral, row.id, expected_version=row.version)
            for row in drafts
        ),
        return_exceptions=True,
    )
    refused = [one for one in answers if isinstance(one, rules.AlreadyReferred)]
    assert len(refused) == 3
    states = [(await reread(engine, row)).state for row in drafts]
    assert sorted(states) == [S.DRAFT, S.DRAFT, S.DRAFT, S.REQUESTED]


async def test_a_recall_and_an_acceptance_at_once(engine: AsyncEngine) -> None:
    """Whoever is first: nothing stays reserved by a referral that was recalled."""
    for _ in range(4):
        ground = await prepare(engine)
        row = await ground.requested()
        answers = await asyncio.gather(
            ground.step("receiver", o.accept_referral, row, planned_on=today()),
            ground.step("clerk", o.recall_referral, row),
            return_exceptions=True,
        )
        assert sum(isinstance(one, VersionConflict) for one in answers) == 1
        kept = await reread(engine, row)
        line = await line_of(engine, ground)
        held = Decimal(10) if kept.state is S.ACCEPTED else Decimal(0)
        assert line.committed == held


async def test_what_deeds_make_has_no_findings(engine: AsyncEngine) -> None:
    lines = [{"quantity_required": Decimal(10)} for _ in S]
    ground = await prepare(engine, lines=lines)
    states = sorted(S, key=lambda state: state is not S.EXPIRED)
    for state, line in zip(states, ground.rows["need"].lines, strict=True):
        await ground.in_state(state, lines={line.id: None})
    async with AsyncSession(engine) as session:
        assert await verify(View(session, system(now()))) == []
