"""Clocks of what is owed and of what draws near: re-checks, disclosures, outcomes."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.schema  # noqa: F401 - every table and every reaction
from nexus.acting import SHANGHAI
from nexus.charity.projects.disclosures.operations import owe_progress_disclosures
from nexus.charity.projects.disclosures.rules import is_long, next_due
from nexus.charity.projects.operations import complete_project, disclose_project
from nexus.core.outbox import Event
from nexus.matching.referrals.operations import tell_overdue_referrals
from nexus.matching.referrals.reminders.operations import remind_referrals
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.obligations.operations import discharge_obligation, waive_obligation
from nexus.recipients.model import RecheckClass, Recognition
from nexus.recipients.recognitions.operations import change_recheck_class
from nexus.recipients.recognitions.rechecks.operations import follow_up_rechecks
from tests.deeds import acting, actor_of, hear_all, reread
from tests.making import making
from tests.referrals.referring import prepare

DAY = timedelta(days=1)


def at(day: date) -> datetime:
    """Noon of the day in China."""
    return datetime.combine(day, time(12), SHANGHAI)


async def struck(engine: AsyncEngine, clock: Any, moment: datetime) -> int:
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        found: int = await clock(session, moment)
        return found


async def owed(engine: AsyncEngine, subject: Any) -> list[Obligation]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Obligation)
            .where(Obligation.subject_id == subject.id)
            .order_by(Obligation.created_at, Obligation.id)
        )
        return list(found)


# --- Re-checks (T24) ---


async def checked(engine: AsyncEngine) -> Recognition:
    async with making(engine) as m:
        return await m.recognition(
            recheck_class=RecheckClass.CHANGEABLE,
            recheck_months=6,
            recheck_rule="recheck_changeable_months@CN/2020-01-01",
            checked_on=date(2026, 11, 1),
            recheck_due_on=date(2027, 5, 1),
        )


async def test_a_late_recheck_is_owed_by_the_authority_until_it_comes(engine: AsyncEngine) -> None:
    row = await checked(engine)
    await struck(engine, follow_up_rechecks, at(date(2027, 5, 1)))
    assert await owed(engine, row) == []
    await struck(engine, follow_up_rechecks, at(date(2027, 5, 2)))
    (debt,) = await owed(engine, row)
    assert (debt.kind, debt.state) == (ObligationKind.RECHECK_FOLLOW_UP, ObligationState.OPEN)
    assert debt.organization_id == row.authority_id
    assert debt.due_at is not None
    assert debt.due_at > at(date(2027, 5, 12))
    assert await struck(engine, follow_up_rechecks, at(date(2027, 5, 3))) == 0
    async with making(engine) as m:
        approver = await m.account("gov_approver", area_code="44")
    async with acting(engine, actor_of(approver, at(date(2027, 5, 4)))) as act:
        await change_recheck_class(
            act,
            row.id,
            expected_version=1,
            recheck_class=RecheckClass.CHANGEABLE,
            checked_on=date(2027, 5, 4),
        )
    await struck(engine, follow_up_rechecks, at(date(2027, 5, 5)))
    (settled,) = await owed(engine, row)
    assert settled.state is ObligationState.DONE
    await struck(engine, follow_up_rechecks, at(date(2027, 11, 5)))
    assert [debt.state for debt in await owed(engine, row)] == ["done", "open"]


async def test_what_was_waived_is_not_owed_again_for_the_same_day(engine: AsyncEngine) -> None:
    row = await checked(engine)
    await struck(engine, follow_up_rechecks, at(date(2027, 5, 2)))
    (debt,) = await owed(engine, row)
    async with making(engine) as m:
        approver = await m.account("gov_approver", area_code="44")
    async with acting(engine, approver) as act:
        await waive_obligation(act, debt.id, expected_version=1, reason="已迁出")
    assert await struck(engine, follow_up_rechecks, at(date(2027, 5, 9))) == 0
    assert len(await owed(engine, row)) == 1


# --- Disclosures ---


def test_what_lasts_six_months_is_not_long() -> None:
    start = date(2026, 1, 31)
    assert not is_long(start, date(2026, 7, 31), 6)
    assert is_long(start, date(2026, 8, 1), 6)
    assert is_long(start, None, 6)


@pytest.mark.parametrize(
    ("start", "last", "day", "due"),
    [
        (date(2026, 8, 31), None, date(2026, 9, 1), date(2026, 11, 30)),
        (date(2026, 8, 31), date(2026, 11, 30), date(2026, 12, 1), date(2027, 2, 28)),
        (date(2023, 11, 29), None, date(2023, 12, 1), date(2024, 2, 29)),
        (date(2020, 1, 1), None, date(2026, 11, 24), date(2027, 1, 1)),
        (date(2026, 1, 1), date(2026, 4, 1), date(2026, 11, 24), date(2026, 7, 1)),
    ],
)
def test_disclosures_count_from_the_start(
    start: date, last: date | None, day: date, due: date
) -> None:
    assert next_due(start, 3, last, day) == due


async def test_a_long_project_is_disclosed_every_three_months_and_at_its_end(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        row = await m.project(state="active", starts_on=date(2026, 11, 1), ends_on=None)
        short = await m.project(
            state="active", starts_on=date(2026, 11, 1), ends_on=date(2027, 4, 1)
        )
        charity = await m.account("charity_user", organization_id=row.organization_id)
    await struck(engine, owe_progress_disclosures, at(date(2026, 11, 24)))
    (first,) = await owed(engine, row)
    assert first.details == {"project": row.no, "until": "2027-02-01", "final": False}
    assert first.due_at == datetime(2027, 2, 2, tzinfo=SHANGHAI)
    assert await owed(engine, short) == []
    await struck(engine, owe_progress_disclosures, at(date(2027, 2, 9)))
    assert len(await owed(engine, row)) == 1, "overdue, and owed once"
    async with acting(engine, actor_of(charity, at(date(2027, 2, 10)))) as act:
        await discharge_obligation(act, first.id, expected_version=1, evidence="第一季度信息公开")
    await struck(engine, owe_progress_disclosures, at(date(2027, 2, 11)))
    assert [one.details["until"] for one in await owed(engine, row) if one.details] == [
        "2027-02-01",
        "2027-05-01",
    ]
    async with acting(engine, charity) as act:
        fresh = await complete_project(act, row.id, expected_version=row.version)
    await hear_all(engine)
    states = sorted(one.state.value for one in await owed(engine, row))
    assert states == ["done", "done", "open"]
    final = next(one for one in await owed(engine, row) if one.state is ObligationState.OPEN)
    assert final.details == {"project": row.no, "final": True}
    await struck(engine, owe_progress_disclosures, at(date(2027, 9, 1)))
    async with acting(engine, charity) as act:
        await disclose_project(act, row.id, expected_version=fresh.version)
    await hear_all(engine)
    assert {one.state for one in await owed(engine, row)} == {ObligationState.DONE}


# --- Outcomes of referrals ---


async def told(engine: AsyncEngine, row_id: UUID) -> list[tuple[str, Any]]:
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(Event.kind, Event.facts["share"].astext)
            .where(
                Event.object_id == row_id,
                Event.kind.in_(("referral.reminded", "referral.overdue")),
            )
            .order_by(Event.position)
        )
        return [(kind, share) for kind, share in found]


async def test_an_outcome_is_reminded_of_at_half_and_four_fifths_and_then_late(
    engine: AsyncEngine,
) -> None:
    ground = await prepare(engine)
    row = await ground.accepted()
    assert row.accepted_at is not None
    assert row.outcome_due_at is not None
    length = row.outcome_due_at - row.accepted_at
    half, most = row.accepted_at + length * 0.5, row.accepted_at + length * 0.8
    expected: list[tuple[str, Any]] = []
    for moment, news in (
        (half - timedelta(minutes=1), []),
        (half + timedelta(minutes=1), [("referral.reminded", "0.5")]),
        (half + timedelta(hours=1), []),
        (most + timedelta(minutes=1), [("referral.reminded", "0.8")]),
        (most + timedelta(hours=1), []),
    ):
        await struck(engine, remind_referrals, moment)
        await struck(engine, tell_overdue_referrals, moment)
        expected += news
        assert await told(engine, row.id) == expected
    await struck(engine, tell_overdue_referrals, row.outcome_due_at)
    await struck(engine, remind_referrals, row.outcome_due_at)
    assert await told(engine, row.id) == [*expected, ("referral.overdue", None)]
    assert (await reread(engine, row)).version == row.version


async def test_after_a_stop_only_the_last_reminder_is_told(engine: AsyncEngine) -> None:
    ground = await prepare(engine)
    row = await ground.accepted()
    assert row.outcome_due_at is not None
    await struck(engine, remind_referrals, row.outcome_due_at - timedelta(minutes=1))
    assert await told(engine, row.id) == [("referral.reminded", "0.8")]
