"""Case files: every state, verb and role; guards, trail, self-approval, clocks, levels of notes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.casework.cases.reactions  # noqa: F401 - registers what the slice hears
from nexus.acting import GOVERNMENT, OVERSIGHT, STATION, Act, Actor, Role
from nexus.casework.assessments.model import Assessment, AssessmentState
from nexus.casework.cases import model, operations, policy, queries
from nexus.casework.cases.closing import operations as closing
from nexus.casework.cases.model import (
    Case,
    CaseCloseReason,
    CasePlan,
    CaseState,
    CaseStep,
    GoalState,
    PlanState,
    ReviewOutcome,
)
from nexus.casework.cases.plans import operations as plans
from nexus.casework.cases.records import operations as records
from nexus.casework.cases.records.model import ContactChannel, EvaluationOutcome, Party
from nexus.casework.cases.rules import (
    CaseOpen,
    GoalText,
    NotAssessed,
    NotReadyToClose,
    PlanNotApproved,
    SelfApproved,
)
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, VersionConflict
from nexus.matching.worklist.model import WorkItem
from nexus.recipients.model import Household
from nexus.recipients.moving.operations import move_recipient
from nexus.recipients.operations import update_household
from tests.casework.desk import (
    TOWN,
    Station1,
    assess,
    case_in,
    open_station,
    plan,
    settle,
)
from tests.deeds import acting, actor_of, events_of, hear_all, reread
from tests.making import making, now, today

S = CaseState
Deed = Callable[[Act, Any], Awaitable[Any]]
LEADS = frozenset({Role.STATION_LEAD})
SEES = STATION | GOVERNMENT | OVERSIGHT | {Role.DPO, Role.SYSTEM}
ALLOWED: dict[str, frozenset[Role]] = {
    **dict.fromkeys(model.TRANSITIONS.moves, policy.WORKERS),
    **dict.fromkeys(("assign", "refer_out", "reopen", "decline_closing", "close"), LEADS),
}


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Station1:
    return await open_station(engine)


def plain(deed: Any, **given: Any) -> Deed:
    async def run(act: Act, row: Any) -> Any:
        return await deed(act, row.id, expected_version=row.version, **given)

    return run


def deeds(desk: Station1, assessment_id: Any) -> dict[str, Deed]:
    """One deed for each verb, such that only role and state can stop it."""

    async def plan_it(act: Act, row: Any) -> Any:
        await plans.create_plan(act, case_id=row.id, summary="一", goals=[GoalText("二")])
        return row

    return {
        "update": plain(operations.update_case, changes={"opening": "又有新情况"}),
        "assign": plain(operations.assign_case, worker_id=desk.aide_post.id),
        "reject": plain(operations.reject_case, reason="不属于本站"),
        "begin_assessment": plain(operations.begin_assessment),
        "begin_planning": plain(operations.begin_planning, assessment_id=assessment_id),
        "plan": plan_it,
        "begin_intervention": plain(operations.begin_intervention),
        "review": plain(plans.review_plan, outcome=ReviewOutcome.GO_ON, remarks="有起色"),
        "begin_evaluation": plain(operations.begin_evaluation),
        "evaluate": plain(closing.evaluate_case, outcome=EvaluationOutcome.MET, summary="三餐稳定"),
        "request_closing": plain(
            closing.request_closing,
            close_reason=CaseCloseReason.CLIENT_WITHDREW,
            client_told_at=now(),
        ),
        "decline_closing": plain(closing.decline_closing, reason="再看一个月"),
        "close": plain(closing.close_case),
        "reopen": plain(closing.reopen_case, reason="情况反复"),
        "hold": plain(operations.hold_case, reason="住院"),
        **{f"resume_{stage}": plain(operations.resume_case) for stage in model.STAGES},
        "refer_out": plain(operations.refer_out, referred_to="邻镇社工站", reason="搬迁"),
    }


def test_every_verb_is_tried(desk: Station1) -> None:
    assert set(deeds(desk, None)) == set(ALLOWED) == set(model.TRANSITIONS.moves)


class UndoneError(Exception):
    """Rolls back what was tried."""


async def tried(session: AsyncSession, actor: Actor, row: Any, deed: Deed) -> str:
    """The state after the deed, or the code of the refusal; nothing stays done."""
    try:
        async with session.begin_nested():
            done = await deed(Act(session, actor), row)
            await session.flush()
            raise UndoneError(done.state.value)
    except UndoneError as undone:
        return str(undone)
    except Refusal as refusal:
        return refusal.code


def _expected(verb: str, state: CaseState, role: Role) -> str:
    if role not in SEES:
        return "NOT_FOUND"
    if role not in ALLOWED[verb]:
        return "FORBIDDEN"
    return model.TRANSITIONS.moves[verb].get(state, "WRONG_STATE")


async def _ready(engine: AsyncEngine, desk: Station1, state: CaseState, verb: str) -> Case:
    """A case in the state that fulfils every guard of the verb."""
    more: dict[str, Any] = {}
    if verb.startswith("resume_") and state is S.ON_HOLD:
        more = {"held_from": verb.removeprefix("resume_")}
    if state is S.EVALUATION:
        more = {"evaluated_at": now()}
        if verb in ("close", "decline_closing"):
            more |= {
                "close_reason": "client_withdrew",
                "client_told_at": now(),
                "closing_requested_at": now(),
                "closing_requested_by": desk.worker.id,
            }
    async with making(engine) as m:
        row = await case_in(m, desk, state, **more)
        if state is S.PLANNING and verb == "begin_intervention":
            await plan(m, desk, row, PlanState.APPROVED)
            row.plan_version = 1
            await m.session.commit()
        if state is S.EVALUATION:
            await settle(m, row)
        if state is S.ASSESSMENT and verb == "begin_planning":
            home = await m.session.get_one(Household, row.household_id)
            await assess(m, desk, home, AssessmentState.COMPLETED)
    return row


@pytest.mark.parametrize("verb", ALLOWED)
async def test_every_state_verb_and_role(engine: AsyncEngine, desk: Station1, verb: str) -> None:
    """Of all roles those listed, at their own station alone, and of all ways the listed alone."""
    for state in CaseState:
        row = await _ready(engine, desk, state, verb)
        async with AsyncSession(engine) as session:
            found_id = await session.scalar(
                select(Assessment.id).where(Assessment.household_id == row.household_id)
            )
        deed = deeds(desk, found_id)[verb]
        async with acting(engine, desk.worker) as act:
            for role in Role:
                who = desk.lead if role is Role.STATION_LEAD else desk.worker
                home = who.organization_id or new_id()
                actor = Actor(role, who.id, home, TOWN, now())
                found = await tried(act.session, actor, row, deed)
                assert found == _expected(verb, state, role), (verb, state, role)
                if role in SEES - {Role.SYSTEM} and verb == "update":
                    away = Actor(role, new_id(), new_id(), "4403", now())
                    assert await tried(act.session, away, row, deed) == "NOT_FOUND"
        fresh = await reread(engine, row)
        assert (fresh.state, fresh.version) == (state, row.version)


# --- Guards ---


async def test_one_open_case_of_a_subject(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
    async with acting(engine, desk.worker) as act:
        first = await operations.create_case(act, household_id=home.id, opening="独居")
    assert (first.state, first.worker_id) == (S.INTAKE, desk.post.id)
    assert await events_of(engine, first) == ["case.created"]

    async def again() -> str:
        try:
            async with acting(engine, desk.worker) as act:
                await operations.create_case(act, household_id=home.id, opening="再来")
        except CaseOpen as refusal:
            return str(refusal.details["no"])
        return "made"

    assert await asyncio.gather(*(again() for _ in range(4))) == [first.no] * 4


async def test_two_who_open_at_once_make_one(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)

    async def begin() -> bool:
        try:
            async with acting(engine, desk.worker) as act:
                await operations.create_case(act, household_id=home.id, opening="独居")
        except CaseOpen:
            return False
        return True

    assert sorted(await asyncio.gather(*(begin() for _ in range(6)))) == [False] * 5 + [True]


async def test_who_has_no_post_opens_nothing(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN)
        idle = await m.account(Role.SOCIAL_WORKER, area_code=TOWN)
    for who, refusal in ((idle, Invalid), (desk.aide, Forbidden), (desk.clerk, Forbidden)):
        with pytest.raises(refusal):
            async with acting(engine, who) as act:
                await operations.create_case(act, household_id=home.id, opening="独居")
    with pytest.raises(NotFound):
        async with acting(engine, desk.worker) as act:
            await operations.create_case(
                act, household_id=home.id, opening="独居", worker_id=desk.far_post.id
            )


async def test_planning_needs_a_settled_assessment(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.ASSESSMENT)
        home = await m.household(area_code=TOWN)
        of_other = await assess(m, desk, home, AssessmentState.COMPLETED)
        own = await m.session.get_one(type(home), row.household_id)
        draft = await assess(m, desk, own, AssessmentState.DRAFT)
        unsigned = await assess(
            m,
            desk,
            own,
            AssessmentState.COMPLETED,
            countersign_needed=True,
            risk_tier="high",
            score=80,
        )
    for found, refusal in ((of_other, Invalid), (draft, NotAssessed), (unsigned, NotAssessed)):
        with pytest.raises(refusal):
            async with acting(engine, desk.worker) as act:
                await operations.begin_planning(
                    act, row.id, expected_version=1, assessment_id=found.id
                )
    assert (await reread(engine, row)).state is S.ASSESSMENT


async def test_intervention_needs_an_approved_plan(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.PLANNING)
        await plan(m, desk, row, PlanState.SUBMITTED)
    with pytest.raises(PlanNotApproved):
        async with acting(engine, desk.worker) as act:
            await operations.begin_intervention(act, row.id, expected_version=1)


async def _evaluated(engine: AsyncEngine, desk: Station1, **fields: Any) -> Case:
    async with making(engine) as m:
        row = await case_in(m, desk, S.EVALUATION, **fields)
        await settle(m, row)
    async with acting(engine, desk.worker) as act:
        return await closing.evaluate_case(
            act, row.id, expected_version=1, outcome=EvaluationOutcome.MET, summary="稳定"
        )


async def test_evaluation_waits_for_every_goal(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.EVALUATION)
    with pytest.raises(GuardFailed) as found:
        async with acting(engine, desk.worker) as act:
            await closing.evaluate_case(
                act, row.id, expected_version=1, outcome=EvaluationOutcome.MET, summary="稳定"
            )
    assert found.value.details["open"] == 1


@pytest.mark.parametrize("reason", CaseCloseReason)
async def test_closing_needs_the_word_to_the_client(
    engine: AsyncEngine, desk: Station1, reason: CaseCloseReason
) -> None:
    row = await _evaluated(engine, desk)
    needs = reason is not CaseCloseReason.DIED
    if needs:
        with pytest.raises(NotReadyToClose):
            async with acting(engine, desk.worker) as act:
                await closing.request_closing(
                    act, row.id, expected_version=row.version, close_reason=reason
                )
    else:
        async with acting(engine, desk.worker) as act:
            row = await closing.request_closing(
                act, row.id, expected_version=row.version, close_reason=reason
            )
        assert row.client_told_at is None


async def test_no_contact_needs_attempts_in_vain(engine: AsyncEngine, desk: Station1) -> None:
    row = await _evaluated(engine, desk)

    async def ask() -> None:
        async with acting(engine, desk.worker) as act:
            await closing.request_closing(
                act,
                row.id,
                expected_version=row.version,
                close_reason=CaseCloseReason.NO_CONTACT,
            )

    async def attempt(reached: bool) -> None:
        async with acting(engine, desk.aide) as act:
            await records.record_attempt(
                act, case_id=row.id, channel=ContactChannel.HOME, reached=reached
            )

    for reached in (False, False, True, False, False):
        await attempt(reached)
        with pytest.raises(NotReadyToClose):
            await ask()
    await attempt(False)
    await ask()
    assert (await reread(engine, row)).close_reason is CaseCloseReason.NO_CONTACT


async def test_goal_met_must_be_borne_out(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.EVALUATION)
        await settle(m, row)
    async with acting(engine, desk.worker) as act:
        row = await closing.evaluate_case(
            act, row.id, expected_version=1, outcome=EvaluationOutcome.NOT_MET, summary="无起色"
        )
    with pytest.raises(NotReadyToClose):
        async with acting(engine, desk.worker) as act:
            await closing.request_closing(
                act,
                row.id,
                expected_version=row.version,
                close_reason=CaseCloseReason.GOAL_MET,
                client_told_at=now(),
            )


async def test_a_lead_closes_what_another_asked_and_reopens_with_a_trail(
    engine: AsyncEngine, desk: Station1
) -> None:
    row = await _evaluated(engine, desk)
    async with acting(engine, desk.worker) as act:
        row = await closing.request_closing(
            act,
            row.id,
            expected_version=row.version,
            close_reason=CaseCloseReason.GOAL_MET,
            client_told_at=now(),
        )
    async with acting(engine, desk.lead) as act:
        row = await closing.close_case(act, row.id, expected_version=row.version)
    assert (row.state, row.closed_by_self) == (S.CLOSED, False)
    async with acting(engine, desk.lead) as act:
        row = await closing.reopen_case(
            act, row.id, expected_version=row.version, reason="情况反复"
        )
    assert (row.state, row.close_reason, row.closed_at) == (S.INTERVENTION, None, None)
    async with AsyncSession(engine) as session:
        steps = list(
            await session.scalars(
                select(CaseStep).where(CaseStep.case_id == row.id).order_by(CaseStep.position)
            )
        )
    assert [(s.verb, s.close_reason) for s in steps] == [
        ("evaluate", None),
        ("request_closing", CaseCloseReason.GOAL_MET),
        ("close", CaseCloseReason.GOAL_MET),
        ("reopen", CaseCloseReason.GOAL_MET),
    ]
    assert steps[-1].reason == "情况反复"


async def test_own_work_is_approved_only_with_the_right(
    engine: AsyncEngine, desk: Station1
) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.PLANNING)
        mine = await plan(m, desk, row, PlanState.SUBMITTED, submitted_by=desk.other_lead.id)

    async def approve(reason: str | None) -> CasePlan:
        async with acting(engine, desk.other_lead) as act:
            return await plans.approve_plan(act, mine.id, expected_version=1, reason=reason)

    with pytest.raises(SelfApproved):
        await approve("人手不足")
    async with acting(engine, desk.approver) as act:
        right = await plans.grant_self_approval(
            act,
            station_id=desk.station.id,
            account_id=desk.other_lead.id,
            valid_from=today(),
            valid_to=today() + timedelta(days=30),
            reason="站内只有一名督导",
        )
    with pytest.raises(GuardFailed):
        await approve(None)
    done = await approve("另一督导休假")
    assert (done.state, done.approved_by_self) == (PlanState.APPROVED, True)
    assert "case.self_approved" in await events_of(engine, row)
    async with acting(engine, desk.approver) as act:
        await plans.revoke_self_approval(act, right.id, expected_version=1)
    async with making(engine) as m:
        row = await case_in(m, desk, S.PLANNING)
        mine = await plan(m, desk, row, PlanState.SUBMITTED, submitted_by=desk.other_lead.id)
    with pytest.raises(SelfApproved):
        await approve("另一督导休假")
    for who in (desk.lead, desk.clerk):
        with pytest.raises((Forbidden, NotFound)):
            async with acting(engine, who) as act:
                await plans.grant_self_approval(
                    act,
                    station_id=desk.station.id,
                    account_id=desk.lead.id,
                    valid_from=today(),
                    valid_to=today() + timedelta(days=1),
                    reason="方便",
                )


# --- Plans ---


async def test_versions_of_a_plan(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTERVENTION)
    async with AsyncSession(engine) as session:
        first = await queries.plan_in(session, row.id, PlanState.APPROVED)
        assert first is not None
        (goal,) = await queries.goals_of(session, first.id)
    async with acting(engine, desk.worker) as act:
        second = await plans.create_plan(
            act,
            case_id=row.id,
            summary="增加陪诊",
            goals=[GoalText("三餐有着落", carried_from_id=goal.id), GoalText("按时复诊")],
        )
    with pytest.raises(GuardFailed):
        async with acting(engine, desk.worker) as act:
            await plans.create_plan(act, case_id=row.id, summary="又一版", goals=[GoalText("二")])
    async with acting(engine, desk.worker) as act:
        await plans.submit_plan(act, second.id, expected_version=1)
    async with acting(engine, desk.lead) as act:
        await plans.return_plan(act, second.id, expected_version=2, reason="目标太少")
    async with acting(engine, desk.worker) as act:
        await plans.update_plan(
            act, second.id, expected_version=3, goals=[GoalText("按时复诊"), GoalText("走出家门")]
        )
    async with acting(engine, desk.worker) as act:
        await plans.submit_plan(act, second.id, expected_version=4)
    async with acting(engine, desk.lead) as act:
        done = await plans.approve_plan(act, second.id, expected_version=5)
    fresh = await reread(engine, row)
    assert (done.number, fresh.plan_version, fresh.version) == (2, 2, 2)
    assert (await reread(engine, first)).state is PlanState.SUPERSEDED
    with pytest.raises(Invalid):
        async with acting(engine, desk.worker) as act:
            await plans.create_plan(
                act,
                case_id=row.id,
                summary="三",
                goals=[GoalText("一", carried_from_id=goal.id)],
            )


@pytest.mark.parametrize("state", PlanState)
async def test_every_state_of_a_plan(engine: AsyncEngine, desk: Station1, state: PlanState) -> None:
    """Of all verbs the listed ones alone, by those who may alone."""
    tries: dict[str, tuple[Deed, frozenset[Role]]] = {
        "update": (plain(plans.update_plan, summary="改"), policy.WORKERS),
        "submit": (plain(plans.submit_plan), policy.WORKERS),
        "return": (plain(plans.return_plan, reason="再想想"), LEADS),
        "approve": (plain(plans.approve_plan), LEADS),
    }
    assert {*tries, "supersede"} == set(model.PLAN_TRANSITIONS.moves)
    async with making(engine) as m:
        row = await plan(m, desk, await case_in(m, desk, S.PLANNING), state)
    async with acting(engine, desk.worker) as act:
        for verb, (deed, roles) in tries.items():
            for role in Role:
                who = desk.lead if role is Role.STATION_LEAD else desk.worker
                actor = Actor(role, who.id, who.organization_id or new_id(), TOWN, now())
                expected = (
                    "NOT_FOUND"
                    if role not in SEES
                    else "FORBIDDEN"
                    if role not in roles
                    else model.PLAN_TRANSITIONS.moves[verb].get(state, "WRONG_STATE")
                )
                assert await tried(act.session, actor, row, deed) == expected, (verb, role)


@pytest.mark.parametrize("state", GoalState)
async def test_every_state_of_a_goal(engine: AsyncEngine, desk: Station1, state: GoalState) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTERVENTION)
        goal = (
            await m.session.scalars(select(model.Goal).where(model.Goal.case_id == row.id))
        ).one()
        if state is not GoalState.OPEN:
            goal.state, goal.settled_at = state, now()
        await m.session.commit()
    async with acting(engine, desk.worker) as act:
        for outcome, verb in plans.VERBS.items():
            deed = plain(plans.settle_goal, outcome=outcome, reason="如实")
            for role in Role:
                who = desk.lead if role is Role.STATION_LEAD else desk.worker
                actor = Actor(role, who.id, who.organization_id or new_id(), TOWN, now())
                expected: str = "NOT_FOUND"
                if role in STATION | {Role.SYSTEM}:
                    expected = "FORBIDDEN"
                if role in policy.WORKERS:
                    expected = model.GOAL_TRANSITIONS.moves[verb].get(state, "WRONG_STATE")
                assert await tried(act.session, actor, goal, deed) == expected, (verb, role)


# --- The clock ---


async def test_the_review_clock(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTERVENTION)
    due = (await reread(engine, row)).review_due_at
    for moment, told in (
        (due - timedelta(days=15), []),
        (due - timedelta(days=13), ["case.review_due"]),
        (due - timedelta(days=12), ["case.review_due"]),
        (due + timedelta(seconds=1), ["case.review_due", "case.review_overdue"]),
        (due + timedelta(days=1), ["case.review_due", "case.review_overdue"]),
    ):
        async with AsyncSession(engine) as session, session.begin():
            await operations.tell_reviews(session, moment)
        assert await events_of(engine, row) == told
    async with acting(engine, replace(actor_of(desk.worker), now=due + timedelta(days=2))) as act:
        done = await plans.review_plan(
            act, row.id, expected_version=1, outcome=ReviewOutcome.GO_ON, remarks="继续"
        )
    assert done.review_due_at is not None
    assert done.review_due_at > due + timedelta(days=85)
    assert (done.review_told_at, done.review_overdue_at) == (None, None)
    assert done.review_rule is not None


# --- Reading ---


async def test_versions_conflict_and_strangers_find_nothing(
    engine: AsyncEngine, desk: Station1
) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTAKE)
    with pytest.raises(VersionConflict):
        async with acting(engine, desk.worker) as act:
            await operations.begin_assessment(act, row.id, expected_version=7)
    for missing in (row.id, new_id()):
        with pytest.raises(NotFound) as found:
            async with acting(engine, desk.stranger) as act:
                await operations.begin_assessment(act, missing, expected_version=1)
        assert str(found.value) == "No such Case, or it is not yours to see."


async def test_two_leads_at_once(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTAKE)

    async def begin() -> str:
        try:
            async with acting(engine, desk.worker) as act:
                await operations.begin_assessment(act, row.id, expected_version=1)
        except Refusal as refusal:
            return refusal.code
        return "done"

    assert sorted(await asyncio.gather(begin(), begin(), begin())) == [
        "VERSION_CONFLICT",
        "VERSION_CONFLICT",
        "done",
    ]


async def test_a_household_that_moves_takes_its_case_along(
    engine: AsyncEngine, desk: Station1
) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTERVENTION)
        await m.area("440103002")
    async with AsyncSession(engine) as session, session.begin():
        act = Act(session, actor_of(desk.worker))
        assert await operations.follow_household(act, row.household_id, "440103002") == 1
        assert await operations.follow_household(act, row.household_id, "440103002") == 0
    fresh = await reread(engine, row)
    assert (fresh.area_code, fresh.station_id) == ("440103002", desk.station.id)


async def test_participants_are_linked_by_party(engine: AsyncEngine, desk: Station1) -> None:
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTERVENTION)
        charity = await m.organization()
    async with acting(engine, desk.worker) as act:
        for party in Party:
            one = await records.add_participant(
                act,
                case_id=row.id,
                party=party,
                organization_id=charity.id,
                contribution="每月送米",
            )
    with pytest.raises(Invalid):
        async with acting(engine, desk.worker) as act:
            await records.add_participant(
                act, case_id=row.id, party=Party.VOLUNTEER, contribution="陪伴"
            )
    async with acting(engine, desk.worker) as act:
        left = await records.end_participation(
            act, one.id, expected_version=1, left_on=today() + timedelta(days=1)
        )
    assert left.version == 2
    async with AsyncSession(engine) as session:
        kinds = await session.scalars(select(Event.kind).where(Event.object_id == row.id))
        assert list(kinds).count("case.participant_added") == 5


async def test_news_of_a_move_carries_cases_along(engine: AsyncEngine, desk: Station1) -> None:
    """The household's when it moves, a person's when the person joins another household."""
    async with making(engine) as m:
        whole = await case_in(m, desk, S.INTERVENTION)
        own = await case_in(m, desk, S.INTERVENTION)
        home = await m.session.get_one(Household, own.household_id)
        person = await m.recipient(home)
        own.recipient_id = person.id
        joined = await m.household(area_code="440103002")
        await m.session.commit()
    async with acting(engine, desk.approver) as act:
        await update_household(act, whole.household_id, expected_version=1, area_code="440103002")
        await move_recipient(
            act, person.id, expected_version=1, household_id=joined.id, household_role="relative"
        )
    await hear_all(engine)
    moved = await reread(engine, whole)
    assert (moved.area_code, moved.household_id) == ("440103002", whole.household_id)
    followed = await reread(engine, own)
    assert (followed.area_code, followed.household_id) == ("440103002", joined.id)
    assert "case.moved" in await events_of(engine, own)


async def test_merged_households_are_one_subject(engine: AsyncEngine, desk: Station1) -> None:
    """A case of the record that went is found by the one that stays, and no second is opened."""
    async with making(engine) as m:
        row = await case_in(m, desk, S.INTERVENTION)
        stays = await m.household(area_code=TOWN)
        went = await m.session.get_one(Household, row.household_id)
        went.merged_into_id, went.merged_at = stays.id, now()
        await m.session.commit()
    with pytest.raises(CaseOpen):
        async with acting(engine, desk.worker) as act:
            await operations.create_case(act, household_id=stays.id, opening="再来")
    async with AsyncSession(engine) as session:
        for one in (stays.id, went.id):
            found = await session.scalars(
                select(Case.id).where(queries.of_household(Case, one), Case.state == S.INTERVENTION)
            )
            assert list(found) == [row.id]


async def test_a_case_whose_worker_leaves_waits_for_another(
    engine: AsyncEngine, desk: Station1
) -> None:
    async with making(engine) as m:
        leaving = await m.worker(
            await m.account(Role.SOCIAL_WORKER, desk.organization, area_code=TOWN),
            desk.station,
            valid_to=today() + timedelta(days=20),
        )
        row = await case_in(m, desk, S.INTERVENTION, worker_id=leaving.id)
        closed = await case_in(m, desk, S.CLOSED, worker_id=leaving.id)

    async def waits() -> list[str]:
        async with AsyncSession(engine) as session:
            found = select(WorkItem.kind).where(WorkItem.subject_id == row.id)
            return list(await session.scalars(found))

    for days, told in ((0, []), (7, ["case.handover_due"]), (8, ["case.handover_due"])):
        async with AsyncSession(engine) as session, session.begin():
            await operations.tell_reviews(session, now() + timedelta(days=days))
        assert await events_of(engine, row) == told
        assert await waits() == ["case.assign"] * len(told)
    assert await events_of(engine, closed) == []
    async with acting(engine, desk.lead) as act:
        await operations.assign_case(act, row.id, expected_version=1, worker_id=desk.post.id)
    assert await waits() == []
