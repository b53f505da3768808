"""Already helped? The count by household and window, the refusal, the override, two at once."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, View, system
from nexus.core.refusals import Forbidden, Invalid, NotFound
from nexus.graph.identifiers import encode
from nexus.matching.helped import operations as helped
from nexus.matching.helped.model import HelpLimit, HelpOverride
from nexus.matching.helped.rules import AlreadyHelped, NothingToOverride
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import Pledge
from nexus.needs.model import NeedKind, NeedState
from nexus.supervision.operations import verify
from tests.conftest import Api
from tests.deeds import acting, count_of, events_of, reread
from tests.making import making, now

RICE = {"item_code": "FOOD.RICE", "quantity_required": Decimal(1000)}
"""Limited to 200 kg a household in 30 days."""
ASK = """query($line: ID!, $quantity: Decimal) { alreadyHelped(lineId: $line, quantity: $quantity) {
  blocked helped available most unit windowDays rule } }"""


async def need_of(engine: AsyncEngine, household: Any, line: dict[str, Any] = RICE) -> Any:
    async with making(engine) as m:
        person = await m.recipient(household)
        consent = await m.consent(person)
        return await m.need(
            recipient_id=person.id,
            household_id=household.id,
            consent_id=consent.id,
            lines=[line],
        )


async def home(engine: AsyncEngine, **fields: Any) -> Any:
    async with making(engine) as m:
        return await m.household(**fields)


async def charity(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.account(Role.CHARITY_USER)


async def approver(engine: AsyncEngine, **fields: Any) -> Any:
    async with making(engine) as m:
        return await m.account(Role.GOV_APPROVER, **fields)


async def pledge(engine: AsyncEngine, who: Any, need: Any, quantity: str) -> Pledge:
    async with acting(engine, who) as act:
        made: Pledge = await pledges.offer_pledge(act, need.lines[0].id, quantity=Decimal(quantity))
        return made


async def override(
    engine: AsyncEngine, who: Any, need: Any, quantity: str = "50", **more: Any
) -> HelpOverride:
    async with acting(engine, who) as act:
        return await helped.override_duplicate_help(
            act,
            need.lines[0].id,
            quantity=Decimal(quantity),
            reason=more.pop("reason", "两户合住,实际人口更多"),
            **more,
        )


async def no_findings(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        assert await verify(View(session, system(now()))) == []


async def test_a_second_charity_is_told_how_much_and_not_who(engine: AsyncEngine) -> None:
    household = await home(engine)
    first, second = await need_of(engine, household), await need_of(engine, household)
    one, two = await charity(engine), await charity(engine)
    await pledge(engine, one, first, "150")
    with pytest.raises(AlreadyHelped) as refused:
        await pledge(engine, two, second, "60")
    assert refused.value.code == "ALREADY_HELPED"
    assert refused.value.details == {
        "rule": "INV-10",
        "limit": "help_limit:FOOD.RICE@2020-01-01",
        "helped": "150",
        "most": "200",
        "unit": "KGM",
        "window_days": 30,
        "available": "50",
    }
    told = refused.value.message + str(refused.value.details)
    for secret in (one.name, str(one.organization_id), household.no, str(household.id), first.no):
        assert secret not in told
    async with AsyncSession(engine) as session:
        found = await session.scalars(select(Pledge).where(Pledge.need_id == second.id))
        assert found.all() == []
    await pledge(engine, two, second, "50")
    await no_findings(engine)


async def test_what_counts_and_what_does_not(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    """Not what was given back, is out of the window, of another item, household or unit."""
    household = await home(engine)
    need = await need_of(engine, household)
    who = await charity(engine)
    old = await pledge(engine, await charity(engine), need, "200")
    async with AsyncSession(owner_engine) as session, session.begin():
        aged = {"id": old.id, "at": now() - timedelta(days=30, minutes=1)}
        await session.execute(
            text("UPDATE allocation SET created_at = :at WHERE pledge_id = :id"), aged
        )
    given = await pledge(engine, who, need, "200")
    with pytest.raises(AlreadyHelped):
        await pledge(engine, await charity(engine), need, "1")
    await pledge(engine, await charity(engine), await need_of(engine, await home(engine)), "200")
    oil = {"item_code": "FOOD.OIL", "unit": "LTR", "quantity_required": Decimal(60)}
    await pledge(engine, await charity(engine), await need_of(engine, household, oil), "60")
    bags = {"item_code": "FOOD.RICE", "unit": "XBG", "quantity_required": Decimal(500)}
    await pledge(engine, await charity(engine), await need_of(engine, household, bags), "500")
    async with acting(engine, who) as act:
        await pledges.withdraw_pledge(act, given.id, expected_version=1)
    await pledge(engine, await charity(engine), need, "200")
    await no_findings(engine)


async def test_units_that_convert_count_together(engine: AsyncEngine) -> None:
    household = await home(engine)
    grams = {"item_code": "FOOD.RICE", "unit": "GRM", "quantity_required": Decimal(900_000)}
    await pledge(engine, await charity(engine), await need_of(engine, household), "150")
    need = await need_of(engine, household, grams)
    with pytest.raises(AlreadyHelped) as refused:
        await pledge(engine, await charity(engine), need, "60000")
    assert refused.value.details["available"] == "50000"
    await pledge(engine, await charity(engine), need, "50000")


async def test_a_part_of_a_group_counts_and_a_group_of_people_does_not(
    engine: AsyncEngine,
) -> None:
    household = await home(engine)
    chairs = {"item_code": "AID.WHEELCHAIR", "unit": "C62", "quantity_required": Decimal(9)}
    electric = {**chairs, "item_code": "AID.WHEELCHAIR.ELECTRIC"}
    await pledge(engine, await charity(engine), await need_of(engine, household, electric), "2")
    with pytest.raises(AlreadyHelped):
        await pledge(engine, await charity(engine), await need_of(engine, household, chairs), "1")
    async with making(engine) as m:
        village = await m.need(group_name="西村", lines=[chairs])
    await pledge(engine, await charity(engine), village, "9")


async def test_two_charities_at_once_do_not_both_pass(engine: AsyncEngine) -> None:
    household = await home(engine)
    needs = [await need_of(engine, household) for _ in range(6)]
    people = [await charity(engine) for _ in needs]
    done = await asyncio.gather(
        *(pledge(engine, who, need, "100") for who, need in zip(people, needs, strict=True)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Pledge) for one in done) == 2
    assert sum(isinstance(one, AlreadyHelped) for one in done) == 4
    await no_findings(engine)


async def test_an_override_lets_one_pledge_pass(engine: AsyncEngine) -> None:
    household = await home(engine)
    need = await need_of(engine, household)
    await pledge(engine, await charity(engine), need, "200")
    leave = await override(engine, await approver(engine), need)
    assert await events_of(engine, leave) == ["helped.overridden"]
    assert leave.snapshot == {
        "helped": "200", "most": "200", "unit": "KGM", "windowDays": 30, "asked": "50",
    }  # fmt: skip
    with pytest.raises(AlreadyHelped):
        await pledge(engine, await charity(engine), need, "51")
    assert (await reread(engine, leave)).used_at is None
    used = await pledge(engine, await charity(engine), need, "50")
    assert (await reread(engine, used)).override_id == leave.id
    assert (await reread(engine, leave)).used_at is not None
    with pytest.raises(AlreadyHelped):
        await pledge(engine, await charity(engine), need, "50")
    await no_findings(engine)


async def test_two_pledges_at_once_use_one_override(engine: AsyncEngine) -> None:
    household = await home(engine)
    need = await need_of(engine, household)
    await pledge(engine, await charity(engine), need, "200")
    await override(engine, await approver(engine), need)
    people = [await charity(engine) for _ in range(4)]
    done = await asyncio.gather(
        *(pledge(engine, who, need, "50") for who in people), return_exceptions=True
    )
    assert sum(isinstance(one, Pledge) for one in done) == 1
    assert sum(isinstance(one, AlreadyHelped) for one in done) == 3


async def test_an_override_for_one_organization_serves_no_other(engine: AsyncEngine) -> None:
    household = await home(engine)
    need = await need_of(engine, household)
    await pledge(engine, await charity(engine), need, "200")
    named = await charity(engine)
    await override(engine, await approver(engine), need, organization_id=named.organization_id)
    with pytest.raises(AlreadyHelped):
        await pledge(engine, await charity(engine), need, "50")
    await pledge(engine, named, need, "50")


ROLES = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]


@pytest.mark.parametrize("role", ROLES)
async def test_only_the_approver_overrides(engine: AsyncEngine, role: Role) -> None:
    need = await need_of(engine, await home(engine))
    await pledge(engine, await charity(engine), need, "200")
    async with making(engine) as m:
        who = await m.account(role)
    if role is Role.GOV_APPROVER:
        await override(engine, who, need)
        return
    before = await count_of(engine, HelpOverride)
    with pytest.raises((Forbidden, NotFound)):
        await override(engine, who, need)
    assert await count_of(engine, HelpOverride) == before


async def test_what_an_override_asks_for(engine: AsyncEngine) -> None:
    need = await need_of(engine, await home(engine))
    who = await approver(engine)
    before = await count_of(engine, HelpOverride)
    with pytest.raises(NothingToOverride):
        await override(engine, who, need)
    await pledge(engine, await charity(engine), need, "200")
    for reason in (" ", "见 13800138000"):
        with pytest.raises(Invalid):
            await override(engine, who, need, reason=reason)
    with pytest.raises(Invalid):
        await override(engine, who, need, "0")
    with pytest.raises(NotFound):
        await override(engine, who, need, organization_id=UUID(int=7))
    with pytest.raises(NotFound):
        await override(engine, await approver(engine, area_code="4451"), await _internal(engine))
    async with AsyncSession(engine) as session, session.begin():
        given = {"who": who.id, "need": need.id}
        await session.execute(text("UPDATE need SET created_by=:who WHERE id=:need"), given)
    with pytest.raises(Forbidden):
        await override(engine, who, need)
    assert await count_of(engine, HelpOverride) == before
    await override(engine, await approver(engine), need)
    with pytest.raises(NothingToOverride):
        await override(engine, await approver(engine), need)


async def _internal(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.need(NeedState.SUBMITTED, lines=[RICE])


async def test_the_question_in_the_graph(api: Api, engine: AsyncEngine) -> None:
    household = await home(engine)
    first, second = await need_of(engine, household), await need_of(engine, household)
    await pledge(engine, await charity(engine), first, "150")
    line = encode("NeedLine", second.lines[0].id)
    asks = api(await charity(engine))
    told = (await asks(ASK, line=line))["data"]["alreadyHelped"]
    assert told == {
        "blocked": False, "helped": "150", "available": "50", "most": "200",
        "unit": "KGM", "windowDays": 30, "rule": "help_limit:FOOD.RICE@2020-01-01",
    }  # fmt: skip
    assert (await asks(ASK, line=line, quantity="51"))["data"]["alreadyHelped"]["blocked"]
    assert not (await asks(ASK, line=line, quantity="50"))["data"]["alreadyHelped"]["blocked"]
    plain = await need_of(engine, household, {})
    no_limit = encode("NeedLine", plain.lines[0].id)
    assert (await asks(ASK, line=no_limit))["data"]["alreadyHelped"] is None


@pytest.mark.parametrize("role", ROLES)
async def test_who_is_answered(api: Api, engine: AsyncEngine, role: Role) -> None:
    """Whoever may pledge the line or works with the need; of a hidden need nobody outside."""
    shown = await need_of(engine, await home(engine))
    hidden = await _internal(engine)
    async with making(engine) as m:
        who = await m.account(role)
        away = await m.account(role, area_code="4451")
    staff = {
        Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR,
        Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE,
    }  # fmt: skip
    pledging = {Role.CHARITY_USER, Role.CHARITY_CLIENT}
    for account, need, expected in (
        (who, shown, role in staff | pledging),
        (who, hidden, role in staff),
        (away, shown, role in pledging),
        (away, hidden, False),
    ):
        answer = await api(account)(ASK, line=encode("NeedLine", need.lines[0].id))
        assert (answer["data"]["alreadyHelped"] is not None) == expected, (role, need.state)


# --- By area, and money ---


async def test_the_limit_of_the_narrowest_area_holds(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    async with AsyncSession(owner_engine) as session, session.begin():
        for area, most in (("4451", 120), ("445102", 80)):
            session.add(
                HelpLimit(
                    kind=NeedKind.GOODS,
                    item_code="FOOD.RICE",
                    unit="KGM",
                    window_days=30,
                    most=Decimal(most),
                    valid_from=date(2026, 1, 1),
                    source="made for a test",
                    area_code=area,
                )
            )
    for town, share, limit in (
        ("445102001", "80", "FOOD.RICE/445102@2026-01-01"),
        ("445121001", "120", "FOOD.RICE/4451@2026-01-01"),
        ("440103001", "200", "FOOD.RICE@2020-01-01"),
    ):
        need = await need_of(engine, await home(engine, area_code=town))
        with pytest.raises(AlreadyHelped) as refused:
            await pledge(engine, await charity(engine), need, "201")
        told = refused.value.details
        assert (told["most"], told["limit"]) == (share, f"help_limit:{limit}")
        await pledge(engine, await charity(engine), need, share)
    await no_findings(engine)


async def test_money_from_two_charities_is_one_share(engine: AsyncEngine) -> None:
    household = await home(engine)
    line: dict[str, Any] = {"kind": "cash", "unit": "CNY", "item_code": None, "item": "补助"}
    line["quantity_required"] = Decimal(60_000)
    needs = [await need_of(engine, household, line) for _ in range(2)]
    await pledge(engine, await charity(engine), needs[0], "45000")
    with pytest.raises(AlreadyHelped) as refused:
        await pledge(engine, await charity(engine), needs[1], "5001")
    assert refused.value.details["available"] == "5000"
    await pledge(engine, await charity(engine), needs[1], "5000")
    await no_findings(engine)
