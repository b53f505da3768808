"""Reports of hardship: every state, verb and role; clocks, tickets, duplicates, transfers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import EVERYWHERE, NOBODY, SHANGHAI, Act, Actor, Role, anonymous
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, VersionConflict
from nexus.discovery import model, operations, policy, rules
from nexus.discovery.intake.operations import (
    TicketElsewhere,
    Told,
    create_report,
    find_similar,
    record_ticket,
)
from nexus.discovery.model import CustodyKind, CustodyStep, HotlineReply, ReportState
from nexus.discovery.rules import TransferOpen, check_ticket
from nexus.discovery.transfers import operations as transfers
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import Maker, making, now

S = ReportState
TOWN, NEXT, FAR = "440103001", "440103002", "440304001"
TOLD = Told(source="committee", area_code=TOWN, situation="独居老人,三天未出门")
Deed = Callable[[Act, Any], Awaitable[Any]]


def plain(deed: Any, **given: Any) -> Deed:
    async def run(act: Act, row: Any) -> Any:
        return await deed(act, row.id, expected_version=row.version, **given)

    return run


class World:
    """The people of a town, and one original report that others may be duplicates of."""

    lead: Account
    coordinator: Account
    worker: Account
    far_lead: Account
    original: model.DiscoveryReport


@pytest.fixture(scope="module")
async def world(engine: AsyncEngine) -> World:
    made = World()
    async with making(engine) as m:
        made.lead = await m.account(Role.STATION_LEAD, area_code=TOWN)
        made.coordinator = await m.account(Role.GOV_COORDINATOR, area_code="440103")
        made.worker = await m.account(Role.SOCIAL_WORKER, area_code=TOWN)
        made.far_lead = await m.account(Role.STATION_LEAD, area_code=FAR)
        made.original = await m.report()
    return made


def deeds(world: World) -> dict[str, Deed]:
    """One deed for each verb."""

    async def convert(act: Act, row: Any) -> Any:
        return await operations.convert_report(act, row.id)

    return {
        "triage": plain(operations.triage_report, owner_id=world.worker.id),
        "assign": plain(operations.assign_report, worker_id=world.worker.id),
        "contact": plain(operations.record_first_contact),
        "flag_danger": plain(operations.flag_danger),
        "verify": plain(operations.verify_report, visited_at=now(), findings="属实"),
        "convert": convert,
        "dismiss": plain(operations.dismiss_report, reason="情况已变化"),
        "close": plain(operations.close_report, reason="已当场解决"),
        "mark_duplicate": plain(operations.mark_duplicate, original_id=world.original.id),
        "offer_transfer": plain(transfers.offer_transfer, area_code=FAR, reason="住在该镇"),
        "refuse_transfer": plain(transfers.refuse_transfer, reason="不在本镇"),
        "recall_transfer": plain(transfers.recall_transfer),
        "take_over": plain(transfers.take_over_report),
    }


ANSWERS = ("refuse_transfer", "recall_transfer", "take_over")
"""Verbs that a transfer must be open for."""
RECEIVES = ("refuse_transfer", "take_over")
ALLOWED: dict[str, frozenset[Role]] = {
    "triage": policy.TRIAGERS,
    "assign": policy.TRIAGERS,
    "contact": policy.HANDLERS,
    "flag_danger": policy.HANDLERS,
    "verify": policy.VISITORS,
    "convert": policy.HANDLERS | {Role.SYSTEM},
    "dismiss": policy.TRIAGERS,
    "close": policy.HANDLERS,
    "mark_duplicate": policy.TRIAGERS,
    "offer_transfer": policy.HANDLERS,
    "refuse_transfer": policy.TRIAGERS,
    "recall_transfer": policy.HANDLERS,
    "take_over": policy.TRIAGERS,
}
"""Who may, if the report is theirs: who owns it, where owning it counts."""
SEES = policy.HANDLERS | {Role.SUPERVISOR, Role.AUDITOR, Role.DPO, Role.SYSTEM, Role.PLATFORM_ADMIN}


def _unowned(verb: str) -> frozenset[Role]:
    """Who may of those listed while nobody owns it."""
    owned = {"verify": frozenset[Role]()} | dict.fromkeys(
        ("close", "offer_transfer", "recall_transfer"), policy.TRIAGERS
    )
    return owned.get(verb, ALLOWED[verb])


def test_every_verb_is_tried(world: World) -> None:
    assert set(deeds(world)) == set(ALLOWED) == set(model.TRANSITIONS.moves)


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(session: AsyncSession, actor: Actor, row: Any, deed: Deed) -> str:
    """The state after the deed, or the code of the refusal; nothing stays done."""
    try:
        async with session.begin_nested():
            done = await deed(Act(session, actor), row)
            await session.flush()
            raise UndoneError(done.state.value)
    except UndoneError as undone:
        return str(undone)
    except Refusal as refusal:
        return refusal.code


async def _made(m: Maker, state: ReportState, verb: str, owner_id: Any) -> model.DiscoveryReport:
    """A report in the state; offered where the verb answers an offer and the state can be."""
    more: dict[str, Any] = {}
    if state is not S.RECEIVED:
        more["owner_id"] = owner_id
    if verb in ANSWERS and state in model.OWNED:
        more["offered_area_code"] = FAR
    return await m.report(state, **more)


def _expected(verb: str, state: ReportState, role: Role, row: Any, here: str) -> str:
    """The state after the verb, or why not."""
    offered = row.offered_area_code == here and role in policy.HANDLERS
    if role not in SEES or not (here == TOWN or offered or role in EVERYWHERE):
        return "NOT_FOUND"
    if role not in ALLOWED[verb] or (state is S.RECEIVED and role not in _unowned(verb)):
        return "FORBIDDEN"
    return model.TRANSITIONS.moves[verb].get(state, "WRONG_STATE")


@pytest.mark.parametrize("verb", ALLOWED)
async def test_every_state_verb_and_role(engine: AsyncEngine, world: World, verb: str) -> None:
    """Of all roles those listed, there alone, and of all ways the listed ones alone."""
    deed = deeds(world)[verb]
    here = FAR if verb in RECEIVES else TOWN
    for state in ReportState:
        async with making(engine) as m:
            row = await _made(m, state, verb, world.worker.id)
        async with acting(engine, world.worker) as act:
            for role in Role:
                actor = Actor(role, world.worker.id, new_id(), here, now())
                expected = _expected(verb, state, role, row, here)
                found = await tried(act.session, actor, row, deed)
                assert found == expected, (verb, state, role)
                if role in SEES - EVERYWHERE and here == TOWN and row.offered_area_code is None:
                    elsewhere = Actor(role, new_id(), new_id(), "4403", now())
                    assert await tried(act.session, elsewhere, row, deed) == "NOT_FOUND"
        fresh = await reread(engine, row)
        assert (fresh.state, fresh.version) == (state, 1)
    async with AsyncSession(engine) as session:
        assert await session.scalar(select(Event.id).where(Event.object_id == row.id)) is None


# --- Who tells, who sees ---


async def test_anyone_signed_in_may_tell_and_follow_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(Role.VOLUNTEER, area_code=TOWN)
        other = await m.account(Role.VOLUNTEER, area_code=TOWN)
    for role in Role:
        if role in (Role.ANONYMOUS, Role.SYSTEM):
            continue
        actor = Actor(role, account.id, NOBODY, "-", now())
        async with acting(engine, actor) as act:
            row = await create_report(act, TOLD)
        assert (row.state, row.custody_area_code) == (S.RECEIVED, TOWN)
        assert await events_of(engine, row) == ["discovery.received"]
    for who, sees in ((account, True), (other, False)):
        async with acting(engine, who) as act:
            found = await act.session.scalar(
                select(model.DiscoveryReport.id).where(
                    model.DiscoveryReport.id == row.id,
                    policy.visible(act.actor, model.DiscoveryReport),
                )
            )
        assert (found is not None) is sees
    before = await count_of(engine, model.DiscoveryReport)
    with pytest.raises(Forbidden):
        async with acting(engine, anonymous(now())) as act:
            await create_report(act, TOLD)
    assert await count_of(engine, model.DiscoveryReport) == before


@pytest.mark.parametrize(
    "told",
    [
        Told("committee", TOWN, "  "),
        Told("committee", TOWN, "长" * 4001),
        Told("nobody", TOWN, "独居老人"),
        Told("committee", "没有这个地方", "独居老人"),
        Told("committee", TOWN, "独居老人", received_at=now() + timedelta(hours=1)),
        Told("committee", TOWN, "独居老人", received_at=now() - timedelta(days=400)),
        Told("committee", TOWN, "独居老人", reporter_phone="12"),
        Told("committee", TOWN, "独居老人", household_id=new_id()),
    ],
)
async def test_what_makes_no_sense_is_not_taken(
    engine: AsyncEngine, world: World, told: Told
) -> None:
    before = await count_of(engine, model.DiscoveryReport)
    with pytest.raises(Refusal):
        async with acting(engine, world.lead) as act:
            await create_report(act, told)
    assert await count_of(engine, model.DiscoveryReport) == before


async def test_a_volunteer_names_no_household(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        volunteer = await m.account(Role.VOLUNTEER, area_code=TOWN)
        household = await m.household(area_code=TOWN)
    with pytest.raises(Forbidden):
        async with acting(engine, volunteer) as act:
            await create_report(act, Told("volunteer", TOWN, "独居", household_id=household.id))


# --- Owner, versions, two at once ---


@pytest.mark.parametrize("state", [state for state in S if state is not S.RECEIVED])
async def test_the_database_knows_that_it_has_an_owner(
    engine: AsyncEngine, state: ReportState
) -> None:
    async with making(engine) as m:
        row = await m.report(state)
    with pytest.raises(IntegrityError, match="inv_20_owner"):
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(
                update(model.DiscoveryReport)
                .where(model.DiscoveryReport.id == row.id)
                .values(owner_id=None)
            )


async def test_the_owner_is_of_the_area(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        row = await m.report()
        charity = await m.account(Role.CHARITY_USER, area_code=TOWN)
    for owner in (world.far_lead.id, charity.id, new_id()):
        with pytest.raises((Invalid, NotFound)):
            async with acting(engine, world.lead) as act:
                await operations.triage_report(act, row.id, expected_version=1, owner_id=owner)
    assert (await reread(engine, row)).state is S.RECEIVED


async def test_two_who_triage_at_once(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        row = await m.report()

    async def triage(who: Account) -> Any:
        async with acting(engine, who) as act:
            return await operations.triage_report(act, row.id, expected_version=1)

    found = await asyncio.gather(
        triage(world.lead), triage(world.coordinator), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in found) == ["DiscoveryReport", "VersionConflict"]
    assert (await reread(engine, row)).version == 2
    assert VersionConflict.code == "VERSION_CONFLICT"


async def test_who_verified_it_does_not_dismiss_it(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        row = await m.report(S.VERIFIED, verified_by=world.lead.id)
    with pytest.raises(Forbidden):
        async with acting(engine, world.lead) as act:
            await operations.dismiss_report(act, row.id, expected_version=1, reason="不属实")
    assert (await reread(engine, row)).state is S.VERIFIED


async def test_a_reason_names_nobody(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        row = await m.report(S.VERIFIED)
    with pytest.raises(Invalid) as refused:
        async with acting(engine, world.lead) as act:
            await operations.close_report(
                act, row.id, expected_version=1, reason="电话13800138000已处理"
            )
    assert "13800138000" not in refused.value.message
    assert (await reread(engine, row)).state is S.VERIFIED


# --- Clocks ---

FRIDAY = datetime(2026, 3, 6, 17, 0, tzinfo=SHANGHAI)


async def test_the_clocks_run_from_the_receipt(engine: AsyncEngine, world: World) -> None:
    actor = actor_of(world.lead, FRIDAY)
    async with acting(engine, actor) as act:
        row = await create_report(act, TOLD)
        urgent = await create_report(act, Told("committee", TOWN, "有危险", danger=True))
    assert row.contact_due_at == FRIDAY + timedelta(hours=24)
    # Three working days after Friday: the end of Wednesday.
    assert row.verify_due_at == datetime(2026, 3, 12, tzinfo=SHANGHAI)
    assert urgent.contact_due_at == FRIDAY
    assert row.clock_rules == [
        "discovery_contact_hours@CN/2020-01-01",
        "discovery_verified_working_days@CN/2020-01-01",
    ]


async def _overdue(engine: AsyncEngine, row: Any) -> list[str]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Event.facts["clock"].astext)
            .where(Event.object_id == row.id, Event.kind == "discovery.overdue")
            .order_by(Event.position)
        )
        return list(found)


async def _strike(engine: AsyncEngine, moment: datetime) -> int:
    async with AsyncSession(engine) as session, session.begin():
        return await operations.tell_overdue_reports(session, moment)


async def test_what_is_late_is_told_once(engine: AsyncEngine, world: World) -> None:
    async with acting(engine, actor_of(world.lead, FRIDAY)) as act:
        row = await create_report(act, TOLD)
        met = await create_report(act, TOLD)
        urgent = await create_report(act, Told("committee", TOWN, "有危险", danger=True))
        await operations.record_first_contact(act, met.id, expected_version=1)
    await _strike(engine, FRIDAY + timedelta(minutes=1))
    assert (await _overdue(engine, row), await _overdue(engine, urgent)) == ([], ["contact"])
    for _ in range(2):
        await _strike(engine, FRIDAY + timedelta(hours=24))
    assert await _overdue(engine, row) == ["contact"]
    for _ in range(2):
        await _strike(engine, FRIDAY + timedelta(days=7))
    assert await _overdue(engine, row) == ["contact", "verify"]
    assert await _overdue(engine, met) == ["verify"]
    assert await _overdue(engine, urgent) == ["contact", "verify"]


async def test_danger_that_is_seen_later_is_due_at_once(engine: AsyncEngine, world: World) -> None:
    async with acting(engine, actor_of(world.lead, FRIDAY)) as act:
        row = await create_report(act, TOLD)
    later = FRIDAY + timedelta(hours=2)
    async with acting(engine, actor_of(world.worker, later)) as act:
        await operations.flag_danger(act, row.id, expected_version=1)
    await _strike(engine, later)
    assert await _overdue(engine, row) == ["contact"]
    with pytest.raises(GuardFailed):
        async with acting(engine, actor_of(world.worker, later)) as act:
            await operations.flag_danger(act, row.id, expected_version=2)


# --- Tickets ---

TICKET = Told("12345", TOWN, "来电反映独居老人生活困难")


async def _replies(engine: AsyncEngine, row: Any) -> list[str]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(HotlineReply.code)
            .where(HotlineReply.report_id == row.id)
            .order_by(HotlineReply.position)
        )
        return list(found)


async def test_a_ticket_twice_is_one_report(engine: AsyncEngine, world: World) -> None:
    async with acting(engine, world.lead) as act:
        first = await record_ticket(act, TICKET, check_ticket("12345", "gz 2026-001"))
    async with acting(engine, world.coordinator) as act:
        again = await record_ticket(act, TICKET, check_ticket("12345", "GZ2026-００1"))
    assert again.id == first.id
    assert (first.ticket_system, first.ticket_no) == ("12345", "GZ2026-001")
    assert await events_of(engine, first) == ["discovery.received", "discovery.replied"]
    async with acting(engine, world.lead) as act:
        other = await record_ticket(act, TICKET, check_ticket("12349", "GZ2026-001"))
    assert other.id != first.id


async def test_a_ticket_twice_at_once(engine: AsyncEngine, world: World) -> None:
    async def bring() -> Any:
        async with acting(engine, world.lead) as act:
            return (await record_ticket(act, TICKET, check_ticket("12345", "ATONCE-1"))).id

    found = await asyncio.gather(*(bring() for _ in range(5)))
    assert len(set(found)) == 1


async def test_a_ticket_that_another_area_has(engine: AsyncEngine, world: World) -> None:
    async with acting(engine, world.lead) as act:
        row = await record_ticket(act, TICKET, check_ticket("12345", "ELSEWHERE-1"))
    with pytest.raises(TicketElsewhere) as refused:
        async with acting(engine, world.far_lead) as act:
            await record_ticket(act, TICKET, check_ticket("12345", "ELSEWHERE-1"))
    assert row.no not in refused.value.message
    assert str(row.id) not in str(refused.value.as_dict())


@pytest.mark.parametrize("role", [Role.VOLUNTEER, Role.CHARITY_CLIENT, Role.AIDE, Role.RECIPIENT])
async def test_who_may_not_bring_tickets(engine: AsyncEngine, role: Role) -> None:
    with pytest.raises(Forbidden):
        async with acting(engine, Actor(role, new_id(), NOBODY, TOWN, now())) as act:
            await record_ticket(act, TICKET, check_ticket("12345", "SQUAT-1"))


@pytest.mark.parametrize("number", ["", "编号1", "a b;c", "x" * 65])
def test_a_ticket_number_is_a_number(number: str) -> None:
    with pytest.raises(Invalid):
        check_ticket("12345", number)


async def test_every_change_of_a_ticket_is_replied(engine: AsyncEngine, world: World) -> None:
    async with acting(engine, world.lead) as act:
        row = await record_ticket(act, TICKET, check_ticket("12345", "REPLIED-1"))
        twin = await record_ticket(act, TICKET, check_ticket("12349", "REPLIED-2"))
        await operations.mark_duplicate(act, twin.id, expected_version=1, original_id=row.id)
        await operations.triage_report(act, row.id, expected_version=1)
        await operations.assign_report(act, row.id, expected_version=2, worker_id=world.worker.id)
    async with acting(engine, world.worker) as act:
        await operations.record_first_contact(act, row.id, expected_version=3)
        await operations.verify_report(
            act, row.id, expected_version=4, visited_at=act.now, findings="属实"
        )
    async with acting(engine, world.lead) as act:
        await operations.close_report(act, row.id, expected_version=5, reason="已当场解决")
    steps = ["ACCEPTED", "ASSIGNED", "CONTACTED", "VISITED", "SETTLED"]
    assert await _replies(engine, row) == ["RECEIVED", *steps]
    assert await _replies(engine, twin) == ["RECEIVED", "DUPLICATE", *steps]
    async with AsyncSession(engine) as session:
        told = await session.scalars(
            select(Event.facts).where(Event.object_id == row.id, Event.kind == "discovery.replied")
        )
        facts = list(told)
    assert [one["code"] for one in facts] == ["RECEIVED", *steps]
    assert {(one["ticket_system"], one["ticket_no"]) for one in facts} == {("12345", "REPLIED-1")}


# --- Duplicates ---


async def test_what_is_similar_is_found(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        household = await m.household(area_code=NEXT)
    both = Told("grid", NEXT, "独居", reporter_phone="13900139000", household_id=household.id)
    async with acting(engine, world.coordinator) as act:
        first = await create_report(act, both)
        second = await create_report(
            act, Told("grid", NEXT, "独居", reporter_phone="139 0013 9000")
        )
    async with acting(engine, world.coordinator) as act:
        found = await find_similar(act, household_id=household.id, phone="13900139000")
        assert [(one.report_id, one.score, one.reasons) for one in found] == [
            (first.id, 90, ["household", "phone"]),
            (second.id, 30, ["phone"]),
        ]
    assert "discovery.found_by_phone" in await events_of(engine, second)
    async with acting(engine, world.far_lead) as act:
        assert await find_similar(act, phone="13900139000") == []
    with pytest.raises(Forbidden):
        async with acting(engine, Actor(Role.VOLUNTEER, new_id(), NOBODY, NEXT, now())) as act:
            await find_similar(act, phone="13900139000")
    with pytest.raises(Invalid):
        async with acting(engine, world.lead) as act:
            await find_similar(act)


async def test_a_household_that_was_merged_is_the_one_it_was_merged_into(
    engine: AsyncEngine, world: World
) -> None:
    async with making(engine) as m:
        stays = await m.household(area_code=NEXT)
        went = await m.household(area_code=NEXT, merged_into_id=stays.id, merged_at=now())
        first = await m.report(area_code=NEXT, household_id=went.id)
        second = await m.report(area_code=TOWN, household_id=stays.id)
    for wanted in (stays, went):
        async with acting(engine, world.coordinator) as act:
            found = await find_similar(act, household_id=wanted.id)
        assert {one.report_id for one in found} == {first.id, second.id}


async def test_duplicates_form_no_chain(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        first, second, third = [await m.report() for _ in range(3)]

    async def mark(row: Any, original: Any) -> None:
        async with acting(engine, world.lead) as act:
            await operations.mark_duplicate(
                act, row.id, expected_version=1, original_id=original.id
            )

    with pytest.raises(Invalid):
        await mark(first, first)
    await mark(second, first)
    with pytest.raises(GuardFailed):
        await mark(third, second)
    with pytest.raises(GuardFailed):
        await mark(first, third)
    assert (await reread(engine, first)).state is S.RECEIVED
    assert (await reread(engine, third)).state is S.RECEIVED


async def test_two_reports_are_not_duplicates_of_each_other(
    engine: AsyncEngine, world: World
) -> None:
    async with making(engine) as m:
        pair = [await m.report(), await m.report()]

    async def mark(row: Any, original: Any) -> Any:
        async with acting(engine, world.lead) as act:
            return await operations.mark_duplicate(
                act, row.id, expected_version=1, original_id=original.id
            )

    found = await asyncio.gather(mark(*pair), mark(*reversed(pair)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["DiscoveryReport", "GuardFailed"]


# --- Transfers ---


async def _trail(engine: AsyncEngine, row: Any) -> list[tuple[Any, ...]]:
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(
                CustodyStep.kind,
                CustodyStep.from_area_code,
                CustodyStep.to_area_code,
                CustodyStep.owner_id,
            )
            .where(CustodyStep.report_id == row.id)
            .order_by(CustodyStep.position)
        )
        return [tuple(one) for one in found]


@pytest.mark.parametrize(("state", "after"), [(S.ASSIGNED, S.TRIAGED), (S.VERIFIED, S.TRANSFERRED)])
async def test_a_transfer(
    engine: AsyncEngine, world: World, state: ReportState, after: ReportState
) -> None:
    async with making(engine) as m:
        row = await m.report(
            state,
            owner_id=world.worker.id,
            ticket_system="12345",
            ticket_type="ticket",
            ticket_no=f"MOVED-{state.value}".upper(),
        )
    async with acting(engine, world.worker) as act:
        offered = await transfers.offer_transfer(
            act, row.id, expected_version=1, area_code=FAR, reason="现住该街道"
        )
    assert (offered.owner_id, offered.custody_area_code) == (world.worker.id, TOWN)
    with pytest.raises(TransferOpen):
        async with acting(engine, world.lead) as act:
            await transfers.offer_transfer(
                act, row.id, expected_version=2, area_code=NEXT, reason="现住该街道"
            )
    receiver = actor_of(world.far_lead)
    assert policy.may_read_text(receiver, offered) is False
    async with acting(engine, world.far_lead) as act:
        taken = await transfers.take_over_report(act, row.id, expected_version=2)
    assert (taken.state, taken.owner_id, taken.custody_area_code) == (
        after,
        world.far_lead.id,
        FAR,
    )
    assert policy.may_read_text(receiver, taken) is True
    assert policy.may_read_text(actor_of(world.worker), taken) is False
    assert await _trail(engine, row) == [
        (CustodyKind.OFFERED, TOWN, FAR, world.worker.id),
        (CustodyKind.TAKEN_OVER, TOWN, FAR, world.far_lead.id),
    ]
    assert await _replies(engine, row) == ["TRANSFERRED"]


async def test_a_transfer_that_is_refused_stays(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        row = await m.report(S.VERIFIED, owner_id=world.worker.id)
    async with acting(engine, world.worker) as act:
        await transfers.offer_transfer(
            act, row.id, expected_version=1, area_code=FAR, reason="现住该街道"
        )
    with pytest.raises(TransferOpen):
        async with acting(engine, world.lead) as act:
            await operations.close_report(act, row.id, expected_version=2, reason="已解决")
    with pytest.raises(Invalid):
        async with acting(engine, world.far_lead) as act:
            await transfers.refuse_transfer(act, row.id, expected_version=2)
    async with acting(engine, world.far_lead) as act:
        await transfers.refuse_transfer(act, row.id, expected_version=2, reason="查无此人")
    fresh = await reread(engine, row)
    assert (fresh.state, fresh.owner_id, fresh.offered_area_code) == (
        S.VERIFIED,
        world.worker.id,
        None,
    )
    with pytest.raises(NotFound):
        async with acting(engine, world.far_lead) as act:
            await transfers.take_over_report(act, row.id, expected_version=3)
    assert [one[0] for one in await _trail(engine, row)] == [
        CustodyKind.OFFERED,
        CustodyKind.REFUSED,
    ]


async def test_two_answers_at_once(engine: AsyncEngine, world: World) -> None:
    async with making(engine) as m:
        row = await m.report(S.TRIAGED, owner_id=world.worker.id, offered_area_code=FAR)

    async def recall() -> Any:
        async with acting(engine, world.worker) as act:
            return await transfers.recall_transfer(act, row.id, expected_version=1)

    async def take() -> Any:
        async with acting(engine, world.far_lead) as act:
            return await transfers.take_over_report(act, row.id, expected_version=1)

    found = await asyncio.gather(recall(), take(), return_exceptions=True)
    assert sum(isinstance(one, Refusal) for one in found) == 1
    assert len(await _trail(engine, row)) == 1


@pytest.mark.parametrize("area", [TOWN, "44", "CN"])
async def test_where_nobody_can_take_it(engine: AsyncEngine, world: World, area: str) -> None:
    async with making(engine) as m:
        row = await m.report(S.TRIAGED, owner_id=world.worker.id)
    with pytest.raises(Invalid):
        async with acting(engine, world.worker) as act:
            await transfers.offer_transfer(
                act, row.id, expected_version=1, area_code=area, reason="现住该处"
            )
    assert (await reread(engine, row)).offered_area_code is None


def test_refusals_have_codes() -> None:
    assert TransferOpen.code == "TRANSFER_OPEN"
    assert TicketElsewhere.code == "TICKET_ELSEWHERE"
    assert rules.AlreadyToldMissing.code == "NOTICE_GIVEN"
