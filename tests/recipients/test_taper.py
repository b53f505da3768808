"""The taper: exactly six months, its last day the one six months on; once for each ending."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import SHANGHAI, Role
from nexus.areas.model import Parameter
from nexus.core.refusals import GuardFailed, Invalid, WrongState
from nexus.recipients import rules
from nexus.recipients.model import RecheckClass, Recognition, RecognitionState
from nexus.recipients.recognitions import operations
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import making

S = RecognitionState
RULE = "taper_months@CN/2020-01-01"


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


class Case:
    """A person on dibao since 2026, and their approver on any day."""

    def __init__(self, engine: AsyncEngine, row: Recognition, approver: Any) -> None:
        self.engine, self.row, self.approver = engine, row, approver

    async def do(self, deed: Any, at: datetime, **given: Any) -> Any:
        async with acting(self.engine, actor_of(self.approver, at)) as act:
            version = (await self.now()).version
            return await deed(act, self.row.id, expected_version=version, **given)

    async def now(self) -> Recognition:
        found: Recognition = await reread(self.engine, self.row)
        return found

    async def strike(self, at: datetime) -> int:
        async with AsyncSession(self.engine) as session, session.begin():
            return await operations.end_recognitions_over(session, at)


@pytest.fixture
async def case(engine: AsyncEngine) -> Case:
    async with making(engine) as m:
        row = await m.recognition(valid_from=date(2020, 1, 1), decided_on=date(2020, 1, 1))
        return Case(engine, row, await m.account(role=Role.GOV_APPROVER))


@pytest.mark.parametrize(
    ("start", "last"),
    [
        (date(2026, 3, 15), date(2026, 9, 15)),
        (date(2026, 8, 31), date(2027, 2, 28)),
        (date(2027, 8, 31), date(2028, 2, 29)),
        (date(2027, 8, 29), date(2028, 2, 29)),
        (date(2026, 8, 29), date(2027, 2, 28)),
        (date(2024, 2, 29), date(2024, 8, 29)),
        (date(2026, 12, 31), date(2027, 6, 30)),
        (date(2026, 12, 1), date(2027, 6, 1)),
    ],
)
async def test_the_last_day_is_six_months_on(case: Case, start: date, last: date) -> None:
    await case.do(operations.taper_recognition, midnight(start))
    row = await case.now()
    over = last + timedelta(days=1)
    assert (row.state, row.tapered_on, row.valid_to) == (S.TAPER, start, over)
    assert (row.taper_months, row.taper_rule) == (6, RULE)
    await case.strike(midnight(over) - timedelta(minutes=1))
    assert (await case.now()).state is S.TAPER, "still served on its last day"
    assert await case.strike(midnight(over)) >= 1
    row = await case.now()
    assert (row.state, row.valid_to, row.end_reason) == (S.ENDED, over, "TAPER_OVER")
    assert await events_of(case.engine, row) == ["recognition.tapered", "recognition.ended"]


async def test_it_is_counted_from_the_day_income_rose(case: Case) -> None:
    at = midnight(date(2026, 5, 20))
    for wrong in (date(2026, 5, 21), date(2019, 12, 31)):
        with pytest.raises(Invalid) as refused:
            await case.do(operations.taper_recognition, at, tapered_on=wrong)
        assert refused.value.field == "taperedOn"
        assert (await case.now()).state is S.ACTIVE
    await case.do(operations.taper_recognition, at, tapered_on=date(2026, 3, 15))
    assert (await case.now()).valid_to == date(2026, 9, 16)


async def test_once_for_each_ending(case: Case) -> None:
    await case.do(operations.taper_recognition, midnight(date(2026, 3, 15)))
    for day in (date(2026, 4, 1), date(2027, 1, 1)):
        with pytest.raises(WrongState):
            await case.do(operations.taper_recognition, midnight(day))
        await case.strike(midnight(day))
    assert (await case.now()).tapered_on == date(2026, 3, 15)


@pytest.mark.parametrize("reason", ["INCOME", "RECIPIENT_WISH", "TAPER_OVER"])
async def test_nothing_but_a_death_ends_it_early(case: Case, reason: str) -> None:
    await case.do(operations.taper_recognition, midnight(date(2026, 3, 15)))
    at = midnight(date(2026, 9, 15))
    with pytest.raises(GuardFailed) as refused:
        await case.do(operations.end_recognition, at, end_reason=reason)
    assert refused.value.details["rule"] == "INV-35"
    assert (await case.now()).state is S.TAPER
    await case.do(operations.end_recognition, at, end_reason="DEATH", ended_on=date(2026, 9, 10))
    row = await case.now()
    assert (row.state, row.valid_to, row.end_reason) == (S.ENDED, date(2026, 9, 10), "DEATH")


async def test_the_months_are_a_figure_of_its_time_and_place(
    case: Case, owner_engine: AsyncEngine
) -> None:
    async with AsyncSession(owner_engine) as session, session.begin():
        session.add_all(
            Parameter(
                name="taper_months",
                area_code=area,
                value=months,
                unit="months",
                valid_from=date(2030, 1, 1),
                source="test",
            )
            for area, months in (("44", 12), ("4401", 3), ("4402", 1))
        )
    await case.do(operations.taper_recognition, midnight(date(2030, 1, 31)))
    row = await case.now()
    assert (row.valid_to, row.taper_rule) == (date(2030, 5, 1), "taper_months@4401/2030-01-01")


async def test_the_database_holds_it_to_its_months(case: Case, engine: AsyncEngine) -> None:
    whole: dict[str, Any] = {
        "state": S.TAPER,
        "tapered_on": date(2026, 8, 31),
        "taper_months": 6,
        "taper_rule": RULE,
        "valid_from": date(2020, 1, 1),
    }
    for wrong, name in (
        ({"valid_to": date(2027, 2, 28)}, "inv_35_taper"),
        ({"valid_to": date(2027, 3, 1), "tapered_on": None}, "inv_35_taper|taper_whole"),
        ({"valid_to": None}, "inv_35_taper"),
    ):
        async with AsyncSession(engine) as session:
            row = Recognition(**await _plain(case) | whole | wrong)
            session.add(row)
            with pytest.raises(IntegrityError, match=name):
                await session.flush()


async def _plain(case: Case) -> dict[str, Any]:
    async with making(case.engine) as m:
        person = await m.recipient()
    names = ("category", "authority_id", "level", "decided_on", "rule_version", "created_at")
    values = {name: getattr(case.row, name) for name in names}
    return values | {
        "no": f"T-{person.id.hex}",
        "recipient_id": person.id,
        "flags": [],
        "created_by": case.row.created_by,
    }


# --- Re-checks. ---


async def test_a_changed_class_counts_from_the_last_check(case: Case) -> None:
    """Scenario 8: a member able to work; half-yearly from the last check, perhaps overdue."""
    at = midnight(date(2026, 11, 5))
    await case.do(operations.review_recognition, midnight(date(2026, 4, 30)), reason="so")
    await case.do(
        operations.uphold_recognition,
        midnight(date(2026, 4, 30)),
        recheck_class=RecheckClass.STABLE,
    )
    row = await case.now()
    assert (row.checked_on, row.recheck_due_on) == (date(2026, 4, 30), date(2027, 4, 30))
    await case.do(operations.change_recheck_class, at, recheck_class=RecheckClass.CHANGEABLE)
    row = await case.now()
    assert (row.checked_on, row.recheck_months) == (date(2026, 4, 30), 6)
    assert row.recheck_due_on == date(2026, 10, 30), "overdue at once"
    assert row.recheck_rule == "recheck_changeable_months@CN/2020-01-01"
    await case.do(operations.change_recheck_class, at, recheck_class=RecheckClass.STABLE)
    assert (await case.now()).recheck_due_on == date(2027, 4, 30)
    kinds = await events_of(case.engine, row)
    assert kinds == [
        "recognition.under_review",
        "recognition.upheld",
        "recognition.recheck_changed",
        "recognition.recheck_changed",
    ]


async def test_the_database_counts_too(case: Case, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        with pytest.raises(IntegrityError, match="inv_35_recheck_due"):
            await m.recognition(
                recheck_class=RecheckClass.CHANGEABLE,
                recheck_months=6,
                recheck_rule="x",
                checked_on=date(2026, 8, 31),
                recheck_due_on=date(2027, 3, 1),
            )


def test_months_and_tapers() -> None:
    day = date(2023, 1, 1)
    while day < date(2029, 1, 1):
        over = rules.taper_end(day, 6)
        last = over - timedelta(days=1)
        assert (last.year * 12 + last.month) - (day.year * 12 + day.month) == 6
        assert last.day == day.day or (over.day == 1 and last.day < day.day)
        day += timedelta(days=1)


# --- The period. ---


async def test_another_end(case: Case) -> None:
    at = midnight(date(2026, 5, 1))
    await case.do(operations.prolong_recognition, at, valid_to=date(2027, 1, 1))
    assert (await case.now()).valid_to == date(2027, 1, 1)
    for wrong in (date(2026, 5, 1), date(2019, 1, 1)):
        with pytest.raises(Invalid):
            await case.do(operations.prolong_recognition, at, valid_to=wrong)
    await case.do(operations.prolong_recognition, at, valid_to=None)
    assert (await case.now()).valid_to is None


async def test_it_ends_by_itself_where_its_period_does(case: Case) -> None:
    await case.do(
        operations.prolong_recognition, midnight(date(2026, 5, 1)), valid_to=date(2026, 6, 1)
    )
    await case.strike(midnight(date(2026, 5, 31)))
    assert (await case.now()).state is S.ACTIVE
    await case.strike(midnight(date(2026, 6, 1)))
    row = await case.now()
    assert (row.state, row.end_reason, row.valid_to) == (S.ENDED, "PERIOD_OVER", date(2026, 6, 1))


async def test_a_correction_is_a_new_row(case: Case, engine: AsyncEngine) -> None:
    given: dict[str, Any] = {
        "recipient_id": case.row.recipient_id,
        "category": "TK",
        "authority_id": case.row.authority_id,
        "level": case.row.level,
        "decided_on": date(2020, 1, 1),
        "valid_from": date(2020, 1, 1),
        "rule_version": "2021",
        "corrects_id": case.row.id,
    }
    async with acting(engine, case.approver) as act:
        with pytest.raises(GuardFailed, match="mark it so first"):
            await operations.record_recognition(act, **given)
    at = midnight(date(2026, 5, 1))
    await case.do(operations.mark_recognition_error, at, reason="the wrong category")
    async with acting(engine, case.approver) as act:
        made = await operations.record_recognition(act, **given)
    wrong = await case.now()
    assert (wrong.state, wrong.category, wrong.superseded_at) == (S.ENTERED_IN_ERROR, "DB", at)
    assert (made.corrects_id, made.category) == (wrong.id, "TK")
    async with making(engine) as m:
        other = await m.recipient()
    async with acting(engine, case.approver) as act:
        with pytest.raises(GuardFailed, match="another household"):
            await operations.record_recognition(
                act, **given | {"recipient_id": other.id, "category": "GE"}
            )


async def test_an_end_needs_a_known_reason(case: Case) -> None:
    at = midnight(date(2026, 5, 1))
    with pytest.raises(Invalid) as refused:
        await case.do(operations.end_recognition, at, end_reason="DEAD")
    assert refused.value.field == "endReason"
    with pytest.raises(Invalid):
        await case.do(operations.end_recognition, at, end_reason="DEATH", ended_on=date(2026, 5, 2))
    assert (await case.now()).state is S.ACTIVE
