"""Needs whose subject is recognised no longer: frozen, and confirmed by who works with them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import GOVERNMENT, Role, system
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, VersionConflict
from nexus.needs import operations
from nexus.needs.model import Need, NeedLine, NeedState
from nexus.needs.standing.operations import confirm_need_still_stands, freeze_after_end
from nexus.recipients.model import Recognition, RecognitionState
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import making, now, today

S = NeedState
LIVE = (S.VERIFIED, S.PUBLISHED, S.PAUSED)
CONFIRMERS = GOVERNMENT | {Role.STATION_LEAD, Role.SOCIAL_WORKER}
TOWN = "440103001"


async def ended(engine: AsyncEngine, **fields: Any) -> Recognition:
    async with making(engine) as m:
        given: dict[str, Any] = {"state": RecognitionState.ENDED, "end_reason": "INCOME"}
        given["valid_to"] = today()
        return await m.recognition(**given | fields)


async def freeze(engine: AsyncEngine, recognition: Recognition) -> int:
    async with acting(engine, system(now())) as act:
        row = await act.session.get_one(Recognition, recognition.id)
        return await freeze_after_end(act, row)


async def frozen(engine: AsyncEngine, need: Need) -> bool:
    return bool((await reread(engine, need)).confirm_needed)


async def open_lines(engine: AsyncEngine, need: Need) -> list[bool]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(select(NeedLine.published).where(NeedLine.need_id == need.id))
        return list(found)


@pytest.mark.parametrize("state", list(S))
async def test_live_needs_are_frozen(engine: AsyncEngine, state: NeedState) -> None:
    async with making(engine) as m:
        need = await m.need(state=state)
    recognition = await ended(engine, recipient_id=need.recipient_id)
    assert await freeze(engine, recognition) == (1 if state in LIVE else 0)
    row = await reread(engine, need)
    assert (row.state, row.confirm_needed) == (state, state in LIVE)
    assert await open_lines(engine, need) == [False]
    if state in LIVE:
        assert (row.confirm_reason, row.version) == ("INCOME", 2)
        assert await events_of(engine, need) == ["need.frozen"]
    assert await freeze(engine, recognition) == 0, "hearing it twice changes nothing"
    assert (await reread(engine, need)).version == row.version


async def test_whose_needs(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
        one, two = await m.recipient(home), await m.recipient(home)
        consent = await m.consent(one)
        of_home = await m.need(household_id=home.id, consent_id=consent.id)
        of_one = await m.need(recipient_id=one.id, household_id=home.id)
        of_two = await m.need(recipient_id=two.id, household_id=home.id)
        other = await m.need()
    needs = (of_home, of_one, of_two, other)

    async def flags() -> list[bool]:
        return [await frozen(engine, need) for need in needs]

    await freeze(engine, await ended(engine, recipient_id=one.id))
    assert await flags() == [False, True, False, False], "their own alone"
    death = await ended(engine, recipient_id=one.id, category="GE", end_reason="DEATH")
    await freeze(engine, death)
    assert await flags() == [True, True, False, False], "a death changes the household"
    await freeze(engine, await ended(engine, household_id=home.id, category="BY"))
    assert await flags() == [True, True, True, False], "a household's is its members' too"


@pytest.mark.parametrize(
    ("other", "reason", "expected"),
    [
        ({"category": "DB"}, "PERIOD_OVER", False),
        ({"category": "DB-S"}, "PERIOD_OVER", False),
        ({"category": "DB"}, "DEATH", True),
        ({"category": "GE"}, "PERIOD_OVER", True),
        ({"category": "DB", "state": RecognitionState.PENDING}, "PERIOD_OVER", True),
        ({"category": "DB", "valid_from": timedelta(days=1)}, "PERIOD_OVER", True),
    ],
    ids=str,
)
async def test_while_another_of_the_kind_holds(
    engine: AsyncEngine, other: dict[str, Any], reason: str, expected: bool
) -> None:
    async with making(engine) as m:
        need = await m.need()
        start = today() + other.pop("valid_from", timedelta())
        await m.recognition(recipient_id=need.recipient_id, valid_from=start, **other)
    recognition = await ended(engine, recipient_id=need.recipient_id, end_reason=reason)
    assert await freeze(engine, recognition) == expected


async def test_an_error_freezes_unless_it_was_corrected(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need, corrected = await m.need(), await m.need()
        wrong = [
            await m.recognition(
                recipient_id=each.recipient_id, state=RecognitionState.ENTERED_IN_ERROR
            )
            for each in (need, corrected)
        ]
        await m.recognition(recipient_id=corrected.recipient_id, corrects_id=wrong[1].id)
    assert [await freeze(engine, each) for each in wrong] == [1, 0]
    assert (await reread(engine, need)).confirm_reason == "ENTERED_IN_ERROR"


async def _frozen_need(engine: AsyncEngine, state: NeedState = S.PUBLISHED) -> Need:
    async with making(engine) as m:
        need = await m.need(state=state)
    await freeze(engine, await ended(engine, recipient_id=need.recipient_id))
    return need


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ANONYMOUS])
async def test_who_confirms(engine: AsyncEngine, role: Role) -> None:
    need = await _frozen_need(engine)
    async with making(engine) as m:
        here = await m.account(role=role, area_code="440103")
        elsewhere = await m.account(role=role, area_code="440104")

    async def confirm(account: Any) -> None:
        async with acting(engine, account) as act:
            await confirm_need_still_stands(act, need.id, expected_version=2, reason="走访")

    with pytest.raises((NotFound, Forbidden)):
        await confirm(elsewhere)
    assert await frozen(engine, need)
    if role in CONFIRMERS:
        await confirm(here)
        row = await reread(engine, need)
        assert (row.confirm_needed, row.confirm_reason, row.frozen_at) == (False, None, None)
        assert (row.state_reason, row.version) == ("走访", 3)
        assert await open_lines(engine, need) == [True]
        assert await events_of(engine, need) == ["need.frozen", "need.confirmed"]
        return
    with pytest.raises((NotFound, Forbidden)):
        await confirm(here)
    assert (await reread(engine, need)).version == 2


@pytest.mark.parametrize("state", LIVE)
async def test_confirmed_it_is_what_it_was(engine: AsyncEngine, state: NeedState) -> None:
    need = await _frozen_need(engine, state)
    async with making(engine) as m:
        lead = await m.account(role=Role.STATION_LEAD)
    for given, refusal in (
        ({"reason": " "}, Invalid),
        ({"expected_version": 1}, VersionConflict),
    ):
        deed: Any = confirm_need_still_stands
        with pytest.raises(refusal):
            async with acting(engine, lead) as act:
                await deed(act, need.id, **{"expected_version": 2, "reason": "走访"} | given)
    async with acting(engine, lead) as act:
        await confirm_need_still_stands(act, need.id, expected_version=2, reason="走访")
    assert (await reread(engine, need)).state is state
    assert await open_lines(engine, need) == [state is S.PUBLISHED]
    with pytest.raises(GuardFailed):
        async with acting(engine, lead) as act:
            await confirm_need_still_stands(act, need.id, expected_version=3, reason="走访")


@pytest.mark.parametrize(
    ("state", "deed"), [(S.VERIFIED, "publish_need"), (S.PAUSED, "resume_need")]
)
async def test_frozen_it_does_not_go_out(engine: AsyncEngine, state: NeedState, deed: str) -> None:
    need = await _frozen_need(engine, state)
    async with making(engine) as m:
        approver = await m.account(role=Role.GOV_APPROVER)
    given: dict[str, Any] = {"reason": "so"} if deed == "resume_need" else {}
    with pytest.raises(GuardFailed) as refused:
        async with acting(engine, actor_of(approver)) as act:
            await getattr(operations, deed)(act, need.id, expected_version=2, **given)
    assert refused.value.details["rule"] == "confirm_needed"
    assert (await reread(engine, need)).state is state


async def test_the_flag_is_whole(owner_engine: AsyncEngine, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need()
    for change in ("confirm_needed = true", "confirm_reason = 'DEATH'", "frozen_at = now()"):
        async with owner_engine.begin() as connection:
            with pytest.raises(IntegrityError, match="confirm_whole"):
                await connection.execute(
                    text(f"UPDATE need SET {change} WHERE id = :id"), {"id": need.id}
                )
