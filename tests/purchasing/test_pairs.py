"""Facts and acceptances: every verb from every state by every role of both sides, and away."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import NOBODY, Actor, Role
from nexus.core.ids import new_id
from nexus.purchasing.acceptance import operations as o
from nexus.purchasing.acceptance import rules
from nexus.purchasing.acceptance.model import TRANSITIONS as ACCEPTING
from nexus.purchasing.acceptance.model import (
    Acceptance,
    AcceptanceDeduction,
    AcceptanceLine,
    AcceptanceState,
    AcceptedFact,
    DeductionReason,
    SampleFinding,
)
from nexus.purchasing.contracts.model import MilestoneState
from nexus.purchasing.facts import operations as facts
from nexus.purchasing.facts.model import TRANSITIONS as COUNTING
from nexus.purchasing.facts.model import ClaimWay, FactState, ServiceFact
from tests.making import Maker, making, now, number, today
from tests.pairs import ROLES, every_pair
from tests.purchasing import bought
from tests.purchasing.bought import COUNTY, PRICE, Bought

S = AcceptanceState
SUPPLIER = {Role.STATION_LEAD, Role.VOL_ORG, Role.CHARITY_USER}
READERS = SUPPLIER | {Role.SOCIAL_WORKER, Role.AIDE, Role.CHARITY_CLIENT}
BUYER = {Role.BUYER, Role.BUYER_FINANCE}
NEAR = {
    *(Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.SUPERVISOR, Role.AUDITOR),
    Role.EVALUATOR,
}
EVERYWHERE = {Role.PLATFORM_ADMIN, Role.SYSTEM}
CUT = rules.Cut(reason=DeductionReason.LATE, note="迟交", fen=1)
WHY = {"reason": "说明"}
DECIDED = (S.ACCEPTED, S.ACCEPTED_WITH_DEDUCTION, S.REJECTED, S.RESUBMITTED)
TAKEN = (S.ACCEPTED, S.ACCEPTED_WITH_DEDUCTION)


class Scene:
    """A contract with a milestone and an acceptance in each state, and actors of every role."""

    def __init__(self, made: Bought) -> None:
        self.made = made
        self.rows: dict[AcceptanceState, Acceptance] = {}
        self.facts: dict[FactState, ServiceFact] = {}
        self.actors: dict[Any, Actor] = {}


@pytest.fixture(scope="module")
async def scene(engine: AsyncEngine) -> Scene:
    async with making(engine) as m:
        made = await bought.bought(m, milestones=[{} for _ in S])
        found = Scene(made)
        visits = await bought.visits(m, made, 2 * len(S) + 2)
        for place, state in enumerate(S):
            pair = visits[2 * place : 2 * place + 2]
            found.rows[state] = await _acceptance(m, made, place, state, pair)
        for kept, visit in zip(FactState, visits[-2:], strict=True):
            found.facts[kept] = await _fact(m, made, visit, kept)
        for role in ROLES:
            person = await m.account(role, area_code=None if role in SUPPLIER else COUNTY)
            for side, home in _homes(made).items():
                area = "" if role is Role.SYSTEM else ("4501" if side == "away" else COUNTY)
                found.actors[side, role] = Actor(role, person.id, home, area, now())
        found.actors["manager", Role.BUYER] = Actor(
            Role.BUYER, made.manager.id, made.buyer.id, COUNTY, now()
        )
    return found


def _homes(made: Bought) -> dict[str, Any]:
    return {"buyer": made.buyer.id, "supplier": made.supplier.id, "away": NOBODY}


async def _fact(m: Maker, made: Bought, visit: Any, state: FactState) -> ServiceFact:
    gone = state is FactState.WITHDRAWN
    row = ServiceFact(
        contract_id=made.contract.id,
        contract_item_id=made.items[0].id,
        fact_kind=made.items[0].fact_kind,
        fact_id=visit.id,
        visit_id=visit.id,
        happened_on=today() - timedelta(days=5),
        quantity=Decimal(1),
        entered_by=made.worker.id,
        claim=ClaimWay.HAND,
        claimed_at=now(),
        claimed_by=made.lead.id,
        withdrawn_at=now() if gone else None,
        withdrawn_by=made.lead.id if gone else None,
        state=state,
        state_reason="说明" if gone else None,
    )
    await m.put(row)
    return row


async def _acceptance(
    m: Maker, made: Bought, place: int, state: AcceptanceState, visits: list[Any]
) -> Acceptance:
    seen, over, taken = state is not S.SUBMITTED, state in DECIDED, state in TAKEN
    off = 1 if state is S.ACCEPTED_WITH_DEDUCTION else 0
    step = made.milestones[place]
    if taken:
        step.accepted_fen = 2 * PRICE - off
        step.state, step.met_on = MilestoneState.MET, today()
    row = Acceptance(
        id=new_id(),
        no=number("AC"),
        milestone_id=step.id,
        contract_id=made.contract.id,
        area_code=COUNTY,
        round=1,
        from_on=today() - timedelta(days=30),
        until_on=today(),
        claimed_fen=2 * PRICE,
        deduction_fen=off,
        accepted_fen=2 * PRICE - off if taken else 0,
        documents=[],
        manager_id=made.manager.id,
        sample_seed="0" * 32 if seen else None,
        sample_size=1 if seen else None,
        frame_hash="0" * 64 if seen else None,
        sample_rule="made" if seen else None,
        submitted_at=now(),
        submitted_by=made.lead.id,
        reviewed_at=now() if seen else None,
        reviewed_by=made.colleague.id if seen else None,
        decided_at=now() if over else None,
        decided_by=made.colleague.id if over else None,
        state=state,
        state_reason="说明" if over else None,
    )
    line = AcceptanceLine(
        id=new_id(),
        acceptance_id=row.id,
        contract_item_id=made.items[0].id,
        position=1,
        claimed=Decimal(2),
        counted=Decimal(2),
        accepted=Decimal(2) if taken else None,
        unit_price_fen=PRICE,
    )
    cuts = [AcceptanceDeduction(
        acceptance_id=row.id, position=1, fen=1, reason=CUT.reason, note=CUT.note,
        created_at=now(), created_by=made.colleague.id,
    )] if off else []  # fmt: skip
    counted = [await _fact(m, made, visit, FactState.COUNTED) for visit in visits]
    behind = [_behind(made, row, line, fact, first=fact is counted[0]) for fact in counted]
    m.session.add(step)
    await m.put(row, line, *cuts, *behind)
    return row


def _behind(
    made: Bought, row: Acceptance, line: AcceptanceLine, fact: ServiceFact, *, first: bool
) -> AcceptedFact:
    drawn = first and row.state is not S.SUBMITTED
    return AcceptedFact(
        line_id=line.id,
        acceptance_id=row.id,
        fact_id=fact.id,
        quantity=Decimal(1),
        live=row.state not in (S.REJECTED, S.RESUBMITTED),
        sampled=drawn,
        finding=SampleFinding.CONFIRMED if drawn else None,
        found_at=now() if drawn else None,
        found_by=made.colleague.id if drawn else None,
    )


async def _resubmit(act: Any, row_id: Any, *, expected_version: int) -> Any:
    claims = rules.Claims(from_on=today() - timedelta(days=60), until_on=today())
    return await o.resubmit_acceptance(act, row_id, claims, expected_version=expected_version)


VERBS: dict[str, Any] = {
    "review": (o.review_acceptance, {}),
    "accept": (o.accept_acceptance, {}),
    "deduct": (o.accept_with_deduction, {"cuts": [CUT]}),
    "reject": (o.reject_acceptance, WHY),
    "resubmit": (_resubmit, {}),
}


def sees(side: str, role: Role) -> bool:
    """The parties, and those of the area."""
    if role in EVERYWHERE or (role in NEAR and side != "away"):
        return True
    if side in ("buyer", "manager"):
        return role in BUYER
    return side == "supplier" and role in READERS


def may(verb: str, side: str, role: Role) -> bool:
    if verb == "resubmit":
        return (side == "supplier" and role in SUPPLIER) or side == "manager"
    return side == "buyer" and role is Role.BUYER


def after(state: AcceptanceState, verb: str) -> str:
    target = ACCEPTING.moves[verb].get(state)
    if target is None:
        return "WRONG_STATE"
    return S.SUBMITTED.value if verb == "resubmit" else target.value


async def test_every_verb_of_an_acceptance(engine: AsyncEngine, scene: Scene) -> None:
    def expected(row: Acceptance, verb: str, who: Any) -> str:
        if not sees(*who):
            return "NOT_FOUND"
        return after(row.state, verb) if may(verb, *who) else "FORBIDDEN"

    rows = scene.rows.values()
    assert await every_pair(engine, rows, VERBS, scene.actors, expected) == []


async def test_every_verb_of_a_fact(engine: AsyncEngine, scene: Scene) -> None:
    def expected(row: ServiceFact, verb: str, who: Any) -> str:
        side, role = who
        if not sees(side, role):
            return "NOT_FOUND"
        mine = (side == "supplier" and role in SUPPLIER) or side == "manager"
        if not mine and role is not Role.SYSTEM:
            return "FORBIDDEN"
        target = COUNTING.moves[verb].get(row.state)
        return target.value if target else "WRONG_STATE"

    verbs: Mapping[str, Any] = {"withdraw": (facts.withdraw_fact, WHY)}
    rows = scene.facts.values()
    assert await every_pair(engine, rows, verbs, scene.actors, expected) == []


def test_the_tables() -> None:
    """domain.md 7.10, said again by hand."""
    assert {state: ACCEPTING.verbs(state) for state in S} == {
        S.SUBMITTED: ["review"],
        S.REVIEWING: ["check", "accept", "deduct", "reject"],
        S.ACCEPTED: [],
        S.ACCEPTED_WITH_DEDUCTION: [],
        S.REJECTED: ["resubmit"],
        S.RESUBMITTED: [],
    }
    assert set(VERBS) | {"check"} == set(ACCEPTING.moves)
    assert {state: COUNTING.verbs(state) for state in FactState} == {
        FactState.COUNTED: ["withdraw"],
        FactState.WITHDRAWN: [],
    }
