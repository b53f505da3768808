"""From plan to grade: who does what, what is refused, and what follows (scenario 11)."""

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, WrongState
from nexus.evaluation.addenda import operations as addenda
from nexus.evaluation.addenda.model import AddendumState
from nexus.evaluation.addenda.rules import Correction
from nexus.evaluation.evaluations import operations as o
from nexus.evaluation.evaluations import rules
from nexus.evaluation.evaluations.model import Evaluation, EvaluationState
from nexus.evaluation.independence import operations as independence
from nexus.evaluation.independence.model import TieKind
from nexus.evaluation.independence.rules import EvaluatorTied
from nexus.evaluation.rectifications import operations as rectifying
from nexus.evaluation.rectifications.model import Rectification, RectificationState
from nexus.evaluation.rectifications.rules import RectificationsOpen
from nexus.evaluation.schemes import operations as schemes
from nexus.evaluation.schemes.model import BodyKind, Grade
from nexus.evaluation.schemes.rules import SchemeInForce, ScoresMissing
from nexus.purchasing.procurements.suppliers.model import StandingEffect, SupplierStanding
from nexus.purchasing.procurements.suppliers.queries import is_barred
from tests.deeds import events_of
from tests.evaluation.scene import (
    LATER,
    acting_at,
    brought,
    evaluating,
    fresh,
    heard,
    move,
    planned,
    scored,
    staged,
)
from tests.making import making, now, today
from tests.purchasing.bought import do, rows_of

E = EvaluationState


async def test_the_road_to_a_grade(engine: AsyncEngine) -> None:
    """Third party 85, buyer 85, clients 100 at 50, 20 and 30 of 100: 89.50, good."""
    at = await staged(engine)
    row = await brought(engine, at, E.PUBLISHED)
    assert (row.total, row.grade, row.effect) == (
        Decimal("89.50"),
        Grade.GOOD,
        StandingEffect.NORMAL,
    )
    assert row.body_scores == {"third_party": "85.00", "buyer": "85.00", "client": "100.00"}
    assert row.scheme_version == "VISITS/1"
    (standing,) = await rows_of(engine, SupplierStanding, SupplierStanding.source_id == row.id)
    assert (standing.effect, standing.year) == (StandingEffect.NORMAL, today().year + 1)
    told = await events_of(engine, row)
    assert told[0] == "evaluation.planned"
    assert told[-1] == "evaluation.published"


async def test_a_weight_is_not_changed_after_publication(engine: AsyncEngine) -> None:
    """Scenario 11: refused by the deed and by the database; the addendum shows the correction."""
    at = await staged(engine)
    row = await brought(engine, at, E.PUBLISHED)
    with pytest.raises(SchemeInForce):
        await do(
            engine,
            at.made.manager,
            schemes.change_scheme,
            at.scheme.id,
            expected_version=at.scheme.version,
            content=at.content,
        )
    async with AsyncSession(engine) as session:
        with pytest.raises(DBAPIError):
            await session.execute(
                text("DELETE FROM scheme_body WHERE scheme_id = :id"), {"id": at.scheme.id}
            )
    with pytest.raises(rules.EvaluationFinal):
        await move(
            engine,
            at.assessor,
            o.score_indicator,
            row,
            indicator="D1",
            score=Decimal(10),
            evidence="改分",
        )
    made = await do(
        engine,
        at.assessor,
        addenda.propose_addendum,
        row.id,
        expected_version=row.version,
        statement="问卷录入有误，更正满意度得分。",
        corrections=[Correction("S1", BodyKind.CLIENT, Decimal(20))],
    )
    with pytest.raises(Forbidden):
        await do(
            engine, at.assessor, addenda.release_addendum, made.id, expected_version=made.version
        )
    released = await do(
        engine, at.made.colleague, addenda.release_addendum, made.id, expected_version=made.version
    )
    assert released.state is AddendumState.RELEASED
    assert (released.total, released.grade) == (Decimal("65.50"), Grade.QUALIFIED)
    stands = await fresh(engine, row)
    assert (stands.total, stands.grade) == (Decimal("89.50"), Grade.GOOD)
    found = await rows_of(engine, SupplierStanding, SupplierStanding.source_id == row.id)
    assert [one.effect for one in found] == [StandingEffect.NORMAL, StandingEffect.RECTIFICATION]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evaluation SET total = 99 WHERE id = :id",
        "UPDATE evaluation SET grade = 'excellent' WHERE id = :id",
        "UPDATE evaluation SET report = 'anders' WHERE id = :id",
        "UPDATE evaluation_score SET score = 99 WHERE evaluation_id = :id",
    ],
)
async def test_the_database_keeps_what_is_final(
    engine: AsyncEngine, owner_engine: AsyncEngine, change: str
) -> None:
    at = await staged(engine, visits=3)
    row = await brought(engine, at, E.FINAL)
    async with AsyncSession(owner_engine) as session:
        with pytest.raises(DBAPIError, match=r"final|takes no scores"):
            await session.execute(text(change), {"id": row.id})


async def test_the_worst_grade_bars(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await planned(engine, at)
    await move(engine, at.assessor, o.start_evaluation, row)
    await heard(engine, at, row, satisfaction=1)
    await scored(engine, at, row, points=40)
    await move(engine, at.assessor, o.draft_evaluation, row, report="多项未达标。")
    row = await move(engine, at.assessor, o.open_evaluation_response, row)
    late = acting_at(at.assessor, now() + LATER)
    row = await move(engine, late, o.finalize_evaluation, row)
    row = await move(engine, at.made.colleague, o.publish_evaluation, row)
    assert row.grade is Grade.UNQUALIFIED
    asked: dict[str, Any] = {"supplier_id": at.made.supplier.id, "buyer_id": at.made.buyer.id}
    async with AsyncSession(engine) as session:
        assert await is_barred(session, **asked, year=today().year + 1)
        assert not await is_barred(session, **asked, year=today().year)


async def test_nothing_is_final_before_the_supplier_could_answer(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.RESPONSE_PERIOD)
    assert row.response_due_at is not None
    with pytest.raises(rules.ResponsePending):
        await move(engine, at.assessor, o.finalize_evaluation, row)
    too_late = acting_at(at.made.lead, row.response_due_at)
    with pytest.raises(GuardFailed):
        await move(engine, too_late, o.respond_to_evaluation, row, response="太迟")
    just = acting_at(at.assessor, row.response_due_at - timedelta(seconds=1))
    with pytest.raises(rules.ResponsePending):
        await move(engine, just, o.finalize_evaluation, row)
    over = acting_at(at.assessor, row.response_due_at)
    assert (await move(engine, over, o.finalize_evaluation, row)).state is E.FINAL


async def test_the_clock_tells_once_that_the_response_period_is_over(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.RESPONSE_PERIOD)
    for moment in (now(), now() + LATER, now() + LATER):
        async with AsyncSession(engine) as session, session.begin():
            await o.tell_responses_over(session, moment)
    assert (await events_of(engine, row)).count("evaluation.response_over") == 1


async def test_a_draft_is_changed_after_the_suppliers_word(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.RESPONSE_PERIOD)
    await move(engine, at.made.lead, o.respond_to_evaluation, row, response="有两次走访漏记。")
    with pytest.raises(Invalid):
        await move(engine, at.assessor, o.redraft_evaluation, row)
    await move(engine, at.assessor, o.redraft_evaluation, row, reason="补看记录")
    row = await move(engine, at.assessor, o.open_evaluation_response, row)
    assert row.response is None
    assert [one["response"] for one in row.earlier_responses] == ["有两次走访漏记。"]


async def test_every_score_must_be_there(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.IN_PROGRESS)
    await heard(engine, at, row)
    with pytest.raises(ScoresMissing) as refused:
        await move(engine, at.assessor, o.draft_evaluation, row, report="未打分")
    missing: Any = refused.value.details["missing"]
    assert "D1 by third_party" in missing
    assert not [one for one in missing if one.startswith("S1")]
    assert (await fresh(engine, row)).state is E.IN_PROGRESS


async def test_a_body_scores_its_own_leaves(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.IN_PROGRESS)
    given: dict[str, Any] = {"score": Decimal(50), "evidence": "查看资料"}
    for who, code in ((at.made.manager, "D2"), (at.assessor, "S1"), (at.assessor, "D")):
        with pytest.raises(Invalid):
            await move(engine, who, o.score_indicator, row, indicator=code, **given)
    for score in ("100.01", "-1", "1.005"):
        with pytest.raises(Invalid):
            await move(
                engine,
                at.assessor,
                o.score_indicator,
                row,
                indicator="D1",
                score=Decimal(score),
                evidence="查看资料",
            )
    with pytest.raises(Invalid):
        await move(
            engine,
            at.assessor,
            o.score_indicator,
            row,
            indicator="D1",
            score=Decimal(5),
            evidence="",
        )
    assert (await fresh(engine, row)).version == row.version


async def test_the_evaluator_is_independent(engine: AsyncEngine) -> None:
    at = await staged(engine)
    given: dict[str, Any] = {
        "organization_id": at.evaluator.id,
        "other_id": at.made.supplier.id,
        "note": "同一出资人",
    }
    long_ago = {"from_on": date(2015, 1, 1), "until_on": date(2016, 1, 1)}
    await do(
        engine,
        at.assessor,
        independence.declare_tie,
        kind=TieKind.OWNERSHIP,
        **given,
        **long_ago,
    )
    row = await planned(engine, at)
    await do(
        engine,
        at.supervisor,
        independence.declare_tie,
        kind=TieKind.EMPLOYMENT,
        from_on=date(2020, 1, 1),
        **given,
    )
    with pytest.raises(EvaluatorTied) as refused:
        await move(engine, at.assessor, o.start_evaluation, row)
    assert refused.value.details["ties"] == ["employment"]
    other = await staged(engine)
    for own in (other.made.buyer, other.made.supplier):
        with pytest.raises(GuardFailed):
            await planned(engine, other, evaluator_id=own.id)


async def test_a_post_at_the_suppliers_station_is_a_tie(engine: AsyncEngine) -> None:
    at = await staged(engine)
    async with making(engine) as m:
        await m.worker(at.assessor, at.made.station, valid_to=today() - timedelta(days=10))
    with pytest.raises(EvaluatorTied):
        await planned(engine, at)


async def test_two_plan_at_once_and_one_wins(engine: AsyncEngine) -> None:
    at = await staged(engine)
    found = await asyncio.gather(*(planned(engine, at) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, Evaluation) for one in found) == 1
    assert sum(isinstance(one, rules.AlreadyEvaluated) for one in found) == 3


async def test_two_publish_at_once_and_one_standing_is_left(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.FINAL)

    async def publish(who: Any) -> Any:
        return await do(engine, who, o.publish_evaluation, row.id, expected_version=row.version)

    found = await asyncio.gather(
        publish(at.supervisor), publish(at.made.colleague), return_exceptions=True
    )
    assert sum(isinstance(one, Refusal) for one in found) == 1
    assert len(await rows_of(engine, SupplierStanding, SupplierStanding.source_id == row.id)) == 1


async def test_who_planned_does_not_publish(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.FINAL)
    with pytest.raises(Forbidden):
        await move(engine, at.made.manager, o.publish_evaluation, row)


async def test_strangers_see_nothing_until_it_is_published(engine: AsyncEngine) -> None:
    at = await staged(engine)
    async with making(engine) as m:
        _, stranger = await evaluating(m)
        buyer = await m.account(Role.BUYER, area_code="440103")
    row = await brought(engine, at, E.IN_PROGRESS)
    for who in (stranger, buyer):
        with pytest.raises(NotFound):
            await move(engine, who, o.start_evaluation, row)
    with pytest.raises(Forbidden):
        await do(
            engine,
            buyer,
            o.plan_evaluation,
            at.made.contract.id,
            scheme_id=at.scheme.id,
            evaluator_id=at.evaluator.id,
            from_on=today() - timedelta(days=5),
            until_on=today(),
        )


async def test_what_is_open_keeps_an_evaluation_open(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.RECTIFYING)
    with pytest.raises(RectificationsOpen) as refused:
        await move(engine, at.made.manager, rectifying.close_evaluation, row)
    (one,) = await rows_of(engine, Rectification, Rectification.evaluation_id == row.id)
    assert refused.value.details["open"] == [one.no]
    with pytest.raises(WrongState):
        await do(
            engine, at.made.manager, rectifying.verify_rectification, one.id, expected_version=1
        )


async def test_what_is_late_is_overdue_then_escalated_and_can_still_be_done(
    engine: AsyncEngine,
) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.RECTIFYING)
    (one,) = await rows_of(engine, Rectification, Rectification.evaluation_id == row.id)
    for moment, state in (
        (one.due_at - timedelta(seconds=1), RectificationState.OPEN),
        (one.due_at, RectificationState.OVERDUE),
        (one.due_at, RectificationState.OVERDUE),
        (one.escalate_at, RectificationState.ESCALATED),
    ):
        async with AsyncSession(engine) as session, session.begin():
            await rectifying.follow_up_rectifications(session, moment)
        assert (await fresh(engine, one)).state is state
    late = await fresh(engine, one)
    done = await do(
        engine,
        at.made.lead,
        rectifying.submit_rectification,
        one.id,
        expected_version=late.version,
        action="已补录",
    )
    back = await do(
        engine,
        at.made.manager,
        rectifying.send_back_rectification,
        one.id,
        expected_version=done.version,
        reason="仍缺两份",
    )
    assert back.state is RectificationState.OPEN
