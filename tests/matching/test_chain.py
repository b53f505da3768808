"""The assistance chain: in order, and nothing of it that its rows' own policies withhold."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from nexus.matching.chain.queries import MOMENTS
from nexus.matching.feedback.model import Feedback, FeedbackSource
from nexus.needs.model import NeedState
from nexus.obligations.model import Obligation, ObligationKind
from nexus.recipients.model import Household, RecipientAlias
from nexus.recipients.policy import visible as household_visible
from tests.conftest import Api
from tests.deeds import actor_of
from tests.making import making, now, number
from tests.matching.test_worklists import pledged

TOWN, ELSEWHERE = "440183001", "440184001"
CHAIN = """query($household: ID, $alias: String) {
    assistanceChain(household: $household, alias: $alias) {
        steps { at kind node { __typename id } } } }"""


@pytest.fixture(scope="module")
async def world(api: Api) -> AsyncIterator[dict[str, Any]]:
    """One household with something of every noun, and another beside it."""
    async with making(api.engine) as m:
        home = await m.household(area_code=TOWN)
        person = await m.recipient(home)
        authority = await m.authority(area_code="440183")
        helper = await m.account(Role.CHARITY_USER)
        stranger = await m.account(Role.CHARITY_USER)
        mine: dict[str, Any] = {
            "recipient_id": person.id,
            "household_id": home.id,
            "area_code": TOWN,
        }
        mine["publisher_id"] = authority.id
        needs = [await m.need(**mine), await m.need(NeedState.SUBMITTED, **mine)]
        needs.append(await m.need(**mine))
        recognition = await m.recognition(person)
        report = await m.report(area_code=TOWN, household_id=home.id)
        own = {"organization_id": helper.organization_id}
        pledge = await pledged(m, needs[0], state="accepted", accepted_at=now(), **own)
        foreign = await pledged(m, needs[2], organization_id=stranger.organization_id)
        feedback = Feedback(
            need_id=needs[0].id,
            source=FeedbackSource.RECIPIENT,
            rating=5,
            created_at=now(),
            created_by=new_id(),
        )
        owed = Obligation(
            no=number("OB"),
            kind=ObligationKind.REVIEW,
            subject_type="pledge",
            subject_id=pledge.id,
            organization_id=authority.id,
            area_code=TOWN,
            due_at=now(),
            created_at=now(),
            created_by=new_id(),
        )
        name = RecipientAlias(recipient_id=person.id, alias=number("A"), **own)
        await m.put(feedback, owed, name)
        await pledged(m, await m.need(area_code=TOWN))
        made = {
            "home": home,
            "alias": name.alias,
            "rows": [*needs, recognition, report, pledge, foreign, feedback, owed],
            "consents": [need.consent_id for need in needs],
        }
        for role in Role:
            if role not in (Role.ANONYMOUS, Role.SYSTEM):
                account = await m.account(role, authority, area_code=TOWN)
                made[role.value] = account
        made |= {"helper": helper, "stranger": stranger}
        made["away"] = await m.account(Role.GOV_APPROVER, area_code=ELSEWHERE)
        yield made


async def steps(api: Api, account: Account | None, **given: Any) -> Any:
    answer = await api(account)(CHAIN, **given)
    assert "errors" not in answer, answer
    found = answer["data"]["assistanceChain"]
    return None if found is None else found["steps"]


async def allowed(api: Api, account: Account, world: dict[str, Any]) -> set[str]:
    """The ids of the household's rows that their own policies show."""
    ids: set[UUID] = {row.id for row in world["rows"]} | set(world["consents"])
    seen: set[str] = set()
    async with AsyncSession(api.engine) as session:
        for table, visible, _ in MOMENTS:
            shown = select(table.id).where(table.id.in_(ids), visible(actor_of(account), table))
            seen |= {encode(table.__name__, one) for one in await session.scalars(shown)}
    return seen


@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.ANONYMOUS, Role.SYSTEM)])
async def test_a_chain_is_what_the_rows_own_policies_show(
    world: dict[str, Any], api: Api, role: Role
) -> None:
    account, home = world[role.value], world["home"]
    found = await steps(api, account, household=encode("Household", home.id))
    async with AsyncSession(api.engine) as session:
        asked = select(Household.id).where(
            Household.id == home.id, household_visible(actor_of(account), Household)
        )
        if await session.scalar(asked) is None:
            assert found is None
            return
    assert all(step["node"] for step in found)
    assert {step["node"]["id"] for step in found} == await allowed(api, account, world)
    assert [step["at"] for step in found] == sorted(step["at"] for step in found)
    kinds = [step["kind"] for step in found]
    assert kinds.count("recognition.recorded") == kinds.count("discovery_report.received") == 1
    if role is not Role.DPO:
        assert kinds.count("need.recorded") == 3
        assert kinds.count("pledge.accepted") == 1


async def test_who_helps_sees_its_own_part_by_its_alias_and_nothing_by_the_household(
    world: dict[str, Any], api: Api
) -> None:
    helper, rows = world["helper"], world["rows"]
    found = await steps(api, helper, alias=world["alias"])
    assert {step["node"]["id"] for step in found} == {
        encode("Need", rows[0].id),
        encode("Pledge", rows[5].id),
    }
    household = encode("Household", world["home"].id)
    assert await steps(api, helper, household=household) is None
    assert await steps(api, world["stranger"], alias=world["alias"]) is None
    assert await steps(api, world["gov_approver"], alias=world["alias"]) is None
    for account, given in (
        (world["away"], {"household": household}),
        (world["away"], {"household": encode("Household", new_id())}),
        (world["gov_approver"], {"household": encode("Need", world["home"].id)}),
        (world["gov_approver"], {}),
        (None, {"household": household}),
        (None, {"alias": world["alias"]}),
    ):
        assert await steps(api, account, **given) is None
