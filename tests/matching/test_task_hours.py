"""Tasks on pledges: every effective minute is delivered once, and what ends is taken back."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as told
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.schema  # noqa: F401
from nexus.acting import Act, Role, system
from nexus.core.refusals import Forbidden, GuardFailed, NotFound, Refusal
from nexus.graph.identifiers import encode
from nexus.matching.deliveries.operations import acknowledge_delivery
from nexus.matching.pledges.model import Acknowledgement, Delivery, DeliveryState
from nexus.matching.pledges.operations import accept_pledge, offer_pledge
from nexus.matching.tasks import operations, rules
from nexus.matching.tasks.model import HoursBooking, TaskLink
from nexus.organizations.model import Organization
from nexus.volunteering.hours.reviews import operations as reviews
from tests.deeds import acting, events_of, hear_all, reread
from tests.making import Maker, making, now, today
from tests.volunteering import keeping, made

WHY = {"reason": "the list of the day says otherwise"}


class Ground:
    """A need for hours, a volunteer organization's accepted pledge, and its task of last week."""

    need: Any
    keeper: Any
    second: Any
    worker: Any
    task: Any
    pledge: Any
    own: Any
    person: Any


async def pledged(engine: AsyncEngine, need: Any, keeper: Any, worker: Any, hours: str) -> Any:
    async with acting(engine, keeper) as act:
        pledge = await offer_pledge(act, need.lines[0].id, quantity=Decimal(hours))
    async with acting(engine, worker) as act:
        return await accept_pledge(act, pledge.id, expected_version=1)


async def need_of(m: Maker, **line: Any) -> Any:
    given = {
        "kind": "hours",
        "item": "陪诊",
        "unit": "HUR",
        "quantity_required": Decimal(10),
    } | line
    return await m.need(lines=[given], category="MED", visibility="public")


async def ground_of(engine: AsyncEngine, hours: str = "3", **line: Any) -> Ground:
    found = Ground()
    async with making(engine) as m:
        found.own = await m.organization()
        found.keeper, found.second = [
            await m.account(Role.VOL_ORG, organization=found.own, area_code=None) for _ in range(2)
        ]
        found.worker = await m.account(Role.SOCIAL_WORKER, area_code="44")
        found.need = await need_of(m, **line)
        found.person = await made.volunteer(m, organization=found.own)
        found.task = await keeping.task(m, found.own, category="medical_escort")
    found.pledge = await pledged(engine, found.need, found.keeper, found.worker, hours)
    return found


async def linked(engine: AsyncEngine, ground: Ground, **given: Any) -> TaskLink:
    async with acting(engine, ground.keeper) as act:
        return await operations.link_task(
            act, ground.task.id, **({"pledge_id": ground.pledge.id} | given)
        )


async def served(engine: AsyncEngine, ground: Ground, minutes: int, hour: int = 6) -> Any:
    """Recorded by one, confirmed by another, and heard."""
    begun = keeping.morning(3, hour)
    async with making(engine) as m:
        await keeping.signed_up(m, ground.task, ground.person) if hour == 6 else None
    async with acting(engine, ground.keeper) as act:
        row = await reviews.record_hours(
            act,
            ground.task.id,
            volunteer_id=ground.person.id,
            started_at=begun,
            ended_at=begun + timedelta(minutes=minutes),
            reason="from the list",
        )
    async with acting(engine, ground.second) as act:
        row = await reviews.confirm_hours(act, row.id, expected_version=1)
    await hear_all(engine)
    return row


async def bookings(engine: AsyncEngine, row: Any) -> list[tuple[int, Decimal, bool]]:
    """(minutes, quantity, delivered) in their places."""
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(HoursBooking)
            .where(HoursBooking.record_id == row.id)
            .order_by(HoursBooking.place)
        )
        return [(one.minutes, one.quantity, one.delivery_id is not None) for one in found]


async def line_of(engine: AsyncEngine, need: Any) -> tuple[Any, ...]:
    async with AsyncSession(engine) as session:
        found = await session.execute(
            text("SELECT committed, delivered, confirmed FROM need_line WHERE id = :id"),
            {"id": need.lines[0].id},
        )
        return tuple(found.one())


async def delivery_of(engine: AsyncEngine, row: Any) -> Delivery:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Delivery)
            .join(HoursBooking, HoursBooking.delivery_id == Delivery.id)
            .where(HoursBooking.record_id == row.id)
        )
        return found.one()


# Rules -------------------------------------------------------------------------------------------


@told(
    st.integers(1, 1440),
    st.lists(st.tuples(st.integers(1, 480), st.decimals(0, 30, places=3)), min_size=1, max_size=4),
)
def test_minutes_are_neither_made_nor_lost(minutes: int, owed: list[tuple[int, Decimal]]) -> None:
    parts, left = rules.shares(minutes, owed)
    assert sum(part.minutes for part in parts) + left == minutes
    for part, (minutes_a_unit, open_) in zip(parts, owed, strict=True):
        assert 0 <= part.quantity <= open_
        assert part.quantity * minutes_a_unit <= part.minutes
    if left:
        most = sum(open_ * unit for unit, open_ in owed)
        assert minutes > most - 1 - len(owed) or left * 1000 < max(unit for unit, _ in owed)


# Booking -----------------------------------------------------------------------------------------


async def test_effective_hours_arrive_at_the_need_once(engine: AsyncEngine) -> None:
    """T20a: a verified need is helped by hours that survive an audit."""
    ground = await ground_of(engine)
    link = await linked(engine, ground)
    row = await served(engine, ground, 100)
    assert await bookings(engine, row) == [(100, Decimal("1.666"), True)]
    assert await line_of(engine, ground.need) == (Decimal("1.334"), Decimal("1.666"), 0)
    delivery = await delivery_of(engine, row)
    assert delivery.evidence == {"service_record": row.no, "task_link": str(link.id)}
    assert (delivery.pledge_id, delivery.delivered_on) == (ground.pledge.id, row.day_on)

    async def again() -> int:
        async with AsyncSession(engine) as session, session.begin():
            return await operations.book_hours(Act(session, system(now())), row.id)

    assert await asyncio.gather(*(again() for _ in range(6))) == [0] * 6
    assert len(await bookings(engine, row)) == 1


async def test_two_workers_book_a_record_once(engine: AsyncEngine) -> None:
    ground = await ground_of(engine)
    row = await served(engine, ground, 60)
    await linked(engine, ground)

    async def book() -> int:
        async with AsyncSession(engine) as session, session.begin():
            return await operations.book_hours(Act(session, system(now())), row.id)

    assert sorted(await asyncio.gather(*(book() for _ in range(6)))) == [0, 0, 0, 0, 0, 1]
    assert await line_of(engine, ground.need) == (2, 1, 0)


async def test_what_was_served_before_counts_too(engine: AsyncEngine) -> None:
    ground = await ground_of(engine)
    row = await served(engine, ground, 120)
    assert await bookings(engine, row) == []
    link = await linked(engine, ground)
    await hear_all(engine)
    assert await bookings(engine, row) == [(120, Decimal(2), True)]
    assert await events_of(engine, link) == ["task_link.created"]


async def test_more_than_was_pledged_is_surplus(engine: AsyncEngine) -> None:
    """INV-01: over-delivery is a row of its own, never a delivery."""
    ground = await ground_of(engine, "1.5")
    await linked(engine, ground)
    row = await served(engine, ground, 120)
    assert await bookings(engine, row) == [(90, Decimal("1.5"), True), (30, Decimal("0.5"), False)]
    assert await line_of(engine, ground.need) == (0, Decimal("1.5"), 0)


async def test_the_next_pledge_takes_the_rest(engine: AsyncEngine) -> None:
    ground = await ground_of(engine, "1")
    await linked(engine, ground)
    async with making(engine) as m:
        other = await need_of(m)
    second = await pledged(engine, other, ground.keeper, ground.worker, "1")
    await linked(engine, ground, pledge_id=second.id)
    row = await served(engine, ground, 120)
    assert await bookings(engine, row) == [(60, Decimal(1), True), (60, Decimal(1), True)]
    assert await line_of(engine, other) == (0, 1, 0)


async def test_a_frozen_need_waits_for_the_clock(engine: AsyncEngine) -> None:
    ground = await ground_of(engine)
    await linked(engine, ground)

    async def turned(state: str) -> None:
        async with AsyncSession(engine) as session, session.begin():
            for table, change in (
                ("need", f"state = '{state}'"),
                ("need_line", f"published = {state == 'published'}"),
            ):
                key = "id" if table == "need" else "need_id"
                await session.execute(
                    text(f"UPDATE {table} SET {change} WHERE {key} = :id"), {"id": ground.need.id}
                )

    await turned("paused")
    row = await served(engine, ground, 60)
    assert await bookings(engine, row) == []
    await turned("published")
    async with AsyncSession(engine) as session, session.begin():
        assert await operations.book_due_hours(session, now()) >= 1
    assert await bookings(engine, row) == [(60, Decimal(1), True)]


async def test_revoked_hours_are_taken_back(engine: AsyncEngine) -> None:
    ground = await ground_of(engine)
    await linked(engine, ground)
    row = await served(engine, ground, 60)
    delivery = await delivery_of(engine, row)
    async with acting(engine, ground.keeper) as act:
        await reviews.revoke_hours(act, row.id, expected_version=row.version, **WHY)
    await hear_all(engine)
    back = await reread(engine, delivery)
    assert (back.state, back.state_reason) == (DeliveryState.REVERSED, "record_revoked")
    assert (await line_of(engine, ground.need))[1] == 0


async def test_what_the_recipient_confirmed_stays(engine: AsyncEngine) -> None:
    ground = await ground_of(engine)
    await linked(engine, ground)
    row = await served(engine, ground, 60)
    delivery = await delivery_of(engine, row)
    async with acting(engine, ground.worker) as act:
        await acknowledge_delivery(
            act, delivery.id, expected_version=1, method=Acknowledgement.SIGNATURE
        )
    async with acting(engine, ground.keeper) as act:
        await reviews.revoke_hours(act, row.id, expected_version=row.version, **WHY)
    await hear_all(engine)
    assert (await reread(engine, delivery)).state is DeliveryState.ACKNOWLEDGED


async def test_a_service_unit_takes_its_minutes(engine: AsyncEngine) -> None:
    ground = await ground_of(engine, "2", kind="service", unit="E48")
    await linked(engine, ground, minutes_a_unit=90)
    row = await served(engine, ground, 180)
    assert await bookings(engine, row) == [(180, Decimal(2), True)]


# Linking -----------------------------------------------------------------------------------------


async def refused(engine: AsyncEngine, account: Any, task: Any, pledge: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        async with acting(engine, account) as act:
            await operations.link_task(act, task.id, pledge_id=pledge.id)
    return caught.value


async def test_a_task_is_tied_to_a_pledge_of_its_own(engine: AsyncEngine) -> None:
    ground, other = await ground_of(engine), await ground_of(engine)
    assert isinstance(await refused(engine, other.keeper, other.task, ground.pledge), NotFound)
    assert isinstance(await refused(engine, ground.worker, ground.task, ground.pledge), Forbidden)
    assert isinstance(await refused(engine, ground.keeper, other.task, ground.pledge), GuardFailed)
    async with making(engine) as m:
        goods = await m.need(visibility="public")
        open_ = await need_of(m)
    rice = await pledged(engine, goods, ground.keeper, ground.worker, "1")
    assert (await refused(engine, ground.keeper, ground.task, rice)).details["kind"] == "GOODS"
    async with acting(engine, ground.keeper) as act:
        offered = await offer_pledge(act, open_.lines[0].id, quantity=Decimal(1))
    assert (await refused(engine, ground.keeper, ground.task, offered)).details["rule"] == "INV-19"
    link = await linked(engine, ground)
    twice = await refused(engine, ground.keeper, ground.task, ground.pledge)
    assert twice.details["rule"] == "one_task_a_pledge"
    for account, wanted in ((other.keeper, NotFound), (ground.worker, Forbidden)):
        with pytest.raises(wanted):
            async with acting(engine, account) as act:
                await operations.unlink_task(act, link.id, expected_version=1, **WHY)
    async with acting(engine, ground.keeper) as act:
        await operations.unlink_task(act, link.id, expected_version=1, **WHY)
    with pytest.raises(Refusal) as caught:
        async with acting(engine, ground.keeper) as act:
            await operations.unlink_task(act, link.id, expected_version=2, **WHY)
    assert caught.value.code == "WRONG_STATE"
    await linked(engine, ground)


async def test_a_station_takes_up_hours_and_nothing_else(engine: AsyncEngine) -> None:
    """Its lead pledges; the authority accepts, never the station itself (INV-18)."""
    async with making(engine) as m:
        lead = await m.account(Role.STATION_LEAD, area_code="44")
        beside = await m.account(
            Role.SOCIAL_WORKER, organization_id=lead.organization_id, area_code="44"
        )
        clerk = await m.account(Role.GOV_CLERK, area_code="44")
        need, goods = await need_of(m), await m.need(visibility="public")
        station = await m.session.get_one(Organization, lead.organization_id)
        task = await keeping.task(m, station)

    async def pledge(account: Any, of: Any) -> Any:
        async with acting(engine, account) as act:
            return await operations.pledge_station_help(act, of.lines[0].id, quantity=Decimal(2))

    with pytest.raises(GuardFailed):
        await pledge(lead, goods)
    for account in (clerk, beside):
        with pytest.raises(Forbidden):
            await pledge(account, need)
    row = await pledge(lead, need)
    with pytest.raises(Refusal) as caught:
        await pledge(lead, need)
    assert caught.value.code == "ALREADY_PLEDGED"
    with pytest.raises(Forbidden):
        async with acting(engine, beside) as act:
            await accept_pledge(act, row.id, expected_version=1)
    async with acting(engine, clerk) as act:
        await accept_pledge(act, row.id, expected_version=1)
    async with acting(engine, lead) as act:
        link = await operations.link_task(act, task.id, pledge_id=row.id)
    assert (link.organization_id, link.minutes_a_unit) == (lead.organization_id, 60)


# Suggestions -------------------------------------------------------------------------------------

FOR_LINE = """query($id: ID!) { node(id: $id) { ... on NeedLine { taskSuggestions(first: 9) {
  score ruleVersion task { no } reasons { code points text } } } } }"""
FOR_TASK = """query($id: ID!) { node(id: $id) { ... on VolunteerTask {
  volunteerSuggestions(first: 9) { score volunteer { no } reasons { code points text } } } } }"""


async def test_tasks_are_suggested_for_a_line_with_reasons(engine: AsyncEngine, api: Any) -> None:
    async with making(engine) as m:
        need = await m.need(
            lines=[{"kind": "hours", "item": "陪诊", "unit": "HUR"}],
            category="MED",
            area_code="440114001",
            needed_by=today() + timedelta(days=9),
            visibility="public",
        )
        fitting = await made.task(m, category="medical_escort", area_code="440114001")
        nearby = await made.task(m, category="medical_escort", area_code="440115001")
        any_work = await made.task(m, category="other", area_code="440114002")
        await made.task(m, category="tutoring", area_code="440114001")
        await made.task(m, category="medical_escort", area_code="440304001")
        await keeping.task(m, category="medical_escort", area_code="440114001")
        worker = await m.account(Role.SOCIAL_WORKER, area_code="44")
        owner = await m.account(
            Role.VOL_ORG, organization_id=nearby.organization_id, area_code=None
        )
        charity = await m.account(Role.CHARITY_USER)
    line = encode("NeedLine", need.lines[0].id)
    found = (await api(worker)(FOR_LINE, id=line))["data"]["node"]["taskSuggestions"]
    assert [one["task"]["no"] for one in found] == [fitting.no, nearby.no, any_work.no]
    for one in found:
        assert one["score"] == sum(reason["points"] for reason in one["reasons"])
    codes = [reason["code"] for reason in found[0]["reasons"]]
    assert codes == ["CATEGORY", "AREA", "TIME", "SLOTS"]
    mine = (await api(owner)(FOR_LINE, id=line))["data"]["node"]["taskSuggestions"]
    assert [one["task"]["no"] for one in mine] == [nearby.no]
    assert (await api(charity)(FOR_LINE, id=line))["data"]["node"]["taskSuggestions"] == []


async def test_volunteers_are_suggested_for_a_task_by_skill_area_and_time(
    engine: AsyncEngine, api: Any
) -> None:
    async with making(engine) as m:
        own = await m.organization()
        keeper = await m.account(Role.VOL_ORG, organization=own, area_code=None)
        colleague = await m.account(Role.VOL_ORG)
        task = await made.task(m, own, [{"skills": ["elderly"], "trainings": ["GD.AID"]}])
        able: dict[str, Any] = {"skills": ["elderly"], "trained": ["GD.AID"]}
        best = await made.volunteer(m, organization=own, **able)
        far = await made.volunteer(m, organization=own, area_code="440115001", **able)
        await made.volunteer(m, organization=own, skills=["elderly"])
        await made.volunteer(m, organization=own, area_code="440304001", **able)
        await made.volunteer(m, organization=own, state="suspended", **able)
        await made.volunteer(m, **able)
        blocked = await made.volunteer(m, **able)
        await made.roster(m, blocked, own, state="blocked")
        busy = await made.volunteer(m, organization=own, **able)
        elsewhere = await made.task(m, positions=())
        await made.signup(m, await made.position(m, elsewhere), busy)
    given = {"id": encode("VolunteerTask", task.id)}
    found = (await api(keeper)(FOR_TASK, **given))["data"]["node"]["volunteerSuggestions"]
    assert [one["volunteer"]["no"] for one in found] == [best.no, far.no]
    assert [one["score"] for one in found] == [
        sum(reason["points"] for reason in one["reasons"]) for one in found
    ]
    assert (await api(colleague)(FOR_TASK, **given))["data"]["node"]["volunteerSuggestions"] == []
