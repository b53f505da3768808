"""A person joins another household: what is theirs goes along, what is over stays (INV-34)."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.schema  # noqa: F401 - the reactions of every slice
from nexus.acting import View, system
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, VersionConflict
from nexus.needs.model import Need, NeedState
from nexus.needs.moving.operations import follow_the_person
from nexus.recipients.attestations.model import AttestationState
from nexus.recipients.attestations.operations import issue_attestation
from nexus.recipients.merging import operations as merging
from nexus.recipients.model import Household, Recipient, Recognition, RecognitionState
from nexus.recipients.moving.operations import move_recipient
from nexus.recipients.recognitions.operations import PeriodConflict, record_recognition
from nexus.supervision.operations import verify
from tests.deeds import acting, events_of, hear_all, reread
from tests.making import making, now, today
from tests.recipients.test_merging import suspicion

TOWN, ELSEWHERE = "440103001", "440301001"
S = RecognitionState


class Place:
    """Two households of a town, a person in the first, and an approver who keeps both."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def build(self) -> "Place":
        async with making(self.engine) as m:
            self.authority = await m.authority()
            self.clerk = await m.account("gov_approver", area_code="440103")
            self.first = await m.household(area_code=TOWN)
            self.second = await m.household(area_code=TOWN)
            self.person = await m.recipient(self.first, birth_year=1980)
        return self

    async def move(self, who: Any = None, **given: Any) -> Recipient:
        fresh = await reread(self.engine, self.person)
        told: dict[str, Any] = {
            "expected_version": fresh.version,
            "household_id": self.second.id,
            "household_role": "relative",
        }
        async with acting(self.engine, who or self.clerk) as act:
            return await move_recipient(act, self.person.id, **(told | given))

    async def recognise(self, subject: Any, category: str, **fields: Any) -> Recognition:
        async with making(self.engine) as m:
            key = "recipient_id" if isinstance(subject, Recipient) else "household_id"
            told = {
                key: subject.id,
                "category": category,
                "authority_id": self.authority.id,
                "state": S.ACTIVE,
                "valid_from": date(2026, 1, 1),
                "valid_to": None,
            }
            if key == "household_id":
                told["recipient_id"] = None
            return await m.recognition(None, **(told | fields))

    async def count(self, table: Any, *where: Any) -> int:
        async with AsyncSession(self.engine) as session:
            found = await session.scalar(select(func.count()).select_from(table).where(*where))
            return int(found or 0)


@pytest.fixture
async def place(engine: AsyncEngine) -> Place:
    return await Place(engine).build()


async def need_of(place: Place, **fields: Any) -> Need:
    async with making(place.engine) as m:
        told: dict[str, Any] = {
            "recipient_id": place.person.id,
            "household_id": place.first.id,
            "area_code": TOWN,
        }
        return await m.need(**(told | fields))


async def test_open_needs_go_along_and_closed_ones_stay(place: Place) -> None:
    async with making(place.engine) as m:
        consent = await m.consent(place.person)
    live = await need_of(place, state=NeedState.PUBLISHED, consent_id=consent.id)
    over = await need_of(place, state=NeedState.CANCELLED)
    row = await place.move()
    assert (row.household_id, row.household_role) == (place.second.id, "relative")
    assert row.moved_on == today()
    await hear_all(place.engine)
    assert (await reread(place.engine, live)).household_id == place.second.id
    assert (await reread(place.engine, over)).household_id == place.first.id
    assert "need.moved" in await events_of(place.engine, live)
    assert "need.moved" not in await events_of(place.engine, over)
    assert "recipient.moved" in await events_of(place.engine, place.person)
    assert (await reread(place.engine, consent)).recipient_id == place.person.id


async def test_a_need_of_the_household_left_pauses_without_its_consent(place: Place) -> None:
    async with making(place.engine) as m:
        consent = await m.consent(place.person)
        need = await m.need(
            recipient_id=None,
            household_id=place.first.id,
            subject_kind="household",
            consent_id=consent.id,
            state=NeedState.PUBLISHED,
            area_code=TOWN,
        )
    await place.move()
    await hear_all(place.engine)
    fresh = await reread(place.engine, need)
    assert (fresh.state, fresh.household_id) == (NeedState.PAUSED, place.first.id)


async def test_heard_twice_it_moves_once(place: Place) -> None:
    need = await need_of(place)
    row = await place.move()
    moved = []
    for _ in range(2):
        async with acting(place.engine, system(now())) as act:
            moved.append(await follow_the_person(act, row, place.first.id))
    assert moved == [1, 0]
    assert (await reread(place.engine, need)).version == need.version + 1


async def test_dibao_of_the_household_joined_and_tekun_of_the_person(place: Place) -> None:
    await place.recognise(place.person, "TK")
    await place.recognise(place.second, "DB")
    with pytest.raises(PeriodConflict):
        await place.move()
    fresh = await reread(place.engine, place.person)
    assert (fresh.household_id, fresh.moved_on) == (place.first.id, None)


async def test_what_was_over_before_the_move_does_not_count(place: Place) -> None:
    """The household had dibao, the person tekun, at once: but not of one person."""
    day = today() - timedelta(days=30)
    await place.recognise(place.person, "TK", valid_to=day, state=S.ENDED, end_reason="OTHER")
    await place.recognise(place.second, "DB")
    await place.move()
    async with AsyncSession(place.engine) as session:
        found = await verify(View(session, system(now())))
    assert [one for one in found if one.rule.startswith("INV-34")] == []
    with pytest.raises(PeriodConflict):
        async with acting(place.engine, place.clerk) as act:
            await record_recognition(
                act,
                category="TK",
                authority_id=place.authority.id,
                level="county",  # type: ignore[arg-type]
                decided_on=today(),
                valid_from=today(),
                rule_version="粤府令306号",
                recipient_id=place.person.id,
            )


@pytest.mark.parametrize(
    "role", ["charity_user", "supervisor", "dpo", "auditor", "volunteer", "platform_admin"]
)
async def test_others_move_nobody(place: Place, role: str) -> None:
    async with making(place.engine) as m:
        who = await m.account(role, area_code="440103")
    with pytest.raises((NotFound, Forbidden)):
        await place.move(who)
    assert (await reread(place.engine, place.person)).household_id == place.first.id


async def test_a_household_of_another_territory_is_not_found(place: Place) -> None:
    async with making(place.engine) as m:
        far = await m.household(area_code=ELSEWHERE)
    for household_id in (far.id, new_id()):
        with pytest.raises(NotFound):
            await place.move(household_id=household_id)
    assert (await reread(place.engine, place.person)).household_id == place.first.id


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"expected_version": 9}, VersionConflict),
        ({"household_role": "boss"}, Invalid),
        ({"moved_on": date(2999, 1, 1)}, Invalid),
    ],
)
async def test_what_makes_no_sense_is_refused(
    place: Place, given: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        await place.move(**given)
    fresh = await reread(place.engine, place.person)
    assert (fresh.household_id, fresh.version) == (place.first.id, 1)


async def test_nobody_joins_where_they_live_or_a_record_that_was_merged(place: Place) -> None:
    with pytest.raises(GuardFailed):
        await place.move(household_id=place.first.id)
    async with AsyncSession(place.engine) as session, session.begin():
        home = await session.get_one(Household, place.second.id)
        home.merged_into_id, home.merged_at = place.first.id, now()
    with pytest.raises(GuardFailed):
        await place.move()


async def test_a_second_move_is_not_before_the_first(place: Place) -> None:
    await place.move(moved_on=today() - timedelta(days=2))
    with pytest.raises(Invalid):
        await place.move(household_id=place.first.id, moved_on=today() - timedelta(days=3))
    await place.move(household_id=place.first.id)


async def test_two_moves_at_once_take_turns(place: Place) -> None:
    async with making(place.engine) as m:
        third = await m.household(area_code=TOWN)

    async def once(household_id: Any) -> str:
        try:
            await place.move(household_id=household_id, expected_version=1)
        except Refusal as refusal:
            return refusal.code
        return "MOVED"

    found = await asyncio.gather(once(place.second.id), once(third.id))
    assert sorted(found) == ["MOVED", "VERSION_CONFLICT"]


async def test_a_recognition_recorded_while_they_move_is_checked_where_they_live(
    place: Place,
) -> None:
    await place.recognise(place.second, "DB")

    async def tekun() -> str:
        try:
            async with acting(place.engine, place.clerk) as act:
                await record_recognition(
                    act,
                    category="TK",
                    authority_id=place.authority.id,
                    level="county",  # type: ignore[arg-type]
                    decided_on=today(),
                    valid_from=today(),
                    rule_version="粤府令306号",
                    recipient_id=place.person.id,
                )
        except Refusal as refusal:
            return refusal.code
        return "DONE"

    async def moved() -> str:
        try:
            await place.move()
        except Refusal as refusal:
            return refusal.code
        return "DONE"

    found = await asyncio.gather(moved(), tekun())
    assert sorted(found) == ["DONE", "PERIOD_CONFLICT"]


async def test_an_attestation_as_a_member_ends(place: Place) -> None:
    recognition = await place.recognise(place.first, "DB")
    async with making(place.engine) as m:
        charity = await m.organization()
        consent = await m.consent(
            place.person,
            purposes=["MATCH"],
            data_classes=["D1", "D4"],
            receiver_ids=[charity.id],
        )
    async with acting(place.engine, place.clerk) as act:
        row = await issue_attestation(
            act,
            recognition.id,
            organization_id=charity.id,
            purpose="MATCH",
            recipient_id=place.person.id,
            consent_id=consent.id,
        )
    await place.move()
    await hear_all(place.engine)
    assert (await reread(place.engine, row)).state is AttestationState.REVOKED


# --- Merged records are one subject ---


async def pair(place: Place) -> Recipient:
    async with making(place.engine) as m:
        return await m.recipient(place.second, birth_year=1980)


async def test_two_records_with_dibao_and_tekun_are_not_merged(place: Place) -> None:
    other = await pair(place)
    await place.recognise(place.person, "TK")
    await place.recognise(other, "DB-S")
    row = await suspicion(place.engine, place.person, other)
    with pytest.raises(PeriodConflict):
        async with acting(place.engine, place.clerk) as act:
            await merging.merge_recipients(act, row.id, expected_version=1)
    assert (await reread(place.engine, place.person)).merged_into_id is None


async def test_what_the_merged_record_has_stands_in_the_way(place: Place) -> None:
    other = await pair(place)
    await place.recognise(place.person, "TK")
    row = await suspicion(place.engine, place.person, other)
    async with acting(place.engine, place.clerk) as act:
        await merging.merge_recipients(act, row.id, expected_version=1)
    for subject in ({"recipient_id": other.id}, {"household_id": place.second.id}):
        with pytest.raises(PeriodConflict):
            async with acting(place.engine, place.clerk) as act:
                await record_recognition(
                    act,
                    category="DB",
                    authority_id=place.authority.id,
                    level="county",  # type: ignore[arg-type]
                    decided_on=today(),
                    valid_from=today(),
                    rule_version="粤府令306号",
                    **subject,  # type: ignore[arg-type]
                )
    assert await place.count(Recognition, Recognition.recipient_id == other.id) == 0
    async with acting(place.engine, place.clerk) as act:
        await merging.unmerge_recipients(act, row.id, expected_version=2, reason="两人")
    async with acting(place.engine, place.clerk) as act:
        await record_recognition(
            act,
            category="DB",
            authority_id=place.authority.id,
            level="county",  # type: ignore[arg-type]
            decided_on=today(),
            valid_from=today(),
            rule_version="粤府令306号",
            recipient_id=other.id,
        )
