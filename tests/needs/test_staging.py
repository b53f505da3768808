"""One approval, helped in stages (T15e, INV-09): tranches in order, within what was approved."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import GOVERNMENT, NOBODY, TERRITORIAL, Actor, Role
from nexus.core.refusals import GuardFailed, Refusal
from nexus.emergencies.model import Relaxation, RelaxedRule, Settlement
from nexus.matching.pledges.operations import offer_pledge
from nexus.matching.suggestions.queries import lines_of_need_without_offer
from nexus.needs import operations
from nexus.needs.model import Need, NeedLine, NeedState, Tranche, TrancheGround
from nexus.needs.staging import rules
from nexus.needs.staging.operations import release_due_tranches, release_tranche
from tests.deeds import acting, actor_of, reread
from tests.making import making, now

S = NeedState
CASH = {"kind": "cash", "unit": "CNY", "item": "补助", "published": False}
PLAN = [
    {**CASH, "quantity_required": Decimal(300)},
    {**CASH, "quantity_required": Decimal(200), "tranche_no": 2, "held": True},
    {**CASH, "quantity_required": Decimal(100), "tranche_no": 3, "held": True},
]
ROLES = [role for role in Role if role is not Role.ANONYMOUS]


@pytest.fixture(scope="module")
async def approver(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.account(role=Role.GOV_APPROVER, area_code="4401")


@pytest.fixture(scope="module")
async def accounts(engine: AsyncEngine) -> dict[Role, Any]:
    """One account of each role over 4401."""
    async with making(engine) as m:
        return {role: await m.account(role=role, area_code="4401") for role in ROLES}


async def staged(engine: AsyncEngine, approver: Any, cap: int = 60_000, **fields: Any) -> Need:
    """Published by deeds, its first tranche released."""
    async with making(engine) as m:
        need = await m.need(state=S.SUBMITTED, lines=PLAN, **fields)
    async with acting(engine, approver) as act:
        row = await operations.verify_need(
            act, need.id, expected_version=1, evidence="visit", approval_cap_fen=cap
        )
        return await operations.publish_need(act, need.id, expected_version=row.version)


async def lines_of(engine: AsyncEngine, need: Need) -> list[NeedLine]:
    async with AsyncSession(engine) as session:
        found = select(NeedLine).where(NeedLine.need_id == need.id).order_by(NeedLine.position)
        return list(await session.scalars(found))


async def opened(engine: AsyncEngine, need: Need) -> list[tuple[bool, bool]]:
    return [(line.published, line.held) for line in await lines_of(engine, need)]


async def tranches_of(engine: AsyncEngine, need: Need) -> list[tuple[int, int, TrancheGround]]:
    async with AsyncSession(engine) as session:
        found = select(Tranche).where(Tranche.need_id == need.id).order_by(Tranche.no)
        return [(t.no, t.amount_fen, t.ground) for t in await session.scalars(found)]


async def arrive(owner_engine: AsyncEngine, need: Need, position: int = 1) -> None:
    """As if all of the line had been delivered and confirmed."""
    async with AsyncSession(owner_engine) as session, session.begin():
        await session.execute(
            update(NeedLine)
            .where(NeedLine.need_id == need.id, NeedLine.position == position)
            .values(confirmed=NeedLine.quantity_required)
        )


async def refused(engine: AsyncEngine, who: Any, need: Need, **given: Any) -> Refusal:
    before = await opened(engine, need), await tranches_of(engine, need)
    try:
        async with acting(engine, who) as act:
            await release_tranche(act, need.id, expected_version=need.version, **given)
    except Refusal as refusal:
        assert (await opened(engine, need), await tranches_of(engine, need)) == before
        return refusal
    raise AssertionError("it was not refused")


async def test_the_first_comes_with_the_publication(engine: AsyncEngine, approver: Any) -> None:
    need = await staged(engine, approver)
    assert await opened(engine, need) == [(True, False), (False, True), (False, True)]
    assert await tranches_of(engine, need) == [(1, 30_000, TrancheGround.FIRST)]


@pytest.mark.parametrize("cap", [None, 59_999])
async def test_all_tranches_fit_the_approval(
    engine: AsyncEngine, approver: Any, cap: int | None
) -> None:
    async with making(engine) as m:
        need = await m.need(state=S.SUBMITTED, lines=PLAN)
    with pytest.raises(GuardFailed) as caught:
        async with acting(engine, approver) as act:
            await operations.verify_need(
                act, need.id, expected_version=1, evidence="visit", approval_cap_fen=cap
            )
    assert (caught.value.field, caught.value.details["rule"]) == ("approvalCapFen", "INV-09")
    assert (await reread(engine, need)).state is S.SUBMITTED


async def test_the_next_waits_for_the_last_or_an_approver(
    engine: AsyncEngine, owner_engine: AsyncEngine, approver: Any
) -> None:
    need = await staged(engine, approver)
    async with making(engine) as m:
        lead = await m.account(role=Role.STATION_LEAD, area_code="440103")
    assert (await refused(engine, approver, need)).field == "reason"
    refusal = await refused(engine, lead, need, reason="the rent is due")
    assert refusal.code == "FORBIDDEN"
    async with acting(engine, approver) as act:
        row = await release_tranche(
            act, need.id, expected_version=need.version, reason="the rent is due"
        )
    assert await opened(engine, need) == [(True, False), (True, False), (False, True)]
    async with AsyncSession(engine) as session:
        (early,) = await session.scalars(select(Relaxation).where(Relaxation.subject_id == need.id))
    assert (early.rule, early.settled_as) == (RelaxedRule.TRANCHE_EARLY, Settlement.DECIDED)
    await arrive(owner_engine, need)
    refusal = await refused(engine, lead, row)
    assert refusal.details["lines"] == ["2"]
    await arrive(owner_engine, need, 2)
    async with acting(engine, lead) as act:
        row = await release_tranche(act, need.id, expected_version=row.version)
    assert await tranches_of(engine, need) == [
        (1, 30_000, TrancheGround.FIRST),
        (2, 20_000, TrancheGround.DECIDED),
        (3, 10_000, TrancheGround.ARRIVED),
    ]
    assert "Every tranche" in (await refused(engine, lead, row)).message


async def test_the_clock_releases_what_has_its_turn(
    engine: AsyncEngine, owner_engine: AsyncEngine, approver: Any
) -> None:
    need, waiting = await staged(engine, approver), await staged(engine, approver)
    paused = await staged(engine, approver)
    await arrive(owner_engine, need)
    await arrive(owner_engine, paused)
    async with acting(engine, approver) as act:
        await operations.pause_need(
            act, paused.id, expected_version=paused.version, reason="moving"
        )
    for moved in (1, 0):
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            assert await release_due_tranches(session, now()) == moved
    assert await opened(engine, need) == [(True, False), (True, False), (False, True)]
    assert await opened(engine, waiting) == [(True, False), (False, True), (False, True)]
    assert await opened(engine, paused) == [(False, False), (False, True), (False, True)]


async def test_a_held_line_takes_no_pledge_and_opens_no_gap(
    engine: AsyncEngine, approver: Any
) -> None:
    need = await staged(engine, approver)
    async with making(engine) as m:
        charity = await m.account(role=Role.CHARITY_USER)
    first, second, _ = await lines_of(engine, need)
    with pytest.raises(GuardFailed) as caught:
        async with acting(engine, charity) as act:
            await offer_pledge(act, second.id, quantity=Decimal(1))
    assert caught.value.details["rule"] == "INV-09"
    async with acting(engine, charity) as act:
        await offer_pledge(act, first.id, quantity=Decimal(1))
    async with AsyncSession(engine) as session:
        values = {"need_id": need.id, "actor_now": now()}
        found = await session.scalars(lines_of_need_without_offer(), values)
        assert [line.position for line in found] == [1]


async def test_a_pause_and_back_keep_it_held(engine: AsyncEngine, approver: Any) -> None:
    need = await staged(engine, approver)
    async with acting(engine, approver) as act:
        row = await operations.pause_need(
            act, need.id, expected_version=need.version, reason="moving"
        )
        await operations.resume_need(
            act, need.id, expected_version=row.version, reason="moved", consent_id=None
        )
    assert await opened(engine, need) == [(True, False), (False, True), (False, True)]
    assert len(await tranches_of(engine, need)) == 1


async def test_a_quantity_stays_within_the_approval(engine: AsyncEngine, approver: Any) -> None:
    need = await staged(engine, approver)
    first = (await lines_of(engine, need))[0]
    for quantity in (Decimal(301), None):
        with pytest.raises(GuardFailed) as caught:
            async with acting(engine, approver) as act:
                await operations.change_quantity(
                    act, first.id, expected_version=need.version, quantity=quantity
                )
        assert caught.value.details["rule"] == "INV-09"
    async with acting(engine, approver) as act:
        await operations.change_quantity(
            act, first.id, expected_version=need.version, quantity=Decimal(250)
        )
    assert await tranches_of(engine, need) == [(1, 25_000, TrancheGround.FIRST)]


class UndoneError(Exception):
    """Rolls the transaction of a tried deed back."""


async def tried(engine: AsyncEngine, actor: Actor, need: Need) -> str:
    try:
        async with acting(engine, actor) as act:
            row = await release_tranche(
                act, need.id, expected_version=need.version, reason="the rent is due"
            )
            await act.session.flush()
            raise UndoneError(row.state.value)
    except UndoneError as done:
        return str(done)
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("state", list(S))
async def test_each_role_from_each_state(
    engine: AsyncEngine,
    owner_engine: AsyncEngine,
    approver: Any,
    accounts: dict[Role, Any],
    state: NeedState,
) -> None:
    need = await staged(engine, approver, visibility="internal")
    fields = {"closed_at": now(), "close_reason": "no_longer_needed"} if state is S.CLOSED else {}
    async with AsyncSession(owner_engine) as session, session.begin():
        await session.execute(update(Need).where(Need.id == need.id).values(state=state, **fields))
    far = Actor(Role.GOV_APPROVER, approver.id, NOBODY, "4402", now())
    assert await tried(engine, far, need) == "NOT_FOUND"
    leads = GOVERNMENT | {Role.STATION_LEAD}
    for role, account in accounts.items():
        got = await tried(engine, actor_of(account) if account.area_code else far, need)
        if role in TERRITORIAL and role not in leads:
            assert got == "FORBIDDEN", role
        elif role in leads and state not in (S.PUBLISHED, S.PAUSED):
            assert got == "WRONG_STATE", role
        elif role in leads:
            assert got == (state.value if role is Role.GOV_APPROVER else "FORBIDDEN"), role
        else:
            assert got in ("NOT_FOUND", "FORBIDDEN"), role
    assert len(await tranches_of(engine, need)) == 1


@pytest.mark.parametrize(
    "lines",
    [
        [{"tranche_no": 2, "est_unit_value_fen": 1}],
        [{"est_unit_value_fen": 1}, {"tranche_no": 3, "est_unit_value_fen": 1}],
        [{"est_unit_value_fen": 1}, {"tranche_no": 2}],
        [{"est_unit_value_fen": 1}, {**CASH, "tranche_no": 2, "quantity_required": None}],
    ],
)
def test_what_is_no_plan(lines: list[dict[str, Any]]) -> None:
    made = [
        NeedLine(
            **{"kind": "goods", "item": "大米", "quantity_required": Decimal(1), "tranche_no": 1}
            | {"asked": True, "position": at, "confirmed": 0, "delivered": 0}
            | line
        )
        for at, line in enumerate(lines, 1)
    ]
    with pytest.raises(GuardFailed):
        rules.check_plan(made, 1_000_000)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("INSERT INTO tranche {} VALUES (:id, :need, 3, 1, 'arrived', now(), :id)", "inv_09_order"),
        (
            "INSERT INTO tranche {} VALUES (:id, :need, 2, 30001, 'arrived', now(), :id)",
            "inv_09_within",
        ),
        ("UPDATE need SET approval_cap_fen = 29999 WHERE id = :need", "inv_09_within"),
        ("UPDATE tranche SET amount_fen = 60001 WHERE need_id = :need", "inv_09_within"),
        ("UPDATE need_line SET held = false WHERE need_id = :need AND held", "inv_09_held"),
        (
            "UPDATE need_line SET published = true WHERE need_id = :need AND held",
            "ck_need_line_inv_09_held",
        ),
    ],
)
async def test_the_database_holds_it(
    engine: AsyncEngine, approver: Any, statement: str, name: str
) -> None:
    need = await staged(engine, approver)
    columns = "(id, need_id, no, amount_fen, ground, released_at, released_by)"
    given = {"need": need.id, "id": approver.id}
    asked = {k: v for k, v in given.items() if f":{k}" in statement}
    wrong = text(statement.replace("{}", columns))
    async with AsyncSession(engine) as session:
        with pytest.raises(IntegrityError) as caught:
            await session.execute(wrong, asked)
    cause: Any = caught.value.orig
    assert cause.__cause__.constraint_name == name


async def test_who_sees_what_of_it(engine: AsyncEngine, api: Any, approver: Any) -> None:
    need = await staged(engine, approver)
    ask = """
      { needs { nodes { no tranches { nodes { no ground amountFen redactions } }
        lines { nodes { trancheNo held open } } allowedActions } } }
    """
    async with making(engine) as m:
        charity = await m.account(role=Role.CHARITY_USER)
        lead = await m.account(role=Role.STATION_LEAD, area_code="440103001")
    for who, amount in ((charity, None), (lead, 30_000)):
        rows = (await api(who)(ask))["data"]["needs"]["nodes"]
        (row,) = (one for one in rows if one["no"] == need.no)
        (tranche,) = row["tranches"]["nodes"]
        assert (tranche["ground"], tranche["amountFen"]) == ("FIRST", amount)
        assert [line["held"] for line in row["lines"]["nodes"]] == [False, True, True]
        assert [line["open"] for line in row["lines"]["nodes"]] == [True, False, False]
        assert ("releaseTranche" in row["allowedActions"]) is (who is lead)
