"""The worklists: who is told what waits, in which order, in pages, and until when."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI, Role
from nexus.areas.calendar.rules import months_after
from nexus.core.embedded import Database
from nexus.core.ids import new_id
from nexus.discovery.model import ReportState
from nexus.graph.identifiers import encode
from nexus.matching.pledges.model import Pledge
from nexus.matching.worklist.model import WorkDesk, WorkItem
from nexus.matching.worklist.operations import turn_worklists
from nexus.matching.worklist.policy import KINDS
from nexus.needs.model import Need, NeedState, Urgency
from nexus.recipients.model import RecheckClass
from nexus.supervision.worklists.queries import CHECKS
from tests.conftest import Api
from tests.making import Maker, making, now, number, today

LIST = """query($first: Int, $after: String, $kinds: [String!]) {
    LIST(first: $first, after: $after, kinds: $kinds) {
        hasMore endCursor counts { kind items overdue more }
        items { kind sentence no urgency dueAt overdue sinceAt
            node { __typename id } assignee { id } }
    } }"""
WHOLE = ("waitingForMe", "sentByMe", "overdueWork", "teamWork")


async def listed(api: Api, account: Any, which: str = "waitingForMe", **given: Any) -> Any:
    answer = await api(account)(LIST.replace("LIST", which), **given)
    assert "errors" not in answer, answer
    return answer["data"][which]


async def kinds(api: Api, account: Any, which: str = "waitingForMe") -> list[str]:
    return [item["kind"] for item in (await listed(api, account, which, first=100))["items"]]


async def move(engine: AsyncEngine, row: Any, **values: Any) -> None:
    table = type(row)
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(update(table).where(table.id == row.id).values(**values))


async def items_of(engine: AsyncEngine, row: Any) -> dict[str, WorkItem]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(select(WorkItem).where(WorkItem.subject_id == row.id))
        return {item.kind: item for item in found}


async def county(m: Maker, code: str) -> str:
    return await m.area(f"4401{code}")


async def pledged(m: Maker, need: Need, **fields: Any) -> Pledge:
    """An offered pledge on the need's first line; the ledger plays no part here."""
    organization_id = fields.pop("organization_id", None) or (await m.organization()).id
    pledge = Pledge(
        no=number("PL"),
        need_id=need.id,
        line_id=need.lines[0].id,
        organization_id=organization_id,
        quantity=1,
        expires_at=now() + timedelta(days=3),
        created_at=now(),
        created_by=new_id(),
        **fields,
    )
    await m.put(pledge)
    return pledge


async def test_a_submitted_need_waits_for_who_may_verify_it_and_for_nobody_else(api: Api) -> None:
    async with making(api.engine) as m:
        home, away = await county(m, "91"), await county(m, "92")
        lead, other, away_lead, worker = [
            await m.account(role, area_code=code)
            for role, code in (
                (Role.STATION_LEAD, home),
                (Role.STATION_LEAD, home),
                (Role.STATION_LEAD, away),
                (Role.SOCIAL_WORKER, home),
            )
        ]
        need = await m.need(NeedState.SUBMITTED, area_code=home, created_by=lead.id)
    assert await kinds(api, lead) == []
    assert await kinds(api, worker) == []
    assert await kinds(api, away_lead) == []
    (item,) = (await listed(api, other))["items"]
    assert item["kind"] == "need.verify"
    assert item["no"] == need.no
    assert item["node"] == {"__typename": "Need", "id": encode("Need", need.id)}
    assert item["sentence"] == KINDS["need.verify"].sentence
    assert item["dueAt"] is not None
    assert not item["overdue"]
    sent = await listed(api, lead, "sentByMe")
    assert [one["kind"] for one in sent["items"]] == ["need.verify"]
    assert await kinds(api, other, "sentByMe") == []
    await move(api.engine, need, state=NeedState.RETURNED)
    assert await kinds(api, other) == ["need.amend"]
    await move(api.engine, need, state=NeedState.CANCELLED)
    assert await kinds(api, other) == []
    assert await items_of(api.engine, need) == {}


async def test_late_comes_first_then_urgency_then_due_and_pages_follow_the_order(
    api: Api,
) -> None:
    async with making(api.engine) as m:
        home = await county(m, "93")
        clerk = await m.account(Role.GOV_CLERK, area_code=home)
        wanted = [
            await m.need(NeedState.VERIFIED, area_code=home, urgency=urgency, needed_by=day)
            for urgency, day in (
                (Urgency.U2, today() - timedelta(days=2)),
                (Urgency.U3, today() - timedelta(days=9)),
                (Urgency.U1, today() + timedelta(days=9)),
                (Urgency.U2, today() + timedelta(days=3)),
                (Urgency.U2, today() + timedelta(days=5)),
                (Urgency.U2, None),
                (Urgency.U4, today() + timedelta(days=1)),
            )
        ]
    order = [need.no for need in wanted]
    whole = await listed(api, clerk)
    assert [item["no"] for item in whole["items"]] == order
    assert [item["overdue"] for item in whole["items"]] == [True, True, *(False,) * 5]
    assert whole["counts"] == [{"kind": "need.publish", "items": 7, "overdue": 2, "more": False}]
    walked, after = [], None
    for _ in range(4):
        page = await listed(api, clerk, first=2, after=after)
        walked += [item["no"] for item in page["items"]]
        assert page["hasMore"] == (len(walked) < 7)
        after = page["endCursor"]
    assert walked == order
    late = await listed(api, clerk, "overdueWork")
    assert [item["no"] for item in late["items"]] == order[:2]
    assert (await listed(api, clerk, kinds=["need.verify"]))["items"] == []
    assert len((await listed(api, clerk, kinds=["need.publish"]))["items"]) == 7


async def test_a_page_of_nothing_ends_nowhere_and_a_foreign_cursor_is_refused(api: Api) -> None:
    async with making(api.engine) as m:
        clerk = await m.account(Role.GOV_CLERK, area_code=await county(m, "94"))
    page = await listed(api, clerk)
    assert (page["items"], page["hasMore"], page["endCursor"]) == ([], False, None)
    answer = await api(clerk)('{ waitingForMe(after: "W10=") { hasMore } }')
    assert answer["errors"][0]["extensions"]["code"] == "BAD_CURSOR"


async def test_a_pledge_waits_for_the_needs_side_and_then_for_who_pledged_it(api: Api) -> None:
    async with making(api.engine) as m:
        home = await county(m, "95")
        publisher = await m.authority(area_code=home)
        clerk = await m.account(Role.GOV_CLERK, publisher, area_code=home)
        charity = await m.account(Role.CHARITY_USER)
        stranger = await m.account(Role.CHARITY_USER)
        need = await m.need(area_code=home, publisher_id=publisher.id)
        pledge = await pledged(m, need, organization_id=charity.organization_id)
    assert await kinds(api, clerk) == ["pledge.accept"]
    assert await kinds(api, charity) == []
    assert await kinds(api, charity, "sentByMe") == ["pledge.accept"]
    await move(api.engine, pledge, state="accepted", planned_on=today() - timedelta(days=1))
    assert await kinds(api, clerk) == []
    assert await kinds(api, clerk, "overdueWork") == ["pledge.deliver"]
    assert await kinds(api, charity) == ["pledge.deliver"]
    assert await kinds(api, charity, "teamWork") == ["pledge.deliver"]
    for which in WHOLE:
        assert await kinds(api, stranger, which) == []


async def test_what_a_publisher_publishes_elsewhere_waits_for_it_once(api: Api) -> None:
    async with making(api.engine) as m:
        home, away = await county(m, "96"), await county(m, "97")
        publisher = await m.authority(area_code="4401")
        clerk = await m.account(Role.GOV_CLERK, publisher, area_code=home)
        for place in (home, away):
            need = await m.need(area_code=place, publisher_id=publisher.id)
            await pledged(m, need)
    page = await listed(api, clerk)
    assert [item["kind"] for item in page["items"]] == ["pledge.accept"] * 2
    assert page["counts"] == [{"kind": "pledge.accept", "items": 2, "overdue": 0, "more": False}]


async def test_a_report_waits_for_the_one_to_whom_it_is_assigned(api: Api) -> None:
    async with making(api.engine) as m:
        home = await county(m, "98")
        mine, other = [await m.account(Role.SOCIAL_WORKER, area_code=home) for _ in range(2)]
        await m.report(
            ReportState.ASSIGNED, area_code=home, owner_id=mine.id, contacted_at=now(), danger=True
        )
    (item,) = (await listed(api, mine))["items"]
    assert (item["kind"], item["urgency"]) == ("report.visit", "U1")
    assert await kinds(api, other) == []


async def test_a_team_is_the_station_that_one_is_posted_to_or_names(api: Api) -> None:
    async with making(api.engine) as m:
        home = await county(m, "89")
        station = await m.station(area_code=home)
        worker, outsider = [await m.account(Role.SOCIAL_WORKER, area_code=home) for _ in range(2)]
        lead_away = await m.account(Role.STATION_LEAD, area_code=await county(m, "88"))
        await m.worker(worker, station)
        await m.need(NeedState.SUBMITTED, area_code=home, station_id=station.id)
        await m.need(NeedState.SUBMITTED, area_code=home)
    assert await kinds(api, worker, "teamWork") == ["need.verify"]
    assert await kinds(api, outsider, "teamWork") == []
    named = "query($id: ID!) { teamWork(station: $id) { items { kind } } }"
    for account, found in ((outsider, 1), (lead_away, 0)):
        answer = await api(account)(named, id=encode("Station", station.id))
        assert len(answer["data"]["teamWork"]["items"]) == found
    answer = await api(worker)(named, id=encode("Need", station.id))
    assert answer["data"]["teamWork"]["items"] == []


async def test_the_clock_brings_what_comes_due_and_turns_what_is_late(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        home = await county(m, "87")
        household = await m.household(area_code=home)
        person = await m.recipient(household)
        approver = await m.account(Role.GOV_APPROVER, area_code=home)
        checked = today() - timedelta(days=5)
        recognition = await m.recognition(
            person,
            recheck_class=RecheckClass.CHANGEABLE,
            recheck_months=6,
            recheck_rule="recheck_changeable_months@CN/2020-01-01",
            checked_on=checked,
            recheck_due_on=months_after(checked, 6),
        )
        consent = await m.consent(person, expires_on=today() + timedelta(days=60))
    assert await kinds(api, approver) == []
    due = months_after(checked, 6)
    for day, wanted in ((31, set()), (29, {"recognition.recheck"}), (-1, {"recognition.recheck"})):
        async with AsyncSession(engine) as session, session.begin():
            noon = now().astimezone(SHANGHAI).replace(hour=12)
            await turn_worklists(session, noon + (due - timedelta(days=day) - today()))
        assert set(await items_of(engine, recognition)) == wanted
    item = (await items_of(engine, recognition))["recognition.recheck"]
    assert item.late
    assert await kinds(api, approver, "overdueWork") == ["consent.renew", "recognition.recheck"]
    assert set(await items_of(engine, consent)) == {"consent.renew"}
    async with AsyncSession(engine) as session, session.begin():
        assert await turn_worklists(session, now() + (due + timedelta(days=2) - today())) == 0


async def test_a_need_that_moves_takes_what_waits_about_it_along(api: Api) -> None:
    async with making(api.engine) as m:
        home, away = await county(m, "86"), await county(m, "85")
        here, there = [await m.account(Role.GOV_CLERK, area_code=code) for code in (home, away)]
        need = await m.need(area_code=home, group_name="某村", shown_area_code="44")
        await pledged(m, need)
    assert (await kinds(api, here), await kinds(api, there)) == (["pledge.accept"], [])
    await move(api.engine, need, area_code=away, urgency=Urgency.U1)
    assert await kinds(api, here) == []
    (item,) = (await listed(api, there))["items"]
    assert (item["kind"], item["urgency"]) == ("pledge.accept", "U1")


async def test_nobody_but_the_database_writes_worklists(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        for table in (WorkItem, WorkDesk):
            with pytest.raises(Exception, match="permission denied"):
                await session.execute(update(table).values(kind="none"))
            await session.rollback()


async def test_verify_finds_worklists_that_do_not_hold_what_waits(
    database: Database, owner_engine: AsyncEngine
) -> None:
    (check,) = CHECKS.values()
    async with making(owner_engine) as m:
        need = await m.need(NeedState.SUBMITTED)
    faults = {
        "lacks what waits": ("DELETE FROM work_item WHERE subject_id = :id",),
        "holds what does not wait": (
            "UPDATE work_item SET kind = 'need.publish' WHERE subject_id = :id",
        ),
        "something else": ("UPDATE work_item SET urgency = 1 WHERE subject_id = :id",),
        "on no desk": ("DELETE FROM work_desk WHERE subject_id = :id",),
        "holds no item": ("DELETE FROM work_item WHERE subject_id = :id",),
    }
    async with AsyncSession(owner_engine) as session:
        assert [row.what for row in await session.execute(check)] == []
        for told, statements in faults.items():
            for statement in statements:
                await session.execute(text(statement), {"id": need.id})
            said = {row.what for row in await session.execute(check)}
            assert any(told in one for one in said), (told, said)
            await session.rollback()
        assert await session.get(Need, need.id) is not None
