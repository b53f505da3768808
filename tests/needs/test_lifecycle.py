"""Every verb from every state by every role, and the guards of each verb."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import EVERYWHERE, GOVERNMENT, NOBODY, STATION, TERRITORIAL, Act, Actor, Role
from nexus.core.outbox import Event
from nexus.core.refusals import (
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    Refusal,
    VersionConflict,
)
from nexus.needs import operations
from nexus.needs.model import TRANSITIONS, CloseReason, Need, NeedLine, NeedState, Visibility
from nexus.needs.provisional.operations import publish_need_provisionally, verify_need_later
from nexus.needs.staging.operations import release_tranche
from tests.making import making, now, today
from tests.needs.acting import acting, actor_of, do, snapshot

S = NeedState
ROLES = [role for role in Role if role is not Role.ANONYMOUS]
LEADS = GOVERNMENT | {Role.STATION_LEAD}
CREATORS = STATION | EVERYWHERE | {Role.GOV_CLERK, Role.GOV_APPROVER}
VERIFIERS = {Role.GOV_APPROVER, Role.STATION_LEAD}

# verb → (operation, what it is given, who may in the territory without owning the need)
VERBS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "update": (operations.update_need, {"category": "MED"}, CREATORS),
    "submit": (operations.submit_need, {}, CREATORS),
    "verify": (operations.verify_need, {"evidence": "visit"}, VERIFIERS),
    "return": (operations.return_need, {"reason": "incomplete"}, VERIFIERS),
    "reject": (operations.reject_need, {"reason": "not eligible"}, VERIFIERS),
    "publish": (operations.publish_need, {}, {Role.GOV_CLERK, Role.GOV_APPROVER}),
    "publish_provisionally": (publish_need_provisionally, {"reason": "at once"}, VERIFIERS),
    "verify_later": (verify_need_later, {"evidence": "visit"}, VERIFIERS),
    "release_tranche": (release_tranche, {}, LEADS),
    "pause": (operations.pause_need, {"reason": "moving"}, GOVERNMENT | {Role.SYSTEM}),
    "resume": (operations.resume_need, {"reason": "moved"}, GOVERNMENT | {Role.SYSTEM}),
    "change_quantity": (
        operations.change_quantity,
        {"quantity": Decimal(12)},
        {Role.GOV_APPROVER},
    ),
    "close": (operations.close_need, {"close_reason": CloseReason.NO_LONGER_NEEDED}, LEADS),
    "reopen": (operations.reopen_need, {"reason": "needed again"}, LEADS),
    "cancel": (operations.cancel_need, {"reason": "duplicate"}, LEADS),
}

OWING = ("verify_later", "release_tranche")
"""Verbs of needs that owe a verification or hold a tranche: in tests of their own."""


def test_the_table_has_no_other_verbs() -> None:
    assert set(VERBS) == set(TRANSITIONS.moves)


def test_what_the_states_allow() -> None:
    """The lifecycle of domain.md 7.5, said again by hand."""
    assert {state: TRANSITIONS.verbs(state) for state in S} == {
        S.DRAFT: ["update", "submit", "publish_provisionally", "cancel"],
        S.SUBMITTED: ["verify", "return", "reject", "cancel"],
        S.RETURNED: ["update", "submit"],
        S.VERIFIED: ["reject", "publish", "change_quantity", "cancel"],
        S.PUBLISHED: [
            *("verify_later", "pause", "change_quantity", "release_tranche", "close", "cancel")
        ],
        S.PAUSED: [
            *("verify_later", "resume", "change_quantity", "release_tranche", "close", "cancel")
        ],
        S.CLOSED: ["reopen"],
        S.REJECTED: [],
        S.CANCELLED: [],
    }


class UndoneError(Exception):
    """Rolls the transaction of a tried deed back."""


async def tried(engine: AsyncEngine, actor: Actor, need: Need, verb: str) -> str:
    """The state after the verb, or the code of the refusal; nothing stays done."""
    deed, given, _ = VERBS[verb]
    row_id = need.lines[0].id if verb == "change_quantity" else need.id
    outcome = ""
    try:
        async with acting(engine, actor) as act:
            row = await deed(act, row_id, expected_version=need.version, **given)
            await act.session.flush()
            outcome = row.state.value
            raise UndoneError
    except UndoneError:
        return outcome
    except Refusal as refusal:
        return refusal.code


@pytest.fixture(scope="module")
async def actors(engine: AsyncEngine) -> AsyncIterator[dict[Role, Actor]]:
    """One actor of each role over 4401, none of whom owns or made the needs."""
    async with making(engine) as m:
        accounts = {role: await m.account(role=role, area_code="4401") for role in ROLES}
        yield {
            role: Actor(role, account.id, account.organization_id or NOBODY, "4401", now())
            for role, account in accounts.items()
        }


def expected(role: Role, verb: str, state: NeedState) -> str:
    if role not in TERRITORIAL | EVERYWHERE:
        return "NOT_FOUND"
    if role not in VERBS[verb][2]:
        return "FORBIDDEN"
    target = TRANSITIONS.moves[verb].get(state)
    if target and verb in OWING:
        return "GUARD_FAILED"  # nothing is owed or held here
    return target.value if target else "WRONG_STATE"


@pytest.mark.parametrize("state", list(S))
async def test_each_verb_is_done_by_its_roles_from_its_states(
    engine: AsyncEngine, actors: dict[Role, Actor], state: NeedState
) -> None:
    async with making(engine) as m:
        need = await m.need(state=state, visibility=Visibility.INTERNAL, urgency="u1")
    before = await snapshot(engine, need.id)
    got = {(v, r): await tried(engine, actors[r], need, v) for v in VERBS for r in ROLES}
    assert got == {(v, r): expected(r, v, state) for v in VERBS for r in ROLES}
    assert await snapshot(engine, need.id) == before


@pytest.mark.parametrize("state", list(S))
async def test_elsewhere_the_need_does_not_exist(engine: AsyncEngine, state: NeedState) -> None:
    async with making(engine) as m:
        need = await m.need(state=state, visibility=Visibility.INTERNAL)
        for role in TERRITORIAL:
            account = await m.account(role=role, area_code="4402")
            for verb in VERBS:
                assert await tried(engine, actor_of(account), need, verb) == "NOT_FOUND"


async def test_the_publisher_outside_its_territory_sees_but_does_not_act(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        approver = await m.account(role=Role.GOV_APPROVER, area_code="4402")
        need = await m.need(publisher_id=approver.organization_id, visibility=Visibility.INTERNAL)
        assert await tried(engine, actor_of(approver), need, "pause") == "FORBIDDEN"


@pytest.mark.parametrize("role", sorted(STATION | GOVERNMENT))
async def test_the_owner_pauses_resumes_closes_and_cancels(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        owner = await m.account(role=role, area_code="4401")
        full = [{"confirmed": Decimal(10)}]
        for verb, state in (("pause", S.PUBLISHED), ("resume", S.PAUSED), ("cancel", S.PUBLISHED)):
            need = await m.need(state=state, owner_id=owner.id)
            after = TRANSITIONS.moves[verb][state]
            assert await tried(engine, actor_of(owner), need, verb) == after.value
        need = await m.need(owner_id=owner.id, lines=full)
        done = await do(
            engine,
            owner,
            operations.close_need,
            need.id,
            expected_version=1,
            close_reason=CloseReason.MET,
        )
        assert done.state is S.CLOSED


async def test_a_version_that_has_passed_is_refused(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need()
        approver = await m.account(role=Role.GOV_APPROVER)
        before = await snapshot(engine, need.id)
        with pytest.raises(VersionConflict):
            await do(
                engine, approver, operations.pause_need, need.id, expected_version=7, reason="x"
            )
        assert await snapshot(engine, need.id) == before


EVENTS = {
    "update": "need.updated",
    "submit": "need.submitted",
    "verify": "need.verified",
    "return": "need.returned",
    "reject": "need.rejected",
    "publish": "need.published",
    "publish_provisionally": "need.published",
    "pause": "need.paused",
    "resume": "need.resumed",
    "change_quantity": "need.quantity_changed",
    "close": "need.closed",
    "reopen": "need.reopened",
    "cancel": "need.cancelled",
}


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in OWING])
async def test_each_verb_counts_the_version_writes_history_and_keeps_the_lines_in_step(
    engine: AsyncEngine, verb: str
) -> None:
    deed, given, _ = VERBS[verb]
    before, after = next((b, a) for v, b, a in TRANSITIONS.rows() if v == verb)
    async with making(engine) as m:
        need = await m.need(state=before, urgency="u1")
        approver = await m.account(role=Role.GOV_APPROVER)
        row_id = need.lines[0].id if verb == "change_quantity" else need.id
        row = await do(engine, approver, deed, row_id, expected_version=1, **given)
        assert (row.state, row.version) == (after, 2)
        found = await m.session.execute(select(Event).where(Event.object_id == need.id))
        event = found.scalar_one()
        assert (event.kind, event.object_version) == (EVENTS[verb], 2)
        assert (event.actor_id, event.object_type) == (approver.id, "need")
        line = await m.session.execute(
            select(NeedLine.published).where(NeedLine.need_id == need.id)
        )
        assert line.scalar_one() is (after is S.PUBLISHED)


REASONED = ("return", "reject", "pause", "resume", "reopen", "cancel")


@pytest.mark.parametrize("verb", REASONED)
@pytest.mark.parametrize("reason", [None, "  "])
async def test_a_reason_is_asked_for(engine: AsyncEngine, verb: str, reason: str | None) -> None:
    async with making(engine) as m:
        need = await m.need(state=TRANSITIONS.sources(verb)[0])
        approver = await m.account(role=Role.GOV_APPROVER)
        before = await snapshot(engine, need.id)
        with pytest.raises(Invalid) as refused:
            await do(engine, approver, VERBS[verb][0], need.id, expected_version=1, reason=reason)
        assert refused.value.field == "reason"
        assert await snapshot(engine, need.id) == before


# --- Verification ---


async def test_who_recorded_a_need_does_not_verify_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        lead = await m.account(role=Role.STATION_LEAD)
        need = await m.need(state=S.SUBMITTED, created_by=lead.id)
        before = await snapshot(engine, need.id)
        for verb in ("verify", "return", "reject"):
            with pytest.raises(Forbidden):
                await do(
                    engine, lead, VERBS[verb][0], need.id, expected_version=1, **VERBS[verb][1]
                )
        assert await snapshot(engine, need.id) == before


async def test_verification_rests_on_evidence(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        lead = await m.account(role=Role.STATION_LEAD)
        need = await m.need(state=S.SUBMITTED, reviewed=False)
        before = await snapshot(engine, need.id)
        for given in ({"evidence": " "}, {"evidence": "visit", "approval_cap_fen": -1}):
            with pytest.raises(Invalid):
                await do(engine, lead, operations.verify_need, need.id, expected_version=1, **given)
        assert await snapshot(engine, need.id) == before
        row = await do(
            engine,
            lead,
            operations.verify_need,
            need.id,
            expected_version=1,
            evidence="home visit of 3 May",
            approval_cap_fen=50_000,
        )
        assert (row.evidence, row.verified_by, row.approval_cap_fen, row.reviewed) == (
            "home visit of 3 May",
            lead.id,
            50_000,
            True,
        )


# --- Quantities ---

COUNTERS = ("reserved", "committed", "delivered", "confirmed")


@pytest.mark.parametrize("counter", COUNTERS)
async def test_a_quantity_never_drops_below_what_is_bound(
    engine: AsyncEngine, counter: str
) -> None:
    async with making(engine) as m:
        need = await m.need(lines=[{counter: Decimal(4)}])
        approver = await m.account(role=Role.GOV_APPROVER)
        line = need.lines[0].id
        before = await snapshot(engine, need.id)

        async def change(quantity: Any, version: int) -> Need:
            deed = operations.change_quantity
            row: Need = await do(
                engine, approver, deed, line, expected_version=version, quantity=quantity
            )
            return row

        with pytest.raises(GuardFailed) as refused:
            await change(Decimal("3.999"), 1)
        assert refused.value.details["rule"] == "INV-06"
        assert Decimal(str(refused.value.details["minimum"])) == 4
        with pytest.raises(Invalid):
            await change(Decimal(0), 1)
        assert await snapshot(engine, need.id) == before
        assert (await change(Decimal(4), 1)).version == 2
        assert (await change(None, 2)).version == 3


async def test_a_booking_at_this_moment_is_seen_by_the_guard(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    """The line is booked between the reading of the need and the change: the UPDATE sees it."""
    async with making(engine) as m:
        need = await m.need()
        approver = await m.account(role=Role.GOV_APPROVER)
    line = need.lines[0].id

    async def change_after_a_booking(act: Act) -> None:
        await act.session.get_one(NeedLine, line)
        async with owner_engine.begin() as connection:
            await connection.execute(
                text("UPDATE need_line SET reserved = 8 WHERE id = :id"), {"id": line}
            )
        await operations.change_quantity(act, line, expected_version=1, quantity=Decimal(5))

    with pytest.raises(GuardFailed):
        await do(engine, approver, change_after_a_booking)
    async with acting(engine, approver) as act:
        kept = await act.session.get_one(NeedLine, line)
        assert (kept.quantity_required, kept.reserved) == (Decimal(10), Decimal(8))


# --- The end ---


async def close(engine: AsyncEngine, who: Any, need: Need, reason: CloseReason) -> Need:
    return await do(  # type: ignore[no-any-return]
        engine, who, operations.close_need, need.id, expected_version=1, close_reason=reason
    )


async def test_met_is_refused_with_the_line_named(engine: AsyncEngine) -> None:
    """Scenario 13."""
    async with making(engine) as m:
        done = {"confirmed": Decimal(10)}
        short = {"item": "棉被", "unit": "C62", "confirmed": Decimal(4), "delivered": Decimal(6)}
        need = await m.need(lines=[done, short])
        clerk = await m.account(role=Role.GOV_CLERK)
        before = await snapshot(engine, need.id)
        with pytest.raises(GuardFailed) as refused:
            await close(engine, clerk, need, CloseReason.MET)
        assert refused.value.details["rule"] == "INV-05"
        assert refused.value.details["lines"] == ["2"]
        assert "line 2 (棉被): 4 of 10 C62 confirmed" in refused.value.message
        assert await snapshot(engine, need.id) == before


@pytest.mark.parametrize("counter", ["reserved", "committed"])
async def test_what_is_under_way_is_released_before_closing_or_cancelling(
    engine: AsyncEngine, counter: str
) -> None:
    async with making(engine) as m:
        need = await m.need(lines=[{counter: Decimal(1)}])
        clerk = await m.account(role=Role.GOV_CLERK)
        before = await snapshot(engine, need.id)
        with pytest.raises(GuardFailed, match="Release or deliver"):
            await close(engine, clerk, need, CloseReason.PARTLY_MET)
        with pytest.raises(GuardFailed, match="Release or deliver"):
            await do(
                engine, clerk, operations.cancel_need, need.id, expected_version=1, reason="double"
            )
        assert await snapshot(engine, need.id) == before


@pytest.mark.parametrize("counter", ["delivered", "confirmed"])
async def test_what_was_helped_is_closed_not_cancelled(engine: AsyncEngine, counter: str) -> None:
    async with making(engine) as m:
        need = await m.need(lines=[{counter: Decimal(1)}])
        clerk = await m.account(role=Role.GOV_CLERK)
        before = await snapshot(engine, need.id)
        with pytest.raises(GuardFailed):
            await do(
                engine, clerk, operations.cancel_need, need.id, expected_version=1, reason="double"
            )
        assert await snapshot(engine, need.id) == before
        row = await close(engine, clerk, need, CloseReason.PARTLY_MET)
        assert (row.close_reason, row.closed_at is not None) == (CloseReason.PARTLY_MET, True)


async def test_a_second_person_closes_what_is_not_confirmed(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.account(role=Role.STATION_LEAD)
        need = await m.need(owner_id=owner.id)
        before = await snapshot(engine, need.id)
        with pytest.raises(GuardFailed) as refused:
            await close(engine, owner, need, CloseReason.EXPIRED_UNMET)
        assert refused.value.details["rule"] == "INV-18"
        assert await snapshot(engine, need.id) == before
        other = await m.account(role=Role.STATION_LEAD)
        row = await close(engine, other, need, CloseReason.EXPIRED_UNMET)
        assert row.state is S.CLOSED


async def test_a_need_reopens_within_ninety_days_to_be_published_anew(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.CLOSED)
        clerk = await m.account(role=Role.GOV_CLERK)
        before = await snapshot(engine, need.id)
        late = now() + timedelta(days=91)
        given: dict[str, Any] = {"expected_version": 1, "reason": "needed again"}
        with pytest.raises(GuardFailed):
            await do(engine, clerk, operations.reopen_need, need.id, at=late, **given)
        assert await snapshot(engine, need.id) == before
        row = await do(engine, clerk, operations.reopen_need, need.id, **given)
        assert (row.state, row.close_reason, row.closed_at) == (S.VERIFIED, None, None)


# --- Imports ---


async def released(engine: AsyncEngine, who: Any, need: Need, **given: Any) -> Need:
    told = {"title": "口罩", "summary": "医院需要口罩。", "evidence": "the source's review"}
    return await do(engine, who, operations.release_imported, need, **told | given)  # type: ignore[no-any-return]


async def test_a_reviewed_import_is_released_by_who_runs_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        admin = await m.account(role=Role.PLATFORM_ADMIN, area_code="CN")
        need = await m.need(state=S.DRAFT, group_name="城东医院")
        row = await released(engine, admin, need)
        assert (row.state, row.verified_by, row.released_by) == (S.PUBLISHED, admin.id, admin.id)
        assert row.public_title == "口罩"
        kinds = await m.session.execute(
            select(Event.kind).where(Event.object_id == need.id).order_by(Event.position)
        )
        assert list(kinds.scalars()) == ["need.submitted", "need.verified", "need.published"]


async def test_an_import_is_not_released_unreviewed_or_by_its_creator_or_by_nobody(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        admin = await m.account(role=Role.PLATFORM_ADMIN, area_code="CN")
        clerk = await m.account(role=Role.GOV_CLERK)
        charity = await m.account(role=Role.CHARITY_CLIENT)
        plain = await m.need(state=S.DRAFT, group_name="城东医院")
        unreviewed = await m.need(state=S.DRAFT, group_name="城东医院", reviewed=False)
        own = await m.need(state=S.DRAFT, group_name="城东医院", created_by=admin.id)
        nobody = Actor(Role.SYSTEM, NOBODY, NOBODY, "", now())
        cases: list[tuple[Any, Need, type[Exception], dict[str, Any]]] = [
            (clerk, unreviewed, GuardFailed, {}),
            (admin, own, GuardFailed, {}),
            (admin, own, GuardFailed, {"voucher_id": clerk.id}),
            (nobody, plain, GuardFailed, {}),
            (charity, plain, NotFound, {}),
            (clerk, plain, GuardFailed, {"summary": "电话13800138000"}),
            (clerk, plain, Invalid, {"evidence": ""}),
        ]
        for who, need, refusal, given in cases:
            before = await snapshot(engine, need.id)
            with pytest.raises(refusal):
                await released(engine, who, need, **given)
            assert await snapshot(engine, need.id) == before
        row = await released(engine, nobody, plain, voucher_id=clerk.id)
        assert row.released_by == clerk.id


async def test_what_a_newer_snapshot_lacks_is_paused_and_comes_back(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        admin = await m.account(role=Role.PLATFORM_ADMIN, area_code="CN")
        need = await m.need(group_name="城东医院")
        assert await do(engine, admin, operations.withdraw_imported, need) is True
        assert await do(engine, admin, operations.withdraw_imported, need) is False
        assert await do(engine, admin, operations.restore_imported, need) is True
        assert await do(engine, admin, operations.restore_imported, need) is False
        paused = await m.need(state=S.PAUSED, group_name="城东医院", state_reason="flood")
        assert await do(engine, admin, operations.restore_imported, paused) is False


# --- Clocks ---


async def test_what_is_past_its_period_is_paused(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(publish_until=today() + timedelta(days=3))
        approver = await m.account(role=Role.GOV_APPROVER)

        async def strike(act: Act) -> int:
            return await operations.pause_expired_needs(act.session, act.now)

        early, late = (now() + timedelta(days=days) for days in (2, 3))
        assert await do(engine, approver, strike, at=early) == 0
        assert await do(engine, approver, strike, at=late) == 1
        assert await do(engine, approver, strike, at=late) == 0
        row = await m.session.get_one(Need, need.id, populate_existing=True)
        assert (row.state, row.state_reason) == (
            S.PAUSED,
            "the period of publication is over",
        )
