"""Feedback: whose word it is, who reads which part of it, and how it is dealt with."""

from typing import Any

import pytest
from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, WrongState
from nexus.graph.sql import as_predicate
from nexus.matching.feedback import operations as feedback
from nexus.matching.feedback import policy
from nexus.matching.feedback.model import Feedback, FeedbackSource, FeedbackState
from nexus.matching.pledges.model import Delivery, PledgeState
from tests.matching.bridge import Bridge, actor_of, build_bridge

WORDS = "米收到了，谢谢。"


async def delivered(engine: AsyncEngine) -> tuple[Bridge, Delivery]:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    return bridge, await bridge.deliver(pledge, "2")


async def count(bridge: Bridge) -> int:
    async with AsyncSession(bridge.engine) as session:
        found = await session.execute(select(Feedback.id).where(Feedback.need_id == bridge.need.id))
        return len(found.all())


async def reads(bridge: Bridge, who: str, row: Feedback) -> tuple[bool, bool]:
    """Whether they see it, and whether they see its text."""
    actor = actor_of(bridge.people[who])
    async with AsyncSession(bridge.engine) as session:
        found = await session.execute(
            select(as_predicate(policy.may_read_text(actor, Feedback))).where(
                Feedback.id == row.id, policy.visible(actor, Feedback), true()
            )
        )
        seen = found.scalar_one_or_none()
    return seen is not None, bool(seen)


@pytest.mark.parametrize(
    ("who", "source"),
    [
        ("worker", FeedbackSource.RECIPIENT),
        ("aide", FeedbackSource.RECIPIENT),
        ("pledger", FeedbackSource.RECEIVER),
        ("client", FeedbackSource.RECEIVER),
        ("gov_clerk", FeedbackSource.AUTHORITY),
        ("publisher", FeedbackSource.AUTHORITY),
    ],
)
async def test_the_role_says_whose_word_it_is(
    engine: AsyncEngine, who: str, source: FeedbackSource
) -> None:
    bridge, delivery = await delivered(engine)
    row = await bridge.act(
        who, feedback.give_feedback, delivery_id=delivery.id, rating=4, text=f" {WORDS} "
    )
    assert (row.source, row.text, row.need_id) == (source, WORDS, bridge.need.id)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("rival", NotFound),
        ("elsewhere", NotFound),
        ("volunteer", Forbidden),
        ("supervisor", Forbidden),
        ("platform_admin", Forbidden),
        ("nobody", Forbidden),
    ],
)
async def test_who_gives_none(engine: AsyncEngine, who: str, expected: type[Exception]) -> None:
    bridge, delivery = await delivered(engine)
    told = await bridge.refused(who, feedback.give_feedback, delivery_id=delivery.id, rating=4)
    assert type(told) is expected
    assert await count(bridge) == 0


@pytest.mark.parametrize(
    "given", [{}, {"text": "  "}, {"rating": 0}, {"rating": 6}, {"text": "好" * 2001}]
)
async def test_it_says_something_within_bounds(engine: AsyncEngine, given: dict[str, Any]) -> None:
    bridge, delivery = await delivered(engine)
    told = await bridge.refused("worker", feedback.give_feedback, delivery_id=delivery.id, **given)
    assert type(told) is Invalid
    assert await count(bridge) == 0


async def test_a_need_as_a_whole_is_spoken_of_in_its_territory(engine: AsyncEngine) -> None:
    bridge, delivery = await delivered(engine)
    row = await bridge.act(
        "worker", feedback.give_feedback, need_id=bridge.need.id, wants_call_back=True
    )
    assert row.delivery_id is None
    told = await bridge.refused("pledger", feedback.give_feedback, need_id=bridge.need.id, rating=1)
    assert type(told) is GuardFailed
    other = await build_bridge(engine)
    told = await bridge.refused(
        "worker",
        feedback.give_feedback,
        need_id=other.need.id,
        delivery_id=delivery.id,
        rating=1,
    )
    assert type(told) is GuardFailed
    draft = await build_bridge(engine, state="draft")
    told = await draft.refused("worker", feedback.give_feedback, need_id=draft.need.id, rating=1)
    assert type(told) is GuardFailed


async def test_who_reads_it_and_who_reads_its_text(engine: AsyncEngine) -> None:
    bridge, delivery = await delivered(engine)
    said = {
        who: await bridge.act(
            who, feedback.give_feedback, delivery_id=delivery.id, rating=3, text=WORDS
        )
        for who in ("worker", "pledger", "gov_clerk", "own_station")
    }
    whole = await bridge.act("worker", feedback.give_feedback, need_id=bridge.need.id, text=WORDS)
    both, rating, nothing = (True, True), (True, False), (False, False)
    for who in ("worker", "gov_approver", "publisher", "supervisor"):
        for row in (*said.values(), whole):
            assert await reads(bridge, who, row) == both
    assert await reads(bridge, "platform_admin", whole) == rating
    for who in ("pledger", "client"):
        assert await reads(bridge, who, said["pledger"]) == both
        assert await reads(bridge, who, said["worker"]) == rating
        assert await reads(bridge, who, said["gov_clerk"]) == rating
        assert await reads(bridge, who, said["own_station"]) == rating
        assert await reads(bridge, who, whole) == nothing
    for who in ("rival", "vol_org", "elsewhere", "volunteer", "recipient", "nobody"):
        for row in (*said.values(), whole):
            assert await reads(bridge, who, row) == nothing


async def test_it_is_read_and_then_handled_by_another(engine: AsyncEngine) -> None:
    bridge, delivery = await delivered(engine)
    row = await bridge.act("worker", feedback.give_feedback, delivery_id=delivery.id, rating=2)
    for who, expected in (
        ("worker", Forbidden),
        ("pledger", Forbidden),
        ("supervisor", Forbidden),
        ("rival", NotFound),
    ):
        told = await bridge.refused(who, feedback.read_feedback, row.id, expected_version=1)
        assert type(told) is expected
    told = await bridge.refused(
        "gov_clerk", feedback.handle_feedback, row.id, expected_version=1, reason="已回访"
    )
    assert type(told) is WrongState
    row = await bridge.step("gov_clerk", feedback.read_feedback, row)
    told = await bridge.refused("gov_clerk", feedback.handle_feedback, row.id, expected_version=2)
    assert type(told) is Invalid
    row = await bridge.step("gov_clerk", feedback.handle_feedback, row)
    assert row.state is FeedbackState.HANDLED
