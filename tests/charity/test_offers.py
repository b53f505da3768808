"""Offers: drafting, listing, capacity, confirmation, moderation, and who sees what."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, anonymous, system
from nexus.areas.rules import UnknownArea, UnknownCode
from nexus.charity import model, operations, policy
from nexus.charity.rules import months_later
from nexus.core.refusals import (
    CapacityExhausted,
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    Refusal,
    VersionConflict,
    WrongState,
)
from nexus.graph.sql import as_predicate
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import from_today, making, now, today

_O = model.OfferState


def terms(**given: Any) -> operations.OfferTerms:
    values: dict[str, Any] = {
        "title": "大米",
        "kind": model.OfferKind.GOODS,
        "category": "LIV",
        "unit": "KGM",
        "areas": ["440103"],
        "available_from": today(),
    } | given
    return operations.OfferTerms(**values)


async def areas_of(engine: AsyncEngine, offer: model.Offer) -> list[tuple[str, str]]:
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(model.OfferArea.area_code, model.OfferArea.state)
            .where(model.OfferArea.offer_id == offer.id)
            .order_by(model.OfferArea.area_code)
        )
        return [(code, state.value) for code, state in found]


async def snapshot(engine: AsyncEngine, offer: model.Offer) -> tuple[Any, ...]:
    """All that is stored of an offer, and how much news there is of it."""
    async with AsyncSession(engine) as session:
        row = await session.execute(
            text("SELECT to_jsonb(o)::text FROM offer o WHERE id = :id"), {"id": offer.id}
        )
        return row.scalar_one(), await areas_of(engine, offer), await events_of(engine, offer)


async def refused(
    engine: AsyncEngine, who: Any, offer: model.Offer, deed: Any, kind: type[Refusal], **given: Any
) -> Refusal:
    """The refusal of the deed, after which nothing has changed."""
    before = await snapshot(engine, offer)
    with pytest.raises(kind) as told:
        async with acting(engine, who) as act:
            await deed(act, offer.id, **{"expected_version": offer.version} | given)
    assert await snapshot(engine, offer) == before
    return told.value


async def test_who_belongs_to_no_organization_has_nothing_to_offer(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        admin = await m.account(role=Role.PLATFORM_ADMIN, organization_id=None)
    before = await count_of(engine, model.Offer)
    with pytest.raises(Forbidden):
        async with acting(engine, admin) as act:
            await operations.create_offer(act, terms=terms(), capacity_maximum=None)
    assert await count_of(engine, model.Offer) == before


async def test_a_draft_is_listed_paused_resumed_and_withdrawn(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
    async with acting(engine, account) as act:
        offer = await operations.create_offer(
            act, terms=terms(item_code="PPE.MASK", unit="C62"), capacity_maximum=Decimal(5)
        )
    assert offer.state is _O.DRAFT
    assert offer.organization_id == account.organization_id
    assert offer.review_due_on == months_later(today(), 6)
    deeds = (
        (operations.list_offer, _O.LISTED),
        (operations.pause_offer, _O.PAUSED),
        (operations.resume_offer, _O.LISTED),
        (operations.withdraw_offer, _O.WITHDRAWN),
    )
    for version, (deed, state) in enumerate(deeds, start=1):
        async with acting(engine, account) as act:
            row = await deed(act, offer.id, expected_version=version)
        assert (row.state, row.version) == (state, version + 1)
        assert await areas_of(engine, offer) == [("440103", state.value)]
    assert await events_of(engine, offer) == [
        "offer.created",
        "offer.listed",
        "offer.paused",
        "offer.resumed",
        "offer.withdrawn",
    ]


@pytest.mark.parametrize(
    ("given", "kind", "field"),
    [
        ({"category": "XXX"}, UnknownCode, "needCategory"),
        ({"unit": "斤"}, UnknownCode, "unit"),
        ({"item_code": "PPE.NOTHING"}, UnknownCode, "item"),
        ({"recipient_categories": ["ZZ"]}, UnknownCode, "recipientCategory"),
        ({"areas": ["999999"]}, UnknownArea, None),
        ({"areas": []}, Invalid, "areas"),
        ({"tiers": ["RICH"]}, Invalid, "tiers"),
        ({"gender": "x"}, Invalid, "gender"),
        ({"min_age": 60, "max_age": 59}, Invalid, "maxAge"),
        ({"min_age": -1}, Invalid, "minAge"),
        ({"title": "  "}, Invalid, "title"),
        ({"available_to": from_today()}, Invalid, "availableTo"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(
    engine: AsyncEngine, given: dict[str, Any], kind: type[Refusal], field: str | None
) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
    with pytest.raises(kind) as told:
        async with acting(engine, account) as act:
            await operations.create_offer(act, terms=terms(**given), capacity_maximum=None)
    if field is not None:
        assert told.value.field == field
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(model.Offer.id).where(model.Offer.organization_id == account.organization_id)
        )
        assert found.all() == []


@pytest.mark.parametrize("maximum", [Decimal(0), Decimal(-1), Decimal("0.0001")])
async def test_a_capacity_is_positive(engine: AsyncEngine, maximum: Decimal) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
    with pytest.raises(Invalid) as told:
        async with acting(engine, account) as act:
            await operations.create_offer(act, terms=terms(), capacity_maximum=maximum)
    assert told.value.field == "capacityMaximum"


async def test_areas_that_another_covers_are_dropped(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
    async with acting(engine, account) as act:
        offer = await operations.create_offer(
            act, terms=terms(areas=["440103", "4401", "4403", "440103"]), capacity_maximum=None
        )
    assert [code for code, _ in await areas_of(engine, offer)] == ["4401", "4403"]
    async with acting(engine, account) as act:
        await operations.set_offer_areas(
            act, offer.id, expected_version=1, areas=["广东省", "440106"]
        )
    assert [code for code, _ in await areas_of(engine, offer)] == ["44"]


@pytest.mark.parametrize("state", ["draft", "submitted", "suspended", "deregistered"])
async def test_only_a_verified_organization_lists(engine: AsyncEngine, state: str) -> None:
    async with making(engine) as m:
        owner = await m.organization(state=state)
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        draft = await m.offer(owner, state=_O.DRAFT)
        paused = await m.offer(owner, state=_O.PAUSED)
    for offer, deed in ((draft, operations.list_offer), (paused, operations.resume_offer)):
        told = await refused(engine, account, offer, deed, GuardFailed)
        assert told.details["rule"] == "organization.verified"


async def test_an_imported_offer_without_review_waits_for_the_coordinator(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        coordinator = await m.account(role=Role.GOV_COORDINATOR)
        offer = await m.offer(owner, state=_O.PAUSED, reviewed=False)
    told = await refused(engine, account, offer, operations.resume_offer, GuardFailed)
    assert told.details["rule"] == "offer.reviewed"
    async with acting(engine, coordinator) as act:
        await operations.approve_offer(act, offer.id, expected_version=1, approved=False)
    async with acting(engine, account) as act:
        row = await operations.resume_offer(act, offer.id, expected_version=2)
    assert (row.state, row.pre_approved) == (_O.LISTED, False)


async def test_an_offer_of_a_project_needs_the_project_running(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        project = await m.project(owner, state=model.ProjectState.PAUSED)
        offer = await m.offer(owner, state=_O.DRAFT, project_id=project.id)
        over = await m.offer(
            owner,
            state=_O.DRAFT,
            available_from=today() - timedelta(days=9),
            available_to=today(),
        )
    told = await refused(engine, account, offer, operations.list_offer, GuardFailed)
    assert told.details["rule"] == "project.active"
    told = await refused(engine, account, over, operations.list_offer, GuardFailed)
    assert told.details["rule"] == "offer.period"


async def test_another_organizations_project_is_refused(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
        foreign = await m.project()
        hidden = await m.project(state=model.ProjectState.DRAFT)
    for project, kind in ((foreign, Invalid), (hidden, NotFound)):
        with pytest.raises(kind):
            async with acting(engine, account) as act:
                await operations.create_offer(
                    act, terms=terms(project_id=project.id), capacity_maximum=None
                )


async def test_a_live_offer_is_changed_in_a_pause_and_loses_its_approval(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        offer = await m.offer(owner, pre_approved=True)
        pledged = await m.offer(owner, state=_O.PAUSED, capacity_reserved=Decimal(1))
    told = await refused(
        engine, account, offer, operations.update_offer, GuardFailed, terms=terms()
    )
    assert told.details["rule"] == "offer.editable"
    async with acting(engine, account) as act:
        await operations.pause_offer(act, offer.id, expected_version=1)
    async with acting(engine, account) as act:
        row = await operations.update_offer(
            act, offer.id, expected_version=2, terms=terms(category="MED", areas=["4403"])
        )
    assert (row.category, row.pre_approved, row.version) == ("MED", False, 3)
    async with AsyncSession(engine) as session:
        area = await session.execute(
            select(model.OfferArea.category, model.OfferArea.area_code).where(
                model.OfferArea.offer_id == offer.id
            )
        )
        assert area.all() == [("MED", "4403")]
    told = await refused(
        engine,
        account,
        pledged,
        operations.update_offer,
        GuardFailed,
        terms=terms(category="MED"),
    )
    assert told.details["rule"] == "offer.pledged"


async def test_capacity_never_falls_below_what_is_held(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        offer = await m.offer(owner, capacity_reserved=Decimal("30.5"), capacity_used=Decimal(20))
    told = await refused(
        engine,
        account,
        offer,
        operations.set_capacity,
        CapacityExhausted,
        maximum=Decimal("50.499"),
    )
    assert told.details == {
        "rule": "INV-02",
        "minimum": "50.500",
        "reserved": "30.500",
        "used": "20.000",
    }
    for version, maximum in enumerate((Decimal("50.5"), None, Decimal(900)), start=1):
        async with acting(engine, account) as act:
            row = await operations.set_capacity(
                act, offer.id, expected_version=version, maximum=maximum
            )
        assert (row.capacity_maximum, row.version) == (maximum, version + 1)


async def test_the_capacity_guard_holds_against_a_booking_at_the_same_moment(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        offer = await m.offer(owner, capacity_maximum=Decimal(10))

    async def lower() -> str:
        try:
            async with acting(engine, account) as act:
                await operations.set_capacity(act, offer.id, expected_version=1, maximum=Decimal(4))
        except CapacityExhausted:
            return "refused"
        return "lowered"

    async with AsyncSession(owner_engine) as session, session.begin():
        await session.execute(
            text("UPDATE offer SET capacity_reserved = 5 WHERE id = :id"), {"id": offer.id}
        )
        waiting = asyncio.create_task(lower())
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert await waiting == "refused"
    row = await reread(engine, offer)
    assert (row.capacity_maximum, row.capacity_reserved) == (Decimal(10), Decimal(5))


async def test_the_database_keeps_the_capacity_too(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        offer = await m.offer(capacity_maximum=Decimal(10), capacity_reserved=Decimal(6))
    with pytest.raises(IntegrityError, match="inv_02_capacity"):
        async with AsyncSession(owner_engine) as session, session.begin():
            await session.execute(
                text("UPDATE offer SET capacity_used = 5 WHERE id = :id"), {"id": offer.id}
            )


async def test_confirming_renews_the_review_by_six_months(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        offer = await m.offer(owner, review_due_on=today() - timedelta(days=1))
        gone = await m.offer(owner, state=_O.WITHDRAWN)
    async with acting(engine, account) as act:
        row = await operations.confirm_offer(act, offer.id, expected_version=1)
    assert (row.review_due_on, row.version) == (months_later(today(), 6), 2)
    assert await events_of(engine, offer) == ["offer.confirmed"]
    await refused(engine, account, gone, operations.confirm_offer, GuardFailed)


async def test_expiry_is_the_clocks_deed(engine: AsyncEngine) -> None:
    since = today() - timedelta(days=30)
    async with making(engine) as m:
        over = await m.offer(available_from=since, available_to=today())
        paused = await m.offer(available_from=since, available_to=today(), state=_O.PAUSED)
        draft = await m.offer(available_from=since, available_to=today(), state=_O.DRAFT)
        running = await m.offer(available_from=since, available_to=today() + timedelta(days=1))
    async with AsyncSession(engine) as session, session.begin():
        assert await operations.expire_offers(session, now()) == 2
    states = [(await reread(engine, row)).state for row in (over, paused, draft, running)]
    assert states == [_O.EXPIRED, _O.EXPIRED, _O.DRAFT, _O.LISTED]
    assert await events_of(engine, over) == ["offer.expired"]
    async with AsyncSession(engine) as session, session.begin():
        assert await operations.expire_offers(session, now()) == 0


async def test_the_coordinator_of_the_territory_blocks_and_unblocks(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization(area_code="4403")
        coordinator = await m.account(role=Role.GOV_COORDINATOR, area_code="4401")
        offer = await m.offer(owner, areas=["440103", "440104"])
        wider = await m.offer(owner, areas=["440103", "4403"])
        registrar = await m.account(role=Role.GOV_COORDINATOR, area_code="4403")
    await refused(engine, coordinator, offer, operations.block_offer, Invalid, reason=" ")
    await refused(engine, coordinator, wider, operations.block_offer, Forbidden, reason="假的")
    async with acting(engine, coordinator) as act:
        row = await operations.block_offer(act, offer.id, expected_version=1, reason="假的")
    assert (row.state, row.state_reason) == (_O.BLOCKED, "假的")
    async with acting(engine, coordinator) as act:
        row = await operations.unblock_offer(act, offer.id, expected_version=2)
    assert row.state is _O.PAUSED
    async with acting(engine, registrar) as act:
        await operations.block_offer(act, wider.id, expected_version=1, reason="假的")


MANAGING = (
    operations.list_offer,
    operations.pause_offer,
    operations.resume_offer,
    operations.withdraw_offer,
    operations.confirm_offer,
)


@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.ANONYMOUS, Role.SYSTEM)])
async def test_roles_and_deeds(engine: AsyncEngine, role: Role) -> None:
    """Own people manage; coordinators moderate; approvers and coordinators approve."""
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=role)
        offer = await m.offer(owner)
    for deed in MANAGING:
        await refused(engine, account, offer, deed, Forbidden)
    await refused(engine, account, offer, operations.set_capacity, Forbidden, maximum=None)
    await refused(engine, account, offer, operations.set_offer_areas, Forbidden, areas=["44"])
    await refused(engine, account, offer, operations.update_offer, Forbidden, terms=terms())
    if role in (Role.GOV_COORDINATOR, Role.GOV_APPROVER):
        async with acting(engine, account) as act:
            row = await operations.approve_offer(act, offer.id, approved=True, expected_version=1)
        assert row.pre_approved
        offer = row
    else:
        await refused(engine, account, offer, operations.approve_offer, Forbidden, approved=True)
    if role in (Role.GOV_COORDINATOR, Role.PLATFORM_ADMIN):
        async with acting(engine, account) as act:
            await operations.block_offer(
                act, offer.id, expected_version=offer.version, reason="核查"
            )
    else:
        await refused(engine, account, offer, operations.block_offer, Forbidden, reason="核查")


async def test_versions_and_wrong_states_are_told(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_CLIENT, organization=owner)
        offer = await m.offer(owner)
    for deed in MANAGING:
        await refused(engine, account, offer, deed, VersionConflict, expected_version=9)
    await refused(engine, account, offer, operations.list_offer, WrongState)


async def sees(engine: AsyncEngine, account: Any, offer: model.Offer) -> bool:
    actor = account if hasattr(account, "area_prefix") else actor_of(account)
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(model.Offer.id).where(
                model.Offer.id == offer.id, as_predicate(policy.visible(actor, model.Offer))
            )
        )
        return found.first() is not None


async def test_who_sees_an_offer(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        unverified = await m.organization(state="suspended")
        offers = {state: await m.offer(owner, state=state) for state in _O}
        doubtful = await m.offer(unverified)
        own = await m.account(role=Role.CHARITY_USER, organization=owner)
        charity = await m.account(role=Role.CHARITY_USER)
        aide = await m.account(role=Role.AIDE)
        auditor = await m.account(role=Role.AUDITOR)
        volunteer = await m.account(role=Role.VOLUNTEER)
        admin = await m.account(role=Role.PLATFORM_ADMIN)
    every = set(_O)
    expected = [
        (own, every),
        (admin, every),
        (system(now()), every),
        (aide, every - {_O.DRAFT}),
        (auditor, every - {_O.DRAFT}),
        (charity, {_O.LISTED, _O.PAUSED}),
        (volunteer, {_O.LISTED}),
        (anonymous(now()), {_O.LISTED}),
    ]
    for account, states in expected:
        assert {s for s, row in offers.items() if await sees(engine, account, row)} == states
    assert not await sees(engine, charity, doubtful)
    assert not await sees(engine, anonymous(now()), doubtful)
    assert await sees(engine, aide, doubtful)


async def test_a_foreign_draft_is_as_missing(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        charity = await m.account(role=Role.CHARITY_USER)
        draft = await m.offer(state=_O.DRAFT)
    await refused(engine, charity, draft, operations.list_offer, NotFound)


async def test_only_for_the_own_organization(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        charity = await m.account(role=Role.CHARITY_USER)
        clerk = await m.account(role=Role.GOV_CLERK)
        admin = await m.account(role=Role.PLATFORM_ADMIN)
        other = await m.organization()
    for account in (charity, clerk):
        with pytest.raises(Forbidden):
            async with acting(engine, account) as act:
                await operations.create_offer(
                    act, terms=terms(), capacity_maximum=None, organization_id=other.id
                )
    async with acting(engine, admin) as act:
        made = await operations.create_offer(
            act, terms=terms(), capacity_maximum=None, organization_id=other.id
        )
    assert made.organization_id == other.id
