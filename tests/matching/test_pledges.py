"""Pledges: every state, verb and role; what an offer of help must satisfy; what a clock does."""

from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI
from nexus.core.refusals import (
    CapacityExhausted,
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    VersionConflict,
    WrongState,
)
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import MOVES, PLEDGE_TRANSITIONS, Bucket, PledgeState
from nexus.matching.pledges.rules import AlreadyPledged, OfferUnfit
from nexus.needs.model import NeedState
from tests.making import from_today, making, now, today
from tests.matching.bridge import Bridge, build_bridge

Deed = Callable[..., Awaitable[Any]]
S = PledgeState
LIVE = {S.OFFERED, S.ACCEPTED, S.PARTLY_FULFILLED, S.RELEASE_REQUESTED}


async def _deliver(act: Any, row_id: Any, *, expected_version: int, reason: str) -> Any:
    return await deliveries.record_delivery(act, row_id, quantity=Decimal(1), delivered_on=today())


VERBS: dict[str, Deed] = {
    "accept": pledges.accept_pledge,
    "reject": pledges.reject_pledge,
    "withdraw": pledges.withdraw_pledge,
    "request_release": pledges.request_release,
    "release": pledges.release_pledge,
    "keep": pledges.keep_pledge,
    "deliver": _deliver,
}
# The reviewed table: who may, of those who see the pledge; and in which states it is possible.
NEED_SIDE = {
    "worker", "second_worker", "social_worker", "station_lead",
    "gov_clerk", "gov_approver", "gov_coordinator", "publisher",
}  # fmt: skip
PLEDGING = {"pledger", "client"}
MAY = {
    "accept": NEED_SIDE,
    "reject": NEED_SIDE,
    "withdraw": PLEDGING,
    "request_release": NEED_SIDE | PLEDGING,
    "release": NEED_SIDE,
    "keep": NEED_SIDE,
    "deliver": NEED_SIDE | PLEDGING | {"aide", "own_station"},
}
SEES = NEED_SIDE | PLEDGING | {
    "aide", "own_station", "supervisor", "auditor", "platform_admin",
}  # fmt: skip
POSSIBLE = {
    "accept": {S.OFFERED: S.ACCEPTED},
    "reject": {S.OFFERED: S.REJECTED},
    "withdraw": {S.OFFERED: S.WITHDRAWN, S.ACCEPTED: S.WITHDRAWN},
    "request_release": {
        S.ACCEPTED: S.RELEASE_REQUESTED,
        S.PARTLY_FULFILLED: S.RELEASE_REQUESTED,
    },
    "release": {S.RELEASE_REQUESTED: S.RELEASED},
    "keep": {S.RELEASE_REQUESTED: S.ACCEPTED},
    "deliver": {S.ACCEPTED: S.PARTLY_FULFILLED, S.PARTLY_FULFILLED: S.PARTLY_FULFILLED},
}


@pytest.mark.parametrize("state", list(S))
async def test_every_verb_in_every_state_by_everybody(
    engine: AsyncEngine, state: PledgeState
) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(state)
    for verb, deed in VERBS.items():
        for who in bridge.people:
            expected: type[Exception]
            if who not in SEES:
                expected = NotFound
            elif who not in MAY[verb]:
                expected = Forbidden
            elif state not in POSSIBLE[verb]:
                expected = WrongState
            else:
                continue
            told = await bridge.refused(
                who, deed, pledge.id, expected_version=pledge.version, reason="说明"
            )
            assert type(told) is expected, (verb, who)


@pytest.mark.parametrize(
    ("verb", "state", "after", "who"),
    [
        (verb, state, after, who)
        for verb, moves in POSSIBLE.items()
        for state, after in moves.items()
        for who in sorted(MAY[verb])
    ],
)
async def test_listed_transitions_succeed(
    engine: AsyncEngine, verb: str, state: PledgeState, after: PledgeState, who: str
) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(state)
    stale = pledge.version - 1
    if verb != "deliver":
        told = await bridge.refused(
            who, VERBS[verb], pledge.id, expected_version=stale, reason="说明"
        )
        assert type(told) is VersionConflict
    await bridge.act(who, VERBS[verb], pledge.id, expected_version=pledge.version, reason="说明")
    found = await bridge.reload(pledge)
    assert found.state is after
    live = after in LIVE
    assert (sum(await bridge.counters()) > 0) is live
    assert await bridge.findings() == []


def test_the_table_of_states_is_the_reviewed_one() -> None:
    for verb, moves in POSSIBLE.items():
        if verb != "deliver":
            assert PLEDGE_TRANSITIONS.moves[verb] == moves
    final = {state for state in S if not PLEDGE_TRANSITIONS.verbs(state)}
    assert final == {S.REJECTED, S.WITHDRAWN, S.EXPIRED, S.RELEASED}


# Pledging ----------------------------------------------------------------------------------


async def test_the_quantity_is_reserved_at_once(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge("5")
    assert pledge.state is S.OFFERED
    assert await bridge.counters() == (5, 0, 0, 0)
    assert await bridge.taken() == (5, 0)
    assert pledge.expires_at - pledge.created_at == timedelta(days=3)


async def test_a_pre_approved_offer_is_accepted_at_once(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    await set_offer(bridge, pre_approved=True)
    pledge = await bridge.pledge("5", planned_on=today() + timedelta(days=2))
    assert pledge.state is S.ACCEPTED
    assert pledge.accepted_at == pledge.created_at
    assert await bridge.counters() == (0, 5, 0, 0)
    assert await bridge.findings() == []
    kinds = await events(bridge, pledge.id)
    assert kinds == ["pledge.offered", "pledge.accepted"]


async def test_more_than_is_open_is_refused_with_the_number(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    await bridge.pledge("7")
    told = await bridge.refused(
        "rival", pledges.offer_pledge, bridge.line_id, quantity=Decimal("3.001")
    )
    assert isinstance(told, CapacityExhausted)
    assert told.details == {"rule": "INV-01", "available": "3"}
    await bridge.act("rival", pledges.offer_pledge, bridge.line_id, quantity=Decimal(3))
    assert await bridge.counters() == (10, 0, 0, 0)


async def test_more_than_the_offer_has_is_refused_with_the_number(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    told = await bridge.refused(
        "pledger",
        pledges.offer_pledge,
        bridge.line_id,
        quantity=Decimal(9),
        offer_id=bridge.offer.id,
    )
    assert isinstance(told, CapacityExhausted)
    assert told.details == {"rule": "INV-02", "available": "8"}


async def test_an_open_ended_line_takes_any_quantity(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine, lines=[{"quantity_required": None}])
    await bridge.pledge("8")
    await bridge.act("rival", pledges.offer_pledge, bridge.line_id, quantity=Decimal("90000.125"))
    assert await bridge.counters() == (Decimal("90008.125"), 0, 0, 0)


async def test_one_live_pledge_a_line_organization_and_offer(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge("1")
    for who in ("pledger", "client"):
        told = await bridge.refused(
            who,
            pledges.offer_pledge,
            bridge.line_id,
            quantity=Decimal(1),
            offer_id=bridge.offer.id,
        )
        assert isinstance(told, AlreadyPledged)
        assert told.details["pledge_no"] == pledge.no
    bare = await bridge.act("client", pledges.offer_pledge, bridge.line_id, quantity=Decimal(1))
    told = await bridge.refused(
        "pledger", pledges.offer_pledge, bridge.line_id, quantity=Decimal(1)
    )
    assert told.details["pledge_no"] == bare.no
    await bridge.step("pledger", pledges.withdraw_pledge, pledge)
    assert (await bridge.pledge("2")).state is S.OFFERED


@pytest.mark.parametrize(
    ("quantity", "more"),
    [
        ("0", {}),
        ("-1", {}),
        ("0.0001", {}),
        ("NaN", {}),
        ("Infinity", {}),
        ("1000000000000", {}),
        ("1", {"planned_on": from_today(-1)}),
        ("1", {"amount_fen": 100}),
    ],
)
async def test_values_without_sense_are_refused(
    engine: AsyncEngine, quantity: str, more: dict[str, Any]
) -> None:
    bridge = await build_bridge(engine)
    told = await bridge.refused(
        "pledger", pledges.offer_pledge, bridge.line_id, quantity=Decimal(quantity), **more
    )
    assert type(told) is Invalid


async def test_a_cash_pledge_counts_in_fen(engine: AsyncEngine) -> None:
    line = {"kind": "cash", "unit": "CNY", "quantity_required": Decimal(300)}
    bridge = await build_bridge(engine, lines=[line])
    give: dict[str, Any] = {"quantity": Decimal("120.5")}
    pledge = await bridge.act("pledger", pledges.offer_pledge, bridge.line_id, **give)
    assert pledge.amount_fen == 12050
    wrongs: list[dict[str, Any]] = [{"amount_fen": 12051, **give}, {"quantity": Decimal("1.001")}]
    for wrong in wrongs:
        told = await bridge.refused("rival", pledges.offer_pledge, bridge.line_id, **wrong)
        assert type(told) is Invalid


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"state": "paused"}, "offerId"),
        ({"state": "blocked"}, "offerId"),
        ({"unit": "LTR"}, "offerId"),
        ({"kind": "service"}, "offerId"),
        ({"available_to": from_today()}, "offerId"),
        ({"available_from": from_today(1)}, "offerId"),
    ],
)
async def test_an_offer_that_does_not_fit_is_refused(
    engine: AsyncEngine, change: dict[str, Any], field: str
) -> None:
    bridge = await build_bridge(engine)
    await set_offer(bridge, **change)
    told = await bridge.refused(
        "pledger",
        pledges.offer_pledge,
        bridge.line_id,
        quantity=Decimal(1),
        offer_id=bridge.offer.id,
    )
    assert type(told) is OfferUnfit
    assert told.field == field


async def test_an_offer_of_another_organization_is_not_found(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    told = await bridge.refused(
        "rival",
        pledges.offer_pledge,
        bridge.line_id,
        quantity=Decimal(1),
        offer_id=bridge.offer.id,
    )
    assert type(told) is NotFound


@pytest.mark.parametrize("state", ["draft", "submitted", "suspended", "rejected"])
async def test_only_verified_organizations_pledge(engine: AsyncEngine, state: str) -> None:
    bridge = await build_bridge(engine, group_name="第一医院", visibility="public")
    async with making(engine) as m:
        stranger = await m.account("charity_user", await m.organization(state=state))
    bridge.people["stranger"] = stranger
    told = await bridge.refused(
        "stranger", pledges.offer_pledge, bridge.line_id, quantity=Decimal(1)
    )
    assert type(told) is GuardFailed
    assert told.details["rule"] == "verified_organization"


@pytest.mark.parametrize("state", list(NeedState))
async def test_only_published_needs_take_pledges(engine: AsyncEngine, state: NeedState) -> None:
    bridge = await build_bridge(engine, state=state)
    if state is NeedState.PUBLISHED:
        await bridge.pledge("1")
        return
    told = await bridge.refused(
        "pledger", pledges.offer_pledge, bridge.line_id, quantity=Decimal(1)
    )
    seen = state in (NeedState.PAUSED, NeedState.CLOSED)
    assert type(told) is (GuardFailed if seen else NotFound)
    if seen:
        assert told.details["rule"] == "INV-07"


async def test_only_charities_pledge(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    for who in sorted(set(bridge.people) - {"pledger", "client", "rival"}):
        told = await bridge.refused(who, pledges.offer_pledge, bridge.line_id, quantity=Decimal(1))
        assert type(told) is (NotFound if who == "vol_org" else Forbidden), who


async def test_the_number_tells_no_finer_area_than_the_need_shows(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    assert (await bridge.pledge()).no.split("-")[1] == bridge.need.shown_area_code


# Deciding ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "who", "state"),
    [
        ("reject", "worker", S.OFFERED),
        ("withdraw", "pledger", S.ACCEPTED),
        ("request_release", "pledger", S.ACCEPTED),
    ],
)
async def test_a_reason_is_due(
    engine: AsyncEngine, verb: str, who: str, state: PledgeState
) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(state)
    told = await bridge.refused(
        who, VERBS[verb], pledge.id, expected_version=pledge.version, reason=" "
    )
    assert type(told) is Invalid
    assert told.field == "reason"


async def test_pledges_on_a_paused_need_are_frozen(engine: AsyncEngine) -> None:
    """They cannot advance, their clock stands; they can be given back."""
    bridge = await build_bridge(engine)
    offered = await bridge.pledge("2")
    accepted = await bridge.act("rival", pledges.offer_pledge, bridge.line_id, quantity=Decimal(2))
    accepted = await bridge.step("worker", pledges.accept_pledge, accepted)
    await publish(bridge, published=False)
    told = await bridge.refused(
        "worker", pledges.accept_pledge, offered.id, expected_version=offered.version
    )
    assert told.details["rule"] == "INV-07"
    told = await bridge.refused(
        "rival",
        deliveries.record_delivery,
        accepted.id,
        quantity=Decimal(1),
        delivered_on=today(),
    )
    assert told.details["rule"] == "INV-07"
    assert not await bridge.expire(accepted)
    await bridge.step("pledger", pledges.withdraw_pledge, offered)
    assert await bridge.counters() == (0, 2, 0, 0)
    await publish(bridge, published=True)
    assert await bridge.expire(accepted)


async def test_time_ends_what_nobody_accepts_or_brings(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    offered = await bridge.pledge("2")
    accepted = await bridge.act(
        "rival",
        pledges.offer_pledge,
        bridge.line_id,
        quantity=Decimal(2),
        planned_on=today() + timedelta(days=1),
    )
    accepted = await bridge.step("worker", pledges.accept_pledge, accepted)
    until = datetime.combine(today() + timedelta(days=1 + 8), time(), SHANGHAI)
    assert accepted.expires_at == until
    assert await bridge.expire(offered)
    assert (await bridge.reload(offered)).state is S.EXPIRED
    assert await bridge.counters() == (0, 2, 0, 0)
    assert await bridge.expire(accepted)
    ended = await bridge.reload(accepted)
    assert ended.state is S.EXPIRED
    assert await bridge.counters() == (0, 0, 0, 0)
    assert not await bridge.expire(ended)
    assert await bridge.findings() == []


async def test_an_unanswered_request_for_release_is_granted(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(S.PARTLY_FULFILLED)
    asked = await bridge.step("worker", pledges.request_release, pledge)
    assert asked.expires_at < now() + timedelta(hours=37)
    assert await bridge.expire(asked)
    assert (await bridge.reload(asked)).state is S.RELEASED
    assert await bridge.counters() == (0, 0, 2, 0)
    assert await bridge.taken() == (0, 2)
    assert await bridge.findings() == []


async def test_a_kept_pledge_is_what_its_sums_say(engine: AsyncEngine) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(S.PARTLY_FULFILLED)
    asked = await bridge.step("pledger", pledges.request_release, pledge)
    kept = await bridge.step("worker", pledges.keep_pledge, asked)
    assert (await bridge.reload(kept)).state is S.PARTLY_FULFILLED
    assert kept.expires_at > now() + timedelta(days=20)


# The ledger in the database ----------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE need_line SET reserved = 0",
        "UPDATE need_line SET confirmed = 9",
        "UPDATE offer SET capacity_used = 0",
        "UPDATE offer SET capacity_reserved = 0",
        "UPDATE allocation SET committed = 1",
        "DELETE FROM allocation",
        "UPDATE allocation_move SET quantity = 1",
        "DELETE FROM allocation_move",
        "INSERT INTO allocation (id, pledge_id, line_id, quantity, reserved, created_at) "
        "SELECT gen_random_uuid(), pledge_id, line_id, 1, 1, now() FROM allocation",
    ],
)
async def test_the_application_cannot_write_the_sums(engine: AsyncEngine, statement: str) -> None:
    bridge = await build_bridge(engine)
    await bridge.pledge()
    before = await bridge.snapshot()
    async with AsyncSession(engine) as session:
        with pytest.raises(Exception, match="permission denied"):
            await session.execute(text(statement))
    assert await bridge.snapshot() == before


async def test_the_ledger_is_append_only_for_its_owner_too(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    bridge = await build_bridge(engine)
    await bridge.pledge()
    for statement in ("UPDATE allocation_move SET quantity = 1", "DELETE FROM allocation_move"):
        async with AsyncSession(owner_engine) as session:
            with pytest.raises(Exception, match="append-only"):
                await session.execute(text(statement))


@pytest.mark.parametrize("source", list(Bucket))
@pytest.mark.parametrize("target", list(Bucket))
async def test_only_listed_moves_are_booked(
    engine: AsyncEngine, source: Bucket, target: Bucket
) -> None:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(S.PARTLY_FULFILLED)
    async with AsyncSession(engine) as session:
        found = await session.execute(
            text(
                "SELECT a.id, d.id FROM allocation a JOIN delivery d ON d.allocation_id = a.id "
                "WHERE a.pledge_id = :p"
            ),
            {"p": pledge.id},
        )
        allocation_id, delivery_id = found.one()
    holds = {Bucket.COMMITTED: 3, Bucket.DELIVERED: 2}
    booked = (source, target) in MOVES and source in holds
    before = await bridge.snapshot()
    post = (pledges.post, allocation_id, source, target, Decimal(1))
    if booked:
        await bridge.act("worker", *post, delivery_id=delivery_id)
        assert await bridge.snapshot() != before
    else:
        with pytest.raises(Exception, match="check constraint"):
            await bridge.act("worker", *post, delivery_id=delivery_id)
        assert await bridge.snapshot() == before


async def test_the_database_refuses_what_the_reading_before_let_pass(engine: AsyncEngine) -> None:
    """The guards of the trigger itself, with their numbers: line, offer, need."""
    bridge = await build_bridge(engine)
    first = await bridge.pledge("7")

    async def raced(act: Any, quantity: str) -> None:
        """Check on the old counters, then book after another took the rest."""
        found = await act.session.execute(
            text("SELECT id FROM allocation WHERE pledge_id = :p"), {"p": first.id}
        )
        assert found.scalar_one()
        await pledges.post(
            act, await _bare_allocation(act, bridge, Decimal(quantity)), Bucket.OPEN,
            Bucket.RESERVED, Decimal(quantity),
        )  # fmt: skip

    told = await bridge.refused("rival", raced, "3.5")
    assert isinstance(told, CapacityExhausted)
    assert told.details == {"rule": "INV-01", "available": "3"}
    await publish(bridge, published=False)
    told = await bridge.refused("rival", raced, "1")
    assert told.details["rule"] == "INV-07"


async def _bare_allocation(act: Any, bridge: Bridge, quantity: Decimal) -> Any:
    found = await act.session.execute(
        text(
            "WITH p AS (INSERT INTO pledge (id, no, need_id, line_id, organization_id, quantity, "
            "expires_at, state, version, created_at, created_by) VALUES (gen_random_uuid(), "
            "gen_random_uuid()::text, :need, :line, :org, :q, now(), 'offered', 1, now(), "
            "gen_random_uuid()) RETURNING id) "
            "INSERT INTO allocation (id, pledge_id, line_id, quantity, created_at) "
            "SELECT gen_random_uuid(), p.id, :line, :q, now() FROM p RETURNING id"
        ),
        {
            "need": bridge.need.id,
            "line": bridge.line_id,
            "org": act.actor.organization_id,
            "q": quantity,
        },
    )
    return found.scalar_one()


async def set_offer(bridge: Bridge, **values: Any) -> None:
    """Change the bridge's offer as its owner would, past the slice."""
    async with AsyncSession(bridge.engine) as session, session.begin():
        row = await session.get_one(type(bridge.offer), bridge.offer.id)
        for name, value in values.items():
            setattr(row, name, value)


async def publish(bridge: Bridge, *, published: bool) -> None:
    """Pause or resume the need, as the needs slice does: state and the lines' flag together."""
    async with AsyncSession(bridge.engine) as session, session.begin():
        values = {"id": bridge.need.id, "flag": published}
        state = "published" if published else "paused"
        await session.execute(
            text("UPDATE need_line SET published = :flag WHERE need_id = :id"), values
        )
        await session.execute(
            text("UPDATE need SET state = :state WHERE id = :id"), values | {"state": state}
        )


async def events(bridge: Bridge, row_id: Any) -> list[str]:
    """The kinds of news of a row, in order."""
    async with AsyncSession(bridge.engine) as session:
        found = await session.execute(
            text("SELECT kind FROM event WHERE object_id = :i ORDER BY position"), {"i": row_id}
        )
        return list(found.scalars())
