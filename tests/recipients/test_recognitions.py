"""Recognitions: only the authority's, one period at a time, every state and verb, the clocks."""

import asyncio
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI, Actor, Role
from nexus.core.ids import new_id
from nexus.core.refusals import (
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    VersionConflict,
    WrongState,
)
from nexus.recipients import model, rules
from nexus.recipients.model import Level, RecheckClass, RecognitionState
from nexus.recipients.recognitions import operations
from tests.deeds import acting, actor_of, count_of, events_of, reread
from tests.making import making, now, today

S = RecognitionState
STATES = list(RecognitionState)
TABLE = model.RECOGNITION_TRANSITIONS
DEEDS: dict[str, Any] = {
    "confirm": operations.confirm_recognition,
    "review": operations.review_recognition,
    "uphold": operations.uphold_recognition,
    "taper": operations.taper_recognition,
    "suspend": operations.suspend_recognition,
    "reinstate": operations.reinstate_recognition,
    "end": partial(operations.end_recognition, end_reason="DEATH"),
    "change_recheck": partial(
        operations.change_recheck_class, recheck_class=RecheckClass.CHANGEABLE
    ),
    "prolong": partial(operations.prolong_recognition, valid_to=None),
    "mark_error": operations.mark_recognition_error,
}
SEE = {
    Role.GOV_CLERK,
    Role.GOV_APPROVER,
    Role.GOV_COORDINATOR,
    Role.STATION_LEAD,
    Role.SOCIAL_WORKER,
    Role.AIDE,
    Role.DPO,
}
PEOPLE = [role for role in Role if role not in (Role.ANONYMOUS, Role.SYSTEM)]


def test_every_verb_is_tried() -> None:
    assert set(DEEDS) == set(TABLE.moves)


@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("state", STATES)
async def test_states(engine: AsyncEngine, state: RecognitionState, verb: str) -> None:
    async with making(engine) as m:
        recognition = await m.recognition(state=state)
        approver = await m.account(role=Role.GOV_APPROVER)
    expected = TABLE.moves[verb].get(state)
    if expected is None:
        with pytest.raises(WrongState):
            async with acting(engine, approver) as act:
                await DEEDS[verb](act, recognition.id, expected_version=1, reason="so")
        fresh = await reread(engine, recognition)
        assert (fresh.state, fresh.version, fresh.valid_to) == (state, 1, recognition.valid_to)
        assert await events_of(engine, recognition) == []
        return
    async with acting(engine, approver) as act:
        await DEEDS[verb](act, recognition.id, expected_version=1, reason="so")
    fresh = await reread(engine, recognition)
    assert (fresh.state, fresh.version, fresh.state_reason) == (expected, 2, "so")
    assert len(await events_of(engine, recognition)) == 1


@pytest.mark.parametrize("verb", DEEDS)
@pytest.mark.parametrize("role", PEOPLE)
async def test_only_the_approver_of_the_territory(
    engine: AsyncEngine, role: Role, verb: str
) -> None:
    state = TABLE.sources(verb)[0]
    async with making(engine) as m:
        recognition = await m.recognition(state=state)
        account = await m.account(role=role, area_code="440103")
        elsewhere = await m.account(role=role, area_code="440104")
    with pytest.raises(NotFound):
        async with acting(engine, elsewhere) as act:
            await DEEDS[verb](act, recognition.id, expected_version=1, reason="so")
    if role is Role.GOV_APPROVER:
        async with acting(engine, account) as act:
            await DEEDS[verb](act, recognition.id, expected_version=1, reason="so")
        assert (await reread(engine, recognition)).version == 2
        return
    with pytest.raises(Forbidden if role in SEE else NotFound):
        async with acting(engine, account) as act:
            await DEEDS[verb](act, recognition.id, expected_version=1, reason="so")
    fresh = await reread(engine, recognition)
    assert (fresh.state, fresh.version) == (state, 1)


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(engine: AsyncEngine, actor: Actor, row: model.Recognition, verb: str) -> str:
    """The state after the verb, or the code of the refusal; nothing stays done."""
    state = ""
    try:
        async with acting(engine, actor) as act:
            done = await DEEDS[verb](act, row.id, expected_version=row.version, reason="so")
            await act.session.flush()
            state = done.state.value
            raise UndoneError
    except UndoneError:
        return state
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("state", STATES)
async def test_every_state_verb_and_role(engine: AsyncEngine, state: RecognitionState) -> None:
    """Of all roles the approver's and the clocks' alone, of all ways the listed ones alone."""
    async with making(engine) as m:
        recognition = await m.recognition(state=state)
    for role in Role:
        for area in ("440103", "440104"):
            actor = Actor(role, new_id(), new_id(), area, now())
            for verb, moves in TABLE.moves.items():
                if role not in SEE | {Role.SYSTEM} or (area == "440104" and role in SEE):
                    expected = "NOT_FOUND"
                elif role not in (Role.GOV_APPROVER, Role.SYSTEM):
                    expected = "FORBIDDEN"
                else:
                    expected = moves[state].value if state in moves else "WRONG_STATE"
                told = await tried(engine, actor, recognition, verb)
                assert told == expected, (role, area, verb)
    fresh = await reread(engine, recognition)
    assert (fresh.state, fresh.version) == (state, 1)
    assert await events_of(engine, recognition) == []


@pytest.mark.parametrize("verb", ["review", "suspend", "reinstate", "mark_error"])
async def test_reasons(engine: AsyncEngine, verb: str) -> None:
    async with making(engine) as m:
        recognition = await m.recognition(state=TABLE.sources(verb)[0])
        approver = await m.account(role=Role.GOV_APPROVER)
    for given, refusal in (
        ({"reason": " "}, Invalid),
        ({"reason": None}, Invalid),
        ({"reason": "so", "expected_version": 9}, VersionConflict),
    ):
        with pytest.raises(refusal):
            async with acting(engine, approver) as act:
                await DEEDS[verb](act, recognition.id, **{"expected_version": 1} | given)
    assert (await reread(engine, recognition)).version == 1


# --- Recording. ---


class Case:
    """A household of two, its authority's approver, and ways to recognise them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def make(self) -> "Case":
        async with making(self.engine) as m:
            self.household = await m.household()
            self.one = await m.recipient(self.household)
            self.two = await m.recipient(self.household)
            self.authority = await m.authority()
            self.approver = await m.account(role=Role.GOV_APPROVER, organization=self.authority)
        return self

    async def record(
        self, subject: Any = None, category: str = "DB", account: Any = None, **given: Any
    ) -> model.Recognition:
        subject = subject or self.one
        key = "household_id" if isinstance(subject, model.Household) else "recipient_id"
        fields: dict[str, Any] = {
            key: subject.id,
            "category": category,
            "authority_id": self.authority.id,
            "level": Level.COUNTY,
            "decided_on": date(2026, 3, 1),
            "valid_from": date(2026, 3, 1),
            "rule_version": "2026-1",
        } | given
        async with acting(self.engine, account or self.approver) as act:
            return await operations.record_recognition(act, **fields)

    async def do(self, verb: str, row: model.Recognition, at: datetime | None = None) -> Any:
        async with acting(self.engine, actor_of(self.approver, at)) as act:
            version = (await reread(self.engine, row)).version
            return await DEEDS[verb](act, row.id, expected_version=version, reason="so")


@pytest.fixture
async def case(engine: AsyncEngine) -> Case:
    return await Case(engine).make()


async def test_recorded_it_waits_for_confirmation(case: Case, engine: AsyncEngine) -> None:
    row = await case.record(recheck_class=RecheckClass.CHANGEABLE, decided_on=date(2026, 8, 31))
    assert row.state is S.PENDING
    assert row.checked_on == date(2026, 8, 31)
    assert row.recheck_due_on == date(2027, 2, 28)
    assert await events_of(engine, row) == ["recognition.recorded"]


@pytest.mark.parametrize(
    "given",
    [
        {"valid_to": date(2026, 3, 1)},
        {"valid_to": date(2026, 2, 1)},
        {"category": "XX"},
        {"household_id": None, "recipient_id": None},
        {"authority_id": "unknown"},
        {"both": True},
    ],
)
async def test_what_makes_no_sense(case: Case, engine: AsyncEngine, given: Any) -> None:
    given = dict(given)
    if given.pop("both", False):
        given["household_id"] = case.household.id
    if given.get("authority_id") == "unknown":
        given["authority_id"] = case.household.id
    before = await count_of(engine, model.Recognition)
    with pytest.raises(Refusal):
        await case.record(**given)
    assert await count_of(engine, model.Recognition) == before


@pytest.mark.parametrize("role", PEOPLE)
async def test_who_records(case: Case, engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        account = await m.account(role=role, area_code="44")
        elsewhere = await m.account(role=role, area_code="45")
    before = await count_of(engine, model.Recognition)
    with pytest.raises(NotFound):
        await case.record(account=elsewhere)
    if role is Role.GOV_APPROVER:
        assert await case.record(account=account)
        return
    with pytest.raises(Forbidden if role in SEE else NotFound):
        await case.record(account=account)
    assert await count_of(engine, model.Recognition) == before


# --- INV-34. ---


async def test_periods_of_one_category_do_not_overlap(case: Case, engine: AsyncEngine) -> None:
    first = await case.record(valid_from=date(2026, 1, 1), valid_to=date(2026, 7, 1))
    before = await count_of(engine, model.Recognition)
    for start, end in (
        (date(2025, 1, 1), None),
        (date(2025, 6, 1), date(2026, 1, 2)),
        (date(2026, 6, 30), None),
        (date(2026, 2, 1), date(2026, 3, 1)),
    ):
        with pytest.raises(operations.PeriodConflict) as refused:
            await case.record(valid_from=start, valid_to=end)
        assert refused.value.details["conflictingNo"] == first.no
        assert refused.value.details["conflictingFrom"] == "2026-01-01"
        assert refused.value.details["conflictingTo"] == "2026-07-01"
    assert await count_of(engine, model.Recognition) == before
    await case.record(valid_from=date(2025, 1, 1), valid_to=date(2026, 1, 1))
    await case.record(valid_from=date(2026, 7, 1))
    await case.record(case.two, valid_from=date(2026, 1, 1))
    await case.record(case.household, valid_from=date(2026, 1, 1))
    await case.record(category="GE", valid_from=date(2026, 1, 1))


async def test_entered_in_error_leaves_the_period_free(case: Case) -> None:
    wrong = await case.record()
    await case.do("mark_error", wrong)
    assert await case.record()


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        (("one", "DB"), ("one", "TK"), True),
        (("one", "TK"), ("one", "DB"), True),
        (("one", "DB-S"), ("one", "TK"), True),
        (("one", "DB-S"), ("one", "DB"), True),
        (("one", "DB"), ("one", "DB-S"), True),
        (("household", "DB"), ("one", "TK"), True),
        (("one", "TK"), ("household", "DB"), True),
        (("household", "TK"), ("household", "DB"), True),
        (("one", "TK"), ("two", "DB"), False),
        (("household", "DB"), ("one", "GE"), False),
        (("one", "DB"), ("one", "SW"), False),
    ],
)
async def test_dibao_and_tekun_exclude_each_other(
    case: Case, engine: AsyncEngine, first: Any, second: Any, refused: bool
) -> None:
    if first[1] == "DB-S":
        async with making(engine) as m:
            await m.recognition(case.one, category="DB-S", valid_from=date(2026, 1, 1))
    else:
        await case.record(getattr(case, first[0]), first[1])
    if not refused:
        assert await case.record(getattr(case, second[0]), second[1])
        return
    before = await count_of(engine, model.Recognition)
    with pytest.raises(operations.PeriodConflict) as found:
        await case.record(getattr(case, second[0]), second[1])
    assert found.value.details["conflictingCategory"] == first[1]
    assert await count_of(engine, model.Recognition) == before


async def test_tekun_may_follow_dibao(case: Case) -> None:
    dibao = await case.record(valid_from=date(2026, 1, 1))
    await case.do("confirm", dibao)
    await case.do("end", dibao, datetime(2026, 5, 1, 12, tzinfo=SHANGHAI))
    assert await case.record(category="TK", valid_from=date(2026, 5, 1))


async def test_side_by_side_one_wins(case: Case, engine: AsyncEngine) -> None:
    before = await count_of(engine, model.Recognition)
    answers = await asyncio.gather(
        case.record(case.household, "DB"),
        case.record(case.one, "TK"),
        case.record(case.one, "DB"),
        case.record(case.household, "DB"),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(answer, operations.PeriodConflict) for answer in refusals)
    assert await count_of(engine, model.Recognition) - before == len(answers) - len(refusals)
    rows = [(a.household_id, a.category) for a in answers if isinstance(a, model.Recognition)]
    assert len(rows) == len(set(rows)), "no category twice for one subject"
    assert not {"DB", "TK"} <= {category for _, category in rows}


async def test_the_database_refuses_too(case: Case, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.recognition(case.one, category="DB")
    for category in ("DB", "TK", "DB-S"):
        with pytest.raises(IntegrityError, match="ex_recognition_period"):
            async with making(engine) as m:
                await m.recognition(case.one, category=category)


# --- Reviews, tapers, ends. ---


async def test_a_review_moves_the_next_check(case: Case, engine: AsyncEngine) -> None:
    row = await case.record(recheck_class=RecheckClass.STABLE)
    assert row.recheck_due_on == date(2027, 3, 1)
    await case.do("confirm", row)
    await case.do("review", row)
    at = datetime(2026, 9, 10, 0, 30, tzinfo=SHANGHAI)
    async with acting(engine, actor_of(case.approver, at)) as act:
        await operations.uphold_recognition(
            act,
            row.id,
            expected_version=3,
            recheck_class=RecheckClass.CHANGEABLE,
            reason="a member can work",
        )
    fresh = await reread(engine, row)
    assert fresh.checked_on == date(2026, 9, 10)
    assert (fresh.recheck_months, fresh.recheck_due_on) == (6, date(2027, 3, 10))


async def strike(engine: AsyncEngine, at: datetime) -> int:
    async with AsyncSession(engine) as session, session.begin():
        return await operations.end_recognitions_over(session, at)


async def test_a_taper_does_not_run_into_the_next_recognition(
    case: Case, engine: AsyncEngine
) -> None:
    row = await case.record(valid_from=date(2026, 1, 1), valid_to=date(2026, 5, 1))
    await case.do("confirm", row)
    await case.record(valid_from=date(2026, 5, 1))
    with pytest.raises(operations.PeriodConflict):
        await case.do("taper", row, datetime(2026, 4, 1, tzinfo=SHANGHAI))
    assert (await reread(engine, row)).state is S.ACTIVE


async def test_the_end_closes_the_period(case: Case, engine: AsyncEngine) -> None:
    row = await case.record(valid_from=date(2026, 3, 1))
    await case.do("confirm", row)
    await case.do("end", row, datetime(2026, 4, 1, 8, tzinfo=SHANGHAI))
    assert (await reread(engine, row)).valid_to == date(2026, 4, 1)
    future = await case.record(category="GE", valid_from=today() + timedelta(days=30))
    await case.do("confirm", future)
    await case.do("end", future)
    assert (await reread(engine, future)).valid_to == future.valid_from + timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 12, 31), 6, date(2027, 6, 30)),
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 7, 1), 6, date(2027, 1, 1)),
        (date(2026, 6, 30), 0, date(2026, 6, 30)),
    ],
)
def test_months(day: date, months: int, then: date) -> None:
    assert rules.add_months(day, months) == then
