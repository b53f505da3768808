"""Gaps: opened for lines nothing fits, addressed by offers, waived with the need; who decides."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, Actor, Role, anonymous, system
from nexus.charity import operations as charity
from nexus.charity.model import OfferState
from nexus.core.ids import new_id
from nexus.core.outbox import Event, Job, JobState, run_due
from nexus.core.refusals import Forbidden, Invalid, NotFound, Refusal, VersionConflict, WrongState
from nexus.graph.identifiers import encode
from nexus.graph.sql import as_predicate
from nexus.matching.suggestions import operations, policy, reactions
from nexus.matching.suggestions.model import Gap, GapState
from nexus.needs.model import Need, NeedLine
from nexus.organizations import operations as organizations
from tests.conftest import Api
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import Maker, making, now, today

CATEGORIES = iter(["EDU", "HOU", "EMP", "PSY", "SOC", "CAP", "LEG", "VIS", "DIS", "FUN", "INF"])


async def news(engine: AsyncEngine, kind: str, row: Any) -> None:
    """The event happens, and the worker delivers it, twice: handlers must not mind."""
    async with AsyncSession(engine) as session, session.begin():
        Act(session, system(now())).record(kind, row)
    while await run_due(engine):
        pass
    async with AsyncSession(engine) as session:
        event = (
            (
                await session.execute(
                    select(Event).where(Event.object_id == row.id).order_by(Event.position.desc())
                )
            )
            .scalars()
            .first()
        )
    assert event is not None
    handlers = [h for name, h in vars(reactions).items() if name in REACTIONS.get(kind, ())]
    assert handlers, kind
    for handle in handlers:
        async with AsyncSession(engine) as session, session.begin():
            await handle(session, event, now())
    async with AsyncSession(engine) as session:
        failed = await session.execute(select(Job.last_error).where(Job.state != JobState.DONE))
        assert failed.all() == []


def told_stale(offer: Any) -> Event:
    """News told before, so that the clock of another test has nothing to tell."""
    return Event(
        id=new_id(),
        kind="offer.turned_stale",
        object_type="offer",
        object_id=offer.id,
        actor_id=new_id(),
        actor_role="system",
        organization_id=new_id(),
        occurred_at=now(),
        facts={},
    )


REACTIONS = {
    "need.published": ("open_at_publication",),
    "need.resumed": ("open_at_resumption",),
    "need.quantity_changed": ("open_at_more_asked",),
    "need.revised": ("follow_revision",),
    "need.paused": ("waive_at_pause",),
    "need.closed": ("waive_at_closing",),
    "need.cancelled": ("waive_at_cancellation",),
    "offer.listed": ("address_at_listing",),
    "offer.resumed": ("address_at_resumption",),
    "offer.confirmed": ("address_at_confirmation",),
    "offer.capacity_set": ("address_at_capacity",),
    "offer.areas_set": ("address_at_areas",),
    "offer.paused": ("open_at_offer_pause",),
    "offer.withdrawn": ("open_at_withdrawal",),
    "offer.blocked": ("open_at_blocking",),
    "offer.turned_stale": ("open_at_staleness",),
    "offer.expired": ("open_at_expiry",),
}


async def gaps_of(engine: AsyncEngine, need: Need) -> list[Gap]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Gap).where(Gap.need_id == need.id).order_by(Gap.opened_at, Gap.id)
        )
        return list(found)


async def states(engine: AsyncEngine, need: Need) -> list[str]:
    return [gap.state.value for gap in await gaps_of(engine, need)]


async def a_need(m: Maker, category: str, lines: int = 1, **given: Any) -> Need:
    """A group's need of a category of the test's own."""
    fields: dict[str, Any] = {"group_name": "某村", "area_code": "440103", "category": category}
    return await m.need(lines=[{} for _ in range(lines)], **fields | given)


async def a_gap(m: Maker, need: Need, **given: Any) -> Gap:
    row: dict[str, Any] = {
        "line_id": need.lines[0].id,
        "need_id": need.id,
        "category": need.category,
        "kind": "goods",
        "area_code": need.area_code,
        "opened_at": now(),
    }
    gap = Gap(**row | given)
    await m.put(gap)
    return gap


@pytest.mark.parametrize(
    "kind", ["need.published", "need.resumed", "need.quantity_changed", "need.revised"]
)
async def test_a_gap_for_each_line_that_nothing_fits(engine: AsyncEngine, kind: str) -> None:
    category = next(CATEGORIES)
    async with making(engine) as m:
        need = await a_need(m, category, lines=2)
        need.lines[1].item_code = "PPE.MASK"
        await m.session.commit()
        offer = await m.offer(category=category, item_code="PPE.MASK", areas=["44"])
    await news(engine, kind, need)
    (gap,) = await gaps_of(engine, need)
    assert gap.line_id == need.lines[0].id
    assert (gap.category, gap.kind, gap.area_code) == (category, "goods", "440103")
    assert (gap.state, gap.addressed_by) == (GapState.OPEN, None)
    assert await events_of(engine, gap) == ["gap.opened"]
    assert offer.no


async def test_a_served_need_has_no_gap(engine: AsyncEngine) -> None:
    category = next(CATEGORIES)
    async with making(engine) as m:
        need = await a_need(m, category)
        await m.offer(category=category, areas=["4401"])
    await news(engine, "need.published", need)
    assert await gaps_of(engine, need) == []


@pytest.mark.parametrize(
    "kind", ["offer.listed", "offer.resumed", "offer.confirmed", "offer.capacity_set"]
)
async def test_a_fitting_offer_addresses_gaps(engine: AsyncEngine, kind: str) -> None:
    async with making(engine) as m:
        need = await a_need(m, "TRA")
        other = await a_need(m, "TRA", area_code="4403")
        gap, kept = await a_gap(m, need), await a_gap(m, other)
        seen = await a_gap(m, await a_need(m, "TRA"), state=GapState.ACKNOWLEDGED)
        offer = await m.offer(category="TRA", areas=["440103"])
    await news(engine, kind, offer)
    row = await reread(engine, gap)
    assert (row.state, row.addressed_by, row.version) == (GapState.ADDRESSED, offer.no, 2)
    assert row.closed_at is not None
    assert await events_of(engine, gap) == ["gap.addressed"]
    assert (await reread(engine, seen)).state is GapState.ADDRESSED
    assert (await reread(engine, kept)).state is GapState.OPEN
    async with acting(engine, system(now())) as act:
        await operations.waive_gaps_of_need(act, other.id, "test over")


async def test_an_offer_that_does_not_fit_addresses_nothing(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        gap = await a_gap(m, await a_need(m, "PRO"))
        stale = await m.offer(category="PRO", review_due_on=today() - timedelta(days=1))
        paused = await m.offer(category="PRO", state=OfferState.PAUSED)
        await m.put(told_stale(stale))
    for offer in (stale, paused):
        await news(engine, "offer.listed", offer)
        assert (await reread(engine, gap)).state is GapState.OPEN


async def test_the_whole_story_of_a_stale_offer(engine: AsyncEngine) -> None:
    """No suggestion, so a gap at the next stroke; the owner's word closes it."""
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        need = await a_need(m, "OTH")
        offer = await m.offer(owner, category="OTH")
    await news(engine, "need.published", need)
    assert await gaps_of(engine, need) == []
    async with AsyncSession(engine) as session, session.begin():
        row = await session.get_one(type(offer), offer.id)
        row.review_due_on = today() - timedelta(days=1)
    async with AsyncSession(engine) as session, session.begin():
        assert await charity.tell_stale_offers(session, now()) == 1
    async with AsyncSession(engine) as session, session.begin():
        assert await charity.tell_stale_offers(session, now()) == 0
    while await run_due(engine):
        pass
    assert await states(engine, need) == ["open"]
    async with acting(engine, account) as act:
        await charity.confirm_offer(act, offer.id, expected_version=1)
    while await run_due(engine):
        pass
    assert await states(engine, need) == ["addressed"]
    async with acting(engine, account) as act:
        await charity.pause_offer(act, offer.id, expected_version=2)
    while await run_due(engine):
        pass
    assert await states(engine, need) == ["addressed", "open"]
    async with acting(engine, account) as act:
        await charity.resume_offer(act, offer.id, expected_version=3)
    while await run_due(engine):
        pass
    assert await states(engine, need) == ["addressed", "addressed"]


@pytest.mark.parametrize(
    "kind", ["offer.paused", "offer.withdrawn", "offer.blocked", "offer.expired"]
)
async def test_lines_that_lose_their_offer_open_gaps(engine: AsyncEngine, kind: str) -> None:
    category = next(CATEGORIES)
    async with making(engine) as m:
        need = await a_need(m, category)
        gone = await m.offer(category=category, state=kind.removeprefix("offer."))
    await news(engine, kind, gone)
    assert await states(engine, need) == ["open"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("need.paused", "need_paused"),
        ("need.closed", "need_closed"),
        ("need.cancelled", "need_cancelled"),
    ],
)
async def test_gaps_end_with_the_need(engine: AsyncEngine, kind: str, reason: str) -> None:
    async with making(engine) as m:
        need = await a_need(m, "MED", lines=2, state="paused")
        gap = await a_gap(m, need)
        done = await a_gap(m, need, state=GapState.ADDRESSED, addressed_by="S-1")
        other = await a_gap(m, await a_need(m, "MED", state="paused"))
    await news(engine, kind, need)
    row = await reread(engine, gap)
    assert (row.state, row.state_reason, row.version) == (GapState.WAIVED, reason, 2)
    assert await events_of(engine, gap) == ["gap.waived"]
    assert (await reread(engine, done)).state is GapState.ADDRESSED
    assert (await reread(engine, other)).state is GapState.OPEN


async def test_lines_asked_for_no_longer_lose_their_gaps(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await a_need(m, "HOU", lines=2, area_code="4455")
    await news(engine, "need.published", need)
    assert await states(engine, need) == ["open", "open"]
    async with AsyncSession(engine) as session, session.begin():
        line = await session.get_one(NeedLine, need.lines[0].id)
        line.published = line.asked = False
    await news(engine, "need.revised", need)
    found = {gap.line_id: (gap.state, gap.state_reason) for gap in await gaps_of(engine, need)}
    assert found == {
        need.lines[0].id: (GapState.WAIVED, "line_not_asked"),
        need.lines[1].id: (GapState.OPEN, None),
    }


async def test_the_database_lets_one_live_gap_of_a_line_in(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await a_need(m, "CAR")
        await a_gap(m, need)
    async with making(engine) as m:
        with pytest.raises(IntegrityError, match="uq_gap_live"):
            await a_gap(m, need)


@pytest.fixture
async def gap(engine: AsyncEngine) -> Gap:
    async with making(engine) as m:
        return await a_gap(m, await a_need(m, "CAR"))


async def refused(
    engine: AsyncEngine, who: Any, gap: Gap, deed: Any, kind: type[Refusal], **given: Any
) -> None:
    """The deed is refused, after which nothing has changed."""
    query = text("SELECT to_jsonb(g)::text FROM gap g WHERE id = :id")
    async with AsyncSession(engine) as session:
        before = (await session.execute(query, {"id": gap.id})).scalar_one()
    told = await events_of(engine, gap)
    with pytest.raises(kind):
        async with acting(engine, who) as act:
            await deed(act, gap.id, **{"expected_version": gap.version} | given)
    async with AsyncSession(engine) as session:
        assert (await session.execute(query, {"id": gap.id})).scalar_one() == before
    assert await events_of(engine, gap) == told


async def test_the_coordinator_acknowledges_and_addresses(engine: AsyncEngine, gap: Gap) -> None:
    async with making(engine) as m:
        coordinator = await m.account(role=Role.GOV_COORDINATOR, area_code="4401")
    async with acting(engine, coordinator) as act:
        row = await operations.acknowledge_gap(act, gap.id, expected_version=1)
    assert (row.state, row.version) == (GapState.ACKNOWLEDGED, 2)
    await refused(engine, coordinator, row, operations.address_gap, Invalid, addressed_by="  ")
    async with acting(engine, coordinator) as act:
        row = await operations.address_gap(
            act, gap.id, expected_version=2, addressed_by="采购-2026-1"
        )
    assert (row.state, row.addressed_by) == (GapState.ADDRESSED, "采购-2026-1")
    assert await events_of(engine, gap) == ["gap.acknowledged", "gap.addressed"]
    await refused(engine, coordinator, row, operations.waive_gap, WrongState, reason="迟了")


async def test_waiving_needs_a_reason(engine: AsyncEngine, gap: Gap) -> None:
    async with making(engine) as m:
        coordinator = await m.account(role=Role.GOV_COORDINATOR)
    await refused(engine, coordinator, gap, operations.waive_gap, Invalid)
    await refused(
        engine,
        coordinator,
        gap,
        operations.waive_gap,
        VersionConflict,
        expected_version=7,
        reason="x",
    )
    async with acting(engine, coordinator) as act:
        row = await operations.waive_gap(act, gap.id, expected_version=1, reason="家属已解决")
    assert (row.state, row.state_reason) == (GapState.WAIVED, "家属已解决")


@pytest.mark.parametrize(
    "role", [r for r in Role if r not in (Role.ANONYMOUS, Role.SYSTEM, Role.GOV_COORDINATOR)]
)
async def test_nobody_else_decides(engine: AsyncEngine, gap: Gap, role: Role) -> None:
    async with making(engine) as m:
        account = await m.account(role=role)
    async with AsyncSession(engine) as session:
        seen = await session.execute(
            select(Gap.id).where(
                Gap.id == gap.id, as_predicate(policy.visible(actor_of(account), Gap))
            )
        )
        kind = Forbidden if seen.first() else NotFound
    await refused(engine, account, gap, operations.acknowledge_gap, kind)
    await refused(engine, account, gap, operations.waive_gap, kind, reason="x")
    await refused(engine, account, gap, operations.address_gap, kind, addressed_by="x")


async def test_another_territory_is_not_found(engine: AsyncEngine, gap: Gap) -> None:
    async with making(engine) as m:
        away = await m.account(role=Role.GOV_COORDINATOR, area_code="4403")
    await refused(engine, away, gap, operations.acknowledge_gap, NotFound)


async def test_who_sees_gaps(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await a_need(m, "CAR")
        shown = await a_gap(m, need)
        hidden = await a_gap(m, await a_need(m, "CAR", visibility="internal"))
        over = await a_gap(m, need, state=GapState.WAIVED)
        charity_user = actor_of(await m.account(role=Role.CHARITY_USER))
        clerk = actor_of(await m.account(role=Role.GOV_CLERK, area_code="440103"))
        aide = actor_of(await m.account(role=Role.AIDE, area_code="440103"))
        auditor = actor_of(await m.account(role=Role.AUDITOR, area_code="44"))
        away = actor_of(await m.account(role=Role.SUPERVISOR, area_code="4403"))
        volunteer = actor_of(await m.account(role=Role.VOLUNTEER))
    every = {shown.id, hidden.id, over.id}
    expected: list[tuple[Actor, set[Any]]] = [
        (system(now()), every),
        (clerk, every),
        (aide, every),
        (auditor, every),
        (away, set()),
        (charity_user, {shown.id}),
        (volunteer, set()),
        (anonymous(now()), set()),
    ]
    for actor, ids in expected:
        async with AsyncSession(engine) as session:
            found = await session.execute(
                select(Gap.id).where(Gap.id.in_(every), as_predicate(policy.visible(actor, Gap)))
            )
            assert set(found.scalars()) == ids, actor.role


GAPS = """
query ($filter: GapFilter) { gaps(first: 50, filter: $filter, orderBy: OLDEST) { totalCount nodes {
  id category kind state area { code } need { publicTitle shownArea { code } }
  line { item gaps(first: 5) { nodes { id } } } allowedActions redactions } } }
"""


async def test_gaps_in_the_graph(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        need = await m.need(category="FUN", area_code="440103001", recipient_id=recipient.id)
        gap = await a_gap(m, need)
        coordinator = await m.account(role=Role.GOV_COORDINATOR)
        charity_user = await m.account(role=Role.CHARITY_USER)
    asked = {"category": ["FUN"], "kind": ["goods"], "state": ["OPEN"]}
    ours = {"area": "440103", **asked}
    answer = await api(coordinator)(GAPS, filter=ours)
    assert "errors" not in answer
    (row,) = [n for n in answer["data"]["gaps"]["nodes"] if n["id"] == encode("Gap", gap.id)]
    assert row["area"] == {"code": "440103001"}
    assert row["line"] == {"item": "大米", "gaps": {"nodes": [{"id": row["id"]}]}}
    assert row["allowedActions"] == ["acknowledgeGap", "planGapPurchase", "addressGap", "waiveGap"]
    answer = await api(charity_user)(GAPS, filter=ours)
    (row,) = [n for n in answer["data"]["gaps"]["nodes"] if n["id"] == encode("Gap", gap.id)]
    assert row["area"] is None
    assert row["need"]["shownArea"] == {"code": "440103"}
    assert (row["allowedActions"], row["redactions"]) == (
        [],
        ["stateReason", "area", "purchaseRef"],
    )
    finer = await api(charity_user)(GAPS, filter={"area": "440103001", **asked})
    assert finer["data"]["gaps"] == {"totalCount": 0, "nodes": []}
    wide = await api(charity_user)(GAPS, filter={"area": "CN", **asked})
    assert wide["data"]["gaps"]["totalCount"] >= 1


async def test_a_gap_is_addressed_through_the_graph(
    engine: AsyncEngine, api: Api, gap: Gap
) -> None:
    async with making(engine) as m:
        coordinator = await m.account(role=Role.GOV_COORDINATOR)
    mutation = """mutation ($input: AddressGapInput!) { addressGap(input: $input) {
      ... on Gap { state addressedBy version } ... on Refusal { code field } } }"""
    given = {
        "id": encode("Gap", gap.id),
        "expectedVersion": 1,
        "addressedBy": "采购-1",
        "idempotencyKey": str(new_id()),
    }
    answer = await api(coordinator)(mutation, input=given)
    done = {"state": "ADDRESSED", "addressedBy": "采购-1", "version": 2}
    assert answer["data"]["addressGap"] == done
    assert (await api(coordinator)(mutation, input=given))["data"]["addressGap"] == done


async def test_counts_of_gaps_are_for_authorities(engine: AsyncEngine, api: Api) -> None:
    async with making(engine) as m:
        for town in ("440106001", "440106002"):
            await a_gap(m, await a_need(m, "LEG", area_code=town), kind="hours")
        closed = await a_need(m, "LEG", area_code="440106001")
        await a_gap(m, closed, kind="hours", state=GapState.WAIVED)
        clerk = await m.account(role=Role.GOV_CLERK, area_code="4401")
        charity_user = await m.account(role=Role.CHARITY_USER)
    query = "{ gapCounts(first: 500) { category kind gaps oldestAt area { code } } }"
    answer = await api(clerk)(query)
    assert "errors" not in answer
    (count,) = [c for c in answer["data"]["gapCounts"] if c["area"]["code"] == "440106"]
    assert (count["category"], count["kind"], count["gaps"]) == ("LEG", "HOURS", 2)
    assert (await api(charity_user)(query))["data"]["gapCounts"] == []


async def test_areas_given_up_open_gaps(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        left = await a_need(m, "HOU", area_code="4451")
        kept = await a_need(m, "HOU", area_code="4452")
        offer = await m.offer(owner, category="HOU", areas=["4451", "4452"])
    async with acting(engine, account) as act:
        await charity.set_offer_areas(act, offer.id, expected_version=1, areas=["4452"])
    while await run_due(engine):
        pass
    assert (await states(engine, left), await states(engine, kept)) == (["open"], [])


async def test_a_suspended_organization_leaves_gaps(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        approver = await m.account(role=Role.GOV_APPROVER)
        need = await a_need(m, "HOU", area_code="4453")
        await m.offer(owner, category="HOU", areas=["4453"])
    at = {"expected_version": 1}
    async with acting(engine, approver) as act:
        await organizations.suspend_organization(act, owner.id, reason="核查", **at)
    while await run_due(engine):
        pass
    assert await states(engine, need) == ["open"]
    async with acting(engine, approver) as act:
        await organizations.reinstate_organization(act, owner.id, expected_version=2)
    while await run_due(engine):
        pass
    assert await states(engine, need) == ["addressed"]


async def test_capacity_raised_addresses_and_lowered_opens(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await a_need(m, "HOU", area_code="440305")
        offer = await m.offer(
            category="HOU",
            areas=["440305"],
            capacity_maximum=Decimal(5),
            capacity_reserved=Decimal(5),
        )
    await news(engine, "offer.capacity_set", offer)
    assert await states(engine, need) == ["open"]
    async with AsyncSession(engine) as session, session.begin():
        row = await session.get_one(type(offer), offer.id)
        row.capacity_maximum = Decimal(6)
    await news(engine, "offer.capacity_set", offer)
    assert await states(engine, need) == ["addressed"]
