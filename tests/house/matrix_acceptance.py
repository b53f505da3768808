"""Facts and acceptances of one place, in every state that a deed starts from."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from nexus.core.ids import new_id
from nexus.purchasing.acceptance.model import (
    Acceptance,
    AcceptanceDeduction,
    AcceptanceLine,
    AcceptanceState,
    AcceptedFact,
    DeductionReason,
    SampleFinding,
)
from nexus.purchasing.contracts.model import (
    Contract,
    ContractItem,
    ContractState,
    FactKind,
    Milestone,
    MilestoneKind,
    MilestoneState,
)
from nexus.purchasing.facts.model import ClaimWay, ServiceFact
from nexus.purchasing.facts.queries import KEY
from tests.house.matrix_contracts import PRICE, _award
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today

MakeEvent = Callable[..., Awaitable[Any]]
S = AcceptanceState
SOURCES = {
    FactKind.VISIT: "Visit",
    FactKind.CASE: "Case",
    FactKind.DELIVERY: "Delivery",
    FactKind.SERVICE_RECORD: "ServiceRecord",
    FactKind.SESSION: "VolunteerTask/past",
}
STEPS = {
    "": S.ACCEPTED_WITH_DEDUCTION,
    "/reviewing": S.REVIEWING,
    "/submitted": S.SUBMITTED,
    "/rejected": S.REJECTED,
}
"""Acceptances by key, each of a milestone and a kind of fact of its own, in order of SOURCES."""


async def accept(m: Maker, place: Place, event: MakeEvent) -> None:
    """A contract of the place for facts of every kind, with acceptances of its milestones."""
    contract = await _contract(m, place)
    for position, kind in enumerate(SOURCES, start=1):
        await _fact(m, place, contract, kind, position)
    for position, (key, state) in enumerate(STEPS.items(), start=1):
        await _acceptance(m, place, contract, position, key, state)
    place.rows["Acceptance/again"] = await _again(m, place)
    row = place["Acceptance"]
    place.rows["AcceptanceEvent"] = await event(m, place, "acceptance.accepted_with_deduction", row)


async def _contract(m: Maker, place: Place) -> Contract:
    award = await _award(m, place)
    row = Contract(
        id=new_id(),
        no=number("CT"),
        procurement_id=award.procurement_id,
        award_id=award.id,
        buyer_id=place.authority.id,
        supplier_id=place.charity.id,
        area_code=place.county,
        manager_id=(await m.account("buyer", place.authority)).id,
        title="社会救助服务合同",
        starts_on=today() - timedelta(days=200),
        ends_on=today() + timedelta(days=100),
        value_fen=9 * PRICE,
        data_protection_clause="只为履约使用",
        term_reasons=[],
        term_months=12,
        reasoned_term_months=36,
        term_rule="made",
        signed_on=today(),
        signed_by=place["Account/second"].id,
        publish_due_at=now(),
        publish_rule="made",
        state=ContractState.ACTIVE,
        created_at=now(),
        created_by=place.staff.id,
    )
    m.session.add(row)
    await m.session.flush()
    items = [_item(place, row, position, kind) for position, kind in enumerate(SOURCES, start=1)]
    steps = [_step(place, row, position) for position in range(1, len(STEPS) + 2)]
    await m.put(*items, *steps)
    for item in items:
        place.rows[f"ContractItem/{item.fact_kind.value}"] = item
    for step in steps:
        place.rows[f"Milestone/{step.position}"] = step
    place.rows["Contract/served"] = row
    return row


def _item(place: Place, contract: Contract, position: int, kind: FactKind) -> ContractItem:
    quantity = Decimal(5) if position == 1 else Decimal(1)
    return ContractItem(
        contract_id=contract.id,
        position=position,
        catalogue_item_id=place["CatalogueItem/bought"].id,
        budget_line_id=place["BudgetLine/bought"].id,
        unit="E48",
        quantity=quantity,
        unit_price_fen=PRICE,
        value_fen=int(quantity) * PRICE,
        fact_kind=kind,
    )


def _step(place: Place, contract: Contract, position: int) -> Milestone:
    off = 1 if position == 1 else 0
    return Milestone(
        contract_id=contract.id,
        buyer_id=place.authority.id,
        position=position,
        kind=MilestoneKind.DELIVERY,
        title=f"第{position}期",
        due_on=today(),
        value_fen=PRICE,
        accepted_fen=(PRICE - 1) * off,
        state=MilestoneState.PARTIALLY_MET if off else MilestoneState.SCHEDULED,
        state_reason=None,
        met_on=today() if off else None,
    )


async def _fact(m: Maker, place: Place, contract: Contract, kind: FactKind, position: int) -> None:
    source = place[SOURCES[kind]]
    row = ServiceFact(
        contract_id=contract.id,
        contract_item_id=place[f"ContractItem/{kind.value}"].id,
        fact_kind=kind,
        fact_id=source.id,
        happened_on=today() - timedelta(days=10),
        quantity=Decimal(1),
        entered_by=new_id(),
        claim=ClaimWay.HAND,
        claimed_at=now(),
        claimed_by=new_id(),
        state_reason=place.says("ServiceFact.stateReason") if position == 1 else None,
        **{KEY[kind]: source.id},
    )
    await m.put(row)
    place.rows["ServiceFact" if position == 1 else f"ServiceFact/{kind.value}"] = row


async def _acceptance(
    m: Maker, place: Place, contract: Contract, position: int, key: str, state: AcceptanceState
) -> None:
    kind = list(SOURCES)[position - 1]
    fact = place["ServiceFact" if position == 1 else f"ServiceFact/{kind.value}"]
    row = _row(place, contract, place[f"Milestone/{position}"], state)
    taken = state is S.ACCEPTED_WITH_DEDUCTION
    line = AcceptanceLine(
        id=new_id(),
        acceptance_id=row.id,
        contract_item_id=fact.contract_item_id,
        position=position,
        claimed=Decimal(1),
        counted=Decimal(1),
        accepted=Decimal(1) if taken else None,
        unit_price_fen=PRICE,
    )
    drawn = state is not S.SUBMITTED
    behind = AcceptedFact(
        line_id=line.id,
        acceptance_id=row.id,
        fact_id=fact.id,
        quantity=Decimal(1),
        live=state is not S.REJECTED,
        sampled=drawn,
        finding=SampleFinding.CONFIRMED if drawn else None,
        finding_note=place.says(f"AcceptedFact{key}.findingNote".replace("/reviewing", "")),
        found_at=now() if drawn else None,
        found_by=place["Account/second"].id if drawn else None,
    )
    cut = AcceptanceDeduction(
        id=new_id(),
        acceptance_id=row.id,
        position=1,
        line_id=line.id,
        quantity=Decimal("0.001"),
        fen=1,
        reason=DeductionReason.LATE,
        note=place.says("AcceptanceDeduction.note"),
        created_at=now(),
        created_by=place["Account/second"].id,
    )
    m.session.add(row)
    await m.session.flush()
    await m.put(line, behind, *([cut] if taken else []))
    place.rows[f"Acceptance{key}"] = row
    place.rows[f"AcceptanceLine{key}"] = line
    place.rows[f"AcceptedFact{key}"] = behind
    if taken:
        place.rows["AcceptanceDeduction"] = cut


def _row(place: Place, contract: Contract, step: Milestone, state: AcceptanceState) -> Acceptance:
    taken = state is S.ACCEPTED_WITH_DEDUCTION
    seen, over = state is not S.SUBMITTED, state in (S.ACCEPTED_WITH_DEDUCTION, S.REJECTED)
    second = place["Account/second"].id
    return Acceptance(
        id=new_id(),
        no=number("AC"),
        milestone_id=step.id,
        contract_id=contract.id,
        area_code=contract.area_code,
        round=1,
        from_on=today() - timedelta(days=30),
        until_on=today(),
        claimed_fen=PRICE,
        deduction_fen=1 if taken else 0,
        accepted_fen=PRICE - 1 if taken else 0,
        documents=[],
        note=place.says("Acceptance.note") if taken else None,
        manager_id=contract.manager_id,
        sample_seed="0" * 32 if seen else None,
        sample_size=1 if seen else None,
        frame_hash="0" * 64 if seen else None,
        sample_rule="made" if seen else None,
        submitted_at=now(),
        submitted_by=contract.manager_id,
        reviewed_at=now() if seen else None,
        reviewed_by=second if seen else None,
        decided_at=now() if over else None,
        decided_by=second if over else None,
        state=state,
        state_reason=place.says("Acceptance.stateReason") if over else None,
    )


async def _again(m: Maker, place: Place) -> Acceptance:
    """One in the place of another."""
    first = place["Acceptance"]
    row = _row(place, place["Contract/served"], place["Milestone/1"], S.REJECTED)
    row.round, row.previous_id = 2, first.id
    await m.put(row)
    line = AcceptanceLine(
        id=new_id(),
        acceptance_id=row.id,
        contract_item_id=place["ContractItem/visit"].id,
        position=1,
        claimed=Decimal(1),
        counted=Decimal(1),
        unit_price_fen=PRICE,
    )
    await m.put(line)
    return row


def acceptances(move: Any, with_reason: Any, make: Any, of: Any, day: Any) -> dict[str, Any]:
    """An input that succeeds for every deed about facts and acceptances."""
    lines = [{"contractItemId": of("ContractItem/session")}]
    terms = {"fromOn": day(-30), "untilOn": day(0), "lines": lines}
    cut = {"reason": "LATE", "note": "迟交", "fen": 1}
    item = of("ContractItem/delivery")
    arrived = {"Delivery/recorded": {"state": "acknowledged"}}
    one = make(contractItemId=item, happenedId=of("Delivery/recorded"))
    several = make(contractItemId=item, fromOn=day(-200), untilOn=day(1))
    return {
        "claimFact": replace(one, was=arrived),
        "claimFacts": replace(several, was=arrived),
        "withdrawFact": with_reason("ServiceFact"),
        "submitAcceptance": make(milestoneId=of("Milestone/5"), terms=terms),
        "resubmitAcceptance": move("Acceptance/rejected", terms=terms),
        "reviewAcceptance": move("Acceptance/submitted"),
        "checkSample": move("AcceptedFact/reviewing", finding="CONFIRMED"),
        "acceptAcceptance": move("Acceptance/reviewing"),
        "acceptWithDeduction": move("Acceptance/reviewing", deductions=[cut]),
        "rejectAcceptance": with_reason("Acceptance/reviewing"),
    }
