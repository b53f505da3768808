"""Deliveries: every state, verb and role; sums and states that follow; feedback on them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.refusals import (
    CapacityExhausted,
    Forbidden,
    Invalid,
    NotFound,
    VersionConflict,
    WrongState,
)
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.deliveries.queries import recorded_late
from nexus.matching.pledges.model import (
    DELIVERY_TRANSITIONS,
    Acknowledgement,
    Delivery,
    DeliveryState,
    PledgeState,
)
from tests.making import today
from tests.matching.bridge import Bridge, build_bridge

D = DeliveryState
Deed = Callable[..., Awaitable[Any]]


async def _acknowledge(act: Any, row_id: Any, *, expected_version: int, reason: str) -> Any:
    return await deliveries.acknowledge_delivery(
        act, row_id, expected_version=expected_version, method=Acknowledgement.VOICE
    )


VERBS: dict[str, Deed] = {
    "acknowledge": _acknowledge,
    "verify": deliveries.verify_delivery,
    "dispute": deliveries.dispute_delivery,
    "uphold": deliveries.uphold_delivery,
    "reverse": deliveries.reverse_delivery,
}
# The reviewed table. The pledging organization recorded it; its own station may not confirm it.
DECIDERS = {
    "second_worker", "social_worker", "station_lead",
    "gov_clerk", "gov_approver", "gov_coordinator", "publisher",
}  # fmt: skip
MAY = {
    "acknowledge": DECIDERS | {"worker", "aide"},
    "dispute": DECIDERS | {"worker", "aide"},
    "uphold": DECIDERS | {"worker"},
    "reverse": DECIDERS | {"worker"},
    "verify": DECIDERS,
}
"""`worker` confirmed it, so somebody else verifies."""
SEES = DECIDERS | {
    "worker", "pledger", "client", "aide", "own_station", "supervisor", "auditor",
    "platform_admin",
}  # fmt: skip


async def delivery_in(bridge: Bridge, state: DeliveryState) -> Delivery:
    """A delivery of 2 out of 5 kg that came to the state by deeds."""
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    row = await bridge.deliver(pledge, "2")
    if state in (D.ACKNOWLEDGED, D.VERIFIED):
        row = await bridge.acknowledge(row)
    if state is D.VERIFIED:
        row = await bridge.step("second_worker", deliveries.verify_delivery, row)
    if state in (D.DISPUTED, D.REVERSED):
        row = await bridge.step("worker", deliveries.dispute_delivery, row)
    if state is D.REVERSED:
        row = await bridge.step("second_worker", deliveries.reverse_delivery, row)
    assert row.state is state
    return row


@pytest.mark.parametrize("state", list(D))
async def test_every_verb_in_every_state_by_everybody(
    engine: AsyncEngine, state: DeliveryState
) -> None:
    bridge = await build_bridge(engine)
    row = await delivery_in(bridge, state)
    for verb, deed in VERBS.items():
        for who in bridge.people:
            expected: type[Exception]
            if who not in SEES:
                expected = NotFound
            elif who not in MAY[verb] and not (verb == "verify" and who == "worker"):
                expected = Forbidden
            elif state not in DELIVERY_TRANSITIONS.moves[verb]:
                # Whoever confirmed it may not verify it; unconfirmed, the state is what refuses.
                expected = Forbidden if _confirmed_by(row, bridge, verb, who) else WrongState
            elif _confirmed_by(row, bridge, verb, who):
                expected = Forbidden
            else:
                continue
            told = await bridge.refused(
                who, deed, row.id, expected_version=row.version, reason="说明"
            )
            assert type(told) is expected, (verb, who)


def _confirmed_by(row: Delivery, bridge: Bridge, verb: str, who: str) -> bool:
    account = bridge.people[who]
    return verb == "verify" and account is not None and row.acknowledged_by == account.id


@pytest.mark.parametrize(
    ("verb", "state", "after", "who"),
    [
        (verb, state, after, who)
        for verb, state, after in DELIVERY_TRANSITIONS.rows()
        for who in sorted(MAY[verb])
    ],
)
async def test_listed_transitions_succeed(
    engine: AsyncEngine, verb: str, state: DeliveryState, after: DeliveryState, who: str
) -> None:
    bridge = await build_bridge(engine)
    row = await delivery_in(bridge, state)
    told = await bridge.refused(
        who, VERBS[verb], row.id, expected_version=row.version + 1, reason="说明"
    )
    assert type(told) is VersionConflict
    await bridge.act(who, VERBS[verb], row.id, expected_version=row.version, reason="说明")
    assert (await bridge.reload(row)).state is after
    stands = {D.DISPUTED: (0, 3, 2, 0), D.REVERSED: (0, 3, 0, 0)}.get(after, (0, 3, 0, 2))
    assert await bridge.counters() == stands
    assert await bridge.taken() == (3, 0 if after is D.REVERSED else 2)
    assert await bridge.findings() == []


async def test_nobody_confirms_what_they_recorded(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    row = await bridge.act(
        "worker",
        deliveries.record_delivery,
        pledge.id,
        quantity=Decimal(2),
        delivered_on=today(),
    )
    told = await bridge.refused(
        "worker",
        deliveries.acknowledge_delivery,
        row.id,
        expected_version=1,
        method=Acknowledgement.OTP,
    )
    assert type(told) is Forbidden
    await bridge.act(
        "second_worker",
        deliveries.acknowledge_delivery,
        row.id,
        expected_version=1,
        method=Acknowledgement.OTP,
    )


async def test_a_delivery_is_within_what_is_owed_and_has_happened(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(PledgeState.PARTLY_FULFILLED)

    async def refused(quantity: str, days: int = 0) -> Any:
        return await bridge.refused(
            "pledger",
            deliveries.record_delivery,
            pledge.id,
            quantity=Decimal(quantity),
            delivered_on=today() + timedelta(days=days),
        )

    told = await refused("3.001")
    assert isinstance(told, CapacityExhausted)
    assert told.details["available"] == "3"
    assert type(await refused("0")) is Invalid
    told = await refused("1", days=1)
    assert told.field == "deliveredOn"
    await bridge.deliver(pledge, "3")
    assert (await bridge.reload(pledge)).state is PledgeState.FULFILLED


async def test_the_pledge_follows_its_deliveries(engine: AsyncEngine) -> None:
    """Accepted, partly, back, partly, fulfilled, and released when all of it is reversed."""
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    s = PledgeState

    async def state() -> PledgeState:
        found: PledgeState = (await bridge.reload(pledge)).state
        return found

    async def reverse(row: Delivery) -> None:
        disputed = await bridge.step("worker", deliveries.dispute_delivery, row)
        await bridge.step("second_worker", deliveries.reverse_delivery, disputed)

    first = await bridge.deliver(pledge, "2")
    assert await state() is s.PARTLY_FULFILLED
    await reverse(first)
    assert await state() is s.ACCEPTED
    second = await bridge.deliver(pledge, "1")
    third = await bridge.deliver(pledge, "2")
    assert await state() is s.FULFILLED
    await reverse(second)
    assert await state() is s.FULFILLED
    await reverse(third)
    assert await state() is s.RELEASED
    assert await bridge.counters() == (0, 0, 0, 0)
    assert await bridge.taken() == (0, 0)
    assert await bridge.findings() == []
    assert (await bridge.pledge("8")).state is s.OFFERED


@pytest.mark.parametrize(("days", "late"), [(0, False), (7, False), (8, True)])
async def test_a_record_entered_late_is_marked(engine: AsyncEngine, days: int, late: bool) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(PledgeState.ACCEPTED)
    row = await bridge.act(
        "pledger",
        deliveries.record_delivery,
        pledge.id,
        quantity=Decimal(1),
        delivered_on=today() - timedelta(days=days),
    )
    async with AsyncSession(engine) as session:
        found = await session.execute(select(recorded_late(Delivery)).where(Delivery.id == row.id))
        assert found.scalar_one() is late
