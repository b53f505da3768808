"""Signing up: who fits, who waits, who moves up, and what ends a sign-up."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.core.refusals import CapacityExhausted, GuardFailed, Invalid, NotFound
from nexus.organizations.model import Organization
from nexus.supervision.signing.queries import CHECKS
from nexus.volunteering import operations as volunteering
from nexus.volunteering.guardians import operations as guardians
from nexus.volunteering.model import Volunteer, VolunteerState
from nexus.volunteering.tasks import operations as tasking
from nexus.volunteering.tasks import reactions
from nexus.volunteering.tasks.model import (
    Signup,
    SignupState,
    TaskPosition,
    TaskState,
    VolunteerTask,
)
from nexus.volunteering.tasks.rules import VolunteerBusy
from nexus.volunteering.tasks.signups import operations as signing
from nexus.volunteering.teams import operations as teaming
from nexus.worker import CLOCKS
from tests.deeds import acting, actor_of, events_of, hear_all, reread
from tests.making import Maker, making, now, today
from tests.volunteering import made

S = SignupState
DAY = timedelta(days=1)
HEARD = reactions.__name__


class Stage:
    """An organizer with an account and one recruiting task."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.own: Organization
        self.organizer: Account

    async def open(self, m: Maker, **given: Any) -> TaskPosition:
        """A task of the organizer; its one position."""
        row = await made.task(m, self.own, **given)
        found = await m.session.scalars(select(TaskPosition).where(TaskPosition.task_id == row.id))
        return found.one()

    async def people(self, m: Maker, count: int, **given: Any) -> list[Volunteer]:
        """Active volunteers on the organizer's roster."""
        return [await made.volunteer(m, None, self.own, **given) for _ in range(count)]

    async def sign(self, at: TaskPosition, person: Volunteer, **given: Any) -> Signup:
        """As the organizer."""
        async with acting(self.engine, self.organizer) as act:
            return await signing.sign_up(act, at.id, volunteer_id=person.id, **given)

    async def do(self, deed: Callable[..., Any], row: Any, **given: Any) -> Any:
        """A deed of the organizer on the row as it stands."""
        row = await reread(self.engine, row)
        async with acting(self.engine, self.organizer) as act:
            return await deed(act, row.id, expected_version=row.version, **given)

    async def states(self, at: TaskPosition) -> list[S]:
        """Of the position's sign-ups, in the order in which they were made."""
        async with AsyncSession(self.engine) as session:
            found = await session.scalars(
                select(Signup.state).where(Signup.position_id == at.id).order_by(Signup.id)
            )
            return list(found)


@pytest.fixture
async def stage(engine: AsyncEngine) -> Stage:
    made_one = Stage(engine)
    async with making(engine) as m:
        made_one.own = await m.organization()
        made_one.organizer = await m.account(
            Role.VOL_ORG, organization=made_one.own, area_code=None
        )
    return made_one


async def test_the_first_come_are_confirmed_and_the_others_wait_in_order(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m)
        people = await stage.people(m, 5)
    rows = [await stage.sign(at, each) for each in people]
    assert [row.place for row in rows] == [1, 2, 3, 4, 5]
    assert await stage.states(at) == [S.CONFIRMED] * 2 + [S.WAITLISTED] * 3
    await stage.do(signing.cancel_signup, rows[0], reason="已另有安排")
    assert await stage.states(at) == [
        S.CANCELLED,
        S.CONFIRMED,
        S.CONFIRMED,
        S.WAITLISTED,
        S.WAITLISTED,
    ]
    assert await events_of(stage.engine, rows[2]) == [
        "signup.applied",
        "signup.waitlisted",
        "signup.promoted",
    ]


async def test_who_does_not_wish_to_wait_is_told_that_it_is_full(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m, positions=[{"slots": 1}])
        first, second = await stage.people(m, 2)
    await stage.sign(at, first)
    with pytest.raises(CapacityExhausted) as refused:
        await stage.sign(at, second, may_wait=False)
    assert refused.value.details == {"rule": "INV-30", "available": 0}
    assert await stage.states(at) == [S.CONFIRMED]


async def test_more_slots_go_to_who_waits_and_never_fewer_than_taken(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m, positions=[{"slots": 1}])
        people = await stage.people(m, 4)
    for each in people:
        await stage.sign(at, each)
    task = await _task_of(stage.engine, at)

    async def change(slots: int) -> Any:
        row = await reread(stage.engine, task)
        async with acting(stage.engine, stage.organizer) as act:
            return await tasking.change_slots(act, at.id, expected_version=row.version, slots=slots)

    await change(3)
    assert await stage.states(at) == [S.CONFIRMED] * 3 + [S.WAITLISTED]
    with pytest.raises(CapacityExhausted):
        await change(2)
    assert (await reread(stage.engine, at)).slots == 3


async def _task_of(engine: AsyncEngine, at: TaskPosition) -> Any:
    async with AsyncSession(engine) as session:
        return await session.get_one(VolunteerTask, at.task_id)


async def test_a_busy_volunteer_is_refused_and_not_told_where(stage: Stage) -> None:
    other = Stage(stage.engine)
    async with making(stage.engine) as m:
        other.own = await m.organization()
        other.organizer = await m.account(Role.VOL_ORG, organization=other.own, area_code=None)
        here, there = await stage.open(m), await other.open(m)
        (person,) = await stage.people(m, 1)
        await made.roster(m, person, other.own)
    await stage.sign(here, person)
    with pytest.raises(VolunteerBusy) as refused:
        await other.sign(there, person)
    assert refused.value.details == {"rule": "INV-31"}
    assert str(stage.own.id) not in refused.value.message
    assert await other.states(there) == []


async def test_shifts_that_meet_but_do_not_overlap_are_both_possible(stage: Stage) -> None:
    start = now().replace(microsecond=0) + 3 * DAY
    noon = start + timedelta(hours=1)
    async with making(stage.engine) as m:
        first = await stage.open(m, starts_at=start, ends_at=noon)
        second = await stage.open(m, starts_at=noon, ends_at=noon + timedelta(hours=1))
        (person,) = await stage.people(m, 1)
    await stage.sign(first, person)
    assert (await stage.sign(second, person)).state is S.CONFIRMED


async def test_who_is_busy_meanwhile_is_passed_over_and_goes_on_waiting(stage: Stage) -> None:
    async with making(stage.engine) as m:
        wanted = await stage.open(m, positions=[{"slots": 1}])
        same_time = await stage.open(m)
        people = await stage.people(m, 3)
    rows = [await stage.sign(wanted, each) for each in people]
    await stage.sign(same_time, people[1])
    await stage.do(signing.cancel_signup, rows[0], reason="已另有安排")
    assert await stage.states(wanted) == [S.CANCELLED, S.WAITLISTED, S.CONFIRMED]
    passed = await reread(stage.engine, rows[1])
    assert passed.passed_over_at is not None
    assert "signup.passed_over" in await events_of(stage.engine, passed)
    async with AsyncSession(stage.engine) as session:
        assert (await session.execute(CHECKS["INV-30 waitlist order"])).all() == []


async def test_signing_up_twice_is_refused_and_after_cancelling_possible(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m)
        (person,) = await stage.people(m, 1)
    row = await stage.sign(at, person)
    with pytest.raises(GuardFailed) as refused:
        await stage.sign(at, person)
    assert refused.value.details["rule"] == "signups.once"
    await stage.do(signing.cancel_signup, row, reason="已另有安排")
    assert (await stage.sign(at, person)).state is S.CONFIRMED


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"state": VolunteerState.VERIFIED}, "volunteers.active"),
        ({"state": VolunteerState.SUSPENDED}, "volunteers.active"),
        ({"skills": []}, "position.skills"),
        ({"trained": []}, "position.skills"),
        ({"birth_year": today().year - 15}, "volunteers.guardian"),
    ],
)
async def test_who_does_not_fit_is_told_why(stage: Stage, given: dict[str, Any], rule: str) -> None:
    fit = {"skills": ["elderly"], "trained": ["GD.FIRST-AID"]}
    async with making(stage.engine) as m:
        at = await stage.open(m, positions=[{"skills": ["elderly"], "trainings": ["GD.FIRST-AID"]}])
        (person,) = await stage.people(m, 1, **fit | given)
        (fitting,) = await stage.people(m, 1, **fit)
    with pytest.raises(GuardFailed) as refused:
        await stage.sign(at, person)
    assert refused.value.details["rule"] == rule
    assert await stage.states(at) == []
    assert (await stage.sign(at, fitting)).state is S.CONFIRMED


async def test_a_minor_comes_with_a_guardians_word_that_covers_the_day(stage: Stage) -> None:
    async with making(stage.engine) as m:
        soon = await stage.open(m)
        late = await stage.open(m, starts_at=now() + 20 * DAY, ends_at=now() + 20.1 * DAY)
        (minor,) = await stage.people(m, 1, birth_year=today().year - 15)
        await made.guardian(m, minor, expires_on=today() + 10 * DAY)
    assert (await stage.sign(soon, minor)).state is S.CONFIRMED
    with pytest.raises(GuardFailed) as refused:
        await stage.sign(late, minor)
    assert refused.value.details["rule"] == "volunteers.guardian"


async def test_a_minor_whose_guardian_takes_it_back_does_not_come(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m)
        (minor,) = await stage.people(m, 1, birth_year=today().year - 15)
        consent = await made.guardian(m, minor)
    await stage.sign(at, minor)
    await stage.do(guardians.withdraw_guardian_consent, consent, reason="学业")
    await hear_all(stage.engine)
    assert await stage.states(at) == [S.CANCELLED]


async def test_reasons_that_others_read_name_nobody(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m)
        (person,) = await stage.people(m, 1)
    row = await stage.sign(at, person)
    for deed, what in (
        (signing.cancel_signup, row),
        (volunteering.leave_volunteering, person),
        (tasking.cancel_task, await _task_of(stage.engine, at)),
    ):
        with pytest.raises(Invalid) as refused:
            await stage.do(deed, what, reason="请致电 13800001234")
        assert refused.value.field == "reason"
        assert "13800001234" not in str(refused.value.as_dict())
    assert await stage.states(at) == [S.CONFIRMED]


async def test_a_blocked_volunteer_loses_what_is_to_come_and_cannot_sign_up(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m, positions=[{"slots": 1}])
        person, waiting = await stage.people(m, 2)
        other = await made.volunteer(m)
        entry = await made.roster(m, other, stage.own)
    await stage.sign(at, other)
    await stage.sign(at, waiting)
    await stage.do(teaming.block_volunteer, entry, reason="多次无故缺席")
    await hear_all(stage.engine)
    assert await stage.states(at) == [S.CANCELLED, S.CONFIRMED]
    with pytest.raises(GuardFailed) as refused:
        await stage.sign(at, other)
    assert refused.value.details["rule"] == "roster.blocked"
    assert (await stage.sign(at, person)).state is S.WAITLISTED


async def test_a_suspended_volunteer_loses_what_is_to_come_everywhere(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m, positions=[{"slots": 1}])
        person, waiting = await stage.people(m, 2)
        lead = await m.account(Role.STATION_LEAD)
    await stage.sign(at, person)
    await stage.sign(at, waiting)
    async with acting(stage.engine, lead) as act:
        await volunteering.suspend_volunteer(act, person.id, expected_version=1, reason="投诉待查")
    await hear_all(stage.engine)
    assert await stage.states(at) == [S.CANCELLED, S.CONFIRMED]


async def test_by_approval_nobody_is_in_before_the_organizer_says_so(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m, by_approval=True, positions=[{"slots": 1}])
        people = await stage.people(m, 3)
    rows = [await stage.sign(at, each) for each in people]
    assert await stage.states(at) == [S.APPLIED] * 3
    await stage.do(signing.confirm_signup, rows[1])
    await stage.do(signing.confirm_signup, rows[0])
    await stage.do(signing.decline_signup, rows[2], reason="名额已满")
    assert await stage.states(at) == [S.WAITLISTED, S.CONFIRMED, S.DECLINED]


async def test_a_cancelled_task_ends_its_signups_and_frees_the_people(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at, again = await stage.open(m, positions=[{"slots": 1}]), await stage.open(m)
        people = await stage.people(m, 2)
    for each in people:
        await stage.sign(at, each)
    await stage.do(tasking.cancel_task, await _task_of(stage.engine, at), reason="台风")
    assert await stage.states(at) == [S.CANCELLED] * 2
    assert (await reread(stage.engine, at)).taken == 0
    assert (await stage.sign(again, people[0])).state is S.CONFIRMED
    with pytest.raises(GuardFailed):
        await stage.sign(at, people[1])


async def test_the_clock_starts_and_ends_tasks_and_turns_away_who_waits(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m, positions=[{"slots": 1}])
        people = await stage.people(m, 2)
    for each in people:
        await stage.sign(at, each)
    task = await _task_of(stage.engine, at)
    assert tasking.turn_tasks in CLOCKS
    for moment, state in ((task.starts_at, TaskState.IN_PROGRESS), (task.ends_at, TaskState.ENDED)):
        async with AsyncSession(stage.engine) as session, session.begin():
            await tasking.turn_tasks(session, moment)
        assert (await reread(stage.engine, task)).state is state
        async with AsyncSession(stage.engine) as session, session.begin():
            assert await tasking.turn_tasks(session, moment) == 0
    assert await stage.states(at) == [S.CONFIRMED, S.DECLINED]


async def test_nothing_is_signed_up_or_cancelled_once_it_has_begun(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m)
        first, second = await stage.people(m, 2)
    row = await stage.sign(at, first)
    later = actor_of(stage.organizer, at.starts_at)
    async with acting(stage.engine, later) as act:
        with pytest.raises(GuardFailed):
            await signing.sign_up(act, at.id, volunteer_id=second.id)
    async with acting(stage.engine, later) as act:
        with pytest.raises(GuardFailed):
            await signing.cancel_signup(act, row.id, expected_version=row.version, reason="迟到")
    assert await stage.states(at) == [S.CONFIRMED]


async def test_a_volunteer_sees_and_signs_up_nobody_else(stage: Stage) -> None:
    async with making(stage.engine) as m:
        at = await stage.open(m)
        account = await made.volunteer_account(m)
        own = await made.volunteer(m, account)
        other = await made.volunteer(m)
        unknown = await made.volunteer_account(m)
    async with acting(stage.engine, account) as act:
        with pytest.raises(NotFound):
            await signing.sign_up(act, at.id, volunteer_id=other.id)
    async with acting(stage.engine, unknown) as act:
        with pytest.raises(GuardFailed):
            await signing.sign_up(act, at.id)
    async with acting(stage.engine, account) as act:
        assert (await signing.sign_up(act, at.id)).volunteer_id == own.id
    assert await stage.states(at) == [S.CONFIRMED]


FORBIDDEN = (
    "UPDATE task_position SET taken = 0",
    "UPDATE signup SET period = tstzrange(now(), now() + interval '1 hour')",
    "UPDATE signup SET volunteer_id = gen_random_uuid()",
    "DELETE FROM signup",
    "UPDATE attendance_secret SET wrapped = ''",
    "SELECT id_number FROM vault.contact",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_application_cannot_write_what_the_database_counts(
    engine: AsyncEngine, statement: str
) -> None:
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text(statement))


async def test_the_database_refuses_what_no_operation_would_write(
    owner_engine: AsyncEngine, stage: Stage
) -> None:
    async with making(stage.engine) as m:
        at, same_time = await stage.open(m, positions=[{"slots": 1}]), await stage.open(m)
        people = await stage.people(m, 2)
        await made.signup(m, at, people[0])
    for target, person, name in (
        (at, people[1], "inv_30_slots"),
        (same_time, people[0], "inv_31_overlap"),
    ):
        async with making(owner_engine) as m:
            with pytest.raises(DBAPIError, match=name):
                await made.signup(m, target, person)
    async with AsyncSession(stage.engine) as session:
        assert await session.scalar(select(func.count()).where(Signup.position_id == at.id)) == 1
