"""Pairing: no two of one helper and household at once; contacts, and what helpers gave."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import GOVERNMENT, STATION, Actor, Role
from nexus.casework.pairing import model, operations, policy, rules
from nexus.casework.pairing.contributions import operations as contributions
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid, NotFound, Refusal
from nexus.organizations.model import Organization, OrganizationState
from nexus.recipients.model import Household
from tests.casework.visiting import FAR, TOWN, Place, a_place, tried
from tests.conftest import Api
from tests.deeds import acting, count_of, events_of, reread
from tests.making import COUNTER, dated, from_today, making, now, today

S = model.PairingState
SEES = STATION | GOVERNMENT | policy.HELPERS | {Role.DPO, Role.SYSTEM}
PAIRS = frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER})


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    return await a_place(engine)


@pytest.fixture(scope="module")
async def helper(engine: AsyncEngine) -> Organization:
    async with making(engine) as m:
        return await m.organization()


async def put_pairing(
    engine: AsyncEngine, place: Place, helper: Organization, state: S = S.ACTIVE, **fields: Any
) -> model.Pairing:
    """Of the organization and a new household, for a month now."""
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
        row = model.Pairing(
            **{
                "no": f"PA-{next(COUNTER)}-{new_id().hex[-6:]}",
                "household_id": home.id,
                "station_id": place.station.id,
                "helper_kind": model.HelperKind.VOLUNTEER_ORGANIZATION,
                "organization_id": helper.id,
                "valid_from": today() - timedelta(days=30),
                "valid_to": today() if state is S.ENDED else None,
                "state": state,
                "created_at": now(),
                "created_by": place.lead.id,
            }
            | fields
        )
        await m.put(row)
        return row


def given(place: Place, organization: Organization, **fields: Any) -> dict[str, Any]:
    return {
        "household_id": place.home.id,
        "station_id": place.station.id,
        "helper": rules.Helper("volunteer_organization", organization_id=organization.id),
        "valid_from": today(),
    } | fields


@pytest.mark.parametrize("verb", ["end", "contact"])
async def test_every_state_verb_and_role(
    engine: AsyncEngine, place: Place, helper: Organization, verb: str
) -> None:
    assert set(model.TRANSITIONS.moves) == {"end", "contact"}
    allowed = PAIRS if verb == "end" else STATION | policy.HELPERS

    async def end(act: Any, row: Any) -> Any:
        return await operations.end_pairing(
            act, row.id, expected_version=row.version, ends_on=today(), reason="已结束"
        )

    async def contact(act: Any, row: Any) -> Any:
        await operations.record_contact(
            act,
            pairing_id=row.id,
            means=model.ContactMeans.PHONE,
            performed_at=now() - timedelta(days=2),
        )
        return row

    for state in S:
        row = await put_pairing(engine, place, helper, state)
        async with acting(engine, place.worker) as act:
            for role in Role:
                for area in (TOWN, FAR):
                    actor = Actor(role, place.worker.id, helper.id, area, now())
                    # A contact within the period may become known after the end.
                    after = model.TRANSITIONS.moves[verb].get(state, "WRONG_STATE")
                    expected = state.value if verb == "contact" else str(after)
                    if role not in allowed:
                        expected = "FORBIDDEN"
                    far = area == FAR and role not in policy.HELPERS | {Role.SYSTEM}
                    if role not in SEES or far:
                        expected = "NOT_FOUND"
                    deed = end if verb == "end" else contact
                    assert await tried(act.session, actor, row, deed) == expected, (
                        verb,
                        state,
                        role,
                        area,
                    )
        assert (await reread(engine, row)).version == 1


async def test_only_the_organization_that_helps_sees_it(
    engine: AsyncEngine, place: Place, helper: Organization, api: Api
) -> None:
    """Its own pairings, and not whose household it is beyond what it knows."""
    await put_pairing(engine, place, helper)
    async with making(engine) as m:
        own = await m.account(Role.CHARITY_USER, helper)
        other = await m.account(Role.CHARITY_USER)
    document = "{ pairings(first: 5) { nodes { no household { id } organization { id } } } }"
    mine = (await api(own)(document))["data"]["pairings"]["nodes"]
    assert mine
    assert all(node["household"] is None for node in mine)
    assert (await api(other)(document))["data"]["pairings"]["nodes"] == []


async def test_no_two_at_once(engine: AsyncEngine, place: Place, helper: Organization) -> None:
    """Ten that pair at once: one; after its end another; the database holds it too."""

    async def pair(**fields: Any) -> str:
        try:
            async with acting(engine, place.worker) as act:
                await operations.start_pairing(act, **given(place, helper, **fields))
        except rules.AlreadyPaired as refused:
            return f"{refused.code} {refused.details['conflictingFrom']}"
        return "paired"

    until = today() + timedelta(days=10)
    answers = await asyncio.gather(*(pair(valid_to=until) for _ in range(6)))
    assert sorted(answers) == [f"ALREADY_PAIRED {today()}"] * 5 + ["paired"]
    assert await pair(valid_from=until, valid_to=until + timedelta(days=1)) == "paired"
    with pytest.raises(IntegrityError, match="ex_pairing_period"):
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(
                text(
                    "INSERT INTO pairing (id, no, household_id, station_id, helper_kind, "
                    "organization_id, valid_from, state, version, created_at, created_by) "
                    "SELECT gen_random_uuid(), 'PA-twice', household_id, station_id, helper_kind, "
                    "organization_id, valid_from, state, 1, created_at, created_by FROM pairing "
                    f"WHERE household_id = '{place.home.id}' LIMIT 1"
                )
            )


async def test_who_may_be_paired(engine: AsyncEngine, place: Place, helper: Organization) -> None:
    other = await a_place(engine)
    async with making(engine) as m:
        draft = await m.organization(state=OrganizationState.SUSPENDED)
        far = await m.household(area_code=FAR)
    for more, refusal in (
        ({"helper": rules.Helper("worker", organization_id=helper.id)}, Invalid),
        ({"helper": rules.Helper("party_organization", worker_id=place.post.id)}, Invalid),
        ({"helper": rules.Helper("worker", worker_id=other.post.id)}, (Invalid, NotFound)),
        ({"helper": rules.Helper("party_organization", organization_id=draft.id)}, Invalid),
        ({"household_id": far.id}, NotFound),
        ({"station_id": other.station.id}, NotFound),
        ({"valid_to": today()}, Invalid),
    ):
        with pytest.raises(refusal):
            async with acting(engine, place.worker) as act:
                await operations.start_pairing(act, **given(place, helper, **more))
    for account in (place.aide, place.clerk):
        with pytest.raises(Forbidden):
            async with acting(engine, account) as act:
                await operations.start_pairing(act, **given(place, helper))
    async with acting(engine, place.worker) as act:
        row = await operations.start_pairing(
            act, **given(place, helper, helper=rules.Helper("worker", worker_id=place.post.id))
        )
    assert await events_of(engine, row) == ["pairing.started"]


async def test_contacts_arrive_late_but_are_not_to_come(
    engine: AsyncEngine, place: Place, helper: Organization
) -> None:
    row = await put_pairing(engine, place, helper)
    for moment in (now() + timedelta(hours=1), now() - timedelta(days=40)):
        with pytest.raises(Invalid):
            async with acting(engine, place.worker) as act:
                await operations.record_contact(
                    act, pairing_id=row.id, means=model.ContactMeans.VISIT, performed_at=moment
                )
    latest, earlier = now() - timedelta(days=1), now() - timedelta(days=3)
    for moment in (latest, earlier):
        async with acting(engine, place.worker) as act:
            await operations.record_contact(
                act, pairing_id=row.id, means=model.ContactMeans.VISIT, performed_at=moment
            )
    assert (await reread(engine, row)).last_contact_at == latest
    with pytest.raises(Invalid) as refused:
        async with acting(engine, place.worker) as act:
            await operations.record_contact(
                act,
                pairing_id=row.id,
                means=model.ContactMeans.PHONE,
                performed_at=latest,
                note="电话 13800138000",
            )
    assert refused.value.field == "note"


async def test_a_household_that_moves_or_merges_takes_its_pairing_along(
    engine: AsyncEngine, place: Place, helper: Organization
) -> None:
    row = await put_pairing(engine, place, helper)
    async with AsyncSession(engine) as session, session.begin():
        home = await session.get_one(Household, row.household_id)
        home.area_code = FAR
    async with making(engine) as m:
        there = await m.account(Role.GOV_CLERK, area_code=FAR)
    for account, sees in ((there, True), (place.clerk, False)):
        async with acting(engine, account) as act:
            refusal = Forbidden if sees else NotFound
            with pytest.raises(refusal):
                await operations.end_pairing(
                    act, row.id, expected_version=1, ends_on=today(), reason="迁出"
                )


HOURS = rules.Gift("hours", from_today(), minutes=90)


@pytest.mark.parametrize(
    "gift",
    [
        rules.Gift("hours", from_today()),
        rules.Gift("hours", from_today(), minutes=0),
        rules.Gift("hours", from_today(), minutes=1441),
        rules.Gift("hours", from_today(), minutes=60, amount_fen=100),
        rules.Gift("cash", from_today(), minutes=5, amount_fen=100),
        rules.Gift("cash", from_today(), amount_fen=0),
        rules.Gift("goods", from_today(), quantity=Decimal(2)),
        rules.Gift("goods", from_today(), quantity=Decimal(0), unit="C62"),
        rules.Gift("goods", from_today(), quantity=Decimal(1), unit="NOPE"),
        rules.Gift("goods", from_today(), quantity=Decimal(1), unit="C62", item_code="NOPE"),
        rules.Gift("hours", from_today(1), minutes=60),
        rules.Gift("hours", from_today(-60), minutes=60),
    ],
)
async def test_what_is_no_gift(
    engine: AsyncEngine, place: Place, helper: Organization, gift: rules.Gift
) -> None:
    row = await put_pairing(engine, place, helper)
    before = await count_of(engine, model.Contribution)
    with pytest.raises(Refusal):
        async with acting(engine, place.worker) as act:
            await contributions.record_contribution(act, gift, pairing_id=row.id)
    assert await count_of(engine, model.Contribution) == before


TOTALS = """{ contributionTotals { helpers { records minutes amountFen organization { id } } } }"""


async def test_what_was_given_counts_once(engine: AsyncEngine, api: Api) -> None:
    """A correction takes the place of the wrong record, by a second person, and only once."""
    place = await a_place(engine)
    async with making(engine) as m:
        giver = await m.organization()
    row = await put_pairing(engine, place, giver)
    gifts = (dated(HOURS), rules.Gift("cash", today(), amount_fen=50_000), dated(HOURS))
    made = []
    for gift in gifts:
        async with acting(engine, place.worker) as act:
            made.append(await contributions.record_contribution(act, gift, pairing_id=row.id))
    wrong, _, twice = made
    right: dict[str, Any] = {"contribution_id": wrong.id, "reason": "时长有误"}
    half = rules.Gift("hours", today(), minutes=45)
    with pytest.raises(Forbidden):
        async with acting(engine, place.worker) as act:
            await contributions.correct_contribution(act, half, **right)
    async with acting(engine, place.lead) as act:
        await contributions.correct_contribution(act, half, **right)
    with pytest.raises(rules.AlreadyCorrected):
        async with acting(engine, place.lead) as act:
            await contributions.correct_contribution(act, half, **right)
    async with acting(engine, place.lead) as act:
        await contributions.correct_contribution(
            act, dated(HOURS), contribution_id=twice.id, reason="重复登记", void=True
        )
    answer = await api(place.lead)(TOTALS)
    (total,) = answer["data"]["contributionTotals"]["helpers"]
    assert (total["records"], total["minutes"], total["amountFen"]) == (2, 45, 50_000)
    other = await a_place(engine)
    assert (await api(other.lead)(TOTALS))["data"]["contributionTotals"]["helpers"] == []
    with pytest.raises(NotFound):
        async with acting(engine, other.lead) as act:
            await contributions.correct_contribution(act, half, **right)


async def test_contributions_without_a_pairing(
    engine: AsyncEngine, place: Place, helper: Organization
) -> None:
    named = rules.Helper("party_organization", organization_id=helper.id)
    goods = rules.Gift("goods", today(), quantity=Decimal("2.5"), unit="C62", amount_fen=900)
    async with acting(engine, place.aide) as act:
        row = await contributions.record_contribution(
            act, goods, station_id=place.station.id, helper=named
        )
    fresh = await reread(engine, row)
    assert (fresh.quantity, fresh.unit, fresh.amount_fen) == (Decimal("2.500"), "C62", 900)
    for more in ({}, {"station_id": place.station.id}, {"helper": named}):
        with pytest.raises(Invalid):
            async with acting(engine, place.aide) as act:
                await contributions.record_contribution(act, goods, **more)
    async with making(engine) as m:
        giver = await m.account(Role.VOL_ORG, helper)
    for account in (giver, place.clerk):
        with pytest.raises(Forbidden):
            async with acting(engine, account) as act:
                await contributions.record_contribution(
                    act, goods, station_id=place.station.id, helper=named
                )
    with pytest.raises(DBAPIError):
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(
                text(f"UPDATE contribution SET amount_fen = 1 WHERE id = '{row.id}'")
            )
