"""Seventy-two hours without the authority: nothing is lost, nothing doubled, no order broken."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, Role, system
from nexus.exchange.messages.model import MessageState, PartnerMode
from tests.exchange.messaging import Authority
from tests.making import making
from tests.referrals.referring import prepare

COUNTY = "440103"
KINDS = ("need.paused", "need.resumed")


@pytest.mark.parametrize("mode", list(PartnerMode), ids=lambda mode: mode.value)
async def test_seventy_two_hours(
    engine: AsyncEngine, tmp_path: Path, torture: bool, mode: PartnerMode
) -> None:
    households, rounds = (500, 20) if torture else (8, 8)
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_APPROVER, organization=body, area_code=COUNTY)
        needs = [await m.need(state="published", publisher_id=body.id) for _ in range(households)]
    authority = await Authority(engine, mode, account, tmp_path).open()
    authority.down = True
    for turn in range(rounds):
        await authority.tell(KINDS[turn % 2], *needs)
        await authority.carry()
        authority.clock.turn(hours=72 / rounds)
    await authority.carry_for(hours=1, steps=6)
    assert authority.taken == []
    waiting = await authority.messages(MessageState.PENDING, MessageState.FAILED, MessageState.SENT)
    assert len(waiting) == households * rounds

    authority.down = False
    await authority.carry_for(hours=25)
    assert len(authority.taken) == households * rounds
    assert len({body["id"] for body in authority.taken}) == households * rounds
    orders = authority.threads().values()
    assert list(orders) == [list(range(1, rounds + 1))] * households
    assert {m.state for m in await authority.messages()} == {MessageState.ACKED}


async def test_events_of_one_transaction_and_of_many_make_each_one_message(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A transaction that is open while others commit holds the feed back, and loses nothing."""
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_APPROVER, organization=body, area_code=COUNTY)
        slow, quick = [await m.need(state="published", publisher_id=body.id) for _ in range(2)]
    authority = await Authority(engine, PartnerMode.PULL, account, tmp_path).open()
    async with AsyncSession(engine) as session:
        await session.begin()
        Act(session, system(authority.clock())).record("need.paused", slow)
        await session.flush()
        await authority.tell("need.paused", quick)
        await authority.carry()
        await session.commit()
    await authority.carry()
    told = [body["data"]["need"]["no"] for body in authority.taken]
    assert sorted(told) == sorted([slow.no, quick.no])


async def test_two_messengers_at_once_make_and_send_each_once(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_APPROVER, organization=body, area_code=COUNTY)
        needs = [await m.need(state="published", publisher_id=body.id) for _ in range(5)]
    authority = await Authority(engine, PartnerMode.CALL_OUT, account, tmp_path).open()
    twin = Authority(engine, PartnerMode.CALL_OUT, account, tmp_path, clock=authority.clock)
    for kind in KINDS * 3:
        await authority.tell(kind, *needs)
    await asyncio.gather(authority.messenger.run_until_idle(), twin.messenger.run_until_idle())
    await authority.carry()
    taken = authority.taken + twin.taken
    assert len(taken) == len({body["id"] for body in taken}) == 30
    assert [m.sequence for m in await authority.messages()].count(6) == 5


async def test_news_from_before_the_exchange_is_not_told(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        account = await m.account(Role.GOV_APPROVER, organization=body, area_code=COUNTY)
        need = await m.need(state="published", publisher_id=body.id)
    authority = Authority(engine, PartnerMode.PULL, account, tmp_path)
    await authority.tell("need.published", need)
    await authority.open()
    await authority.carry()
    assert authority.taken == []


async def test_referrals_are_told_with_whom_they_went_to(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    ground = await prepare(engine)
    async with making(engine) as m:
        platform = await m.account(Role.PLATFORM_ADMIN, area_code="CN")
    clerk = ground.people["clerk"]
    authority = await Authority(engine, PartnerMode.PULL, clerk, tmp_path).open(platform)
    referral = await ground.accepted()
    await authority.carry()
    told = {body["type"]: body for body in authority.taken}
    assert {"referral.sent", "referral.accepted"} <= set(told)
    assert "referral.created" not in told
    assert told["referral.sent"]["data"]["object"]["no"] == referral.no
    assert told["referral.sent"]["data"]["helper"]["no"].startswith("ORG-")
