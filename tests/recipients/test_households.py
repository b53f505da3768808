"""Households and recipients: who records and sees them, and that they carry no identity."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, anonymous, system
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid, NotFound, Refusal, VersionConflict
from nexus.recipients import model, operations, policy
from nexus.recipients.queries import alias_of
from nexus.recipients.rules import PersonalDataInText
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import TOWN, making, now, today

PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]
KEEPERS = {
    Role.GOV_CLERK,
    Role.GOV_APPROVER,
    Role.STATION_LEAD,
    Role.SOCIAL_WORKER,
    Role.AIDE,
}
SEE = KEEPERS | {Role.GOV_COORDINATOR, Role.DPO}
SEE_PROTECTED = {Role.GOV_APPROVER, Role.STATION_LEAD, Role.SOCIAL_WORKER}
VISIBLE: dict[str, tuple[Any, Any]] = {
    "household": (model.Household, policy.visible),
    "recipient": (model.Recipient, policy.recipient_visible),
    "recognition": (model.Recognition, policy.recognition_visible),
    "household_recognition": (model.Recognition, policy.recognition_visible),
    "consent": (model.Consent, policy.consent_visible),
}


async def family(engine: AsyncEngine, **household: Any) -> dict[str, Any]:
    async with making(engine) as m:
        home = await m.household(**household)
        person = await m.recipient(home)
        return {
            "household": home,
            "recipient": person,
            "recognition": await m.recognition(person),
            "household_recognition": await m.recognition(household_id=home.id),
            "consent": await m.consent(person),
        }


async def seen(engine: AsyncEngine, actor: Any, rows: dict[str, Any]) -> set[str]:
    found = set()
    async with AsyncSession(engine) as session:
        for name, row in rows.items():
            table, visible = VISIBLE[name]
            statement = select(table.id).where(table.id == row.id, visible(actor, table))
            if await session.scalar(statement) is not None:
                found.add(name)
    return found


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_sees(engine: AsyncEngine, role: Role) -> None:
    open_, protected = await family(engine), await family(engine, address_protected=True)
    async with making(engine) as m:
        accounts = [await m.account(role=role, area_code=code) for code in ("440103", "CN", TOWN)]
        elsewhere = await m.account(role=role, area_code="440104")
        nowhere = await m.account(role=role, area_code=None)
    for account in accounts:
        actor = actor_of(account)
        assert await seen(engine, actor, open_) == (set(open_) if role in SEE else set())
        assert await seen(engine, actor, protected) == (
            set(protected) if role in SEE_PROTECTED else set()
        )
    for account in (elsewhere, nowhere):
        assert await seen(engine, actor_of(account), open_) == set()


async def test_nobody_and_the_clocks(engine: AsyncEngine) -> None:
    rows = await family(engine, address_protected=True)
    assert await seen(engine, anonymous(now()), rows) == set()
    assert await seen(engine, system(now()), rows) == set(rows)


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_records(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        home = await m.household()
        account = await m.account(role=role, area_code="440103")
        elsewhere = await m.account(role=role, area_code="440104")

    async def create(who: Any) -> Any:
        async with acting(engine, who) as act:
            return await operations.create_household(act, size=2, area_code=TOWN)

    async def add(who: Any) -> Any:
        async with acting(engine, who) as act:
            return await operations.create_recipient(act, household_id=home.id, birth_year=1980)

    async def change(who: Any) -> Any:
        async with acting(engine, who) as act:
            return await operations.update_household(act, home.id, expected_version=1, size=5)

    counted = [await count_of(engine, t) for t in (model.Household, model.Recipient)]
    for deed, refusal in ((create, Forbidden), (add, NotFound), (change, NotFound)):
        with pytest.raises(refusal):
            await deed(elsewhere)
    if role in KEEPERS:
        for deed in (create, add, change):
            row = await deed(account)
            assert len(await events_of(engine, row)) == 1
        assert (await reread(engine, home)).size == 5
        return
    unseen = Forbidden if role in SEE else NotFound
    for deed, refusal in ((create, Forbidden), (add, unseen), (change, unseen)):
        with pytest.raises(refusal):
            await deed(account)
    assert counted == [await count_of(engine, t) for t in (model.Household, model.Recipient)]
    assert (await reread(engine, home)).version == 1


async def test_a_code_with_zeros_is_the_division(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.area("440103")
        worker = await m.account(role=Role.SOCIAL_WORKER)
    async with acting(engine, worker) as act:
        row = await operations.create_household(act, size=1, area_code="440103")
    assert row.area_code == "440103"
    assert row.no.startswith("H-440103-")


@pytest.mark.parametrize(
    "text",
    [
        "电话13800138000联系",
        "身份证440103196001010013需核实",
        "住流花路12号3楼502房",
    ],
)
async def test_a_working_text_carries_no_identity(engine: AsyncEngine, text: str) -> None:
    async with making(engine) as m:
        home = await m.household()
        worker = await m.account(role=Role.SOCIAL_WORKER)
    before = await count_of(engine, model.Household)
    with pytest.raises(PersonalDataInText) as refused:
        async with acting(engine, worker) as act:
            await operations.create_household(act, size=1, area_code=TOWN, living_condition=text)
    assert text not in str(refused.value.as_dict())
    assert refused.value.details["kinds"]
    with pytest.raises(PersonalDataInText):
        async with acting(engine, worker) as act:
            await operations.update_household(
                act, home.id, expected_version=1, living_condition=text
            )
    assert await count_of(engine, model.Household) == before
    assert (await reread(engine, home)).living_condition is None


async def test_values_that_make_no_sense(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        home, other = await m.household(), await m.household(area_code="440104")
        person, stranger = await m.recipient(home), await m.recipient(other)
        worker = await m.account(role=Role.SOCIAL_WORKER, area_code="440103")
    before = await count_of(engine, model.Recipient)
    for given, refusal in (
        ({"birth_year": 1899}, Invalid),
        ({"birth_year": today().year + 1}, Invalid),
        ({"household_role": "boss"}, Invalid),
        ({"guardian_id": new_id()}, NotFound),
        ({"guardian_id": stranger.id}, NotFound),
    ):
        with pytest.raises(refusal):
            async with acting(engine, worker) as act:
                await operations.create_recipient(act, household_id=home.id, **given)
        with pytest.raises(refusal):
            async with acting(engine, worker) as act:
                await operations.update_recipient(act, person.id, expected_version=1, **given)
    with pytest.raises(Invalid):
        async with acting(engine, worker) as act:
            await operations.update_recipient(
                act, person.id, expected_version=1, guardian_id=person.id
            )
    with pytest.raises(VersionConflict):
        async with acting(engine, worker) as act:
            await operations.update_recipient(act, person.id, expected_version=2)
    for size in (0, -1):
        with pytest.raises(Invalid):
            async with acting(engine, worker) as act:
                await operations.create_household(act, size=size, area_code=TOWN)
    with pytest.raises(Refusal):
        async with acting(engine, worker) as act:
            await operations.create_household(act, size=1, area_code="999999")
    assert await count_of(engine, model.Recipient) == before
    assert (await reread(engine, person)).version == 1


async def test_changing_a_recipient_keeps_the_rest(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        person = await m.recipient(gender="female", birth_year=2015)
        guardian = await m.recipient()
        worker = await m.account(role=Role.SOCIAL_WORKER)
    async with acting(engine, worker) as act:
        await operations.update_recipient(
            act, person.id, expected_version=1, guardian_id=guardian.id, birth_year=None
        )
    fresh = await reread(engine, person)
    assert (fresh.gender, fresh.birth_year, fresh.guardian_id, fresh.version) == (
        model.Gender.FEMALE,
        2015,
        guardian.id,
        2,
    )


async def test_aliases_differ_and_stay(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        person = await m.recipient()
        charities = [await m.organization() for _ in range(3)]
    aliases = []
    for charity in charities:
        async with acting(engine, system(now())) as act:
            first = await operations.alias_for(act, person.id, charity.id)
            assert await operations.alias_for(act, person.id, charity.id) == first
            aliases.append(first)
    assert len(set(aliases)) == 3
    ids = {person.no, str(person.id), *(str(c.id) for c in charities)}
    assert not any(part in alias for alias in aliases for part in ids)
    async with AsyncSession(engine) as session:
        found = [await session.scalar(select(alias_of(person.id, c.id))) for c in charities]
        assert found == aliases
        assert await session.scalar(select(alias_of(person.id, new_id()))) is None
