"""Coming and going, days and their tiers, time by hand, and what the database holds by itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as told
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI, Role
from nexus.core.refusals import GuardFailed, Invalid, NotFound, Refusal
from nexus.volunteering.hours import operations, rules
from nexus.volunteering.hours.model import (
    CheckIn,
    CheckInState,
    DayTier,
    HoursSource,
    RecordState,
    ServiceRecord,
)
from nexus.volunteering.hours.reviews import operations as reviews
from nexus.volunteering.tasks.attendance.operations import attendance_code
from nexus.volunteering.tasks.model import Signup, SignupState, TaskState, VolunteerTask
from nexus.volunteering.tasks.operations import confirm_task_hours
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import making, now
from tests.volunteering import keeping, made

FIGURES = rules.DayFigures(480, 720, "made")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


class Cast:
    """A running task with its keepers, and two volunteers who signed up."""

    keeper: Any
    second: Any
    ann: Any
    bo: Any
    people: dict[str, Any]
    task: VolunteerTask
    own: Any


async def cast_of(engine: AsyncEngine, **given: Any) -> Cast:
    found = Cast()
    async with making(engine) as m:
        found.own = await m.organization()
        found.keeper, found.second = [
            await m.account(Role.VOL_ORG, organization=found.own, area_code=None) for _ in range(2)
        ]
        found.task, position = await keeping.running(m, found.own, **given)
        found.people = {}
        for name in ("ann", "bo"):
            account = await made.volunteer_account(m)
            person = await made.volunteer(m, account, found.own)
            await made.signup(m, position, person)
            setattr(found, name, account)
            found.people[name] = person
    return found


async def codes(engine: AsyncEngine, cast: Cast, at: datetime | None = None) -> Any:
    async with acting(engine, actor_of(cast.keeper, at)) as act:
        return await attendance_code(act, cast.task.id)


async def came(
    engine: AsyncEngine, cast: Cast, name: str = "ann", at: datetime | None = None
) -> Any:
    """Ticked off by the keeper, at some moment."""
    async with acting(engine, actor_of(cast.keeper, at)) as act:
        return await operations.check_in(act, cast.task.id, volunteer_id=cast.people[name].id)


async def went(engine: AsyncEngine, cast: Cast, pair: CheckIn, at: datetime) -> CheckIn:
    async with acting(engine, actor_of(cast.keeper, at)) as act:
        return await operations.check_out(act, pair.id, expected_version=pair.version)


async def records_of(engine: AsyncEngine, person: Any) -> list[ServiceRecord]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(ServiceRecord)
            .where(ServiceRecord.volunteer_id == person.id)
            .order_by(ServiceRecord.started_at)
        )
        return list(found)


# Rules ------------------------------------------------------------------------------------------


def test_tiers_of_a_day() -> None:
    assert [FIGURES.tier(minutes) for minutes in (1, 480, 481, 720, 721)] == [
        DayTier.NONE,
        DayTier.NONE,
        DayTier.PARENT,
        DayTier.PARENT,
        DayTier.PROVINCE,
    ]


@told(
    st.integers(0, 360 * 24 * 3600).map(lambda at: NEW_YEAR + timedelta(seconds=at)),
    st.integers(1, 26 * 3600),
)
def test_a_stretch_is_cut_at_midnight_and_nothing_is_added(start: datetime, seconds: int) -> None:
    end = start + timedelta(seconds=seconds)
    parts = rules.by_day(start, end)
    assert sum(part.minutes for part in parts) <= seconds // 60
    for part in parts:
        last = part.ended_at - timedelta(microseconds=1)
        assert last.astimezone(SHANGHAI).date() == part.day_on
        assert start <= part.started_at < part.ended_at <= end
    assert all(a.ended_at <= b.started_at for a, b in pairwise(parts))


def test_hours_are_cut_never_rounded_up() -> None:
    assert [str(rules.as_hours(minutes)) for minutes in (60, 100, 1)] == ["1.00", "1.66", "0.01"]


@pytest.mark.parametrize("minutes", [0, -5, 61])
def test_minutes_fit_between_the_two_times(minutes: int) -> None:
    whole = rules.Stretch(keeping.morning(), keeping.morning() + timedelta(hours=1))
    with pytest.raises(Invalid) as caught:
        rules.check_minutes(whole, minutes)
    assert caught.value.details["rule"] == "INV-32"


# At the door -------------------------------------------------------------------------------------


def at_noon() -> dict[str, datetime]:
    """From ten to ten of tomorrow: two hours after noon are on the same day, whatever it is now."""
    return {"starts_at": keeping.morning(-1, 10), "ends_at": keeping.morning(-1, 22)}


async def test_a_code_of_the_minute_opens_and_ends_a_pair(engine: AsyncEngine) -> None:
    noon = keeping.morning(-1, 12)
    cast = await cast_of(engine, **at_noon())
    shown = await codes(engine, cast, noon)
    comes = actor_of(cast.ann, noon)
    for wrong in (None, "00000000", shown.sign_out):
        with pytest.raises(Refusal):
            async with acting(engine, comes) as act:
                await operations.check_in(act, cast.task.id, code=wrong)
    async with acting(engine, comes) as act:
        pair = await operations.check_in(act, cast.task.id, code=shown.sign_in)
    assert (pair.in_source, pair.pair, pair.state) == (HoursSource.CODE, 1, CheckInState.OPEN)
    async with AsyncSession(engine) as session:
        signup = await session.get_one(Signup, pair.signup_id)
        assert signup.state is SignupState.ATTENDED
    later = actor_of(cast.ann, noon + timedelta(hours=2))
    leaving = (await codes(engine, cast, later.now)).sign_out
    async with acting(engine, later) as act:
        await operations.check_out(act, pair.id, expected_version=1, code=leaving)
    (record,) = await records_of(engine, cast.people["ann"])
    assert (record.minutes, record.state) == (120, RecordState.EFFECTIVE)
    assert (record.source, record.tier) == (HoursSource.CODE, DayTier.NONE)
    assert "volunteer_day_parent_hours" in str(record.rule)
    assert await events_of(engine, pair) == ["check_in.opened", "check_in.closed"]
    assert await events_of(engine, record) == [
        "service_record.recorded",
        "service_record.effective",
    ]


async def test_at_a_large_task_the_town_is_enough_and_no_more_is_kept(engine: AsyncEngine) -> None:
    cast = await cast_of(engine, check_in_mode="self_location", expected=120)
    async with making(engine) as m:
        await m.area("440104001")
    with pytest.raises(GuardFailed):
        async with acting(engine, cast.ann) as act:
            await operations.check_in(act, cast.task.id, area="440104001")
    async with acting(engine, cast.ann) as act:
        pair = await operations.check_in(act, cast.task.id, area="440103001")
    assert (pair.in_source, pair.in_area_code) == (HoursSource.SELF_LOCATION, "440103001")


async def test_nobody_checks_in_without_a_sign_up_or_for_another(engine: AsyncEngine) -> None:
    cast = await cast_of(engine)
    shown = await codes(engine, cast)
    async with making(engine) as m:
        stranger = await made.volunteer_account(m)
        await made.volunteer(m, stranger, cast.own)
        outsider = await m.account(Role.VOL_ORG)
    with pytest.raises(GuardFailed):
        async with acting(engine, stranger) as act:
            await operations.check_in(act, cast.task.id, code=shown.sign_in)
    with pytest.raises(NotFound):
        async with acting(engine, cast.ann) as act:
            await operations.check_in(
                act, cast.task.id, volunteer_id=cast.people["bo"].id, code=shown.sign_in
            )
    with pytest.raises(Refusal) as caught:
        async with acting(engine, outsider) as act:
            await operations.check_in(act, cast.task.id, volunteer_id=cast.people["bo"].id)
    assert caught.value.code == "FORBIDDEN"
    assert await records_of(engine, cast.people["bo"]) == []


async def test_two_devices_at_once_open_one_pair(engine: AsyncEngine) -> None:
    """Eight clients check the same volunteer in, at two tasks: one pair, the others told why."""
    cast = await cast_of(engine)
    async with making(engine) as m:
        other, position = await keeping.running(m, cast.own)
        # Two sign-ups at one time are refused; the second one's period lies beside the first.
        await made.signup(m, position, cast.people["ann"], state="applied")
    outcomes = await asyncio.gather(*(came(engine, cast) for _ in range(8)), return_exceptions=True)
    opened = [one for one in outcomes if isinstance(one, CheckIn)]
    refused = {type(one) for one in outcomes if not isinstance(one, CheckIn)}
    assert (len(opened), refused) == (1, {rules.HoursOverlap})
    assert other.state is TaskState.IN_PROGRESS


async def test_a_pair_is_ended_once(engine: AsyncEngine) -> None:
    cast = await cast_of(engine, **at_noon())
    pair = await came(engine, cast, at=keeping.morning(-1, 12))
    at = keeping.morning(-1, 13)
    outcomes = await asyncio.gather(
        *(went(engine, cast, pair, at) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["CheckIn", *["VersionConflict"] * 4]
    assert len(await records_of(engine, cast.people["ann"])) == 1


async def test_there_are_three_pairs_a_day_and_no_fourth(engine: AsyncEngine) -> None:
    noon = datetime.combine(
        now().astimezone(SHANGHAI).date() + timedelta(days=1), datetime.min.time(), SHANGHAI
    ) + timedelta(hours=12)
    cast = await cast_of(
        engine, starts_at=noon - timedelta(hours=2), ends_at=noon + timedelta(hours=6)
    )
    for place in range(3):
        at = noon + timedelta(minutes=20 * place)
        pair = await came(engine, cast, at=at)
        assert pair.pair == place + 1
        await went(engine, cast, pair, at + timedelta(minutes=10))
    with pytest.raises(rules.TooManyPairs):
        await came(engine, cast, at=noon + timedelta(hours=2))
    assert (await came(engine, cast, "bo", at=noon)).pair == 1
    async with AsyncSession(engine) as session:
        with pytest.raises(DBAPIError, match="inv_32_pairs"):
            await session.execute(
                text(
                    "INSERT INTO check_in SELECT (c).* FROM (SELECT jsonb_populate_record(c, "
                    "jsonb_build_object('id', gen_random_uuid(), 'pair', 4)) AS c "
                    "FROM check_in c WHERE id = :id) AS copy"
                ),
                {"id": pair.id},
            )


async def test_what_nobody_ended_gives_no_minutes(engine: AsyncEngine) -> None:
    cast = await cast_of(engine)
    pair = await came(engine, cast)
    async with AsyncSession(engine) as session, session.begin():
        await operations.lapse_check_ins(session, now() + timedelta(hours=20))
    assert (await reread(engine, pair)).state is CheckInState.OPEN
    late = now() + timedelta(hours=25)
    for _ in range(2):
        async with AsyncSession(engine) as session, session.begin():
            await operations.lapse_check_ins(session, late)
    assert (await reread(engine, pair)).state is CheckInState.LAPSED
    assert await records_of(engine, cast.people["ann"]) == []
    assert await events_of(engine, pair) == ["check_in.opened", "check_in.lapsed"]


async def test_a_night_is_two_records(engine: AsyncEngine) -> None:
    evening = datetime.combine(
        now().astimezone(SHANGHAI).date() + timedelta(days=2), datetime.min.time(), SHANGHAI
    ) + timedelta(hours=20)
    cast = await cast_of(engine, starts_at=evening, ends_at=evening + timedelta(hours=10))
    pair = await came(engine, cast, at=evening)
    await went(engine, cast, pair, evening + timedelta(hours=9, minutes=30))
    found = await records_of(engine, cast.people["ann"])
    assert [(row.minutes, row.state.value) for row in found] == [
        (240, "effective"),
        (330, "effective"),
    ]
    assert found[1].day_on - found[0].day_on == timedelta(days=1)


# Days --------------------------------------------------------------------------------------------


async def long_day(engine: AsyncEngine, cast: Cast, *hours: float) -> list[ServiceRecord]:
    """Records of one day by hand, confirmed one after the other."""
    at, found = keeping.morning(2, 0), []
    for length in hours:
        async with acting(engine, cast.keeper) as act:
            row = await reviews.record_hours(
                act,
                cast.task.id,
                volunteer_id=cast.people["ann"].id,
                started_at=at,
                ended_at=at + timedelta(hours=length),
                reason="the scanner was broken",
                evidence={"sheet": "page 3"},
            )
        at += timedelta(hours=length)
        async with acting(engine, cast.second) as act:
            found.append(await reviews.confirm_hours(act, row.id, expected_version=1))
    return found


async def past(engine: AsyncEngine) -> Cast:
    """The cast of a task that ran the day before yesterday."""
    return await cast_of(
        engine,
        starts_at=keeping.morning(2, 0),
        ends_at=keeping.morning(1, 0),
        state=TaskState.ENDED,
        published_at=keeping.morning(9),
    )


async def test_the_day_decides_who_must_look(engine: AsyncEngine) -> None:
    """T20b: 8 h count at once, 12 h after the parent, more after the province; by the day."""
    cast = await past(engine)
    rows = await long_day(engine, cast, 8, 3, 2)
    assert [(row.state.value, row.tier, row.day_minutes) for row in rows] == [
        ("effective", DayTier.NONE, 480),
        ("pending_parent", DayTier.PARENT, 660),
        ("pending_parent", DayTier.PARENT, 600),
    ]
    async with making(engine) as m:
        approver = await m.account(Role.GOV_APPROVER, area_code="44")
    async with acting(engine, approver) as act:
        second = await reviews.approve_hours(act, rows[1].id, expected_version=rows[1].version)
    assert second.state is RecordState.EFFECTIVE
    async with acting(engine, approver) as act:
        third = await reviews.approve_hours(act, rows[2].id, expected_version=rows[2].version)
    assert (third.state, third.day_minutes) == (RecordState.PENDING_PROVINCE, 780)
    async with acting(engine, approver) as act:
        done = await reviews.approve_long_day(
            act, third.id, expected_version=third.version, reason="flood relief, on the rota"
        )
    assert (done.state, done.tier) == (RecordState.EFFECTIVE, DayTier.PROVINCE)
    assert await events_of(engine, done) == [
        "service_record.recorded",
        "service_record.sent_to_parent",
        "service_record.sent_to_province",
        "service_record.effective",
    ]


async def test_two_records_judged_at_once_see_each_other(engine: AsyncEngine) -> None:
    """5 h and 4 h, confirmed at the same moment: one counts, the other goes to review."""
    cast = await past(engine)
    at, rows = keeping.morning(2, 0), []
    for length in (5, 4):
        async with acting(engine, cast.keeper) as act:
            rows.append(
                await reviews.record_hours(
                    act,
                    cast.task.id,
                    volunteer_id=cast.people["ann"].id,
                    started_at=at,
                    ended_at=at + timedelta(hours=length),
                    reason="from the list",
                )
            )
        at += timedelta(hours=length)

    async def confirm(row: ServiceRecord) -> str:
        async with acting(engine, cast.second) as act:
            return (await reviews.confirm_hours(act, row.id, expected_version=1)).state.value

    assert sorted(await asyncio.gather(*map(confirm, rows))) == ["effective", "pending_parent"]


async def test_time_is_taken_across_organizations(engine: AsyncEngine) -> None:
    """INV-31: the second record is refused, and is not told whose the first is."""
    first, second = await past(engine), await past(engine)
    (row,) = await long_day(engine, first, 2)
    async with making(engine) as m:
        person = first.people["ann"]
        await made.roster(m, person, second.own)
        await keeping.signed_up(m, second.task, person)
    with pytest.raises(rules.HoursOverlap) as caught:
        async with acting(engine, second.keeper) as act:
            await reviews.record_hours(
                act,
                second.task.id,
                volunteer_id=person.id,
                started_at=row.started_at + timedelta(hours=1),
                ended_at=row.ended_at + timedelta(hours=1),
                reason="from the list",
            )
    assert caught.value.details == {"rule": "INV-31"}
    assert len(await records_of(engine, person)) == 1
    async with acting(engine, second.keeper) as act:
        beside = await reviews.record_hours(
            act,
            second.task.id,
            volunteer_id=person.id,
            started_at=row.ended_at,
            ended_at=row.ended_at + timedelta(hours=1),
            reason="from the list",
        )
    assert beside.state is RecordState.RECORDED


# By hand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days_ago", "rule"),
    [(31, "makeup_window"), (30, None)],
)
async def test_makeups_have_a_window(engine: AsyncEngine, days_ago: int, rule: str | None) -> None:
    cast = await cast_of(
        engine,
        starts_at=keeping.morning(40, 0),
        ends_at=keeping.morning(1, 0),
        state=TaskState.ENDED,
        published_at=keeping.morning(60),
    )
    begun = keeping.morning(days_ago)

    async def enter() -> ServiceRecord:
        async with acting(engine, cast.ann) as act:
            return await reviews.record_hours(
                act,
                cast.task.id,
                started_at=begun,
                ended_at=begun + timedelta(hours=1),
                reason="I forgot to check out",
            )

    if rule is None:
        assert (await enter()).state is RecordState.RECORDED
        return
    with pytest.raises(GuardFailed) as caught:
        await enter()
    assert caught.value.details["rule"] == rule
    assert await records_of(engine, cast.people["ann"]) == []


async def test_time_by_hand_lies_within_the_task(engine: AsyncEngine) -> None:
    cast = await past(engine)
    for begun, ended in (
        (keeping.morning(3, 23), keeping.morning(3, 24)),
        (keeping.morning(2, 22), keeping.morning(1, 1)),
        (keeping.morning(2, 5), keeping.morning(2, 5)),
    ):
        with pytest.raises(Refusal):
            async with acting(engine, cast.keeper) as act:
                await reviews.record_hours(
                    act,
                    cast.task.id,
                    volunteer_id=cast.people["ann"].id,
                    started_at=begun,
                    ended_at=ended,
                    reason="from the list",
                )
    with pytest.raises(Invalid) as caught:
        async with acting(engine, cast.keeper) as act:
            await reviews.record_hours(
                act,
                cast.task.id,
                volunteer_id=cast.people["ann"].id,
                started_at=keeping.morning(2, 5),
                ended_at=keeping.morning(2, 6),
                reason="call 13800138000",
            )
    assert "13800138000" not in caught.value.message
    assert await records_of(engine, cast.people["ann"]) == []


async def test_an_import_again_changes_nothing(engine: AsyncEngine) -> None:
    cast = await past(engine)

    async def bring(minutes: int) -> ServiceRecord:
        async with acting(engine, cast.keeper) as act:
            return await reviews.import_hours(
                act,
                cast.task.id,
                volunteer_id=cast.people["ann"].id,
                started_at=keeping.morning(2, 5),
                ended_at=keeping.morning(2, 6),
                minutes=minutes,
                external_ref="i-17",
            )

    first, again = await bring(50), await bring(50)
    assert (first.id, first.state, first.source) == (
        again.id,
        RecordState.RECORDED,
        HoursSource.IMPORT,
    )
    with pytest.raises(GuardFailed):
        await bring(40)
    assert len(await records_of(engine, cast.people["ann"])) == 1


async def test_a_correction_is_a_new_row_and_the_old_one_stays(engine: AsyncEngine) -> None:
    cast = await past(engine)
    (old,) = await long_day(engine, cast, 3)
    async with acting(engine, cast.keeper) as act:
        new = await reviews.correct_hours(
            act,
            old.id,
            expected_version=old.version,
            started_at=old.started_at,
            ended_at=old.ended_at - timedelta(hours=1),
            reason="left an hour earlier",
        )
    assert (new.corrects_id, new.minutes, new.state) == (old.id, 120, RecordState.RECORDED)
    kept = await reread(engine, old)
    assert (kept.state, kept.minutes) == (RecordState.CORRECTED, 180)
    async with acting(engine, cast.second) as act:
        assert (await reviews.confirm_hours(act, new.id, expected_version=1)).day_minutes == 120
    async with AsyncSession(engine) as session:
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(
                text("UPDATE service_record SET minutes = 1 WHERE id = :id"), {"id": old.id}
            )
    async with AsyncSession(engine) as session:
        with pytest.raises(DBAPIError, match="permission denied"):
            await session.execute(text("DELETE FROM service_record WHERE id = :id"), {"id": old.id})


async def test_a_task_is_not_confirmed_while_hours_are_open(engine: AsyncEngine) -> None:
    """INV-19: what is open holds the task."""
    cast = await past(engine)
    async with acting(engine, cast.keeper) as act:
        row = await reviews.record_hours(
            act,
            cast.task.id,
            volunteer_id=cast.people["ann"].id,
            started_at=keeping.morning(2, 1),
            ended_at=keeping.morning(2, 2),
            reason="from the list",
        )
    with pytest.raises(DBAPIError, match="hours of the task are open"):
        async with acting(engine, cast.keeper) as act:
            await confirm_task_hours(act, cast.task.id, expected_version=cast.task.version)
    async with acting(engine, cast.second) as act:
        await reviews.confirm_hours(act, row.id, expected_version=1)
    async with acting(engine, cast.keeper) as act:
        await confirm_task_hours(act, cast.task.id, expected_version=cast.task.version)
    with pytest.raises(GuardFailed) as caught:
        async with acting(engine, cast.keeper) as act:
            await reviews.record_hours(
                act,
                cast.task.id,
                volunteer_id=cast.people["ann"].id,
                started_at=keeping.morning(2, 5),
                ended_at=keeping.morning(2, 6),
                reason="from the list",
            )
    assert caught.value.details["rule"] == "INV-19"


async def test_the_database_holds_it_too(engine: AsyncEngine, owner_engine: AsyncEngine) -> None:
    async with making(engine) as m:
        row = await keeping.record(m)
    for wrong, name in (
        ("minutes = 121", "inv_32_minutes"),
        ("decided_by = recorded_by", "inv_32_second_person"),
        ("tier = 'parent'", "inv_32_tier"),
        ("decided_by = NULL", "decided"),
        ("ended_at = ended_at + interval '1 day'", "within_its_day"),
        ("state = 'revoked'", "closed_whole"),
        ("state = 'disputed'", "disputed_by"),
    ):
        async with AsyncSession(owner_engine) as session:
            with pytest.raises(DBAPIError, match=f"ck_service_record_{name}"):
                await session.execute(
                    text(f"UPDATE service_record SET {wrong} WHERE id = :id"), {"id": row.id}
                )
    assert (await reread(engine, row)).minutes == row.minutes
