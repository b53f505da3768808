"""Who sees which need: every role, state and visibility, and what ends the view."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import CHARITY, EVERYWHERE, TERRITORIAL, Actor, Role, anonymous
from nexus.graph.sql import as_predicate
from nexus.needs import policy
from nexus.needs.model import Need, NeedLine, NeedState, Visibility
from nexus.recipients.model import Consent, Household
from tests.making import Maker, from_today, making, now, today
from tests.needs.acting import actor_of

S, V = NeedState, Visibility
OUT = frozenset({S.PUBLISHED, S.PAUSED, S.CLOSED})


async def sees(engine: AsyncEngine, actor: Actor, need: Need) -> bool:
    """Whether the actor sees the need now; its line is seen as it is."""
    actor = actor.at(now())
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(Need.id).where(Need.id == need.id, policy.visible(actor, Need))
        )
        seen = found.first() is not None
        lines = await session.execute(
            select(NeedLine.id).where(
                NeedLine.need_id == need.id, policy.line_visible(actor, NeedLine)
            )
        )
        assert (lines.first() is not None) is seen
        return seen


async def set_to(engine: AsyncEngine, model: Any, row_id: Any, **values: Any) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(update(model).where(model.id == row_id).values(**values))


async def actor(m: Maker, role: Role, **fields: Any) -> Actor:
    return actor_of(await m.account(role=role, **fields))


def shown(role: Role, state: NeedState, visibility: Visibility) -> bool:
    """To a role outside the territory: the rule of INV-13, said by hand."""
    if role in CHARITY:
        return state in OUT and visibility in (V.PUBLIC, V.PARTNERS)
    return state is S.PUBLISHED and visibility is V.PUBLIC


@pytest.fixture(scope="module")
async def everyone(engine: AsyncEngine) -> dict[Role, tuple[Actor, Actor]]:
    """One actor of each role inside the needs' territory, and one outside it."""
    nobody = anonymous(now())
    async with making(engine) as m:
        known = [role for role in Role if role is not Role.ANONYMOUS]
        return {Role.ANONYMOUS: (nobody, nobody)} | {
            role: (await actor(m, role, area_code="4401"), await actor(m, role, area_code="4402"))
            for role in known
        }


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("visibility", list(V))
async def test_what_each_role_sees(
    engine: AsyncEngine,
    everyone: dict[Role, tuple[Actor, Actor]],
    state: NeedState,
    visibility: Visibility,
) -> None:
    async with making(engine) as m:
        need = await m.need(state=state, visibility=visibility)
    for role, (inside, outside) in everyone.items():
        told = shown(role, state, visibility)
        held = role in TERRITORIAL | EVERYWHERE
        assert await sees(engine, inside, need) is (held or told), role
        assert await sees(engine, outside, need) is (role in EVERYWHERE or told), role


async def test_the_publishing_authority_sees_its_needs_everywhere(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        authority = await m.authority()
        clerk = await actor(m, Role.GOV_CLERK, organization=authority, area_code="4402")
        own = await m.need(state=S.DRAFT, publisher_id=authority.id)
        other = await m.need(state=S.DRAFT)
        assert await sees(engine, clerk, own)
        assert not await sees(engine, clerk, other)


async def test_a_stations_staff_stay_in_their_territory_whoever_employs_them(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        authority = await m.authority()
        near = await actor(m, Role.SOCIAL_WORKER, organization=authority, area_code="440103")
        far = await actor(m, Role.SOCIAL_WORKER, organization=authority, area_code="4402")
        need = await m.need(state=S.DRAFT, publisher_id=authority.id)
    assert await sees(engine, near, need)
    assert not await sees(engine, far, need)


async def test_who_runs_the_platform_reads_no_text_about_a_person(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.DRAFT)
        actors = [await actor(m, role) for role in (Role.GOV_CLERK, Role.PLATFORM_ADMIN)]
    async with AsyncSession(engine) as session:
        read = [
            await session.scalar(
                select(as_predicate(policy.may_read_text(one, Need))).where(Need.id == need.id)
            )
            for one in actors
        ]
    assert read == [True, False]


@pytest.mark.parametrize("state", ["submitted", "suspended", "deregistered"])
async def test_an_unverified_charity_sees_what_everybody_sees(
    engine: AsyncEngine, state: str
) -> None:
    async with making(engine) as m:
        charity = await m.organization(state=state)
        user = await actor(m, Role.CHARITY_USER, organization=charity)
        assert await sees(engine, user, await m.need(visibility=V.PUBLIC))
        for need in (
            await m.need(visibility=V.PARTNERS),
            await m.need(visibility=V.PARTNERS, group_name="城东医院"),
            await m.need(visibility=V.PUBLIC, state=S.PAUSED),
        ):
            assert not await sees(engine, user, need)


@pytest.mark.parametrize(
    "end",
    [
        {"state": "withdrawn"},
        {"state": "expired"},
        {"state": "superseded"},
        {"state": "lapsed"},
        {"expires_on": from_today()},
        {"purposes": ["CASE"]},
        {"data_classes": ["D0"]},
    ],
    ids=str,
)
async def test_the_view_ends_with_the_consent(engine: AsyncEngine, end: dict[str, Any]) -> None:
    """INV-12: at the next read, whatever the need's state says."""
    async with making(engine) as m:
        need = await m.need(visibility=V.PUBLIC)
        charity = await actor(m, Role.CHARITY_USER)
        worker = await actor(m, Role.SOCIAL_WORKER)
        nobody = anonymous(now())
        assert await sees(engine, charity, need)
        assert await sees(engine, nobody, need)
        await set_to(engine, Consent, need.consent_id, **end)
        assert not await sees(engine, charity, need)
        assert not await sees(engine, nobody, need)
        assert await sees(engine, worker, need)


async def test_a_consent_to_matching_is_for_partners_only(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        consent = await m.consent(recipient, purposes=["MATCH"])
        need = await m.need(visibility=V.PUBLIC, recipient_id=recipient.id, consent_id=consent.id)
        assert await sees(engine, await actor(m, Role.CHARITY_CLIENT), need)
        assert not await sees(engine, anonymous(now()), need)


@pytest.mark.parametrize("visibility", [V.PUBLIC, V.PARTNERS, V.NAMED])
async def test_a_consent_that_names_its_receivers_is_for_them(
    engine: AsyncEngine, visibility: Visibility
) -> None:
    async with making(engine) as m:
        named, other = await m.organization(), await m.organization()
        recipient = await m.recipient()
        consent = await m.consent(recipient, receiver_ids=[named.id])
        need = await m.need(visibility=visibility, recipient_id=recipient.id, consent_id=consent.id)
        assert await sees(engine, await actor(m, Role.CHARITY_USER, organization=named), need)
        assert not await sees(engine, await actor(m, Role.CHARITY_USER, organization=other), need)
        assert not await sees(engine, anonymous(now()), need)


async def test_a_named_need_asks_for_a_name_in_the_consent(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(visibility=V.NAMED)
        assert not await sees(engine, await actor(m, Role.CHARITY_USER), need)


async def test_a_group_needs_no_consent(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(visibility=V.PUBLIC, group_name="城东医院")
        assert await sees(engine, anonymous(now()), need)


async def test_a_need_is_out_within_its_period(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(visibility=V.PUBLIC, group_name="城东医院")
        charity = await actor(m, Role.CHARITY_USER)
        worker = await actor(m, Role.SOCIAL_WORKER)
        day = timedelta(days=1)
        for start, end, out in (
            (today(), today() + day, True),
            (today() + day, today() + 2 * day, False),
            (today() - day, today(), False),
            (None, None, True),
        ):
            await set_to(engine, Need, need.id, publish_from=start, publish_until=end)
            assert await sees(engine, charity, need) is out
            assert await sees(engine, anonymous(now()), need) is out
            assert await sees(engine, worker, need)


@pytest.mark.parametrize("visibility", [V.PUBLIC, V.PARTNERS])
async def test_an_address_protected_later_ends_the_wide_view(
    engine: AsyncEngine, visibility: Visibility
) -> None:
    async with making(engine) as m:
        need = await m.need(visibility=visibility)
        charity = await actor(m, Role.CHARITY_USER)
        assert await sees(engine, charity, need)
        await set_to(engine, Household, need.household_id, address_protected=True)
        assert not await sees(engine, charity, need)
        assert not await sees(engine, anonymous(now()), need)
