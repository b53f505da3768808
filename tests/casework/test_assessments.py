"""Assessments: scoring, every state, verb and role, measures, late answers, countersigning."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import GOVERNMENT, STATION, Act, Actor, Role
from nexus.casework.assessments import model, operations, rules
from nexus.casework.assessments.model import (
    Assessment,
    AssessmentState,
    Channel,
    Instrument,
    ProposedMeasure,
)
from nexus.casework.assessments.operations import Measure
from nexus.casework.assessments.rules import Unanswered
from nexus.casework.editing.model import EditState, FieldEdit
from nexus.casework.model import RiskTier
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, Refusal, VersionConflict
from tests.casework.desk import ANSWERS, HEAVY, TOWN, Station1, assess, open_station
from tests.deeds import acting, reread
from tests.making import making, now

S = AssessmentState
Deed = Callable[[Act, Any], Awaitable[Any]]
LIMITS = rules.Thresholds(Decimal(35), Decimal(60), Decimal(60))


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Station1:
    return await open_station(engine)


@pytest.fixture(scope="module")
async def wuwei(engine: AsyncEngine) -> dict[str, Any]:
    """The content of the shipped instrument."""
    async with AsyncSession(engine) as session:
        row = await session.scalar(select(Instrument).where(Instrument.code == "WUWEI"))
    assert row is not None
    assert (row.medium_from, row.high_from) == (LIMITS.medium_from, LIMITS.high_from)
    return row.content


# --- Scoring ---


async def test_the_shipped_instrument_has_the_five_dimensions(wuwei: dict[str, Any]) -> None:
    assert [(d["key"], d["weight"]) for d in wuwei["dimensions"]] == [
        ("household", 15),
        ("health", 25),
        ("labour", 20),
        ("expenses", 25),
        ("living", 15),
    ]
    assert set(ANSWERS) == set(rules.items_of(wuwei))


async def test_scores_by_hand(wuwei: dict[str, Any]) -> None:
    """Each dimension's share of its points, by its weight."""
    found = rules.score(wuwei, ANSWERS, LIMITS)
    # household 0+1+2 of 8; health 1+2+1 of 9; labour 1+2+2 of 8; expenses 2+1+2 of 8; living 4 of 6
    by_hand = 15 * 3 / 8 + 25 * 4 / 9 + 20 * 5 / 8 + 25 * 5 / 8 + 15 * 4 / 6
    assert found.score == Decimal(f"{by_hand:.2f}")
    assert (found.tier, found.countersign) == (RiskTier.MEDIUM, False)
    heavy = rules.score(wuwei, HEAVY, LIMITS)
    assert (heavy.tier, heavy.countersign) == (RiskTier.HIGH, True)


async def test_no_answer_leaves_the_range(wuwei: dict[str, Any]) -> None:
    """Any whole set of answers scores from 0 to 100, and worse answers never score less."""
    items = rules.items_of(wuwei)

    def any_answer(item: dict[str, Any]) -> st.SearchStrategy[Any]:
        if "options" in item:
            return st.sampled_from([option["value"] for option in item["options"]])
        return st.integers(item["bands"][0]["from"], 1000)

    answers = st.fixed_dictionaries({key: any_answer(item) for key, item in items.items()})

    @given(answers)
    def check(given_: dict[str, Any]) -> None:
        rules.check_answers(wuwei, given_)
        found = rules.score(wuwei, given_, LIMITS)
        assert 0 <= found.score <= 100
        for key, item in items.items():
            worst = max(
                (rules.points(item, one), one)
                for one in [o["value"] for o in item.get("options", [])]
                or [band["from"] for band in item["bands"]]
            )[1]
            assert rules.score(wuwei, given_ | {key: worst}, LIMITS).score >= found.score

    check()


async def test_what_the_instrument_does_not_know_is_refused(wuwei: dict[str, Any]) -> None:
    for wrong in (
        {"height": 3},
        {"illness": "cold"},
        {"members": 0},
        {"members": "2"},
        {"members": True},
        {"share": 1001},
    ):
        with pytest.raises(Invalid):
            rules.check_answers(wuwei, wrong)


# --- Deeds ---


async def _draft(engine: AsyncEngine, desk: Station1, **given_: Any) -> Assessment:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
    async with acting(engine, desk.worker) as act:
        whole: dict[str, Any] = {"household_id": home.id, "answers": ANSWERS} | given_
        return await operations.create_assessment(act, **whole)


async def test_a_draft_is_completed_once_all_is_answered(
    engine: AsyncEngine, desk: Station1
) -> None:
    some = {key: value for key, value in ANSWERS.items() if key != "housing"}
    row = await _draft(engine, desk, answers=some)
    with pytest.raises(Unanswered) as found:
        async with acting(engine, desk.worker) as act:
            await operations.complete_assessment(act, row.id, expected_version=1)
    assert found.value.details["items"] == ["housing"]
    async with acting(engine, desk.worker) as act:
        await operations.update_assessment(
            act, row.id, expected_version=1, changes={"answers.housing": "repair"}
        )
    async with acting(engine, desk.worker) as act:
        done = await operations.complete_assessment(act, row.id, expected_version=2)
    assert (done.risk_tier, done.rule_version) == (RiskTier.MEDIUM, "WUWEI/1")
    assert done.dimension_scores is not None
    assert set(done.dimension_scores) == {"household", "health", "labour", "expenses", "living"}


async def test_measures_lead_to_a_channel(engine: AsyncEngine, desk: Station1) -> None:
    measures = [
        Measure("LIV.FOOD", Channel.CHARITY, "每月粮油"),
        Measure("HOU", Channel.GOVERNMENT, "危房改造申请"),
        Measure("PSY", Channel.NONE, "暂无心理咨询资源"),
    ]
    row = await _draft(engine, desk, measures=measures)
    async with acting(engine, desk.worker) as act:
        await operations.update_assessment(
            act, row.id, expected_version=1, changes={}, measures=measures[:2]
        )
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(ProposedMeasure.channel)
            .where(ProposedMeasure.assessment_id == row.id)
            .order_by(ProposedMeasure.position)
        )
        assert list(found) == [Channel.CHARITY, Channel.GOVERNMENT]
    for wrong in (
        Measure("NOPE", Channel.CHARITY, "粮油"),
        Measure("LIV", Channel.CHARITY, " "),
        Measure("LIV", Channel.CHARITY, "致电13800138000"),
    ):
        with pytest.raises(Refusal):
            await _draft(engine, desk, measures=[wrong])
    with pytest.raises(VersionConflict):
        async with acting(engine, desk.worker) as act:
            await operations.update_assessment(
                act, row.id, expected_version=1, changes={}, measures=[]
            )


async def test_two_devices_answer_different_items_and_the_same(
    engine: AsyncEngine, desk: Station1
) -> None:
    row = await _draft(engine, desk)
    for changes in ({"answers.debt": "heavy"}, {"answers.share": 80}, {"answers.debt": "none"}):
        async with acting(engine, desk.worker) as act:
            await operations.update_assessment(act, row.id, expected_version=1, changes=changes)
    fresh = await reread(engine, row)
    assert (fresh.answers["debt"], fresh.answers["share"]) == ("heavy", 80)
    async with AsyncSession(engine) as session:
        late = await session.scalars(
            select(FieldEdit.after).where(
                FieldEdit.subject_id == row.id, FieldEdit.state == EditState.CONFLICTING
            )
        )
        assert list(late) == ["none"]


async def test_high_risk_is_countersigned_by_another(engine: AsyncEngine, desk: Station1) -> None:
    row = await _draft(engine, desk, answers=HEAVY)
    async with acting(engine, desk.worker) as act:
        row = await operations.complete_assessment(act, row.id, expected_version=1)
    assert row.countersign_needed
    assert not operations.is_settled(row)
    async with acting(engine, desk.lead) as act:
        row = await operations.countersign_assessment(act, row.id, expected_version=2)
    assert operations.is_settled(row)
    with pytest.raises(GuardFailed):
        async with acting(engine, desk.lead) as act:
            await operations.countersign_assessment(act, row.id, expected_version=3)
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
        own = await assess(
            m, desk, home, S.COMPLETED, countersign_needed=True, completed_by=desk.lead.id
        )
    with pytest.raises(Forbidden):
        async with acting(engine, desk.lead) as act:
            await operations.countersign_assessment(act, own.id, expected_version=1)


async def test_the_later_one_supersedes(engine: AsyncEngine, desk: Station1) -> None:
    first = await _draft(engine, desk)
    async with acting(engine, desk.worker) as act:
        await operations.complete_assessment(act, first.id, expected_version=1)

    async def another() -> None:
        row = await _draft(engine, desk, household_id=first.household_id)
        async with acting(engine, desk.worker) as act:
            await operations.complete_assessment(act, row.id, expected_version=1)

    await asyncio.gather(*(another() for _ in range(3)))
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Assessment.state)
            .where(Assessment.household_id == first.household_id)
            .order_by(Assessment.completed_at)
        )
        assert sorted(found) == [S.COMPLETED, S.SUPERSEDED, S.SUPERSEDED, S.SUPERSEDED]


# --- States, roles, the database ---

SEES = STATION | GOVERNMENT | {Role.SYSTEM}
TRIES: dict[str, tuple[frozenset[Role], dict[str, Any]]] = {
    "update": (STATION, {"changes": {"remarks": "补充"}}),
    "complete": (frozenset({Role.SOCIAL_WORKER}), {}),
    "countersign": (frozenset({Role.STATION_LEAD}), {}),
}


def test_every_verb_is_tried() -> None:
    assert {*TRIES, "supersede"} == set(model.TRANSITIONS.moves)


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(session: AsyncSession, actor: Actor, row: Any, verb: str) -> str:
    deed = getattr(operations, f"{verb}_assessment")
    try:
        async with session.begin_nested():
            done = await deed(
                Act(session, actor), row.id, expected_version=row.version, **TRIES[verb][1]
            )
            await session.flush()
            raise UndoneError(done.state.value)
    except UndoneError as undone:
        return str(undone)
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize("state", S)
async def test_every_state_verb_and_role(
    engine: AsyncEngine, desk: Station1, state: AssessmentState
) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
        row = await assess(m, desk, home, state, countersign_needed=state is not S.DRAFT)
    async with acting(engine, desk.worker) as act:
        for verb, (roles, _) in TRIES.items():
            for role in Role:
                who = desk.lead if role is Role.STATION_LEAD else desk.worker
                actor = Actor(role, who.id, who.organization_id or new_id(), TOWN, now())
                expected = "NOT_FOUND" if role not in SEES else "FORBIDDEN"
                if role in roles:
                    expected = model.TRANSITIONS.moves[verb].get(state, "WRONG_STATE")
                assert await tried(act.session, actor, row, verb) == expected, (verb, role)
                away = Actor(role, new_id(), new_id(), "4403", now())
                if role is not Role.SYSTEM:
                    assert await tried(act.session, away, row, verb) == "NOT_FOUND"
    assert (await reread(engine, row)).state is state


async def test_what_is_completed_stays_as_it_is(engine: AsyncEngine, desk: Station1) -> None:
    """The database refuses, whoever asks."""
    row = await _draft(engine, desk, measures=[Measure("LIV", Channel.STATION, "探访")])
    async with acting(engine, desk.worker) as act:
        await operations.complete_assessment(act, row.id, expected_version=1)
    of_row = Assessment.id == row.id
    for statement in (
        update(Assessment).where(of_row).values(answers={}),
        update(Assessment).where(of_row).values(score=1),
        update(Assessment).where(of_row).values(risk_tier="low"),
        delete(ProposedMeasure).where(ProposedMeasure.assessment_id == row.id),
    ):
        with pytest.raises(DBAPIError, match=r"do(es)? not change"):
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(statement)
