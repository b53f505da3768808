"""Acceptance rests on facts, is decided by another, and moves the milestone by what it accepts."""

import asyncio
import hashlib
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, Role, system
from nexus.core.drawing import draw, frame_hash
from nexus.core.refusals import (
    Forbidden,
    GuardFailed,
    Invalid,
    NotFound,
    Refusal,
    VersionConflict,
)
from nexus.purchasing.acceptance import operations as o
from nexus.purchasing.acceptance import rules
from nexus.purchasing.acceptance.model import (
    Acceptance,
    AcceptanceDeduction,
    AcceptanceLine,
    AcceptanceState,
    AcceptedFact,
    DeductionReason,
    SampleFinding,
)
from nexus.purchasing.contracts.model import MilestoneKind, MilestoneState
from nexus.purchasing.facts import operations as facts
from tests.making import making, now, today
from tests.purchasing import bought
from tests.purchasing.bought import PRICE, Bought, do

DAY = timedelta(days=1)
S = AcceptanceState


def period(**given: Any) -> rules.Claims:
    """The last two months up to today, with all that is free."""
    return rules.Claims(
        **{"from_on": today() - 60 * DAY, "until_on": today() + DAY} | given,
    )


async def served(engine: AsyncEngine, count: int = 6, **given: Any) -> Bought:
    """A contract with so many visits counted by the supplier's lead."""
    async with making(engine) as m:
        made = await bought.bought(m, **given)
        await bought.visits(m, made, count)
    claimed = {"from_on": today() - 60 * DAY, "until_on": today() + DAY}
    await do(engine, made.lead, facts.claim_period, made.items[0].id, **claimed)
    return made


async def submitted(engine: AsyncEngine, made: Bought, **given: Any) -> Acceptance:
    claims = period(**given)
    found: Acceptance = await do(
        engine, made.lead, o.submit_acceptance, made.milestones[0].id, claims
    )
    return found


async def behind_of(engine: AsyncEngine, row: Acceptance) -> list[AcceptedFact]:
    return await bought.rows_of(engine, AcceptedFact, AcceptedFact.acceptance_id == row.id)


async def reviewed(
    engine: AsyncEngine, made: Bought, row: Acceptance, unfounded: int = 0
) -> Acceptance:
    """Begun by the buyer's colleague, the sample looked at."""
    await do(engine, made.colleague, o.review_acceptance, row.id, expected_version=row.version)
    drawn = [one for one in await behind_of(engine, row) if one.sampled]
    for place, one in enumerate(drawn):
        finding = SampleFinding.UNFOUNDED if place < unfounded else SampleFinding.CONFIRMED
        note = "电话核实，无人上门" if place < unfounded else None
        given = {"expected_version": 1, "finding": finding, "note": note}
        await do(engine, made.colleague, o.check_sample, one.id, **given)
    found: Acceptance = await fresh(engine, row)
    return found


async def fresh(engine: AsyncEngine, row: Any) -> Any:
    (found,) = await bought.rows_of(engine, type(row), type(row).id == row.id)
    return found


async def lines_of(engine: AsyncEngine, row: Acceptance) -> list[AcceptanceLine]:
    return await bought.rows_of(engine, AcceptanceLine, AcceptanceLine.acceptance_id == row.id)


async def decide(engine: AsyncEngine, made: Bought, row: Acceptance, deed: Any, **more: Any) -> Any:
    who = more.pop("who", made.colleague)
    return await do(engine, who, deed, row.id, expected_version=row.version, **more)


async def test_what_was_counted_is_accepted(engine: AsyncEngine) -> None:
    """Every number leads down to the visits (scenario 10)."""
    made = await served(engine)
    row = await submitted(engine, made)
    assert (row.state, row.claimed_fen, row.round) == (S.SUBMITTED, 6 * PRICE, 1)
    row = await reviewed(engine, made, row)
    done = await decide(engine, made, row, o.accept_acceptance)
    assert (done.state, done.accepted_fen, done.deduction_fen) == (S.ACCEPTED, 6 * PRICE, 0)
    (line,) = await lines_of(engine, row)
    assert {line.claimed, line.counted, line.accepted} == {Decimal(6)}
    assert sum(one.quantity for one in await behind_of(engine, row)) == line.accepted
    milestone = await fresh(engine, made.milestones[0])
    assert (milestone.state, milestone.accepted_fen) == (MilestoneState.MET, 6 * PRICE)
    assert milestone.met_on == today()


async def test_a_quantity_takes_the_earliest_facts_and_no_more(engine: AsyncEngine) -> None:
    made = await served(engine, milestones=[{}, {}])
    lines = [rules.Claim(made.items[0].id, Decimal(4))]
    row = await submitted(engine, made, lines=lines)
    assert len(await behind_of(engine, row)) == 4
    rest = await do(engine, made.lead, o.submit_acceptance, made.milestones[1].id, period())
    assert (rest.claimed_fen, len(await behind_of(engine, rest))) == (2 * PRICE, 2)
    both = {one.fact_id for each in (row, rest) for one in await behind_of(engine, each)}
    assert len(both) == 6


async def test_more_than_facts_or_milestone_have_is_refused(engine: AsyncEngine) -> None:
    made = await served(engine, 3, milestones=[{"value_fen": 2 * PRICE}])
    for given, kind, details in (
        (
            {"lines": [rules.Claim(made.items[0].id, Decimal(4))]},
            rules.FactsMissing,
            {"rule": "INV-28", "claimed": "4", "counted": "3.000", "item": 1},
        ),
        (
            {},
            rules.MilestoneExceeded,
            {"rule": "INV-24", "claimed_fen": 3 * PRICE, "available_fen": 2 * PRICE},
        ),
        ({"until_on": today() - 40 * DAY}, rules.FactsMissing, {"rule": "INV-28"}),
        ({"claimed_fen": PRICE}, Invalid, {}),
        ({"until_on": today() + 2 * DAY}, Invalid, {}),
        ({"from_on": today() - 91 * DAY}, Invalid, {}),
    ):
        with pytest.raises(kind) as refused:
            await submitted(engine, made, **given)
        assert refused.value.details == details
    assert (
        await bought.rows_of(engine, Acceptance, Acceptance.contract_id == made.contract.id) == []
    )


async def test_one_open_acceptance_a_milestone(engine: AsyncEngine) -> None:
    made = await served(engine)
    half = [rules.Claim(made.items[0].id, Decimal(2))]
    tries = [submitted(engine, made, lines=half) for _ in range(4)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Acceptance) for one in found) == 1
    assert {type(one) for one in found} == {Acceptance, GuardFailed}


async def test_the_sample_is_drawn_again_by_anyone(engine: AsyncEngine) -> None:
    made = await served(engine, 8)
    row = await submitted(engine, made)
    await do(engine, made.colleague, o.review_acceptance, row.id, expected_version=1)
    row, behind = await fresh(engine, row), await behind_of(engine, row)
    frame = [one.fact_id for one in behind]
    assert row.sample_size == 5
    assert row.frame_hash == frame_hash(reversed(frame))
    again = draw(row.sample_seed, reversed(frame), row.sample_size)
    assert set(again) == {str(one.fact_id) for one in behind if one.sampled}
    by_hand = sorted(
        map(str, frame),
        key=lambda key: hashlib.sha256(f"{row.sample_seed}:{key}".encode()).hexdigest(),
    )
    assert again == by_hand[:5]
    assert frame_hash(frame[:-1]) != row.frame_hash


async def test_the_sample_is_looked_at_first(engine: AsyncEngine) -> None:
    made = await served(engine)
    row = await submitted(engine, made)
    await do(engine, made.colleague, o.review_acceptance, row.id, expected_version=1)
    row = await fresh(engine, row)
    with pytest.raises(rules.SampleOpen) as refused:
        await decide(engine, made, row, o.accept_acceptance)
    assert refused.value.details["waiting"] == 5
    (other,) = [one for one in await behind_of(engine, row) if not one.sampled]
    given = {"expected_version": 1, "finding": SampleFinding.CONFIRMED}
    with pytest.raises(Forbidden):
        await do(engine, made.colleague, o.check_sample, other.id, **given)
    drawn = next(one for one in await behind_of(engine, row) if one.sampled)
    doubt = given | {"finding": SampleFinding.DOUBTFUL}
    with pytest.raises(Invalid):
        await do(engine, made.colleague, o.check_sample, drawn.id, **doubt)
    with pytest.raises(Forbidden):
        await do(engine, made.manager, o.check_sample, drawn.id, **given)
    assert (await fresh(engine, row)).state is S.REVIEWING


async def test_what_the_sample_refutes_is_deducted(engine: AsyncEngine) -> None:
    made = await served(engine)
    row = await reviewed(engine, made, await submitted(engine, made), unfounded=1)
    with pytest.raises(rules.FactsMissing):
        await decide(engine, made, row, o.accept_acceptance)
    cut = rules.Cut(
        reason=DeductionReason.UNFOUNDED,
        note="一次上门不属实",
        item_id=made.items[0].id,
        quantity=Decimal(1),
    )
    late = rules.Cut(reason=DeductionReason.LATE, note="报告迟交", fen=500)
    for cuts in ([], [late]):
        with pytest.raises(Refusal):
            await decide(engine, made, row, o.accept_with_deduction, cuts=cuts)
    assert (await fresh(engine, made.milestones[0])).accepted_fen == 0
    done = await decide(engine, made, row, o.accept_with_deduction, cuts=[cut, late])
    assert (done.state, done.deduction_fen) == (S.ACCEPTED_WITH_DEDUCTION, PRICE + 500)
    assert done.accepted_fen == 5 * PRICE - 500
    (line,) = await lines_of(engine, row)
    assert {line.counted, line.accepted} == {Decimal(5)}
    kept = await bought.rows_of(
        engine, AcceptanceDeduction, AcceptanceDeduction.acceptance_id == row.id
    )
    assert [(one.reason, one.fen) for one in kept] == [
        (DeductionReason.UNFOUNDED, PRICE),
        (DeductionReason.LATE, 500),
    ]
    milestone = await fresh(engine, made.milestones[0])
    assert milestone.state is MilestoneState.PARTIALLY_MET
    assert milestone.accepted_fen == done.accepted_fen


async def test_rejected_and_resubmitted(engine: AsyncEngine) -> None:
    """Its facts are free again; the new one stands in its place, and only once."""
    made = await served(engine)
    row = await reviewed(engine, made, await submitted(engine, made))
    gone = await decide(engine, made, row, o.reject_acceptance, reason="缺少签字")
    assert (gone.state, gone.accepted_fen) == (S.REJECTED, 0)
    assert not [one for one in await behind_of(engine, row) if one.live]
    assert (await fresh(engine, made.milestones[0])).state is MilestoneState.NOT_MET
    again = {"expected_version": gone.version}
    with pytest.raises(Forbidden):
        await do(engine, made.colleague, o.resubmit_acceptance, row.id, period(), **again)
    new = await do(engine, made.lead, o.resubmit_acceptance, row.id, period(), **again)
    assert (new.round, new.previous_id, new.state) == (2, row.id, S.SUBMITTED)
    assert (await fresh(engine, row)).state is S.RESUBMITTED
    with pytest.raises(VersionConflict):
        await do(engine, made.lead, o.resubmit_acceptance, row.id, period(), **again)
    new = await reviewed(engine, made, new)
    await decide(engine, made, new, o.accept_acceptance)
    assert (await fresh(engine, made.milestones[0])).state is MilestoneState.MET


async def test_a_fact_withdrawn_before_the_decision_falls_away(engine: AsyncEngine) -> None:
    made = await served(engine)
    row = await submitted(engine, made)
    first = (await behind_of(engine, row))[0]
    fact = await do(
        engine, made.lead, facts.withdraw_fact, first.fact_id, expected_version=1, reason="误记"
    )
    async with AsyncSession(engine) as session, session.begin():
        assert await o.lose_fact(Act(session, system(now())), fact.id)
        assert not await o.lose_fact(Act(session, system(now())), fact.id)
    row = await reviewed(engine, made, row)
    with pytest.raises(rules.FactsMissing) as refused:
        await decide(engine, made, row, o.accept_acceptance)
    assert refused.value.details["counted"] == "5.000"


async def test_a_fact_withdrawn_afterwards_is_shown_as_lost(engine: AsyncEngine) -> None:
    made = await served(engine)
    row = await reviewed(engine, made, await submitted(engine, made))
    await decide(engine, made, row, o.accept_acceptance)
    first = (await behind_of(engine, row))[0]
    why = {"expected_version": 1, "reason": "误记"}
    await do(engine, made.lead, facts.withdraw_fact, first.fact_id, **why)
    async with AsyncSession(engine) as session, session.begin():
        assert await o.lose_fact(Act(session, system(now())), first.fact_id)
    assert (await fresh(engine, first)).live
    assert (await fresh(engine, row)).accepted_fen == 6 * PRICE


async def test_who_decides_is_neither_of_those_who_claimed(engine: AsyncEngine) -> None:
    """INV-18: not the manager, not the submitter, not who recorded or claimed a fact."""
    async with making(engine) as m:
        made = await bought.bought(m)
        await bought.visits(m, made, 3)
        await bought.visits(m, made, 1, performed_by=made.colleague.id)
        third = await m.account(Role.BUYER, organization=made.buyer, area_code=bought.COUNTY)
        stranger = await m.account(Role.BUYER, area_code=bought.COUNTY)
    given = {"from_on": today() - 60 * DAY, "until_on": today() + DAY}
    await do(engine, made.manager, facts.claim_period, made.items[0].id, **given)
    row = await do(engine, made.manager, o.submit_acceptance, made.milestones[0].id, period())
    for who, kind in (
        (made.manager, Forbidden),
        (made.colleague, Forbidden),
        (made.finance, Forbidden),
        (made.lead, Forbidden),
        (stranger, NotFound),
    ):
        with pytest.raises(kind):
            await do(engine, who, o.review_acceptance, row.id, expected_version=1)
    assert (await fresh(engine, row)).state is S.SUBMITTED
    await do(engine, third, o.review_acceptance, row.id, expected_version=1)


async def test_a_report_is_accepted_by_its_sum(engine: AsyncEngine) -> None:
    """A milestone without quantities: what was agreed for it, with the paper's hash."""
    async with making(engine) as m:
        made = await bought.bought(m, milestones=[{"kind": MilestoneKind.REPORTING}])
    paper = {"title": "季度报告", "document_type": "completionCertificate", "sha256": "a" * 64}
    named = paper | {"title": "电话13800138000"}
    with pytest.raises(Invalid):
        await submitted(engine, made, claimed_fen=1, documents=[named])
    row = await submitted(engine, made, claimed_fen=3 * PRICE, documents=[paper])
    row = await reviewed(engine, made, row)
    assert (row.sample_size, await lines_of(engine, row)) == (0, [])
    done = await decide(engine, made, row, o.accept_acceptance)
    assert done.accepted_fen == 3 * PRICE


async def test_two_who_decide_at_once(engine: AsyncEngine) -> None:
    made = await served(engine)
    row = await reviewed(engine, made, await submitted(engine, made))
    found = await asyncio.gather(
        decide(engine, made, row, o.accept_acceptance),
        decide(engine, made, row, o.reject_acceptance, reason="缺少签字"),
        decide(engine, made, row, o.accept_acceptance),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Acceptance) for one in found) == 1
    assert {type(one) for one in found} == {Acceptance, VersionConflict}
    milestone = await fresh(engine, made.milestones[0])
    assert milestone.accepted_fen == (await fresh(engine, row)).accepted_fen


# What the database itself refuses ---------------------------------------------------------


async def test_the_database_holds_the_sums(engine: AsyncEngine, owner_engine: AsyncEngine) -> None:
    made = await served(engine)
    row = await reviewed(engine, made, await submitted(engine, made))
    await decide(engine, made, row, o.accept_acceptance)
    for statement, constraint in (
        ("UPDATE acceptance SET accepted_fen = accepted_fen - 1", "inv_28_accepted"),
        ("UPDATE acceptance SET decided_by = submitted_by", "inv_18_not_submitter"),
        ("UPDATE acceptance SET decided_by = manager_id", "inv_18_not_manager"),
        ("UPDATE acceptance SET claimed_fen = 7, accepted_fen = 7", "do not hold"),
        ("UPDATE acceptance_line SET counted = 5", "inv_28_accepted"),
        ("UPDATE acceptance_line SET accepted = NULL", "do not hold"),
    ):
        key = "acceptance_id" if "acceptance_line" in statement else "id"
        await _refused(owner_engine, f"{statement} WHERE {key} = '{row.id}'", constraint)


async def _refused(engine: AsyncEngine, statement: str, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        async with engine.begin() as connection:
            await connection.exec_driver_sql(statement)


async def test_no_acceptance_without_facts(engine: AsyncEngine, owner_engine: AsyncEngine) -> None:
    """A deed that forgot its rule is stopped at the commit (INV-28)."""
    made = await served(engine)
    row = await reviewed(engine, made, await submitted(engine, made))
    async with owner_engine.connect() as connection:
        await connection.begin()
        run = connection.exec_driver_sql
        await run(f"UPDATE accepted_fact SET live = false WHERE acceptance_id = '{row.id}'")
        await run(f"UPDATE acceptance_line SET accepted = claimed WHERE acceptance_id = '{row.id}'")
        await run(
            f"UPDATE milestone SET accepted_fen = {row.claimed_fen}, state = 'met', "
            f"met_on = current_date WHERE id = '{row.milestone_id}'"
        )
        await run(
            f"UPDATE acceptance SET state = 'accepted', accepted_fen = claimed_fen, "
            f"decided_at = now(), decided_by = '{made.colleague.id}' WHERE id = '{row.id}'"
        )
        with pytest.raises(IntegrityError, match="more is accepted"):
            await connection.commit()
    assert (await fresh(engine, row)).state is S.REVIEWING
