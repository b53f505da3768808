"""What visits tell: danger to lead and authority, changes to the authority, coverage."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.casework.visits import model, operations, rules
from nexus.casework.visits.changes import operations as changes
from nexus.casework.visits.planning import operations as planning
from nexus.exchange.messages.model import ExchangeMessage, ExchangePartner, PartnerMode
from nexus.exchange.messages.news.operations import fan_out
from nexus.graph.identifiers import encode
from nexus.matching.worklist.model import WorkItem
from nexus.needs.model import NeedState
from nexus.needs.standing.operations import confirm_need_still_stands
from nexus.recipients.model import Household
from nexus.supervision.alerts.model import Alert, AlertState, Severity
from nexus.supervision.worklists.queries import CHECKS
from tests.casework.visiting import (
    FAR,
    TOWN,
    Place,
    S,
    a_place,
    put_plan,
    put_visit,
    told,
)
from tests.conftest import Api
from tests.deeds import acting, hear_all, reread
from tests.making import making, now, today

WAITING = "{ waitingForMe(first: 100) { items { kind urgency overdue node { id } } } }"


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    return await a_place(engine)


async def waits_for(api: Api, account: Any, row: Any, kind: str = "Visit") -> list[str]:
    """The kinds of work about the row that wait for the account."""
    answer = await api(account)(WAITING)
    assert "errors" not in answer, answer
    items = answer["data"]["waitingForMe"]["items"]
    wanted = encode(kind, row.id)
    return [item["kind"] for item in items if item["node"]["id"] == wanted]


async def perform(engine: AsyncEngine, place: Place, row: Any, **fields: Any) -> None:
    """The worker made it."""
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(act, row.id, told(**fields), expected_version=row.version)


async def test_danger_is_on_the_desks_of_lead_and_authority_at_once(
    engine: AsyncEngine, api: Api, place: Place
) -> None:
    """In the same transaction, urgent and late; an alert follows; answered, both are gone."""
    row = await put_visit(engine, place)
    await perform(engine, place, row, danger=True)
    for account in (place.lead, place.clerk):
        assert "visit.danger" in await waits_for(api, account, row)
    assert await waits_for(api, place.worker, row) == []
    async with AsyncSession(engine) as session:
        item = await session.scalar(
            select(WorkItem).where(WorkItem.subject_id == row.id, WorkItem.kind == "visit.danger")
        )
        assert item is not None
        assert (item.urgency, item.late) == (1, True)
    await hear_all(engine)
    async with AsyncSession(engine) as session:
        alert = (await session.scalars(select(Alert).where(Alert.subject_id == row.id))).one()
    assert (alert.rule, alert.severity) == ("visit.danger", Severity.CRITICAL)
    async with acting(engine, place.lead) as act:
        await changes.answer_danger(act, row.id, expected_version=2, reason="已送医")
    await hear_all(engine)
    assert "visit.danger" not in await waits_for(api, place.clerk, row)
    assert (await reread(engine, alert)).state is AlertState.RESOLVED


async def test_a_visit_waits_for_its_worker_once_its_window_is_open(
    engine: AsyncEngine, api: Api, place: Place
) -> None:
    """Not before; and for the lead of the station as well."""
    day = today()
    row = await put_visit(
        engine, place, window_from=day + timedelta(days=2), window_to=day + timedelta(days=9)
    )
    assert await waits_for(api, place.worker, row) == []
    async with AsyncSession(engine) as session, session.begin():
        await planning.show_due_visits(session, now() + timedelta(days=2))
    for account in (place.worker, place.lead):
        assert await waits_for(api, account, row) == ["visit.perform"]
    assert await waits_for(api, place.aide, row) == []
    await perform(engine, place, row)
    assert "visit.perform" not in await waits_for(api, place.lead, row)


async def test_each_state_waits_for_whom_it_concerns(
    engine: AsyncEngine, api: Api, place: Place
) -> None:
    missed = await put_visit(engine, place, S.MISSED)
    drawn = await put_visit(engine, place, S.DONE, to_verify=True, performed_by=place.lead.id)
    assert await waits_for(api, place.lead, missed) == ["visit.settle"]
    assert await waits_for(api, place.worker, missed) == ["visit.settle"]
    assert await waits_for(api, place.aide, missed) == []
    assert await waits_for(api, place.lead, drawn) == []
    assert await waits_for(api, place.approver, drawn) == ["visit.verify"]


async def test_worklists_agree_with_the_rows_also_after_a_move(
    engine: AsyncEngine, api: Api, place: Place
) -> None:
    plan = await put_plan(engine, place)
    row = await put_visit(engine, place, S.MISSED, household_id=plan.household_id)
    async with AsyncSession(engine) as session, session.begin():
        home = await session.get_one(Household, plan.household_id)
        home.area_code = FAR
    assert await waits_for(api, place.lead, row) == []
    async with AsyncSession(engine) as session:
        item = await session.scalar(select(WorkItem).where(WorkItem.subject_id == row.id))
        assert item is not None
        assert item.area_code == FAR
        (check,) = CHECKS.values()
        assert (await session.execute(check)).all() == []


async def test_a_change_flags_the_open_needs_of_the_household(
    engine: AsyncEngine, api: Api, place: Place
) -> None:
    """Help goes on; whoever works with the household confirms that the need stands."""
    async with making(engine) as m:
        person = await m.recipient(place.home)
        other = await m.need(state=NeedState.PUBLISHED)
        needs = {
            state: await m.need(state=state, recipient_id=person.id, household_id=place.home.id)
            for state in (NeedState.PUBLISHED, NeedState.SUBMITTED, NeedState.CLOSED)
        }
    row = await put_visit(engine, place)
    await perform(engine, place, row, change=rules.Change(["ILLNESS"], note="需长期服药"))
    await hear_all(engine)
    flagged = {state: await reread(engine, need) for state, need in needs.items()}
    assert flagged[NeedState.PUBLISHED].changed_at is not None
    assert flagged[NeedState.PUBLISHED].frozen_at is None
    assert flagged[NeedState.SUBMITTED].changed_at is not None
    assert flagged[NeedState.CLOSED].changed_at is None
    assert (await reread(engine, other)).changed_at is None
    need = flagged[NeedState.PUBLISHED]
    assert "need.review" in await waits_for(api, place.lead, need, "Need")
    async with acting(engine, place.lead) as act:
        await confirm_need_still_stands(
            act, need.id, expected_version=need.version, reason="仍然需要"
        )
    assert (await reread(engine, need)).changed_at is None
    assert "need.review" not in await waits_for(api, place.lead, need, "Need")


async def test_a_change_waits_for_the_authority(
    engine: AsyncEngine, api: Api, place: Place
) -> None:
    async with acting(engine, place.worker) as act:
        row = await changes.report_change(
            act,
            rules.Change(["INCOME_UP"]),
            household_id=place.home.id,
            station_id=place.station.id,
        )
    assert await waits_for(api, place.clerk, row, "ChangeReport") == ["change.handle"]
    assert await waits_for(api, place.lead, row, "ChangeReport") == []


async def test_the_authority_that_recognised_the_household_gets_a_message(
    engine: AsyncEngine, place: Place
) -> None:
    """Once, in the order of the household, with codes and numbers only."""
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
        authority = await m.authority()
        await m.recognition(household_id=home.id, authority_id=authority.id)
        partner = ExchangePartner(
            organization_id=authority.id,
            mode=PartnerMode.PULL,
            created_at=now(),
            created_by=place.clerk.id,
        )
        await m.put(partner)
    row = await put_visit(engine, place, household_id=home.id)
    for code in ("DEATH", "MOVED"):
        async with acting(engine, place.worker) as act:
            if code == "DEATH":
                await operations.perform_visit(
                    act,
                    row.id,
                    told(change=rules.Change([code], note="不应外传的话")),
                    expected_version=1,
                )
            else:
                await changes.report_change(
                    act,
                    rules.Change([code]),
                    household_id=home.id,
                    station_id=place.station.id,
                )
    for _ in range(50):
        async with AsyncSession(engine) as session, session.begin():
            if not await fan_out(session, now()):
                break
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(ExchangeMessage)
            .where(ExchangeMessage.partner_id == partner.id)
            .order_by(ExchangeMessage.sequence)
        )
        first, second = found.all()
    body = json.loads(first.body)
    assert (first.kind, first.sequence, second.sequence) == ("change.reported", 1, 2)
    assert body["data"]["household"] == {"no": home.no}
    assert body["data"]["change"] == {
        "codes": ["DEATH"],
        "major": True,
        "happenedOn": None,
        "visitNo": row.no,
    }
    assert "外传" not in first.body
    assert json.loads(second.body)["data"]["change"]["codes"] == ["MOVED"]


COVERAGE = """query($area: String, $since: Date, $until: Date) {
    visitCoverage(area: $area, since: $since, until: $until) {
        since until cells { due dueVisited visited overdue station { id } area { code } } } }"""


async def test_coverage_counts_households_once(engine: AsyncEngine, api: Api) -> None:
    """By station and division; one statement, for whose territory it is."""
    place = await a_place(engine)
    day = today()
    async with making(engine) as m:
        homes = [await m.household(area_code=TOWN) for _ in range(4)]
    plans = [await put_plan(engine, place, household_id=home.id) for home in homes]
    late = {"window_from": day - timedelta(days=9), "window_to": day - timedelta(days=2)}
    soon = {"window_from": day - timedelta(days=2), "window_to": day + timedelta(days=1)}
    for index, state, window in (
        (0, S.DONE, soon),
        (0, S.VERIFIED, late),
        (1, S.SCHEDULED, late),
        (2, S.SCHEDULED, soon),
        (3, S.CANCELLED, soon),
    ):
        await put_visit(
            engine,
            place,
            state,
            household_id=homes[index].id,
            plan_id=plans[index].id,
            **window,
        )
    given = {
        "area": TOWN,
        "since": (day - timedelta(days=20)).isoformat(),
        "until": (day + timedelta(days=1)).isoformat(),
    }
    answer = await api(place.clerk)(COVERAGE, **given)
    cells = [
        cell
        for cell in answer["data"]["visitCoverage"]["cells"]
        if cell["station"]["id"] == encode("Station", place.station.id)
    ]
    assert len(cells) == 1
    cell = cells[0]
    told_of = (cell["due"], cell["dueVisited"], cell["visited"], cell["overdue"])
    assert told_of == (3, 1, 1, 1)
    assert cell["area"]["code"] == TOWN
    async with making(engine) as m:
        stranger = await m.account(Role.GOV_CLERK, area_code=FAR)
        charity = await m.account(Role.CHARITY_USER)
    for account in (stranger, charity):
        answer = await api(account)(COVERAGE, **given)
        assert answer["data"]["visitCoverage"]["cells"] == []


async def test_findings_are_for_station_and_authority_the_summary_for_the_station(
    engine: AsyncEngine, api: Api, place: Place
) -> None:
    row = await put_visit(engine, place, S.DONE, summary="心情低落", findings={"FOOD": True})
    document = """query($id: ID!) { node(id: $id) { ... on Visit {
        findings summary redactions overdue state } } }"""
    async with making(engine) as m:
        dpo = await m.account(Role.DPO, area_code=TOWN)
    for account, findings, summary in (
        (place.worker, {"FOOD": True}, "心情低落"),
        (place.clerk, {"FOOD": True}, None),
        (dpo, None, None),
    ):
        answer = await api(account)(document, id=encode("Visit", row.id))
        node = answer["data"]["node"]
        assert (node["findings"], node["summary"]) == (findings, summary), account.role


async def test_the_feed_tells_who_sees_the_row(engine: AsyncEngine) -> None:
    """Nothing of a visit is told beyond its household's people: the noun is in the feed."""
    from nexus.exchange.changes.rules import ALL_KINDS

    assert {"visit.performed", "change.reported", "pairing.started"} <= ALL_KINDS
    async with AsyncSession(engine) as session:
        assert await session.scalar(text("SELECT count(*) FROM visit")) is not None
    assert model.Visit.__tablename__ == "visit"
