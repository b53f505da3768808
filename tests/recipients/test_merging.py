"""Two records of one person: looked for, suspected, merged by a pointer, and taken apart again."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, WrongState
from nexus.matching.helped.rules import AlreadyHelped
from nexus.recipients.merging import operations as merging
from nexus.recipients.merging.model import (
    TRANSITIONS,
    DuplicateSuspicion,
    SuspicionGround,
    SuspicionState,
)
from nexus.recipients.merging.rules import NotMergeable
from nexus.recipients.model import Household, Recipient, RecipientAlias
from nexus.recipients.operations import alias_for
from nexus.recipients.vault import operations as vault
from nexus.recipients.vault.model import IdentityField
from tests.deeds import acting, count_of, events_of, reread
from tests.making import making, now
from tests.matching.test_already_helped import charity, need_of, pledge

S = SuspicionState
TOWN, NEXT_TOWN = "440103001", "440103002"
NUMBERS = ("440103196001010010", "440103196001010029")


async def person(engine: AsyncEngine, home: Any = None, **fields: Any) -> Recipient:
    async with making(engine) as m:
        return await m.recipient(home or await m.household(), **fields)


async def account(engine: AsyncEngine, role: Role, area: str = "440103") -> Any:
    async with making(engine) as m:
        return await m.account(role, area_code=area)


async def suspicion(
    engine: AsyncEngine, one: Recipient, other: Recipient, state: S = S.OPEN, **fields: Any
) -> DuplicateSuspicion:
    """A pair in the state, its merge proposed by nobody in the tests and `other` to stay."""
    later, earlier = sorted((one, other), key=lambda each: each.id, reverse=True)
    lead = await account(engine, Role.STATION_LEAD)
    row: dict[str, Any] = {
        "no": f"DS-{one.no}-{other.no}",
        "recipient_id": later.id,
        "other_id": earlier.id,
        "area_code": TOWN,
        "ground": SuspicionGround.REPORTED,
        "survivor_id": other.id,
        "proposed_by": lead.id,
        "proposed_at": now(),
        "state": state,
        "created_at": now(),
        "created_by": lead.id,
    } | fields
    if state is not S.OPEN:
        row |= {"decided_by": one.id, "decided_at": now(), "state_reason": "已核对"}
    made = DuplicateSuspicion(**row)
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        session.add(made)
        if state is S.MERGED:
            gone = await session.get_one(Recipient, one.id)
            gone.merged_into_id, gone.merged_at = other.id, now()
    return made


async def merged(engine: AsyncEngine, one: Recipient, other: Recipient) -> DuplicateSuspicion:
    row = await suspicion(engine, one, other)
    async with acting(engine, await account(engine, Role.GOV_APPROVER)) as act:
        return await merging.merge_recipients(act, row.id, expected_version=1)


# --- States × roles × verbs ---

VERBS: dict[str, Any] = {
    "propose": merging.propose_merge,
    "merge": merging.merge_recipients,
    "keep_apart": merging.keep_apart,
    "unmerge": merging.unmerge_recipients,
}
MAY = {
    "propose": {Role.STATION_LEAD, Role.GOV_CLERK},
    "merge": {Role.GOV_APPROVER},
    "keep_apart": {Role.STATION_LEAD, Role.GOV_CLERK, Role.GOV_APPROVER},
    "unmerge": {Role.GOV_APPROVER},
}
SEES = {
    Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR,
    Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE, Role.DPO,
}  # fmt: skip
AFTER = {
    ("propose", S.OPEN): S.OPEN,
    ("merge", S.OPEN): S.MERGED,
    ("keep_apart", S.OPEN): S.KEPT_APART,
    ("unmerge", S.MERGED): S.KEPT_APART,
}
ROLES = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]


def test_the_table_is_the_one_reviewed() -> None:
    assert {(verb, before): after for verb, before, after in TRANSITIONS.rows()} == AFTER


@pytest.mark.parametrize("state", list(S))
async def test_every_role_and_verb(engine: AsyncEngine, state: S) -> None:
    """Listed moves succeed for whom they are; all else refuses and changes nothing."""
    one, other = await person(engine), await person(engine)
    row = await suspicion(engine, one, other, state)
    for role in ROLES:
        who = await account(engine, role)
        for verb, deed in VERBS.items():
            more = {"survivor_id": other.id} if verb == "propose" else {"reason": "已核对"}
            expected: Any = AFTER.get((verb, state), WrongState)
            if role not in MAY[verb]:
                expected = Forbidden if role in SEES else NotFound
            before = await dump(engine)
            try:
                async with acting(engine, who) as act:
                    done = await deed(act, row.id, expected_version=row.version, **more)
                    await act.session.flush()
                    found = done.state
                    await act.session.rollback()
            except Refusal as refused:
                found = type(refused)
            assert found == expected, (role, verb, state)
            assert await dump(engine) == before


async def test_whoever_proposed_does_not_decide(engine: AsyncEngine) -> None:
    approver = await account(engine, Role.GOV_APPROVER)
    one, other = await person(engine), await person(engine)
    row = await suspicion(engine, one, other, proposed_by=approver.id)
    with pytest.raises(Forbidden):
        async with acting(engine, approver) as act:
            await merging.merge_recipients(act, row.id, expected_version=1)
    alone = await suspicion(
        engine, await person(engine), await person(engine),
        survivor_id=None, proposed_by=None, proposed_at=None,
    )  # fmt: skip
    with pytest.raises(Forbidden):
        async with acting(engine, approver) as act:
            await merging.merge_recipients(act, alone.id, expected_version=1)


async def test_a_station_sees_no_pair_half_of_which_lives_elsewhere(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        far = await m.recipient(await m.household(area_code=NEXT_TOWN))
    row = await suspicion(engine, await person(engine), far)
    with pytest.raises(NotFound):
        async with acting(engine, await account(engine, Role.STATION_LEAD, TOWN)) as act:
            await merging.keep_apart(act, row.id, expected_version=1, reason="两人")
    async with acting(engine, await account(engine, Role.STATION_LEAD)) as act:
        await merging.keep_apart(act, row.id, expected_version=1, reason="两人")


async def test_reasons_are_asked_for(engine: AsyncEngine) -> None:
    one, other = await person(engine), await person(engine)
    row = await suspicion(engine, one, other)
    lead = await account(engine, Role.STATION_LEAD)
    with pytest.raises(Invalid):
        async with acting(engine, lead) as act:
            await merging.keep_apart(act, row.id, expected_version=1)
    with pytest.raises(Invalid):
        async with acting(engine, lead) as act:
            await merging.propose_merge(
                act, row.id, expected_version=1, survivor_id=(await person(engine)).id
            )


# --- Nothing moves (scenario 21) ---

TABLES = (
    *("recipient", "household", "recipient_alias", "consent", "recognition", "need", "need_line"),
    *("pledge", "allocation", "allocation_move", "delivery", "attestation", "vault.blind_index"),
)


async def dump(engine: AsyncEngine) -> dict[str, Any]:
    """Every row of what a merge could touch, as JSON."""
    async with AsyncSession(engine) as session:
        return {
            table: await session.scalar(
                text(f"SELECT json_agg(t ORDER BY t::text)::text FROM {table} AS t")
            )
            for table in TABLES
        }


async def test_unmerge_puts_everything_back(engine: AsyncEngine) -> None:
    one, other = await person(engine), await person(engine)
    async with making(engine) as m:
        for each, category in ((one, "GX"), (other, "FP")):
            await m.recognition(each, category=category)
        organization = await m.organization()
    for each in (one, other):
        async with making(engine) as m:
            line = {"item_code": "FOOD.RICE", "quantity_required": Decimal(500)}
            need = await m.need(recipient_id=each.id, household_id=each.household_id, lines=[line])
        await pledge(engine, await charity(engine), need, "20")
        async with acting(engine, await account(engine, Role.GOV_CLERK)) as act:
            await alias_for(act, each.id, organization.id)
    before = await dump(engine)
    row = await merged(engine, one, other)
    between = await dump(engine)
    changed = {table for table in TABLES if between[table] != before[table]}
    assert changed == {"recipient", "household"}
    assert (await reread(engine, one)).merged_into_id == other.id
    assert (await reread_home(engine, one)).merged_into_id == other.household_id
    async with acting(engine, await account(engine, Role.GOV_APPROVER)) as act:
        await merging.unmerge_recipients(act, row.id, expected_version=2, reason="弄错了")
    assert await dump(engine) == before
    assert await events_of(engine, row) == ["duplicate.merged", "duplicate.unmerged"]


async def reread_home(engine: AsyncEngine, one: Recipient) -> Household:
    async with AsyncSession(engine) as session:
        return await session.get_one(Household, one.household_id)


async def test_two_names_of_one_organization_stay_two(engine: AsyncEngine) -> None:
    """INV-15: neither name changes, nothing shown to the organization says that they are one."""
    one, other = await person(engine), await person(engine)
    async with making(engine) as m:
        organization = await m.organization()
    clerk = await account(engine, Role.GOV_CLERK)

    async def names() -> list[str]:
        async with acting(engine, clerk) as act:
            return [await alias_for(act, each.id, organization.id) for each in (one, other)]

    before = await names()
    await merged(engine, one, other)
    assert await names() == before
    assert len(set(before)) == 2
    assert await count_of(engine, RecipientAlias) >= 2


async def test_a_household_with_others_in_it_stays(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        home = await m.household()
    one, other = await person(engine, home), await person(engine)
    await person(engine, home)
    await merged(engine, one, other)
    assert (await reread_home(engine, one)).merged_into_id is None


async def test_help_counts_as_one_while_merged(engine: AsyncEngine) -> None:
    one, other = await person(engine), await person(engine)
    needs = [await need_of(engine, await reread_home(engine, each)) for each in (one, other)]
    homes = (one.household_id, other.household_id)
    assert len(set(homes)) == 2
    # `need_of` adds a member of its own, so that the homes stay: join them by hand.
    async with AsyncSession(engine) as session, session.begin():
        gone = await session.get_one(Household, homes[0])
        gone.merged_into_id, gone.merged_at = homes[1], now()
    await pledge(engine, await charity(engine), needs[0], "150")
    with pytest.raises(AlreadyHelped):
        await pledge(engine, await charity(engine), needs[1], "60")
    async with AsyncSession(engine) as session, session.begin():
        gone = await session.get_one(Household, homes[0])
        gone.merged_into_id, gone.merged_at = None, None
    await pledge(engine, await charity(engine), needs[1], "60")


# --- Chains, circles, two at once ---


async def test_no_chain_and_no_circle(engine: AsyncEngine) -> None:
    one, other, third = [await person(engine) for _ in range(3)]
    await merged(engine, one, other)
    for goes, stays in ((other, third), (third, one), (one, third), (other, one)):
        try:
            row = await suspicion(engine, goes, stays)
        except IntegrityError:
            continue  # the pair is merged: one suspicion at a time
        with pytest.raises(NotMergeable):
            async with acting(engine, await account(engine, Role.GOV_APPROVER)) as act:
                await merging.merge_recipients(act, row.id, expected_version=1)
    assert (await reread(engine, third)).merged_into_id is None
    await merged(engine, await person(engine), other)


@pytest.mark.parametrize("table", ["recipient", "household"])
async def test_the_database_refuses_chains_itself(engine: AsyncEngine, table: str) -> None:
    people = [await person(engine) for _ in range(3)]
    ids = [one.id if table == "recipient" else one.household_id for one in people]
    point = text(f"UPDATE {table} SET merged_into_id = :to, merged_at = now() WHERE id = :id")
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(point, {"id": ids[0], "to": ids[1]})
    for goes, stays in ((1, 2), (2, 0), (2, 2)):
        with pytest.raises(IntegrityError):
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(point, {"id": ids[goes], "to": ids[stays]})


async def test_two_merges_at_once_make_no_chain(engine: AsyncEngine) -> None:
    for _ in range(5):
        one, other, third = [await person(engine) for _ in range(3)]
        rows = [await suspicion(engine, one, other), await suspicion(engine, other, third)]
        who = [await account(engine, Role.GOV_APPROVER) for _ in rows]

        async def merge(index: int, rows: Any = rows, who: Any = who) -> Any:
            async with acting(engine, who[index]) as act:
                return await merging.merge_recipients(act, rows[index].id, expected_version=1)

        done = await asyncio.gather(merge(0), merge(1), return_exceptions=True)
        assert sum(isinstance(each, NotMergeable) for each in done) == 1, done
    await no_chain(engine)


async def no_chain(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        found = await session.execute(
            text(
                "SELECT a.id FROM recipient a JOIN recipient b ON b.id = a.merged_into_id "
                "WHERE b.merged_into_id IS NOT NULL"
            )
        )
        assert found.all() == []


async def test_the_same_merge_twice_at_once(engine: AsyncEngine) -> None:
    row = await suspicion(engine, await person(engine), await person(engine))

    async def merge() -> Any:
        async with acting(engine, await account(engine, Role.GOV_APPROVER)) as act:
            return await merging.merge_recipients(act, row.id, expected_version=1)

    done = await asyncio.gather(merge(), merge(), return_exceptions=True)
    assert sum(isinstance(each, DuplicateSuspicion) for each in done) == 1


async def test_a_merge_waits_for_a_pledge_to_either_household(engine: AsyncEngine) -> None:
    """A pledge under way and a merge do not pass each other: the next one counts both."""
    one, other = await person(engine), await person(engine)
    async with making(engine) as m:
        lines = [{"item_code": "FOOD.RICE", "quantity_required": Decimal(500)}]
        needs = [
            await m.need(recipient_id=each.id, household_id=each.household_id, lines=lines)
            for each in (one, other)
        ]
    row = await suspicion(engine, one, other)
    charities = [await charity(engine) for _ in range(2)]

    async def merge() -> Any:
        async with acting(engine, await account(engine, Role.GOV_APPROVER)) as act:
            return await merging.merge_recipients(act, row.id, expected_version=1)

    await asyncio.gather(merge(), pledge(engine, charities[0], needs[0], "150"))
    with pytest.raises(AlreadyHelped):
        await pledge(engine, charities[1], needs[1], "60")


# --- Finding them ---


async def known(engine: AsyncEngine, one: Recipient, **given: str) -> None:
    fields = {IdentityField[name.upper()]: value for name, value in given.items()}
    async with acting(engine, await account(engine, Role.GOV_CLERK)) as act:
        await vault.record_identity(act, one.id, given=fields)


async def strike(engine: AsyncEngine) -> None:
    while True:
        async with AsyncSession(engine) as session, session.begin():
            if not await merging.suspect_duplicates(session, now()):
                return


async def pairs(engine: AsyncEngine, *people: Recipient) -> int:
    ids = [one.id for one in people]
    row = DuplicateSuspicion
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(row.id).where(row.recipient_id.in_(ids), row.other_id.in_(ids))
        )
        return len(found.all())


async def test_the_clock_suspects_one_name_and_birth_in_one_county(engine: AsyncEngine) -> None:
    one, other = await person(engine), await person(engine)
    await known(engine, one, name="陈阿妹", id_number=NUMBERS[0])
    await strike(engine)
    await known(engine, other, name="陈 阿妹")
    await strike(engine)
    assert await pairs(engine, one, other) == 1
    await strike(engine)
    await known(engine, other, name="陈阿妹")
    await strike(engine)
    assert await pairs(engine, one, other) == 1


async def test_what_is_not_suspected(engine: AsyncEngine) -> None:
    one, younger = await person(engine), await person(engine, birth_year=1961)
    async with making(engine) as m:
        far = await m.recipient(await m.household(area_code="440104001"))
    numbered = await person(engine)
    for each in (one, younger, numbered):
        await known(engine, each, name="李志强")
    async with acting(engine, await account(engine, Role.GOV_CLERK, "44")) as act:
        await vault.record_identity(act, far.id, given={IdentityField.NAME: "李志强"})
    await known(engine, one, id_number="440103196001010037")
    await known(engine, numbered, id_number="440103196001010045")
    await strike(engine)
    assert await pairs(engine, one, younger, far, numbered) == 0


async def test_two_kept_apart_are_not_suspected_again(engine: AsyncEngine) -> None:
    one, other = await person(engine), await person(engine)
    await suspicion(engine, one, other, S.KEPT_APART)
    for each in (one, other):
        await known(engine, each, name="黄小丽")
    await strike(engine)
    assert await pairs(engine, one, other) == 1


async def test_erased_names_are_found_no_more(engine: AsyncEngine) -> None:
    one, other = await person(engine), await person(engine)
    await known(engine, one, name="何大伟")
    async with acting(engine, await account(engine, Role.DPO)) as act:
        await vault.erase_identity(act, one.id, reason="本人要求")
    await known(engine, other, name="何大伟")
    await strike(engine)
    assert await pairs(engine, one, other) == 0


async def test_looking_before_creating(engine: AsyncEngine) -> None:
    one = await person(engine)
    await known(engine, one, name="周秀英", id_number="440103196001010053")
    clerk = await account(engine, Role.GOV_CLERK)

    async def look(who: Any = clerk, **given: Any) -> list[Any]:
        async with acting(engine, who) as act:
            return [each.id for each in await merging.similar_recipients(act, **given)]

    assert await look(id_number="440103196001010053") == [one.id]
    assert await look(name="周 秀英", birth_year=1960, area_code="440103") == [one.id]
    assert await look(name="周秀英", birth_year=1961) == []
    assert await look(name="周秀英", birth_year=1960, area_code="440104") == []
    assert (await events_of(engine, one)).count("recipient.found") == 2
    stranger = await account(engine, Role.GOV_CLERK, "4451")
    assert (
        await look(stranger, id_number="440103196001010053", name="周秀英", birth_year=1960) == []
    )
    for given in ({}, {"name": "周秀英"}):
        with pytest.raises(Invalid):
            await look(**given)
    with pytest.raises(Forbidden):
        await look(await charity(engine), name="周秀英", birth_year=1960)


async def test_reported_by_who_knows_them(engine: AsyncEngine) -> None:
    one, other = await person(engine), await person(engine)
    worker = await account(engine, Role.SOCIAL_WORKER, TOWN)
    async with acting(engine, worker) as act:
        row = await merging.suspect_duplicate(act, one.id, other_id=other.id)
    assert (row.recipient_id, row.other_id) == (other.id, one.id)
    for pair in ((one.id, other.id), (one.id, one.id)):
        with pytest.raises((GuardFailed, Invalid)):
            async with acting(engine, worker) as act:
                await merging.suspect_duplicate(act, pair[0], other_id=pair[1])
    with pytest.raises(NotFound):
        async with acting(engine, await account(engine, Role.SOCIAL_WORKER, "4451")) as act:
            await merging.suspect_duplicate(act, one.id, other_id=other.id)
